"""The two steps of a convolution by matrix product: columns, and the taps times them.

No zeros are inserted, and no columns of a whole picture are made: both ways go by some rows at
once. Scattering multiplies first: what all taps make of some input rows is added to the output by
strided sums. Gathering copies first: the patch under each output is a column of one matrix. A
transposed convolution can do either, as each of its output phases is an ordinary convolution of
stride 1 with the taps that feed it (polyphase). Scattering moves as many numbers as there are
channels out, gathering as many as there are channels in.

Source: K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for
document processing", 2006 (convolution as a matrix product).
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.geometry import Geometry, Pair, meeting
from upsample_cli.kernels.product import product

Maps: TypeAlias = NDArray[np.floating[Any]]
"""Feature maps, shape ((N,) C, H, W)."""

_TILE = 1 << 18  # numbers between the two steps: fewer starve the product, more leave the cache


def scatter(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add to out, shape (Cout, H', W'), what the taps make of x, some input rows at once."""
    (channels, height, width), (_, count, *taps) = x.shape, weight.shape
    matrix = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, channels)
    flat = x.reshape(channels, -1)
    (down, across), (s, t) = geometry.offsets((taps[0], taps[1])), geometry.stride
    for rows in _runs(height, len(matrix) * width):
        made = product(matrix, flat[:, rows.start * width : rows.stop * width]).reshape(
            *taps, count, len(rows), width
        )
        for a, top in enumerate(down):
            tall = meeting(top, s, out.shape[1], rows)
            for b, left in enumerate(across):
                wide = meeting(left, t, out.shape[2], range(width))
                if tall and wide:
                    inside = slice(tall.start - rows.start, tall.stop - rows.start)
                    out[:, _lattice(tall, s, top), _lattice(wide, t, left)] += made[
                        a, b, :, inside, wide.start : wide.stop
                    ]


def gather_phases(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add to out what the taps make of x, phase by phase.

    Output s q + r gets input q - m of the tap whose offset is s m + r.
    """
    down, across = geometry.offsets((weight.shape[2], weight.shape[3]))
    s, t = geometry.stride
    mirrored = weight.swapaxes(0, 1)
    for i in range(s):
        tall = [a for a, offset in enumerate(down) if offset % s == i]
        for j in range(t):
            wide = [b for b, offset in enumerate(across) if offset % t == j]
            phase = out[:, i::s, j::t]
            if tall and wide and phase.size:
                backward = [-(down[a] // s) for a in tall], [-(across[b] // t) for b in wide]
                gather(x, mirrored[:, :, tall][..., wide], phase, backward, (1, 1))


def gather(
    x: Maps, weight: Maps, out: Maps, offsets: tuple[list[int], list[int]], stride: Pair
) -> None:
    """Add to out, at (i, j), the taps (a, b) times x at stride (i, j) + offsets (a, b)."""
    (channels, height, width), (down, across) = x.shape, offsets
    matrix = np.ascontiguousarray(weight).reshape(len(weight), -1)
    columns = range(out.shape[2])
    for rows in _runs(out.shape[1], matrix.shape[1] * len(columns)):
        patches = np.zeros((channels, len(down), len(across), len(rows), len(columns)), x.dtype)
        for a, top in enumerate(down):
            tall = meeting(top, stride[0], height, rows)
            for b, left in enumerate(across):
                wide = meeting(left, stride[1], width, columns)
                if tall and wide:
                    inside = slice(tall.start - rows.start, tall.stop - rows.start)
                    patches[:, a, b, inside, wide.start : wide.stop] = x[
                        :, _lattice(tall, stride[0], top), _lattice(wide, stride[1], left)
                    ]
        made = product(matrix, patches.reshape(matrix.shape[1], -1))
        out[:, rows.start : rows.stop] += made.reshape(len(out), len(rows), -1)


def _runs(rows: int, each: int) -> Iterator[range]:
    """Yield runs of rows with about `_TILE` numbers together, at `each` a row."""
    step = max(1, _TILE // each)
    for top in range(0, rows, step):
        yield range(top, min(top + step, rows))


def _lattice(run: range, stride: int, offset: int) -> slice:
    """Return the slice of stride i + offset for the i of a run."""
    return slice(stride * run.start + offset, stride * (run.stop - 1) + offset + 1, stride)
