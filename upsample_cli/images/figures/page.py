"""Figures of several grids on a page.

Everything is drawn at twice the size and reduced, so that lines and letters are smooth. Cells are
as large as a width of 1600 pixels allows; the figure is wider only if they would be too small.
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
    PAPER,
    TEXT,
    TITLE_BAND,
    Grid,
    draw_grid,
    grid_size,
    text_width,
    write_text,
)
from upsample_cli.planes import Size

_WIDTH, _MARGIN, _GAP = 1600, 48, 44
_SIDES = range(64, 19, -2)  # of a cell, to try
_TITLE, _LINE = 40, 38  # heights of the title, and of a sentence

Row: TypeAlias = Sequence[Grid | str]
"""Grids side by side, with signs between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A page with rows of grids on the left and one tall grid on the right.

    Args:
        title: The line at the top.
        subtitle: A line of smaller letters below it.
        left: Rows of grids, from the top.
        right: The tall grid.
        sentences: Lines at the bottom.
    """

    title: str
    subtitle: str
    left: Sequence[Row]
    right: Grid
    sentences: Sequence[str]

    def to_png(self) -> bytes:
        """Return the figure as a PNG, 1600 pixels wide if the cells allow it."""
        page = _drawn(self)
        small = page.resize((page.width // FINE, page.height // FINE), PIL.Image.Resampling.BOX)
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue()


def _drawn(figure: Figure) -> PIL.Image.Image:
    """Return a figure at twice its size."""
    side = next((side for side in _SIDES if _size(figure, side)[0] <= _WIDTH), _SIDES[-1])
    width, height = _size(figure, side)
    width = max(width, _WIDTH)
    page = PIL.Image.new("RGB", (width * FINE, height * FINE), PAPER)
    draw = PIL.ImageDraw.Draw(page)
    write_text(draw, (_MARGIN, _MARGIN + _TITLE // 2), figure.title, _TITLE, "lm")
    top = _MARGIN + _TITLE + _GAP // 2
    write_text(draw, (_MARGIN, top + TEXT // 2), figure.subtitle, TEXT, "lm", FAINT)
    top += TEXT + _GAP
    left = width - _MARGIN - grid_size(figure.right, side)[0]
    draw_grid(draw, figure.right, (left, top), side)
    heights = [_row_size(row, side)[1] for row in figure.left]
    room = _body_height(figure, side) - sum(heights)
    for row, tallest in zip(figure.left, heights, strict=True):
        _draw_row(draw, row, top, side)
        top += tallest + room // max(1, len(heights) - 1)
    for i, sentence in enumerate(reversed(figure.sentences)):
        write_text(draw, (_MARGIN, height - _MARGIN - i * _LINE), sentence, TEXT, "lb")
    return page


def _draw_row(draw: PIL.ImageDraw.ImageDraw, row: Row, top: int, side: int) -> None:
    left = _MARGIN
    # Signs are halfway down the smallest grid, so that they are beside every grid.
    smallest = min(grid_size(item, side)[1] for item in row if isinstance(item, Grid))
    for item in row:
        width = grid_size(item, side)[0]
        if isinstance(item, str):
            at = (left + width // 2, top + (smallest + TITLE_BAND) // 2)
            write_text(draw, at, item, _TITLE, "mm", FAINT)
        else:
            draw_grid(draw, item, (left, top), side)
        left += width + _GAP


def _size(figure: Figure, side: int) -> Size:
    """Return width and height of the page for cells of this side."""
    rows = [_row_size(row, side) for row in figure.left]
    lines = [text_width(sentence, TEXT) for sentence in figure.sentences]
    right = grid_size(figure.right, side)[0]
    width = max(max(width for width, _ in rows) + _GAP + right, text_width(figure.title, _TITLE),
                *lines)  # fmt: skip
    head, foot = _TITLE + _GAP // 2 + TEXT + _GAP, _GAP + len(figure.sentences) * _LINE
    return width + 2 * _MARGIN, 2 * _MARGIN + head + _body_height(figure, side) + foot


def _body_height(figure: Figure, side: int) -> int:
    """Return the height of all grids."""
    left = sum(_row_size(row, side)[1] + _GAP for row in figure.left) - _GAP
    return max(left, grid_size(figure.right, side)[1])


def _row_size(row: Row, side: int) -> Size:
    sizes = [grid_size(item, side) for item in row]
    return sum(width for width, _ in sizes) + _GAP * (len(row) - 1), max(size[1] for size in sizes)
