"""Grids of coloured cells with labels, drawn at twice the size so that they can be reduced."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures import drawing
from upsample_cli.planes import Size

FINE = 2  # drawn pixels per pixel
INK, FAINT, PAPER, _RULE = "#1c1c1c", "#6a6a6a", "#ffffff", "#b8b8b8"
TEXT, TITLE_BAND = 26, 40  # heights of letters, and of a grid's title with its space
_LABEL, _LABEL_BAND = 18, 34  # heights of labels, and the space they take beside a grid
_LEAST_SIDE = 36  # of a cell in a grid without labels


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A grid of cells.

    Args:
        title: One line.
        text: Shape (rows, columns), the text of each cell; may be empty.
        colours: Same shape, as "#rrggbb"; empty for paper.
        rows: Labels of the rows, if any.
        columns: Labels of the columns, if any.
        groups: Rows and columns from one thick line to the next, 1 or more.
    """

    title: str
    text: NDArray[np.str_]
    colours: NDArray[np.str_]
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    groups: Size = (99, 99)


def hues(count: int) -> list[str]:
    """Return light colours, evenly spaced around the circle of hues."""
    colours = (colorsys.hls_to_rgb(i / count, 0.77, 0.85) for i in range(count))
    return ["#" + "".join(f"{round(255 * part):02x}" for part in rgb) for rgb in colours]


def shades(count: int) -> list[str]:
    """Return shades of orange, from paper to full colour."""
    steps = [i / max(1, count - 1) for i in range(count)]
    return [
        "#" + "".join(f"{round(255 + step * (full - 255)):02x}" for full in (240, 140, 40))
        for step in steps
    ]


def grid_size(grid: Grid | str, side: int) -> Size:
    """Return width and height of a grid with cells of this side, or of a sign between grids."""
    if isinstance(grid, str):
        return max(40, text_width(grid, TITLE_BAND)), 0
    (rows, columns), side = grid.text.shape, _side(grid, side)
    width, height = columns * side + 1, rows * side + TITLE_BAND + 1
    if grid.rows:
        width += _LABEL_BAND
    if grid.columns:
        height += _LABEL_BAND
    return max(width, text_width(grid.title, TEXT)), height


def _side(grid: Grid, side: int) -> int:
    """Return the side of a grid's cells; small grids beside large ones stay legible."""
    return side if grid.rows else max(side, _LEAST_SIDE)


def draw_grid(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw a grid with title and labels; its upper left corner is at (x, y)."""
    (left, top), side = at, _side(grid, side)
    write_text(draw, (left, top + TEXT // 2), grid.title, TEXT, "lm")
    top += TITLE_BAND + (_LABEL_BAND if grid.columns else 0)
    left += _LABEL_BAND if grid.rows else 0
    middle, letters = side // 2, min(_LABEL, side * 3 // 4)
    for i, label in enumerate(grid.rows):
        write_text(draw, (left - 8, top + i * side + middle), label, letters, "rm", FAINT)
    step = grid.groups[1] if side < _LEAST_SIDE else 1  # narrow columns: one label a group
    for j, label in list(enumerate(grid.columns))[::step]:
        write_text(draw, (left + j * side + middle, top - 8), label, letters, "ms", FAINT)
    for (i, j), text in np.ndenumerate(grid.text):
        x, y = left + j * side, top + i * side
        box = [FINE * end for end in (x, y, x + side, y + side)]
        draw.rectangle(box, str(grid.colours[i, j]) or PAPER, _RULE, FINE)
        if text:
            fitting = 85 * side // max(1, text_width(text, 100))
            write_text(draw, (x + middle, y + middle), text, min(side * 5 // 9, fitting), "mm")
    _draw_rules(draw, grid, (left, top), side)


def _draw_rules(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw the thick lines around a grid and between its groups."""
    (left, top), (rows, columns) = at, grid.text.shape
    right, bottom = left + columns * side, top + rows * side
    heights = (top + i * side for i in {*range(0, rows, grid.groups[0]), rows})
    places = (left + j * side for j in {*range(0, columns, grid.groups[1]), columns})
    lines = [*((left, y, right, y) for y in heights), *((x, top, x, bottom) for x in places)]
    for line in lines:
        draw.line([FINE * end for end in line], INK, FINE * 2)


def write_text(
    draw: PIL.ImageDraw.ImageDraw, at: Size, text: str, size: int, anchor: str, ink: str = INK
) -> None:
    """Write a text on the enlarged sheet; as `drawing.write_text` otherwise."""
    drawing.write_text(draw, (at[0] * FINE, at[1] * FINE), text, size * FINE, anchor, ink)


def text_width(text: str, size: int) -> int:
    """Return the width in pixels of a text with letters of this height."""
    return ceil(drawing.text_width(text, size * FINE)) // FINE
