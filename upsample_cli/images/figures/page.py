"""Figures of small grids on a page, to be looked at on a wall.

Everything is drawn at twice the size and reduced, so that lines and letters come out smooth; cells
are as large as a width of 1600 pixels allows, and the figure is wider only where they would become
too small to read.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import PIL.Image
import PIL.ImageDraw

from upsample_cli.images.figures.grid import (
    FAINT,
    FINE,
    HEAD,
    PAPER,
    TEXT,
    Grid,
    grid_size,
    place,
    wide,
    write,
)
from upsample_cli.planes import Size

_WIDTH, _MARGIN, _GAP = 1600, 48, 44
_CELLS = range(64, 19, -2)  # sides of a cell to try
_TITLE, _LINE = 40, 38  # heights of the title, and of a sentence

Row: TypeAlias = Sequence[Grid | str]
"""Grids side by side, with signs between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Grids on a page: rows of them on the left, one tall one on the right.

    Args:
        title: Above all.
        subtitle: In smaller letters below it.
        left: Rows of grids, from the top.
        right: The tall one.
        sentences: Below all.
    """

    title: str
    subtitle: str
    left: Sequence[Row]
    right: Grid
    sentences: Sequence[str]

    def to_png(self) -> bytes:
        """Return the figure as a PNG, 1600 pixels wide if the cells allow it."""
        page = _page(self)
        small = page.resize((page.width // FINE, page.height // FINE), PIL.Image.Resampling.BOX)
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue()


def _page(figure: Figure) -> PIL.Image.Image:
    side = next((side for side in _CELLS if _size(figure, side)[0] <= _WIDTH), _CELLS[-1])
    width, height = _size(figure, side)
    width = max(width, _WIDTH)
    page = PIL.Image.new("RGB", (width * FINE, height * FINE), PAPER)
    draw = PIL.ImageDraw.Draw(page)
    write(draw, (_MARGIN, _MARGIN + _TITLE // 2), figure.title, _TITLE, "lm")
    top = _MARGIN + _TITLE + _GAP // 2
    write(draw, (_MARGIN, top + TEXT // 2), figure.subtitle, TEXT, "lm", FAINT)
    top += TEXT + _GAP
    place(draw, figure.right, (width - _MARGIN - grid_size(figure.right, side)[0], top), side)
    heights = [_row_size(row, side)[1] for row in figure.left]
    room = _body(figure, side) - sum(heights)
    for row, tallest in zip(figure.left, heights, strict=True):
        left = _MARGIN
        # Signs stand at the middle of the lowest grid, which is beside them all.
        lowest = min(grid_size(each, side)[1] for each in row if isinstance(each, Grid))
        for each in row:
            if isinstance(each, str):
                at = (left + grid_size(each, side)[0] // 2, top + (lowest + HEAD) // 2)
                write(draw, at, each, _TITLE, "mm", FAINT)
            else:
                place(draw, each, (left, top), side)
            left += grid_size(each, side)[0] + _GAP
        top += tallest + room // max(1, len(heights) - 1)
    for i, sentence in enumerate(reversed(figure.sentences)):
        write(draw, (_MARGIN, height - _MARGIN - i * _LINE), sentence, TEXT, "lb")
    return page


def _size(figure: Figure, side: int) -> Size:
    """Return width and height of the page for cells of this side."""
    rows = [_row_size(row, side) for row in figure.left]
    words = [wide(figure.title, _TITLE), *(wide(each, TEXT) for each in figure.sentences)]
    right = grid_size(figure.right, side)[0]
    width = max(max(width for width, _ in rows) + _GAP + right, *words)
    head, foot = _TITLE + _GAP // 2 + TEXT + _GAP, _GAP + len(figure.sentences) * _LINE
    return width + 2 * _MARGIN, 2 * _MARGIN + head + _body(figure, side) + foot


def _body(figure: Figure, side: int) -> int:
    """Return the height of all grids."""
    left = sum(_row_size(row, side)[1] + _GAP for row in figure.left) - _GAP
    return max(left, grid_size(figure.right, side)[1])


def _row_size(row: Row, side: int) -> Size:
    sizes = [grid_size(each, side) for each in row]
    return sum(width for width, _ in sizes) + _GAP * (len(row) - 1), max(size[1] for size in sizes)
