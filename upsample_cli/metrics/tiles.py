"""Tiles of the residual: what the checkerboard metric keeps of a picture, in one pass.

Rows are fed as they come; only those that the next row of tiles draws on are held.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from upsample_cli.metrics.rows import Floats, Mask, Rows, high_pass, joined
from upsample_cli.metrics.spectrum import Spectrum

_RUN = 8192  # columns at once, of one row of tiles or of several
_SATURATED = 0.1  # of a tile's pixels at 0 or 255: with more, the tile is not usable


class Tiles(NamedTuple):
    """What is kept of n tiles.

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
        """Return the tiles of several parts as one."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


class TileGrid:
    """How a picture is cut into tiles for a stride.

    Args:
        stride: Period down and across, in pixels, each 1 or more, not both 1.
        side: About how many pixels a tile has along a side.

    Attributes:
        tile: Rows and columns of a tile, multiples of the stride.
        margin: Rows and columns that the residual loses on each side.
        shape: How many tiles there are down and across.
        together: How many rows of tiles to read at once: fewer calls, in as much memory.
    """

    def __init__(self, stride: tuple[int, int], height: int, width: int, side: int) -> None:
        (s, t), self.stride = stride, stride
        self.tile = s * -(-side // s), t * -(-side // t)
        self.margin = 2 * (s // 2), 2 * (t // 2)
        self.shape = (
            max(0, height - 2 * self.margin[0]) // self.tile[0],
            max(0, width - 2 * self.margin[1]) // self.tile[1],
        )
        self.together = max(1, _RUN // width)

    def read(self, rows: Rows) -> Iterator[Tiles]:
        """Yield the tiles of rows of tiles, in runs that fit the cache.

        Args:
            rows: As many as one tile has, or `together` at most, and the margin above and below.
        """
        wide, left, across = self.tile[1], self.margin[1], self.shape[1]
        step = max(1, _RUN // wide)
        for first in range(0, across, step):
            last = min(first + step, across)
            part = rows.window(slice(None), slice(first * wide, last * wide + 2 * left))
            with np.errstate(over="ignore", invalid="ignore"):  # such a tile is not usable
                tiles = self._tiles(part)
            yield tiles

    def _tiles(self, rows: Rows) -> Tiles:
        (tall, wide), (top, left), (s, t) = self.tile, self.margin, self.stride
        residual = high_pass(rows.unexplained, self.stride)
        m, n = len(residual) // tall, residual.shape[1] // wide
        residual = residual.reshape(m, tall, n * wide)
        picture = rows.levels[top : -top or None, left : left + n * wide].reshape(residual.shape)
        usable = _unsaturated(picture, n)
        if rows.opaque is not None:
            usable &= self._opaque(rows.opaque)
        profile = (_moments(tall) @ picture).reshape(m, 2, n, wide)
        sums = np.asarray(profile @ _moments(wide).T, np.float32)
        down, along = self._analysers
        # Tiles come last here: long runs of them are quicker than the few values of each.
        bins = along @ (down @ residual).reshape(m, len(down), n, wide).swapaxes(2, 3)
        energy = np.einsum("mtw,mtw->mw", residual, residual)
        return Tiles(
            # Copied, or else all of `bins` would wait with them in memory to be summed.
            phases=np.moveaxis(bins[:, :s, :t], 3, 1).reshape(m * n, s, t).copy(),
            variance=energy.reshape(m * n, wide).sum(axis=1) / (tall * wide),
            level=sums[:, 0, :, 0].ravel(),
            slope=np.column_stack([sums[:, 1, :, 0].ravel(), sums[:, 0, :, 1].ravel()]),
            local=self._spectrum.contrast(bins[:, s:, t:]).ravel(),
            usable=usable.ravel(),
        )

    def _opaque(self, opaque: Mask) -> Mask:
        """Return which tiles are opaque, with the margin around that their residual draws on."""
        (tall, wide), (top, left) = self.tile, self.margin
        starts = range(0, len(opaque) - 2 * top, tall)
        columns = np.stack([opaque[i : i + tall + 2 * top].all(axis=0) for i in starts])
        around = sliding_window_view(columns, wide + 2 * left, axis=1)
        return np.asarray(around[:, ::wide].all(axis=2))

    @cached_property
    def _spectrum(self) -> Spectrum:
        return Spectrum(self.stride, self.tile)

    @cached_property
    def _analysers(self) -> tuple[Floats, Floats]:
        """Return for each axis the rows that give the means of its phases, then its waves."""
        down, across = (
            np.concatenate([phases * np.float32(s / tile), waves])
            for s, tile, margin, waves in zip(
                self.stride, self.tile, self.margin, self._spectrum.waves, strict=True
            )
            for phases in [(np.arange(tile) + margin) % s == np.arange(s)[:, None]]
        )
        return down, across


class TileReader:
    """Collects the rows of a picture until they hold a row of tiles.

    Args:
        grid: How the picture is cut.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._held: list[Rows] = []
        self._left = grid.shape[0]

    def feed(self, rows: Rows) -> Iterator[Tiles]:
        """Take the next rows; yield the tiles that are whole with them."""
        tall, needed = self._grid.tile[0], self._grid.tile[0] + 2 * self._grid.margin[0]
        held = joined([*self._held, rows]) if self._held else rows
        count = max(0, min(self._left, (len(held) - needed) // tall + 1))
        self._left -= count
        done = 0
        while done < count:
            most = min(self._grid.together, count - done)
            run = slice(done * tall, done * tall + needed + (most - 1) * tall)
            yield from self._grid.read(held.window(run))
            done += most
        self._held = [held.window(slice(count * tall, None)).copy()] if self._left else []


def _moments(length: int) -> Floats:
    """Return two rows whose products with `length` values are their mean and slope."""
    x = np.arange(length) - (length - 1) / 2
    return np.stack([np.full(length, 1 / length), x / np.square(x).sum()]).astype(np.float32)


def _unsaturated(picture: Floats, n: int) -> Mask:
    """Return which tiles have few pixels at 0 or 255, shape (m, n); the picture's is (m, h, w)."""
    m, tall, width = picture.shape
    if picture.min() > 0.0 and picture.max() < 255.0:
        return np.ones((m, n), bool)
    at_end = ((picture <= 0.0) | (picture >= 255.0)).view(np.uint8)
    columns = np.add.reduce(at_end, axis=1, dtype=np.uint8)
    return np.asarray(columns.reshape(m, n, width // n).mean(axis=2) <= _SATURATED * tall)
