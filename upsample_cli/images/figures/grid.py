"""Grids of coloured cells with labels, drawn finely enough to be reduced."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures import lettering
from upsample_cli.planes import Size

FINE = 2  # drawn pixels per pixel
INK, FAINT, PAPER, _RULE = "#1c1c1c", "#6a6a6a", "#ffffff", "#b8b8b8"
TEXT, HEAD = 26, 40  # heights of letters, and of a grid's title with its space
_LABEL, _SIDE = 18, 34  # heights of labels, and the space they take beside a grid
_LEAST = 36  # side of a cell in a grid without labels


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A grid of cells.

    Args:
        title: What it is.
        text: Shape (rows, columns), what each cell says; empty for nothing.
        colours: Same shape: RGB as "#rrggbb"; empty for paper.
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
    """Return light colours, as far apart as so many can be, around the circle of hues."""
    every = (colorsys.hls_to_rgb(i / count, 0.77, 0.85) for i in range(count))
    return ["#" + "".join(f"{round(255 * each):02x}" for each in rgb) for rgb in every]


def shades(count: int) -> list[str]:
    """Return shades of one colour from paper to full."""
    steps = [i / max(1, count - 1) for i in range(count)]
    return [
        "#" + "".join(f"{round(255 + each * (full - 255)):02x}" for full in (240, 140, 40))
        for each in steps
    ]


def grid_size(grid: Grid | str, side: int) -> Size:
    """Return width and height of a grid or a sign, with title and labels.

    Args:
        grid: A grid, or a sign between two.
        side: Of its cells, in pixels.
    """
    if isinstance(grid, str):
        return wide(grid, HEAD), 0
    (rows, columns), side = grid.text.shape, _side(grid, side)
    width, height = columns * side + 1, rows * side + HEAD + 1
    if grid.rows:
        width += _SIDE
    if grid.columns:
        height += _SIDE
    return max(width, wide(grid.title, TEXT)), height


def _side(grid: Grid, side: int) -> int:
    """Return the side of a grid's cells: small grids beside large ones stay legible."""
    return side if grid.rows else max(side, _LEAST)


def place(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw a grid whose upper left corner is at (x, y), with its title above and labels around."""
    (left, top), side = at, _side(grid, side)
    write(draw, (left, top + TEXT // 2), grid.title, TEXT, "lm")
    top += HEAD + (_SIDE if grid.columns else 0)
    left += _SIDE if grid.rows else 0
    middle, letters = side // 2, min(_LABEL, side * 3 // 4)
    for i, label in enumerate(grid.rows):
        write(draw, (left - 8, top + i * side + middle), label, letters, "rm", FAINT)
    each = grid.groups[1] if side < _LEAST else 1  # in narrow columns only the first of a group
    for j, label in list(enumerate(grid.columns))[::each]:
        write(draw, (left + j * side + middle, top - 8), label, letters, "ms", FAINT)
    for (i, j), text in np.ndenumerate(grid.text):
        x, y = left + j * side, top + i * side
        box = [each * FINE for each in (x, y, x + side, y + side)]
        draw.rectangle(box, str(grid.colours[i, j]) or PAPER, _RULE, FINE)
        if text:
            write(draw, (x + middle, y + middle), text, side * 5 // 9, "mm")
    _rules(draw, grid, (left, top), side)


def _rules(draw: PIL.ImageDraw.ImageDraw, grid: Grid, at: Size, side: int) -> None:
    """Draw the thick lines around a grid and between its groups."""
    (left, top), (rows, columns) = at, grid.text.shape
    right, bottom = left + columns * side, top + rows * side
    for i in {*range(0, rows, grid.groups[0]), rows}:
        line = [each * FINE for each in (left, top + i * side, right, top + i * side)]
        draw.line(line, INK, FINE * 2)
    for j in {*range(0, columns, grid.groups[1]), columns}:
        line = [each * FINE for each in (left + j * side, top, left + j * side, bottom)]
        draw.line(line, INK, FINE * 2)


def write(
    draw: PIL.ImageDraw.ImageDraw, at: Size, text: str, size: int, anchor: str, ink: str = INK
) -> None:
    """Write a text.

    Args:
        draw: On what.
        at: Where, x and y.
        text: What.
        size: Height of the letters.
        anchor: Which point of the text lies there, in Pillow's words.
        ink: Colour.
    """
    lettering.write(draw, (at[0] * FINE, at[1] * FINE), text, size * FINE, anchor, ink)


def wide(text: str, size: int) -> int:
    """Return how wide a text of letters of this height is."""
    return ceil(lettering.width(text, size * FINE)) // FINE
