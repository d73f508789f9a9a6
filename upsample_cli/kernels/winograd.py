"""A layer of 3x3 taps over feature maps, by vertical Winograd F(4, 3): half the products.

Four rows of the output come from six rows of the input: small fixed matrices mix both, so that six
products of matrices do the work of twelve. Maps are flat, (rows, width x channels): three
neighbours across are 3 C neighbouring numbers, so that the pixels j, j + 3, ... of all rows are one
matrix without a copy. A layer leaves the width as it is; the last two columns of a row draw on the
next row and mean nothing. A few groups of four rows are worked out at once, and stay in the cache.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", arXiv 1509.09308.
"""

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]

LEAK = 0.2
"""What the leaky rectifier after each layer multiplies negative values by."""

_CACHED = 22_000  # numbers of a row of maps, times groups of rows, that stay in the cache

_INPUT = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                   [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
                  np.float32)  # fmt: skip
_TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0],
                    [0, 1, -1, 8, -8, 1]], np.float32)  # fmt: skip


def transformed(weights: Maps) -> Maps:
    """Return weights (Cout, Cin, 3, 3) as six matrices, shape (6, 3 Cin, Cout)."""
    mixed = np.einsum("kr,oirc->kcio", _TAPS, weights.astype(np.float64))
    return np.ascontiguousarray(mixed.reshape(6, -1, len(weights)), np.float32)


def layer(maps: Maps, matrices: Maps, bias: Maps, rows: int) -> Maps:
    """Return the rectified convolution of maps.

    Args:
        maps: Shape (R, width x C), contiguous; R is `rows` + 5 or more.
        matrices: Of `transformed`, for as many channels as before.
        bias: Shape (width x C,).
        rows: Of the output, which the first rows + 2 of the maps determine.

    Returns:
        Shape (rows + 3 or more, width x C): these rows, and others of finite numbers.
    """
    count, length, channels = -(-rows // 4), maps.shape[1], matrices.shape[2]
    out = np.empty((4 * count + 5, length), np.float32)
    out[4 * count :] = 0
    most = max(1, _CACHED // length)
    before, after = np.empty((2, 6, most * length), np.float32)
    for first in range(0, count, most):
        few = min(most, count - first)
        target = out[4 * first : 4 * (first + few)]
        tall = np.ndarray(
            (few, 6, length), np.float32, maps[4 * first : 4 * (first + few) + 2], 0,
            (16 * length, 4 * length, 4),
        )  # fmt: skip
        part, mixed = before[:, : few * length], after[:, : few * length]
        np.matmul(_INPUT, tall, out=part.reshape(6, few, length).transpose(1, 0, 2))
        pixels = mixed.reshape(6, -1, channels)
        for start in range(3):
            thirds = (len(pixels[0]) - start) // 3
            triples = part[:, start * channels : (start + 3 * thirds) * channels]
            place = pixels[:, start : start + 3 * thirds : 3]
            np.matmul(triples.reshape(6, thirds, 3 * channels), matrices, out=place)
        pixels[:, -2:] = 0  # what means nothing is still to be the same in every run
        mixed = mixed.reshape(6, few, length)
        mixed[1] += bias  # which goes to each of the four rows
        np.matmul(_OUTPUT, mixed.transpose(1, 0, 2), out=target.reshape(few, 4, length))
        rectify(target, before)
    return out


def rectify(maps: Maps, memory: Maps | None = None) -> None:
    """Multiply negative numbers by the leak, in place.

    Args:
        maps: Any shape.
        memory: Contiguous, of at least as many numbers, overwritten; None for new memory.
    """
    leaked = None if memory is None else memory.reshape(-1)[: maps.size].reshape(maps.shape)
    np.maximum(maps, np.multiply(maps, np.float32(LEAK), out=leaked), out=maps)
