"""Convolution as a matrix product of the taps and columns of pixels.

There are two ways, and both process a few rows at a time. Scattering multiplies first: it computes
the products of all taps with some input rows, and adds them to the output in strided sums.
Gathering copies first: the patch under each output pixel becomes a column of one matrix. Both can
do a transposed convolution, because each of its output phases is an ordinary convolution of
stride 1 with the taps that feed that phase (polyphase). The memory traffic of scattering is
proportional to the number of output channels, that of gathering to the number of input channels.

Source: K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for
document processing", 2006 (convolution as a matrix product); OpenBLAS, interface/gemm.c (one
thread where M N K <= 2**16 GEMM_MULTITHREAD_THRESHOLD, which is 4 by default).
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.geometry import Geometry, Pair

Maps: TypeAlias = NDArray[np.floating[Any]]
"""Feature maps, shape ((N,) C, H, W)."""

_TILE = 1 << 18  # intermediate values: fewer slow the product, more do not fit the cache
_ONE_THREAD = 1 << 18  # multiplications that OpenBLAS does on one thread, at most
_LEAST = 64  # columns of a block: narrower blocks cost more than they save


def scatter(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add the transposed convolution of `x` to `out`, shape (Cout, H', W'), by scattering."""
    (channels, height, width), (_, count, *taps) = x.shape, weight.shape
    matrix = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, channels)
    flat, offsets = x.reshape(channels, -1), geometry.offsets((taps[0], taps[1]))
    for rows in _runs(height, len(matrix) * width):
        pixels = flat[:, rows.start * width : rows.stop * width]
        products = product(matrix, pixels).reshape(*taps, count, len(rows), width)
        for tap, part, place in _tap_slices(offsets, geometry.stride, out, rows, range(width)):
            out[:, *place] += products[tap][:, *part]


def gather_phases(x: Maps, weight: Maps, out: Maps, geometry: Geometry) -> None:
    """Add the transposed convolution of `x` to `out` by gathering, phase by phase.

    The tap at offset s m + r carries input pixel q - m to output pixel s q + r.
    """
    down, across = geometry.offsets((weight.shape[2], weight.shape[3]))
    s, t = geometry.stride
    mirrored = weight.swapaxes(0, 1)
    for i in range(s):
        rows = [a for a, offset in enumerate(down) if offset % s == i]
        for j in range(t):
            columns = [b for b, offset in enumerate(across) if offset % t == j]
            phase = out[:, i::s, j::t]
            if rows and columns and phase.size:
                backward = [-(down[a] // s) for a in rows], [-(across[b] // t) for b in columns]
                gather(x, mirrored[:, :, rows][..., columns], phase, backward, (1, 1))


def gather(
    x: Maps, weight: Maps, out: Maps, offsets: tuple[list[int], list[int]], stride: Pair
) -> None:
    """Add a convolution of `x`, of stride (s, t) and tap offsets (down, across), to `out`.

    Output pixel (i, j) gets the sum over taps of weight[a, b] x[s i + down[a], t j + across[b]].
    """
    (channels, *_), (down, across) = x.shape, offsets
    matrix = np.ascontiguousarray(weight).reshape(len(weight), -1)
    columns = range(out.shape[2])
    for rows in _runs(out.shape[1], matrix.shape[1] * len(columns)):
        patches = np.zeros((channels, len(down), len(across), len(rows), len(columns)), x.dtype)
        for tap, part, place in _tap_slices(offsets, stride, x, rows, columns):
            patches[:, *tap, *part] = x[:, *place]
        sums = product(matrix, patches.reshape(matrix.shape[1], -1))
        out[:, rows.start : rows.stop] += sums.reshape(len(out), len(rows), -1)


def _tap_slices(
    offsets: tuple[list[int], list[int]], stride: Pair, maps: Maps, rows: range, columns: range
) -> Iterator[tuple[Pair, tuple[slice, slice], tuple[slice, slice]]]:
    """Yield each tap, and as slices the parts of the runs and of `maps` that it connects."""
    runs = zip(offsets, stride, maps.shape[1:], (rows, columns), strict=True)
    down, across = (
        [overlap_slices(offset, s, length, run) for offset in axis] for axis, s, length, run in runs
    )
    for a, in_rows in enumerate(down):
        for b, in_columns in enumerate(across):
            if in_rows and in_columns:
                yield (a, b), (in_rows[0], in_columns[0]), (in_rows[1], in_columns[1])


def overlap_slices(offset: int, stride: int, length: int, run: range) -> tuple[slice, slice] | None:
    """Return the part of `run` whose places lie in 0..length - 1, and these places, as slices.

    The place of i is stride i + offset. The result is None if no place lies there.

    >>> overlap_slices(-1, 2, 4, range(10))
    (slice(1, 3, None), slice(1, 4, 2))
    """
    first = max(run.start, -(offset // stride))
    last = min(run.stop - 1, (length - 1 - offset) // stride)
    if last < first:
        return None
    place = slice(stride * first + offset, stride * last + offset + 1, stride)
    return slice(first - run.start, last + 1 - run.start), place


def product(matrix: Maps, long: Maps) -> Maps:
    """Return `matrix` @ `long`, where possible in blocks that BLAS computes on one thread.

    BLAS splits a large product among threads that wait for each other by spinning, which can take
    ten times as long on a machine that is also doing other work. Products below its limit stay on
    the caller's thread, and are as fast in blocks that fit the cache.

    Args:
        matrix: Shape (M, K).
        long: Shape (K, N), rows contiguous; N is the long side.
    """
    out: Maps = np.empty((len(matrix), long.shape[1]), np.result_type(matrix, long))
    block = _ONE_THREAD // max(1, matrix.size)
    if block < _LEAST:  # the matrix is so large that threads pay off
        return np.asarray(np.matmul(matrix, long, out=out))
    whole = long.shape[1] // block * block
    inputs, outputs = (rows[:, :whole].reshape(len(rows), -1, block) for rows in (long, out))
    np.matmul(matrix, inputs.swapaxes(0, 1), out=outputs.swapaxes(0, 1))
    np.matmul(matrix, long[:, whole:], out=out[:, whole:])
    return out


def _runs(rows: int, numbers: int) -> Iterator[range]:
    """Yield runs of rows that hold about `_TILE` values each; a row holds `numbers` values."""
    step = max(1, _TILE // numbers)
    for top in range(0, rows, step):
        yield range(top, min(top + step, rows))
