"""Tiles of the residual: what the checkerboard metric keeps of a picture, in one pass.

Rows are fed as they come; only the rows that a row of tiles draws on are held.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_AROUND = 2  # bins on each side of a line that show the spectrum around it
_ROUNDING = 0.1  # levels: a floor under the power of empty bins
_SATURATED = 0.1  # of a tile's pixels at 0 or 255: more, and the tile tells nothing


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """What is kept of tiles, along the first axis.

    Args:
        phases: Shape (n, s, s), mean of the residual in each phase.
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
    usable: NDArray[np.bool_]


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

    def read(self, rows: Floats, opaque: NDArray[np.bool_] | None) -> Tiles:
        """Return a row of tiles.

        Args:
            rows: Shape (tile rows + 2 margin, W), levels of 0..255.
            opaque: Same shape, where the picture is seen; None for everywhere.
        """
        (tall, wide), (top, left), across = self.tile, self.margin, self.shape[1]
        rows = rows[:, : across * wide + 2 * left]
        residual = _high_pass(rows, self.stride)
        inner = slice(top, top + tall), slice(left, left + across * wide)
        picture = rows[inner]
        usable = _unsaturated(picture, across)
        if opaque is not None:
            usable &= opaque[inner].reshape(tall, across, wide).all(axis=(0, 2))
        profile = (self._moments(tall) @ picture).reshape(2, across, wide)
        sideways = profile[0] @ self._moments(wide).T
        energy = np.einsum("ij,ij->j", residual, residual).reshape(across, wide).sum(1)
        down, along = self._lines
        spectrum = np.tensordot((down @ residual).reshape(-1, across, wide), along, axes=(2, 1))
        return Tiles(
            phases=self._phase_means(residual),
            variance=energy / (tall * wide),
            level=sideways[:, 0],
            slope=np.stack([profile[1].mean(1), sideways[:, 1]], axis=1),
            local=self._local(np.moveaxis(spectrum, 1, 0)),
            usable=usable,
        )

    def _phase_means(self, residual: Floats) -> Floats:
        (tall, wide), (s, t), across = self.tile, self.stride, self.shape[1]
        folded = np.eye(s, dtype=np.float32)[:, np.arange(tall) % s] @ residual
        cells = folded.reshape(s, across, wide // t, t).mean(axis=2) * np.float32(s / tall)
        return np.moveaxis(cells, 1, 0)

    @staticmethod
    def _moments(length: int) -> Floats:
        """Return the rows that give the mean and the least-squares slope of `length` values."""
        x = np.arange(length) - (length - 1) / 2
        return np.stack([np.full(length, 1 / length), x / max(1e-9, (x**2).sum())]).astype(
            np.float32
        )

    @cached_property
    def _bins(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each axis the spectral bins of the harmonics and around: shape (s, around)."""
        down, across = (
            tile // s * np.arange(s)[:, None] + np.arange(-_AROUND, _AROUND + 1)
            for tile, s in zip(self.tile, self.stride, strict=True)
        )
        return down, across

    @cached_property
    def _lines(self) -> tuple[Floats, Floats]:
        """Return for each axis cosines and sines of those bins: shape (2 bins, tile)."""
        down, across = (
            np.concatenate([np.cos(angle), -np.sin(angle)]).astype(np.float32)
            for bins, tile in zip(self._bins, self.tile, strict=True)
            for angle in [2 * np.pi / tile * bins.reshape(-1, 1) * np.arange(tile)]
        )
        return down, across

    def _local(self, spectrum: Floats) -> Floats:
        """Return how far the lines stand above the bins around them, shape (n,), in nepers."""
        (s, t), wide = self.stride, 2 * _AROUND + 1
        parts = spectrum.reshape(-1, 2, s, wide, 2, t, wide)
        real = parts[:, 0, :, :, 0] - parts[:, 1, :, :, 1]
        imaginary = parts[:, 0, :, :, 1] + parts[:, 1, :, :, 0]
        size = self.tile[0] * self.tile[1]
        power = np.log((real**2 + imaginary**2) / size**2 + _ROUNDING**2 / size)
        total, count = np.zeros(len(power), np.float32), 0
        for p, q in _harmonics(s, t):
            line, around = power[:, p, :, q, :], np.ones((wide, wide), bool)
            around[_AROUND, _AROUND] = False
            # Natural spectra have a cross along the axes: compare a line on it only with the cross.
            around[:, :] &= ~((np.arange(wide) != _AROUND)[:, None] & (p == 0))
            around[:, :] &= ~((np.arange(wide) != _AROUND)[None, :] & (q == 0))
            total += line[:, _AROUND, _AROUND] - line[:, around].mean(axis=1)
            # The log of a real line is lower by ln 2 on average than that of a complex one.
            total += np.log(2) if (2 * p) % s == 0 and (2 * q) % t == 0 else 0.0
            count += 1
        return np.asarray(total / count, np.float32)


class TileReader:
    """Collects rows until they make a row of tiles.

    Args:
        grid: How the picture is cut.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._rows: list[Floats] = []
        self._opaque: list[NDArray[np.bool_] | None] = []
        self._left = grid.shape[0]

    def feed(self, rows: Floats, opaque: NDArray[np.bool_] | None = None) -> Iterator[Tiles]:
        """Take the next rows of the picture; yield each row of tiles they complete."""
        tall, needed = self._grid.tile[0], self._grid.tile[0] + 2 * self._grid.margin[0]
        self._rows.append(rows)
        self._opaque.append(opaque)
        if sum(map(len, self._rows)) < needed or not self._left:
            return
        held = np.concatenate(self._rows)
        seen = (
            None if opaque is None else np.concatenate([o for o in self._opaque if o is not None])
        )
        start = 0
        while len(held) - start >= needed and self._left:
            stop = start + needed
            yield self._grid.read(held[start:stop], None if seen is None else seen[start:stop])
            start += tall
            self._left -= 1
        self._rows, self._opaque = (
            [held[start:].copy()],
            [None if seen is None else seen[start:].copy()],
        )


def _harmonics(s: int, t: int) -> list[tuple[int, int]]:
    return [(p, q) for p in range(s) for q in range(t) if (p, q) != (0, 0)]


def _high_pass(rows: Floats, stride: tuple[int, int]) -> Floats:
    """Return (I - B)^2 of the rows, without the margin where B sees an edge."""
    for _ in range(2):
        smooth = _moving_average(_moving_average(rows, stride[0]).T, stride[1]).T
        top, left = stride[0] // 2, stride[1] // 2
        rows = rows[top : rows.shape[0] - top, left : rows.shape[1] - left] - smooth
    return rows


def _moving_average(a: Floats, s: int) -> Floats:
    """Return the symmetric moving average over s along the first axis, where it sees no edge.

    It nulls every harmonic of period s: s equal taps where s is odd, else s + 1 of which the first
    and the last count half.
    """
    if s == 1:
        return a
    sums = _moving_sum(a, s)
    if s % 2 == 0:
        sums = sums[:-1] + sums[1:]
        s *= 2
    sums *= np.float32(1 / s)
    return sums


def _moving_sum(a: Floats, s: int) -> Floats:
    if s == 1:
        return a
    if s % 2:
        return _moving_sum(a, s - 1)[:-1] + a[s - 1 :]
    half = _moving_sum(a, s // 2)
    return half[: len(half) - s // 2] + half[s // 2 :]


def _unsaturated(picture: Floats, across: int) -> NDArray[np.bool_]:
    if picture.min() > 0.0 and picture.max() < 255.0:
        return np.ones(across, bool)
    at_end = (picture <= 0.0) | (picture >= 255.0)
    share = at_end.reshape(len(picture), across, -1).mean(axis=(0, 2))
    return np.asarray(share <= _SATURATED)
