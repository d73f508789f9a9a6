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

ARROW = "->"
"""The sign that is drawn as an arrow."""

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
    side = next((side for side in _SIDES if _width(figure, side) <= _WIDTH), _SIDES[-1])
    width = max(_width(figure, side), _WIDTH)
    right = grid_size(figure.right, side)
    room = width - 2 * _MARGIN - right[0] - _GAP
    sentences = [line for sentence in figure.sentences for line in _wrapped(sentence, room)]
    rows = [_row_size(row, side)[1] for row in figure.left]
    left_height = sum(rows) + _GAP * len(rows) + len(sentences) * _LINE
    top = _MARGIN + _TITLE + _GAP // 2 + TEXT + _GAP
    height = top + max(left_height, right[1]) + _MARGIN
    page = PIL.Image.new("RGB", (width * FINE, height * FINE), PAPER)
    draw = PIL.ImageDraw.Draw(page)
    write_text(draw, (_MARGIN, _MARGIN + _TITLE // 2), figure.title, _TITLE, "lm")
    write_text(draw, (_MARGIN, top - _GAP - TEXT // 2), figure.subtitle, TEXT, "lm", FAINT)
    draw_grid(draw, figure.right, (width - _MARGIN - right[0], top), side)
    # What the right side has more is shared among the gaps of the left one.
    gap = _GAP + (height - _MARGIN - top - left_height) // max(1, len(rows))
    for row, tallest in zip(figure.left, rows, strict=True):
        _draw_row(draw, row, top, side)
        top += tallest + gap
    for i, sentence in enumerate(sentences):
        write_text(draw, (_MARGIN, top + i * _LINE), sentence, TEXT, "lt")
    return page


def _wrapped(sentence: str, room: int) -> list[str]:
    """Return a sentence as lines of at most so many pixels."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if text_width(longer, TEXT) > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _draw_row(draw: PIL.ImageDraw.ImageDraw, row: Row, top: int, side: int) -> None:
    left = _MARGIN
    # Signs are halfway down the smallest grid, so that they are beside every grid.
    smallest = min(grid_size(item, side)[1] for item in row if isinstance(item, Grid))
    for item in row:
        width = grid_size(item, side)[0]
        if isinstance(item, str):
            at = (left + width // 2, top + (smallest + TITLE_BAND) // 2)
            if item == ARROW:
                _draw_arrow(draw, at, width)
            else:
                write_text(draw, at, item, _TITLE, "mm", FAINT)
        else:
            draw_grid(draw, item, (left, top), side)
        left += width + _GAP


def _draw_arrow(draw: PIL.ImageDraw.ImageDraw, at: Size, width: int) -> None:
    """Draw an arrow to the right around its middle."""
    (x, y), half, head = at, width // 2, 9
    draw.line([FINE * end for end in (x - half, y, x + half - head, y)], FAINT, FINE * 3)
    tip = [(x + half, y), (x + half - 2 * head, y - head), (x + half - 2 * head, y + head)]
    draw.polygon([(FINE * a, FINE * b) for a, b in tip], FAINT)


def _width(figure: Figure, side: int) -> int:
    """Return the width of the page for cells of this side."""
    rows = max(_row_size(row, side)[0] for row in figure.left)
    right = grid_size(figure.right, side)[0]
    title = max(text_width(figure.title, _TITLE), text_width(figure.subtitle, TEXT))
    return max(rows + _GAP + right, title) + 2 * _MARGIN


def _row_size(row: Row, side: int) -> Size:
    sizes = [grid_size(item, side) for item in row]
    return sum(width for width, _ in sizes) + _GAP * (len(row) - 1), max(size[1] for size in sizes)
