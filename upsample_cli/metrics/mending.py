"""Takes a pattern that repeats with the stride off a picture, strip by strip.

1. What cells share. The mean of each phase in a cell (see `cells`), a, is b p: b is 1 for a pattern
   of one strength, the cell's level for one in proportion to the brightness. p is estimated from
   the whole picture, then what is left of it from ever smaller neighbourhoods, each with binomial
   weights w / variance:

       d = sum(w b (a - b p)) / sum(w b^2),   p += d max(0, 1 - 3 e / mean(d^2))

   where e is what chance adds to d^2. The pattern is subtracted, or divided by: y / (1 + p). Of
   the two the one counts that leaves less of a, by weight.
2. What only neighbours share: see `bands`, for patterns that change within few cells, and for
   what the first step leaves; no more than four times the power that the metric finds there.

It is done where the metric finds a pattern, nowhere else. What it cannot know: a texture of the
stride's period whose phase stays the same is the same thing; clipped pixels stay clipped.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import bands
from upsample_cli.metrics.cells import CellGrid, Cells
from upsample_cli.metrics.meter import Field
from upsample_cli.metrics.pattern import noise, weights
from upsample_cli.metrics.rows import Floats

Fetch = Callable[[range], Floats]
"""Gives whole rows of a channel, in levels of 0..255."""

_ROUNDING = 1 / 12  # variance of a rounded pixel
_SURE = 3.0  # times chance: below it nothing is taken off
_WIDEST, _LEAST = 6, 1  # neighbourhoods: their radius is about 2^n cells
_NEAR = 2  # the neighbourhood of cells with a pattern, likewise: where its sign changes it is weak
_MOST = 4.0  # times the power that the metric finds around: no more is taken off by step 2
_UNKNOWN = 100.0  # levels, where the metric cannot tell
_DARK = -0.9  # of a proportion: no pixel is made more than ten times as bright
_ROWS = 128  # of a strip, about
_COLUMNS = 768  # pixels, of a part of a strip: what fits the cache


@dataclass(frozen=True, slots=True, eq=False)
class Mending:
    """How to take the pattern off one channel.

    Args:
        grid: How the picture is cut into cells.
        size: Height and width of the picture.
        pattern: Shape (m, phases, n), in levels, or relative to the brightness.
        is_relative: Which of the two.
        where: Shape (m, n), 0..1: in which cells there is a pattern.
        power: Same shape, the mean square that it may have there, in levels.
    """

    grid: CellGrid
    size: tuple[int, int]
    pattern: Floats
    is_relative: bool
    where: Floats
    power: Floats

    def strips(self) -> list[range]:
        """Return the rows of the picture, in strips."""
        step = -(-_ROWS // self.grid.cell[0]) * self.grid.cell[0]
        return [range(top, min(top + step, self.size[0])) for top in range(0, self.size[0], step)]

    def mended(self, fetch: Fetch, expected: Fetch | None, rows: range) -> Floats:
        """Return rows of the channel without the pattern, in levels.

        Args:
            fetch: Gives rows of the channel.
            expected: Gives rows of what the channel is known to show, such as a reference.
            rows: One of `strips`.
        """
        (s, t), (tall, wide), (height, width) = self.grid.stride, self.grid.cell, self.size
        m, n = -(-len(rows) // tall), -(-width // wide)
        reach = bands.reach(s, tall), bands.reach(t, wide)
        down = bands.repeated(rows.start - reach[0], rows.start + m * tall + reach[0], height, s)
        across = bands.repeated(-reach[1], n * wide + reach[1], width, t)
        needed = range(int(down.min()), int(down.max()) + 1)

        def around(fetched: Fetch) -> Floats:
            """Return the strip with what it draws on."""
            return fetched(needed)[down - needed.start][:, across]

        levels = around(fetch)
        spread = self._spread(down, across)
        levels = levels / (1 + spread) if self.is_relative else levels - spread
        inside = np.s_[reach[0] : reach[0] + len(rows), reach[1] : reach[1] + width]
        rest = levels if expected is None else levels - around(expected)
        middles = rows.start + tall // 2 + tall * np.arange(-1, m + 1)
        most = self._between(0, middles) @ self.power
        most = most @ self._between(1, wide // 2 + wide * np.arange(-1, n + 1)).T
        local = np.empty((m * tall, n * wide), np.float32)
        for first in range(0, n, step := max(1, _COLUMNS // wide)):
            last = min(first + step, n)
            part = rest[:, first * wide : last * wide + 2 * reach[1]]
            local[:, first * wide : last * wide] = bands.pattern(
                part, (s, t), (tall, wide), np.asarray(most[:, first : last + 2], np.float32)
            )
        local = local[: len(rows), :width]
        where = self._between(0, np.arange(rows.start, rows.stop)) @ self.where
        local *= where @ self._between(1, np.arange(width)).T
        return levels[inside] - local

    def _spread(self, down: NDArray[np.intp], across: NDArray[np.intp]) -> Floats:
        """Return the pattern of all cells at some pixels, linear between the cells' middles."""
        (s, t), (m, _, n) = self.grid.stride, self.pattern.shape
        pattern = self.pattern.reshape(m, s, t, n)
        spread = np.empty((len(down), len(across)), np.float32)
        for i, j in np.ndindex(s, t):
            rows = self._between(0, down[i::s])
            columns = self._between(1, across[j::t])
            phases = pattern[:, down[i] % s, across[j] % t]
            spread[i::s, j::t] = rows @ phases @ columns.T
        return np.maximum(spread, _DARK) if self.is_relative else spread

    def _between(self, axis: int, places: NDArray[np.intp]) -> Floats:
        """Return the weights of all cells along an axis at some places, shape (places, cells)."""
        middle = (places + 0.5 - self.grid.margin[axis]) / self.grid.cell[axis] - 0.5
        return bands.between(middle, self.where.shape[axis])


def mending(
    cells: Cells | None,
    grid: CellGrid,
    field: Field,
    size: tuple[int, int],
) -> Mending:
    """Return how to take the pattern off a channel.

    Args:
        cells: All cells of the channel; there are some.
        grid: How the picture is cut into them.
        field: Where the metric finds a pattern, in this channel or in luma.
        size: Height and width of the picture.
    """
    assert cells is not None  # a picture with a checkerboard has cells
    noises = noise(cells, grid.pixels)
    weight = weights(cells, noises)
    count = cells.phases.shape[1]
    chance = (noises + np.float32(_ROUNDING)) * np.float32(count / grid.pixels)
    there = np.nan_to_num(field.rms, nan=1.0) > 0
    where = (_smooth(there[:, None].astype(np.float32), _NEAR)[:, 0] > 0).astype(np.float32)
    where *= ~cells.plain
    power = np.square(np.nan_to_num(field.rms, nan=_UNKNOWN)).astype(np.float32)
    power = _MOST * _smooth(power[:, None], _NEAR)[:, 0]
    kinds = []
    for is_relative in (False, True):
        base = cells.level if is_relative else np.ones_like(cells.level)
        pattern = _fitted(cells.phases, weight, base, chance)
        left = np.square(cells.phases - base[:, None] * pattern).sum(axis=1)
        one = Mending(grid, size, pattern * where[:, None], is_relative, where, power)
        kinds.append((float((left * weight).sum()), one))
    return min(kinds, key=lambda kind: kind[0])[1]


def _fitted(phases: Floats, weight: Floats, base: Floats, chance: Floats) -> Floats:
    """Return the pattern of each cell, relative to its base; see step 1 above."""
    count = phases.shape[1]
    first, second = weight * base, weight * np.square(base)
    shared = (first[:, None] * phases).sum(axis=(0, 2)) / max(float(second.sum()), 1e-30)
    pattern = np.repeat(np.repeat(shared[None, :, None], len(base), 0), base.shape[1], 2)
    for scale in range(_WIDEST, _LEAST - 1, -1):
        if 2**scale > max(base.shape):
            continue
        power = _smooth(second[:, None], scale)
        power = np.maximum(power, 1e-6 * power.max() + np.float32(1e-30))
        rest = _smooth(first[:, None] * (phases - base[:, None] * pattern), scale) / power
        error = _smooth((np.square(first) * chance)[:, None], scale, squared=True)
        error *= np.float32(1 - 1 / count) / np.square(power)
        strength = np.square(rest).mean(axis=1, keepdims=True)
        pattern += rest * np.maximum(0.0, 1 - _SURE * error / (strength + np.float32(1e-30)))
    return np.asarray(pattern, np.float32)


def _smooth(values: Floats, scale: int, squared: bool = False) -> Floats:
    """Return sums over the cells around each, with the weights of `taps`, or their squares."""
    taps = np.ones(1)
    for step in range(scale + 1):
        wider = np.zeros(2 ** (step + 1) + 1)
        wider[:: 2**step] = 0.25, 0.5, 0.25
        taps = np.convolve(taps, wider)
    taps = (np.square(taps) if squared else taps).astype(np.float32)
    for axis in (0, 2):
        place = np.arange(values.shape[axis])
        apart = place - place[:, None] + len(taps) // 2
        band = np.where((apart >= 0) & (apart < len(taps)), taps.take(apart, mode="clip"), 0.0)
        values = np.moveaxis(np.tensordot(band.astype(np.float32), values, (1, axis)), 0, axis)
    return values
