"""Draw pages of grids: cells with colours, texts and labels.

Everything is drawn at twice the size and reduced, so that lines and letters are smooth. Cells are
as large as a page of 1600 pixels allows; the page is wider only if cells would be under 20 pixels.
"""

import colorsys
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import FAINT, INK, PAPER, text_width, write_text
from upsample_cli.planes import Size

_RULE = "#b8b8b8"
ARROW = "->"
"""A text in a `Row` that is drawn as an arrow."""

_FINE = 2  # drawn pixels per pixel of the figure; all other lengths are in drawn pixels
_TEXT, _TITLE_BAND = 52, 80  # height of letters; height of a grid's title with its space
_LABEL, _LABEL_BAND = 36, 68  # height of labels; space that they take beside a grid
_LEAST_SIDE = 72  # of a cell in a grid without row labels
_WIDTH, _MARGIN, _GAP = 3200, 96, 88
_SIDES = range(128, 39, -4)  # of a cell, the first that fits is taken
_TITLE, _LINE = 80, 76  # heights of the page's title, and of a line of its sentences


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A grid of cells.

    Args:
        title: One line.
        text: Shape (rows, columns), the text of each cell; "" for none.
        colours: Same shape, the colour of each cell as "#rrggbb"; "" for white.
        rows: Labels of the rows; empty for none.
        columns: Labels of the columns; empty for none.
        groups: Number of rows, and of columns, between thick lines; each 1 or more.
    """

    title: str
    text: NDArray[np.str_]
    colours: NDArray[np.str_]
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    groups: Size = (99, 99)


Row: TypeAlias = Sequence[Grid | str]
"""Grids side by side, with signs such as "=" between them."""


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
        """Return the figure as a PNG: 1600 pixels wide, or wider if its content needs it."""
        file = io.BytesIO()
        _drawn(self).reduce(_FINE).save(file, "PNG")
        return file.getvalue()


def hues(count: int) -> list[str]:
    """Return `count` light colours, evenly spaced in hue, as "#rrggbb"."""
    colours = (colorsys.hls_to_rgb(i / count, 0.77, 0.85) for i in range(count))
    return ["#" + "".join(f"{round(255 * part):02x}" for part in rgb) for rgb in colours]


def shades(count: int) -> list[str]:
    """Return `count` shades, from white to full orange, as "#rrggbb"."""
    steps = [i / max(1, count - 1) for i in range(count)]
    return [
        "#" + "".join(f"{round(255 + step * (full - 255)):02x}" for full in (240, 140, 40))
        for step in steps
    ]


def _drawn(figure: Figure) -> PIL.Image.Image:
    """Return the page of a figure, before it is reduced."""
    side = next((side for side in _SIDES if _width(figure, side) <= _WIDTH), _SIDES[-1])
    width = max(_width(figure, side), _WIDTH)
    right = _grid_size(figure.right, side)
    room = width - 2 * _MARGIN - right[0] - _GAP
    sentences = [line for sentence in figure.sentences for line in _wrapped(sentence, room)]
    heights = [_row_size(row, side)[1] for row in figure.left]
    left_height = sum(heights) + _GAP * len(heights) + len(sentences) * _LINE
    top = _MARGIN + _TITLE + _GAP // 2 + _TEXT + _GAP
    height = top + max(left_height, right[1]) + _MARGIN
    page = PIL.Image.new("RGB", (width, height), PAPER)
    draw = PIL.ImageDraw.Draw(page)
    write_text(draw, (_MARGIN, _MARGIN + _TITLE // 2), figure.title, _TITLE, "lm")
    write_text(draw, (_MARGIN, top - _GAP - _TEXT // 2), figure.subtitle, _TEXT, "lm", FAINT)
    _draw_grid(draw, figure.right, (width - _MARGIN - right[0], top), side)
    # If the right side is taller, the gaps between the rows of the left side are widened.
    gap = _GAP + (height - _MARGIN - top - left_height) // max(1, len(heights))
    for row, row_height in zip(figure.left, heights, strict=True):
        _draw_row(draw, row, top, side)
        top += row_height + gap
    for i, sentence in enumerate(sentences):
        write_text(draw, (_MARGIN, top + i * _LINE), sentence, _TEXT, "lt")
    return page


def _wrapped(sentence: str, room: int) -> list[str]:
    """Return a sentence as lines of at most `room` pixels, or of one word."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if _text_width(longer, _TEXT) > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _draw_row(draw: PIL.ImageDraw.ImageDraw, row: Row, top: int, side: int) -> None:
    left = _MARGIN
    # Signs are halfway down the smallest grid, so that they are beside every grid.
    smallest = min(_grid_size(item, side)[1] for item in row if isinstance(item, Grid))
    for item in row:
        width = _grid_size(item, side)[0]
        if isinstance(item, str):
            at = (left + width // 2, top + (smallest + _TITLE_BAND) // 2)
            if item == ARROW:
                _draw_arrow(draw, at, width)
            else:
                write_text(draw, at, item, _TITLE, "mm", FAINT)
        else:
            _draw_grid(draw, item, (left, top), side)
        left += width + _GAP


def _draw_arrow(draw: PIL.ImageDraw.ImageDraw, at: Size, width: int) -> None:
    """Draw an arrow that points right; its middle is `at` (x, y)."""
    (x, y), half, head = at, width // 2, 18
    draw.line((x - half, y, x + half - head, y), FAINT, 6)
    draw.polygon(
        [(x + half, y), (x + half - 2 * head, y - head), (x + half - 2 * head, y + head)], FAINT
    )


def _width(figure: Figure, side: int) -> int:
    """Return the width in pixels of a page whose cells have a side of `side` pixels."""
    rows = max(_row_size(row, side)[0] for row in figure.left)
    right = _grid_size(figure.right, side)[0]
    title = max(_text_width(figure.title, _TITLE), _text_width(figure.subtitle, _TEXT))
    return max(rows + _GAP + right, title) + 2 * _MARGIN


def _row_size(row: Row, side: int) -> tuple[int, int]:
    sizes = [_grid_size(item, side) for item in row]
    return sum(width for width, _ in sizes) + _GAP * (len(row) - 1), max(size[1] for size in sizes)


def _grid_size(grid: Grid | str, side: int) -> tuple[int, int]:
    """Return the width and height in pixels of a grid, or of a sign between grids."""
    if isinstance(grid, str):
        return max(80, _text_width(grid, _TITLE_BAND)), 0
    (rows, columns), side = grid.text.shape, _side(grid, side)
    width, height = columns * side + _FINE, rows * side + _TITLE_BAND + _FINE
    if grid.rows:
        width += _LABEL_BAND
    if grid.columns:
        height += _LABEL_BAND
    return max(width, _text_width(grid.title, _TEXT)), height


def _side(grid: Grid, side: int) -> int:
    """Return the side of a grid's cells: at least `_LEAST_SIDE` if its rows have no labels."""
    return side if grid.rows else max(side, _LEAST_SIDE)


def _draw_grid(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw a grid with title and labels; its upper left corner is `at` (x, y)."""
    (left, top), side = at, _side(grid, side)
    write_text(draw, (left, top + _TEXT // 2), grid.title, _TEXT, "lm")
    top += _TITLE_BAND + (_LABEL_BAND if grid.columns else 0)
    left += _LABEL_BAND if grid.rows else 0
    middle, letters = side // 2, min(_LABEL, side * 3 // 4)
    for i, label in enumerate(grid.rows):
        write_text(draw, (left - 16, top + i * side + middle), label, letters, "rm", FAINT)
    step = grid.groups[1] if side < _LEAST_SIDE else 1  # narrow columns: one label per group
    for j, label in list(enumerate(grid.columns))[::step]:
        write_text(draw, (left + j * side + middle, top - 16), label, letters, "ms", FAINT)
    for (i, j), text in np.ndenumerate(grid.text):
        x, y = left + j * side, top + i * side
        draw.rectangle((x, y, x + side, y + side), str(grid.colours[i, j]) or PAPER, _RULE, 2)
        if text:
            fitting = 85 * side // max(1, _text_width(text, 100))
            write_text(draw, (x + middle, y + middle), text, min(side * 5 // 9, fitting), "mm")
    _draw_rules(draw, grid, (left, top), side)


def _draw_rules(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw the thick lines around a grid and between its groups."""
    (left, top), (rows, columns) = at, grid.text.shape
    right, bottom = left + columns * side, top + rows * side
    heights = (top + i * side for i in {*range(0, rows, grid.groups[0]), rows})
    places = (left + j * side for j in {*range(0, columns, grid.groups[1]), columns})
    for line in (*((left, y, right, y) for y in heights), *((x, top, x, bottom) for x in places)):
        draw.line(line, INK, 4)


def _text_width(text: str, size: int) -> int:
    """Return the width in whole pixels of a text in letters of `size` pixels."""
    return ceil(text_width(text, size))
