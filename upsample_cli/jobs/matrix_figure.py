"""A small convolution drawn as a figure: the kernel, the matrix and its transpose."""

import re

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.figures.grids import ARROW, Figure, Grid, hues, shades
from upsample_cli.jobs.matrix import LETTERS, Counts, SmallConvolution, as_text
from upsample_cli.planes import Size

_NEUTRAL = "#eef1f4"


def figure(conv: SmallConvolution) -> Figure:
    """Return a convolution's figure: the transpose on the right, everything else on the left."""
    large, small, size = as_text(conv.large), as_text(conv.small), as_text(conv.taps.shape)
    (rows, columns), (overlap, ripple, verification) = conv.cells.shape, conv.sentences
    letters = np.arange(1, conv.taps.size + 1).reshape(conv.taps.shape)
    numbers = f"stride {conv.stride}, padding {conv.padding}, dilation {conv.dilation}"
    name = f"; kernel {conv.kernel}" if conv.kernel else ""
    return Figure(
        title=f"{_a_or_an(size)} kernel on {_a_or_an(large)} image is "
        f"{_a_or_an(as_text(conv.cells.shape))} matrix; "
        f"its transpose takes {small} to {large}".replace("a", "A", 1),
        subtitle=f"{numbers}{name}. Every colour is a tap of the kernel, blank is zero; "
        "pixels are numbered row by row.",
        left=[
            [_pixels(f"image {large}", conv.large), "*", _taps(f"kernel {size}", letters, conv),
             "=", _pixels(f"result {small}", conv.small), *_values(conv)],
            [_taps(f"matrix {rows}x{columns}, rows: pixels of the result; columns: of the image",
                   conv.cells, conv, conv.large[1], conv.small[1])],
            [_counts(f"transpose, input {small}: outputs touched by each", conv.touches), ARROW,
             _counts(f"output {large}: inputs received by each", conv.gets)],
        ],
        right=_taps(f"transpose {columns}x{rows}: {small} to {large}", conv.cells.T, conv,
                    conv.small[1], conv.large[1]),
        sentences=[overlap, f"{ripple} {verification}"],
    )  # fmt: skip


def _a_or_an(size: str) -> str:
    """Return a size with the article that it is spoken with: a 4x4, an 8x8."""
    return f"{'an' if re.match('(8|11|18)(x|$)', size) else 'a'} {size}"


def _pixels(title: str, size: Size) -> Grid:
    count = size[0] * size[1]
    text = np.array([str(i) for i in range(count)]).reshape(size)
    return Grid(title, text, np.full(size, _NEUTRAL))


def _taps(
    title: str, cells: Counts, conv: SmallConvolution, across: int = 0, down: int = 0
) -> Grid:
    """Return a grid of letters; `across` and `down` group the columns and rows of a matrix."""
    names = np.array(["", *LETTERS[: conv.taps.size]])
    colours = np.array(["", *hues(conv.taps.size)])
    if not across:
        return Grid(title, names[cells], colours[cells])
    rows, columns = ([str(i) for i in range(n)] for n in cells.shape)
    return Grid(title, names[cells], colours[cells], rows, columns, (down, across))


def _values(conv: SmallConvolution) -> list[Grid]:
    """Return a grid of the taps' values in a list, which is empty for plain numbers."""
    if not conv.kernel:
        return []
    text = np.array([[f"{tap:.2f}" for tap in row] for row in conv.taps])
    colours = np.array(hues(conv.taps.size)).reshape(conv.taps.shape)
    return [Grid(f"values of {conv.kernel}", text, colours)]


def _counts(title: str, counts: Counts) -> Grid:
    text: NDArray[np.str_] = counts.astype(str)
    return Grid(title, text, np.array(shades(int(counts.max()) + 1))[counts])
