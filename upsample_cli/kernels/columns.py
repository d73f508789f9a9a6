"""Convolution as a matrix product of the taps and columns of pixels.

There are two ways, and both take some rows at a time. Scattering multiplies first: it computes the
products of all taps with some input rows, and adds them to the output in strided sums. Gathering
copies first: the patch under each output is a column of one matrix. A transposed convolution can
do either, because each of its output phases is an ordinary convolution of stride 1 with the taps
that feed it (polyphase). Scattering moves as many numbers as there are channels out, gathering as
many as there are channels in.

Source: K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for
document processing", 2006 (convolution as a matrix product); OpenBLAS, interface/gemm.c (one
thread where M N K <= 2**16 GEMM_MULTITHREAD_THRESHOLD, which is 4).
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.geometry import Geometry, Pair

Maps: TypeAlias = NDArray[np.floating[Any]]
"""Feature maps, shape ((N,) C, H, W)."""

_TILE = 1 << 18  # numbers between the two steps: fewer starve the product, more leave the cache
_ONE_THREAD = 1 << 18  # multiplications
_LEAST = 64  # columns: narrower blocks cost more than they save


def scatter(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add the transposed convolution of x to out, shape (Cout, H', W'), by scattering."""
    (channels, height, width), (_, count, *taps) = x.shape, weight.shape
    matrix = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, channels)
    flat, offsets = x.reshape(channels, -1), geometry.offsets((taps[0], taps[1]))
    for rows in _runs(height, len(matrix) * width):
        pixels = flat[:, rows.start * width : rows.stop * width]
        products = product(matrix, pixels).reshape(*taps, count, len(rows), width)
        for tap, part, place in _meetings(offsets, geometry.stride, out, rows, range(width)):
            out[:, *place] += products[tap][:, *part]


def gather_phases(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add the transposed convolution of x to out by gathering, phase by phase.

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
    """Add to out, at (i, j), the sum of taps (a, b) times x at stride (i, j) + offsets (a, b)."""
    (channels, *_), (down, across) = x.shape, offsets
    matrix = np.ascontiguousarray(weight).reshape(len(weight), -1)
    columns = range(out.shape[2])
    for rows in _runs(out.shape[1], matrix.shape[1] * len(columns)):
        patches = np.zeros((channels, len(down), len(across), len(rows), len(columns)), x.dtype)
        for tap, part, place in _meetings(offsets, stride, x, rows, columns):
            patches[:, *tap, *part] = x[:, *place]
        sums = product(matrix, patches.reshape(matrix.shape[1], -1))
        out[:, rows.start : rows.stop] += sums.reshape(len(out), len(rows), -1)


def _meetings(
    offsets: tuple[list[int], list[int]], stride: Pair, maps: Maps, rows: range, columns: range
) -> Iterator[tuple[Pair, tuple[slice, slice], tuple[slice, slice]]]:
    """Yield each tap, which of the rows and columns it takes to places in the maps, and these."""
    runs = zip(offsets, stride, maps.shape[1:], (rows, columns), strict=True)
    down, across = (
        [meeting(offset, s, length, run) for offset in some] for some, s, length, run in runs
    )
    for a, tall in enumerate(down):
        for b, wide in enumerate(across):
            if tall and wide:
                yield (a, b), (tall[0], wide[0]), (tall[1], wide[1])


def meeting(offset: int, stride: int, length: int, run: range) -> tuple[slice, slice] | None:
    """Return which i of a run have stride i + offset within 0..length, and where; None for none.

    >>> meeting(-1, 2, 4, range(10))
    (slice(1, 3, None), slice(1, 4, 2))
    """
    first = max(run.start, -(offset // stride))
    last = min(run.stop - 1, (length - 1 - offset) // stride)
    if last < first:
        return None
    place = slice(stride * first + offset, stride * last + offset + 1, stride)
    return slice(first - run.start, last + 1 - run.start), place


def product(matrix: Maps, long: Maps) -> Maps:
    """Return the product of a small matrix and a long one, in blocks for one thread each.

    BLAS shares a large product among threads that wait for each other by spinning: with anything
    else at work on the machine that can take ten times as long. Products below its limit stay on
    the caller's thread, and in blocks that fit the cache they are as fast.

    Args:
        matrix: Shape (M, K).
        long: Shape (K, N), rows contiguous; N is the long side.
    """
    out: Maps = np.empty((len(matrix), long.shape[1]), np.result_type(matrix, long))
    block = _ONE_THREAD // max(1, matrix.size)
    if block < _LEAST:  # so much to do that threads are worth it
        return np.asarray(np.matmul(matrix, long, out=out))
    whole = long.shape[1] // block * block
    inputs, outputs = (rows[:, :whole].reshape(len(rows), -1, block) for rows in (long, out))
    np.matmul(matrix, inputs.swapaxes(0, 1), out=outputs.swapaxes(0, 1))
    np.matmul(matrix, long[:, whole:], out=out[:, whole:])
    return out


def _runs(rows: int, numbers: int) -> Iterator[range]:
    """Yield runs of rows that hold about `_TILE` numbers together, `numbers` in each row."""
    step = max(1, _TILE // numbers)
    for top in range(0, rows, step):
        yield range(top, min(top + step, rows))
