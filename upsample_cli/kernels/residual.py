"""What a learned network adds to the linear enlargement of a tile of luma, in NumPy alone.

The residual is head(body(luma - 1/2)). On a flat tile all features are flat, whatever their values;
for each phase and feature the head's taps sum to 0, and it has no bias: so the residual is exactly
0, at every brightness. Such a tile is not computed at all, so that no rounding is left either;
beside others, what is flat gets rounding of some 1e-6, less than half a level of 16 bits.

The layers of 3x3 taps take half the products by vertical Winograd F(4, 3): four rows of the output
come from six rows of the input, which small fixed matrices mix before and after, so that six
products of matrices do the work of twelve. Maps are flat, (rows, width x channels): three
neighbours across are 3 C neighbouring numbers, so that the pixels j, j + 3, ... of all rows are one
matrix without a copy. A layer leaves the width as it is; the last two columns of a row draw on the
next row and mean nothing. A few groups of four rows are worked out at once, and stay in the cache.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", arXiv 1509.09308.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.network_weights import LEAK, ResidualNetwork
from upsample_cli.planes import Planes

Maps = NDArray[np.float32]

_CACHED = 22_000  # numbers of a row of maps, times groups of rows, that stay in the cache

_INPUT = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                   [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
                  np.float32)  # fmt: skip
_TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0],
                    [0, 1, -1, 8, -8, 1]], np.float32)  # fmt: skip


class Residual(NamedTuple):
    """A network made ready for tiles of one size.

    Args:
        network: Its layers.
        rows: Input pixels down a tile, without the halo.
        columns: Input pixels across a tile, without the halo.
        first: Shape (k^2 + 1, C), the first layer's taps and bias.
        others: The matrices and the bias of each other layer.
        head: Shape (9 s^2, C), all phases of the first tap, then of the second.
    """

    network: ResidualNetwork
    rows: int
    columns: int
    first: Maps
    others: tuple[tuple[Maps, Maps], ...]
    head: Maps

    @classmethod
    def of(cls, network: ResidualNetwork, rows: int, columns: int) -> "Residual":
        """Return a network whose weights are in the order of the products."""
        (weights, bias), *others = network.body
        count, width = len(bias), columns + 2 * network.halo
        first = np.concatenate([weights.reshape(count, -1), bias[:, None]], 1).T
        ready = tuple((transformed(taps), np.tile(more, width)) for taps, more in others)
        head = network.head.transpose(2, 3, 0, 1).reshape(-1, count)
        first, head = np.ascontiguousarray(first), np.ascontiguousarray(head)
        return cls(network, rows, columns, first, ready, head)

    def added(self, luma: Planes) -> Planes:
        """Return the residual of a tile, shape (rows s, columns s).

        Args:
            luma: Shape (rows + 2 halo, columns + 2 halo).
        """
        if np.ptp(luma) == 0:
            stride = self.network.stride
            return np.zeros((self.rows * stride, self.columns * stride), np.float32)
        return self.computed(luma)

    def computed(self, luma: Planes) -> Planes:
        """Return the residual of a tile, flat or not; see `added`."""
        size = len(self.network.body[0].weights[0, 0])
        height, width = luma.shape
        rows = height - size + 1
        under = np.ones((size**2 + 1, rows * width), np.float32)
        flat = luma.reshape(-1) - np.float32(0.5)
        for tap in range(size**2):
            pixels = flat[tap // size * width + tap % size :][: rows * width]
            under[tap, : len(pixels)] = pixels
        maps = np.zeros((rows + 5, width * self.first.shape[1]), np.float32)
        np.matmul(under.T, self.first, out=maps[:rows].reshape(rows * width, -1))
        rectify(maps[:rows])
        for matrices, bias in self.others:
            rows -= 2
            maps = layer(maps, matrices, bias, rows)
        return self._spread(maps[:rows].reshape(rows * width, -1), width)

    def _spread(self, maps: Maps, width: int) -> Maps:
        """Return what the head makes of features, shape (rows width, C)."""
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
