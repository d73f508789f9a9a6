"""Tiles of the residual: what the checkerboard metric keeps of a picture, in one pass.

Rows are fed as they come; only the rows that a row of tiles draws on are held.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.residual import high_pass

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
_RUN = 8192  # columns at once
_AROUND = 2  # bins on each side of a line that show the spectrum around it
_ROUNDING = 0.1  # levels: a floor under the power of empty bins
_SATURATED = 0.1  # of a tile's pixels at 0 or 255: more, and the tile tells nothing


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """What is kept of tiles, along the first axis.

    Args:
        phases: Shape (n, s, s), mean of the residual in each phase of the picture.
        variance: Shape (n,), mean square of the residual.
        level: Shape (n,), mean of the picture.
        slope: Shape (n, 2), mean gradient down and across, in levels a pixel.
        local: Shape (n,), mean over the lines of log power above the bins around, in nepers.
        usable: Shape (n,), whether the tile is neither saturated nor transparent.
    """

    phases: Floats
    variance: Floats
    level: Floats
    slope: Floats
    local: Floats
    usable: Mask

    @classmethod
    def joined(cls, parts: "list[Tiles]") -> "Tiles":
        """Return some tiles after others."""
        names = (each.name for each in fields(cls))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class TileGrid:
    """How a picture is cut into tiles for a stride.

    Args:
        stride: Period down and across, in pixels, each 1 or more.
        height: Rows of the picture.
        width: Columns of the picture.
        side: About how many pixels a tile has along a side.
    """

    stride: tuple[int, int]
    height: int
    width: int
    side: int

    @cached_property
    def tile(self) -> tuple[int, int]:
        """Rows and columns of a tile, multiples of the stride."""
        down, across = (s * -(-self.side // s) for s in self.stride)
        return down, across

    @cached_property
    def margin(self) -> tuple[int, int]:
        """Rows and columns that the residual loses on each side."""
        return 2 * (self.stride[0] // 2), 2 * (self.stride[1] // 2)

    @cached_property
    def shape(self) -> tuple[int, int]:
        """How many tiles there are down and across."""
        down = max(0, self.height - 2 * self.margin[0]) // self.tile[0]
        across = max(0, self.width - 2 * self.margin[1]) // self.tile[1]
        return down, across

    def read(self, rows: Floats, opaque: Mask | None) -> Iterator[Tiles]:
        """Yield all the tiles of some rows of tiles, in runs that fit the cache.

        Args:
            rows: Shape (n tile rows + 2 margin, W), levels of 0..255.
            opaque: Same shape, where the picture is seen; None for everywhere.
        """
        wide, left, across = self.tile[1], self.margin[1], self.shape[1]
        step = max(1, _RUN // wide)
        for first in range(0, across, step):
            last = min(first + step, across)
            columns = slice(first * wide, last * wide + 2 * left)
            yield self._tiles(rows[:, columns], None if opaque is None else opaque[:, columns])

    def _tiles(self, rows: Floats, opaque: Mask | None) -> Tiles:
        (tall, wide), (top, left) = self.tile, self.margin
        residual = high_pass(rows, self.stride)
        inner = slice(top, top + len(residual)), slice(left, left + residual.shape[1])
        # Below: n rows of m tiles, each an array of tall x wide pixels.
        n, m = len(residual) // tall, residual.shape[1] // wide
        usable = _unsaturated(rows, inner, (n, tall, m, wide))
        if opaque is not None:
            usable &= opaque[inner].reshape(n, tall, m, wide).all(axis=(1, 3))
        profile = _moments(tall) @ rows[inner].reshape(n, tall, m * wide)
        sums = np.asarray(profile.reshape(n, 2, m, wide) @ _moments(wide).T, np.float32)
        residual = residual.reshape(n, tall, m * wide)
        down, along = self._analysers
        analysed = (down @ residual).reshape(n, len(down), m, wide) @ along.T
        np.square(residual, out=residual)
        columns = np.ones((1, tall), np.float32) @ residual
        energy = columns.reshape(n * m, wide).sum(axis=1)
        s, t = self.stride
        found = np.asarray(np.moveaxis(analysed, 1, 2), np.float32)
        found = found.reshape(n * m, len(down), len(along))
        return Tiles(
            phases=found[:, :s, :t].copy(),  # a view would keep the spectra
            variance=energy / (tall * wide),
            level=sums[:, 0, :, 0].reshape(-1),
            slope=np.stack([sums[:, 1, :, 0], sums[:, 0, :, 1]], axis=-1).reshape(-1, 2),
            local=self._local(found[:, s:, t:]),
            usable=usable.reshape(-1),
        )

    @cached_property
    def _analysers(self) -> tuple[Floats, Floats]:
        """Return for each axis the means of its phases, then cosines and sines of bins.

        The bins are those of the harmonics and around: shape (s + 2 s (2 around + 1), tile).
        """
        down, across = (
            np.concatenate([phases * (s / tile), np.cos(x), -np.sin(x)]).astype(np.float32)
            for s, tile, margin in zip(self.stride, self.tile, self.margin, strict=True)
            for phases in [(np.arange(tile) + margin) % s == np.arange(s)[:, None]]
            for bins in [tile // s * np.arange(s)[:, None] + np.arange(-_AROUND, _AROUND + 1)]
            for x in [2 * np.pi / tile * bins.reshape(-1, 1) * np.arange(tile)]
        )
        return down, across

    @cached_property
    def _contrasts(self) -> tuple[Floats, float]:
        """Return the weights, and a constant, of the mean contrast of the lines in log power.

        Shape (s, around, t, around): 1 for a line, minus what is around it in equal parts.
        """
        (s, t), wide = self.stride, 2 * _AROUND + 1
        weights = np.zeros((s, wide, t, wide))
        constant = 0.0
        for p in range(s):
            for q in range(t):
                if p == q == 0:
                    continue
                around = np.ones((wide, wide))
                # Natural spectra have a cross along the axes: compare a line on it with it alone.
                if p == 0:
                    around[np.arange(wide) != _AROUND] = 0.0
                if q == 0:
                    around[:, np.arange(wide) != _AROUND] = 0.0
                around[_AROUND, _AROUND] = 0.0
                weights[p, :, q] -= around / around.sum()
                weights[p, _AROUND, q, _AROUND] += 1.0
                # The log of a real line is lower by ln 2 on average than that of a complex one.
                constant += np.log(2) * ((2 * p) % s == 0 and (2 * q) % t == 0)
        return (weights / (s * t - 1)).astype(np.float32), constant / (s * t - 1)

    def _local(self, spectrum: Floats) -> Floats:
        """Return how far the lines stand above the bins around them, shape (n,), in nepers."""
        (s, t), wide = self.stride, 2 * _AROUND + 1
        parts = spectrum.reshape(-1, 2, s * wide, 2, t * wide)
        power = np.square(parts[:, 0, :, 0] - parts[:, 1, :, 1])
        power += np.square(parts[:, 0, :, 1] + parts[:, 1, :, 0])
        size = self.tile[0] * self.tile[1]
        power += np.float32(_ROUNDING**2 * size)
        weights, constant = self._contrasts
        return np.asarray(
            np.log(power, out=power).reshape(len(parts), -1) @ weights.ravel() + constant
        )


def _moments(length: int) -> Floats:
    """Return the rows that give the mean and the least-squares slope of `length` values."""
    x = np.arange(length) - (length - 1) / 2
    return np.stack([np.full(length, 1 / length), x / np.square(x).sum()]).astype(np.float32)


def _unsaturated(rows: Floats, inner: tuple[slice, slice], shape: tuple[int, ...]) -> Mask:
    """Return which tiles have few pixels at 0 or 255."""
    if rows.min() > 0.0 and rows.max() < 255.0:
        return np.ones((shape[0], shape[2]), bool)
    picture = rows[inner]
    at_end = ((picture <= 0.0) | (picture >= 255.0)).view(np.uint8)
    n, tall, m, wide = shape
    columns = np.add.reduce(at_end.reshape(n, tall, m * wide), axis=1, dtype=np.uint8)
    return np.asarray(columns.reshape(n, m, wide).mean(axis=2) <= _SATURATED * tall)
