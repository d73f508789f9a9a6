"""What a learned network adds to the linear enlargement of a tile of luma, in NumPy alone.

The residual is head(body(luma - 1/2)). On a flat tile all features are flat, whatever their values;
for each phase and feature the head's taps sum to 0, and it has no bias: so the residual is exactly
0, at every brightness. Such a tile is not computed at all, so that no rounding is left either;
beside others, what is flat gets rounding of some 1e-6, less than half a level of 16 bits.

A picture is worked out in whole tiles of a grid that depends on its width alone, and windows are
cut out of them: their bytes do not depend on strips and threads.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from upsample_cli.kernels.ensemble import eightfold
from upsample_cli.kernels.network_weights import ResidualNetwork
from upsample_cli.kernels.polyphase import Polyphase
from upsample_cli.kernels.separable import Band, Separable
from upsample_cli.kernels.winograd import Maps, layer, rectify, transformed
from upsample_cli.planes import Planes


class Residual(NamedTuple):
    """A network made ready for tiles of one size.

    Args:
        network: Its layers.
        rows: Input pixels down a tile, without the halo.
        columns: Input pixels across a tile, without the halo.
        first: Shape (k^2 + 1, C), the first layer's taps and bias.
        others: The matrices and the bias of each other layer.
        head: Shape (9 s^2, C), all phases of the first tap, then of the second.
        ensemble: Whether to average over eight positions of a tile, which then is a square.
    """

    network: ResidualNetwork
    rows: int
    columns: int
    first: Maps
    others: tuple[tuple[Maps, Maps], ...]
    head: Maps
    ensemble: bool = False

    @classmethod
    def of(
        cls, network: ResidualNetwork, rows: int, columns: int, ensemble: bool = False
    ) -> "Residual":
        """Return a network whose weights are in the order of the products."""
        (weights, bias), *others = network.body
        count, width = len(bias), columns + 2 * network.halo
        first = np.concatenate([weights.reshape(count, -1), bias[:, None]], 1).T
        ready = tuple((transformed(taps), np.tile(more, width)) for taps, more in others)
        head = network.head.transpose(2, 3, 0, 1).reshape(-1, count)
        return cls(network, rows, columns, np.ascontiguousarray(first), ready,
                   np.ascontiguousarray(head), ensemble)  # fmt: skip

    def __call__(self, luma: Maps) -> Maps:
        """Return the residual of a tile, shape (rows s, columns s).

        Args:
            luma: Shape (rows + 2 halo, columns + 2 halo).
        """
        if np.ptp(luma) == 0:
            stride = self.network.stride
            return np.zeros((self.rows * stride, self.columns * stride), np.float32)
        return eightfold(self.computed, luma) if self.ensemble else self.computed(luma)

    def computed(self, luma: Maps) -> Maps:
        """Return the residual of a tile, flat or not; see `__call__`."""
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


class NetworkStage(NamedTuple):
    """A linear stage, and what a network adds to the luma of its output.

    Args:
        linear: The transposed convolution by the learned kernel.
        residual: The network, made ready for tiles.
        luma: Shape (3,), the weights of red, green and blue.
    """

    linear: Separable | Polyphase
    residual: Residual
    luma: Maps

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return False

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns of all tiles that these rows and columns touch."""
        stride, halo = self.residual.network.stride, self.residual.network.halo
        down, across = (
            range(run.start // stride - halo, run.stop // stride + halo)
            for run in self._touched(rows, columns)
        )
        return down, across

    def touching(self) -> Separable:
        """Return the stage that counts, in a mask of the input, the pixels an output draws on."""
        return touching(self.residual.network.stride, self.residual.network.halo)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage` and `Separable`."""
        stride, halo = self.residual.network.stride, self.residual.network.halo
        tall, wide = self.residual.rows, self.residual.columns
        down, across = self._touched(rows, columns)
        whole: Planes = np.empty((len(window), len(down), len(across)), window.dtype)
        for y in range(0, len(down) // stride, tall):
            for x in range(0, len(across) // stride, wide):
                tile = self._tile(window[:, y : y + tall + 2 * halo, x : x + wide + 2 * halo])
                whole[:, y * stride :, x * stride :][:, : tall * stride, : wide * stride] = tile
        top, left = rows.start - down.start, columns.start - across.start
        return whole[:, top : top + len(rows), left : left + len(columns)]

    def _tile(self, window: Planes) -> Planes:
        """Return the output of one tile."""
        stride, halo = self.residual.network.stride, self.residual.network.halo
        tall, wide = range(self.residual.rows * stride), range(self.residual.columns * stride)
        down, across = (
            slice(run.start + halo, run.stop + halo) for run in self.linear.draws_on(tall, wide)
        )
        out = self.linear(np.ascontiguousarray(window[:, down, across]), tall, wide)
        weights = self.luma if len(window) >= 3 else np.ones(1, np.float32)
        luma = np.zeros(window.shape[1:], np.float32)
        for weight, plane in zip(weights, window, strict=False):  # one order of sums on all systems
            luma += weight * plane
        out[: len(weights)] += self.residual(luma)
        return out

    def _touched(self, rows: range, columns: range) -> Iterator[range]:
        """Yield the output rows and columns of all tiles that a window touches."""
        stride = self.residual.network.stride
        for run, length in ((rows, self.residual.rows), (columns, self.residual.columns)):
            step = length * stride
            yield range(run.start // step * step, -(-run.stop // step) * step)


def touching(stride: int, halo: int) -> Separable:
    """Return the stage that counts, in a mask of the input, all within a halo of an output."""
    band = Band(np.ones((stride, 2 * halo + 1)), np.full(stride, -halo), 1)
    return _Touching(band, band)


class _Touching(Separable):
    """Counts for all colours together, since each draws on the luma of all."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window; see `Separable`."""
        out = super().__call__(window, rows, columns)
        if len(out) >= 3:
            out[:3] = out[:3].sum(0)
        return out
