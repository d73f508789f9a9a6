"""A small convolution as a figure for a wall."""

import re

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.figures.grid import Grid, hues, shades
from upsample_cli.images.figures.page import Figure
from upsample_cli.jobs.teach.matrix_layout import LETTERS, Counts, Layout, by
from upsample_cli.planes import Size

_NEUTRAL = "#eef1f4"


def figure(layout: Layout) -> Figure:
    """Return the figure: input, kernel, output, matrix and overlap on the left, the transpose."""
    large, small, size = by(layout.large), by(layout.small), by(layout.taps.shape)
    rows, columns = layout.cells.shape
    letters = np.arange(1, layout.taps.size + 1).reshape(layout.taps.shape)
    numbers = f"stride {layout.stride}, padding {layout.padding}, dilation {layout.dilation}"
    named = f"; kernel {layout.kernel}" if layout.kernel else ""
    return Figure(
        title=f"{_a(size)} kernel on {_a(large)} image is {_a(by(layout.cells.shape))} matrix; "
        f"its transpose takes {small} to {large}".replace("a", "A", 1),
        subtitle=f"{numbers}{named}. Every colour is a tap of the kernel, blank is zero; "
        "pixels are numbered row by row.",
        left=[
            [_pixels(f"image {large}", layout.large), "*", _taps(f"kernel {size}", letters, layout),
             "=", _pixels(f"result {small}", layout.small)],
            [_taps(f"matrix {rows}x{columns}: a row for each pixel of the result",
                   layout.cells, layout, layout.large[1], layout.small[1])],
            [_counts("outputs that each input touches", layout.touches), "->",
             _counts("inputs that each output gets", layout.gets)],
        ],
        right=_taps(f"transpose {columns}x{rows}", layout.cells.T, layout, layout.small[1],
                    layout.large[1]),
        sentences=[layout.overlap, f"{layout.ripples}  {layout.verification.capitalize()}."],
    )  # fmt: skip


def _a(size: str) -> str:
    return f"{'an' if re.match('(8|11|18)(x|$)', size) else 'a'} {size}"


def _pixels(title: str, size: Size) -> Grid:
    count = size[0] * size[1]
    text = np.array([str(i) for i in range(count)]).reshape(size)
    return Grid(title, text, np.full(size, _NEUTRAL))


def _taps(title: str, cells: Counts, layout: Layout, across: int = 0, down: int = 0) -> Grid:
    """Return a grid of letters; with groups of columns and rows it is a matrix with labels."""
    names = np.array(["", *LETTERS[: layout.taps.size]])
    colours = np.array(["", *hues(layout.taps.size)])
    if not across:
        return Grid(title, names[cells], colours[cells])
    rows, columns = ([str(i) for i in range(n)] for n in cells.shape)
    return Grid(title, names[cells], colours[cells], rows, columns, (down, across))


def _counts(title: str, counts: Counts) -> Grid:
    text: NDArray[np.str_] = counts.astype(str)
    return Grid(title, text, np.array(shades(int(counts.max()) + 1))[counts])
