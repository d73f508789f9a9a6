"""Computes in NumPy what a learned network adds to the linear enlargement of a tile of luma.

The residual is head(body(luma - 1/2)). On a flat tile all features are flat, whatever their values;
the head has no bias, and its taps sum to 0 for each phase and feature: so the residual is 0, at
every brightness. A flat tile is not computed at all, so that not even rounding errors are left. A
flat part of another tile gets rounding errors of about 1e-6, less than half a level of 16 bits.

Vertical Winograd F(4, 3) halves the multiplications of the layers of 3x3 taps: four output rows
come from six input rows. Small fixed matrices mix the rows before and after, so that six matrix
products do the work of twelve. Maps are 2-D, (rows, width x channels): three neighbouring pixels
of a row are 3 C neighbouring values, so the triples at pixels j, j + 3, ... of all rows form one
matrix without a copy. A layer keeps the width; the last two columns of each row draw on the next
row and are meaningless. At once, only as many groups of four rows are computed as fit the cache.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", arXiv 1509.09308.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.network_weights import LEAK, ResidualNetwork
from upsample_cli.planes import Planes

Maps = NDArray[np.float32]

_CACHED = 40_000  # values of a row of maps, times groups of four rows, that fit the cache

# The matrices of Winograd F(4, 3): B^T, G and A^T of the source.
_INPUT = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                   [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
                  np.float32)  # fmt: skip
_TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0],
                    [0, 1, -1, 8, -8, 1]], np.float32)  # fmt: skip


class TileNetwork(NamedTuple):
    """A network, arranged to compute the residual of tiles of one size.

    Args:
        network: The network.
        rows: Height of a tile in input pixels, without the halo.
        columns: Width of a tile in input pixels, without the halo.
        first: Shape (k^2 + 1, C), the first layer's taps and bias.
        others: The matrices (see `winograd_weights`) and the bias of each other layer.
        head: Shape (9 s^2, C), all phases of the first of 3x3 taps, then of the second, ...
    """

    network: ResidualNetwork
    rows: int
    columns: int
    first: Maps
    others: tuple[tuple[Maps, Maps], ...]
    head: Maps

    @classmethod
    def of(cls, network: ResidualNetwork, rows: int, columns: int) -> "TileNetwork":
        """Return a network with its weights arranged for the matrix products."""
        (weights, bias), *others = network.body
        count, width = len(bias), columns + 2 * network.halo
        first = np.concatenate([weights.reshape(count, -1), bias[:, None]], 1).T
        ready = tuple((winograd_weights(taps), np.tile(more, width)) for taps, more in others)
        head = network.head.transpose(2, 3, 0, 1).reshape(-1, count)
        first, head = np.ascontiguousarray(first), np.ascontiguousarray(head)
        return cls(network, rows, columns, first, ready, head)

    def residual(self, luma: Planes) -> Planes:
        """Return the residual of a tile, shape (rows s, columns s).

        Args:
            luma: Shape (rows + 2 halo, columns + 2 halo), values 0..1.
        """
        if np.ptp(luma) == 0:
            stride = self.network.stride
            return np.zeros((self.rows * stride, self.columns * stride), np.float32)
        return self.residual_even_if_flat(luma)

    def residual_even_if_flat(self, luma: Planes) -> Planes:
        """Return the residual of a tile, computed even if it is flat."""
        size = len(self.network.body[0].weights[0, 0])
        height, width = luma.shape
        rows = height - size + 1
        patches = np.ones((size**2 + 1, rows * width), np.float32)
        flat = luma.reshape(-1) - np.float32(0.5)
        for tap in range(size**2):
            pixels = flat[tap // size * width + tap % size :][: rows * width]
            patches[tap, : len(pixels)] = pixels
        maps = np.zeros((rows + 5, width * self.first.shape[1]), np.float32)
        np.matmul(patches.T, self.first, out=maps[:rows].reshape(rows * width, -1))
        rectify(maps[:rows])
        for matrices, bias in self.others:
            rows -= 2
            maps = layer(maps, matrices, bias, rows)
        return self._spread(maps[:rows].reshape(rows * width, -1), width)

    def _spread(self, maps: Maps, width: int) -> Maps:
        """Return the head's output, shape (rows s, columns s), for features, shape (pixels, C)."""
        stride = self.network.stride
        taps = np.matmul(self.head, maps.T).reshape(9, stride**2, -1)
        total = np.zeros((stride**2, self.rows * width), np.float32)
        for tap in range(9):
            pixels = taps[tap, :, tap // 3 * width + tap % 3 :][:, : self.rows * width]
            total[:, : pixels.shape[1]] += pixels
        phases = total.reshape(stride, stride, self.rows, width)[..., : self.columns]
        whole = np.empty((self.rows, stride, self.columns, stride), np.float32)
        whole[...] = phases.transpose(2, 0, 3, 1)
        return whole.reshape(self.rows * stride, self.columns * stride)


def winograd_weights(weights: Maps) -> Maps:
    """Return weights (Cout, Cin, 3, 3) as the six matrices of `layer`, shape (6, 3 Cin, Cout)."""
    mixed = np.einsum("kr,oirc->kcio", _TAPS, weights.astype(np.float64))
    return np.ascontiguousarray(mixed.reshape(6, -1, len(weights)), np.float32)


def layer(maps: Maps, matrices: Maps, bias: Maps, rows: int) -> Maps:
    """Return the rectified convolution of maps.

    Args:
        maps: Shape (R, width x C), contiguous; R is `rows` + 5 or more.
        matrices: From `winograd_weights`, with C channels in and C out.
        bias: Shape (width x C,).
        rows: Output rows to compute; they draw on the first rows + 2 rows of the maps.

    Returns:
        Shape (rows + 3 or more, width x C): these rows, then rows of meaningless finite values.
    """
    count, length, channels = -(-rows // 4), maps.shape[1], matrices.shape[2]
    out = np.empty((4 * count + 5, length), np.float32)
    out[4 * count :] = 0
    step = max(1, _CACHED // length)
    before, after = np.empty((2, 6, step * length), np.float32)
    for first in range(0, count, step):
        groups = min(step, count - first)
        target = out[4 * first : 4 * (first + groups)]
        windows = np.ndarray(  # the six input rows of each group, which overlap
            (groups, 6, length), np.float32, maps[4 * first : 4 * (first + groups) + 2], 0,
            (16 * length, 4 * length, 4),
        )  # fmt: skip
        part, mixed = before[:, : groups * length], after[:, : groups * length]
        np.matmul(_INPUT, windows, out=part.reshape(6, groups, length).transpose(1, 0, 2))
        pixels = mixed.reshape(6, -1, channels)
        for start in range(3):
            number = (len(pixels[0]) - start) // 3  # of triples
            triples = part[:, start * channels : (start + 3 * number) * channels]
            place = pixels[:, start : start + 3 * number : 3]
            np.matmul(triples.reshape(6, number, 3 * channels), matrices, out=place)
        pixels[:, -2:] = 0  # meaningless, but they must be the same in every run
        mixed = mixed.reshape(6, groups, length)
        mixed[1] += bias  # `_OUTPUT` passes it to each of the four rows
        np.matmul(_OUTPUT, mixed.transpose(1, 0, 2), out=target.reshape(groups, 4, length))
        rectify(target, before)
    return out


def rectify(maps: Maps, memory: Maps | None = None) -> None:
    """Multiply negative values by `LEAK`, in place.

    Args:
        maps: Any shape.
        memory: A contiguous scratch array, at least as large, overwritten; None to allocate one.
    """
    leaked = None if memory is None else memory.reshape(-1)[: maps.size].reshape(maps.shape)
    np.maximum(maps, np.multiply(maps, np.float32(LEAK), out=leaked), out=maps)
