"""Removes a pattern that repeats with the stride from a picture, strip by strip.

1. The pattern that all cells share is subtracted, if it explains half of the pattern's power, see
   `shared_pattern`. Before that, clipped pixels get the value that the brightness around and the
   pattern predict.
2. Patterns that only neighbouring cells share are subtracted: patterns whose strength changes
   suddenly, of many kernels, or broken up by a codec. They are the power near the stride's lines
   that exceeds the picture's own, see `bands`.

Step 1 is done near cells where the metric finds a pattern, and in cells that it could not measure,
such as clipped ones. Step 2 is done near cells where it still finds one after step 1; with twice
the care near cells where step 1 was enough; with four times the care in the wider neighbourhood of
any pattern; and nowhere else. Step 2 is left out if the pattern has one strength everywhere and
step 1 leaves none, except after a lossy codec. A texture of the stride's period whose phase stays
the same looks like a pattern and is removed, too; the values of clipped pixels are guesses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import bands
from upsample_cli.metrics.cells import CellGrid, Cells, maximum_within
from upsample_cli.metrics.meter import PatternMap
from upsample_cli.metrics.rows import Floats
from upsample_cli.metrics.shared_pattern import SharedPattern, explaining_pattern, power_of

Fetch = Callable[[range], list[Floats]]
"""Returns whole rows of a channel in levels of 0..255, then those of its reference, if any."""

_NEAR, _WIDER = 4, 12  # how many cells the neighbourhoods of a pattern reach beyond its cells
# Factors of the ratios of `bands`: near a pattern that step 1 leaves, near one that it removes, in
# the wider neighbourhood, and beyond it.
_CLEAR, _DOUBT, _CAREFUL, _NOTHING = 1.3, 2.6, 5.2, 1e4
_LOSSY = 0.35  # their factor after a lossy codec, which smooths pictures and breaks patterns up
_CODED = 8.0  # levels by which a lossy codec moves clipped pixels, about
_MOST = 2.0  # greatest power that step 2 removes, over that of the strongest pattern nearby
_FEW = 4  # larger strides have many lines: the outermost ring, between the lines, is not changed
_WHITE = 255.0  # levels; floating-point samples beyond it are not clipped
_DARKEST = 0.1  # least share of the brightness that a pattern leaves
_ROWS, _COLUMNS = 256, 512  # pixels of a part of a picture, about: what fits the cache
_WINDOW = 128  # pixels, about, along a side of the four windows that the ratios come from


@dataclass(frozen=True, slots=True, eq=False)
class PatternRemoval:
    """How to remove the pattern from one channel.

    Args:
        grid: How the picture is cut into cells, for the same stride down and across.
        size: Height and width of the picture, in pixels.
        fetch: Returns rows of the channel.
        shared: The pattern of step 1; its strength is 0 away from cells with a pattern.
        care: Shape (m, n), factors of the ratios.
        largest: Same shape, the greatest mean square that step 2 removes, in squared levels.
        ratios: The ratio of each band, see `bands`.
        is_lossy: Whether the picture comes from a lossy codec, such as JPEG.
    """

    grid: CellGrid
    size: tuple[int, int]
    fetch: Fetch
    shared: SharedPattern
    care: Floats
    largest: Floats
    ratios: NDArray[np.float64]
    is_lossy: bool

    def strips(self) -> list[range]:
        """Return the rows of the picture, as strips of whole cells."""
        return [range(run.start, min(run.stop, self.size[0])) for run in self._runs(0, _ROWS)]

    def without_pattern(self, rows: range) -> Floats:
        """Return the rows of one of `strips` without the pattern, in levels."""
        mended, side = list[Floats](), self.grid.cell[0]
        for columns, levels, shared, window in self._parts(rows, self._runs(1, _COLUMNS)):
            mended.append(levels - shared)
            if window:
                care, largest = (self._at(rows, columns, at) for at in (self.care, self.largest))
                local = bands.local_pattern(window, self.ratios, care, largest, side, self.is_lossy)
                mended[-1] -= local
        return np.concatenate(mended, axis=1)[: len(rows), : self.size[1]]

    def with_ratios(self, stairs: float) -> "PatternRemoval":
        """Return this plan with the ratios of four windows of the picture; see `bands.ratios`."""
        runs = [self._runs(axis, _WINDOW) for axis in (0, 1)]
        rows, columns = ([axis[len(axis) // 4], axis[3 * len(axis) // 4]] for axis in runs)
        windows = [window for run in rows for *_, window in self._parts(run, columns)]
        ratios = bands.ratios(windows, self.grid.cell[0], stairs)
        if self.grid.stride[0] > _FEW:
            ratios[-1] = _NOTHING
        return replace(self, ratios=ratios)

    def _runs(self, axis: int, about: int) -> list[range]:
        """Return the rows or columns of the picture, in runs of whole cells of `about` pixels."""
        length, cell = self.size[axis], self.grid.cell[axis]
        step = -(-about // cell) * cell
        starts = range(0, length, step)
        return [range(i, min(i + step, -(-length // cell) * cell)) for i in starts]

    def _parts(
        self, rows: range, runs: list[range]
    ) -> Iterator[tuple[range, Floats, Floats, list[Floats]]]:
        """Yield each run of columns, its levels in whole cells, the shared pattern, and a list.

        The list is the `window` of `bands.local_pattern`: the picture's own changes and the bands.
        It is empty without step 2.
        """
        stride, cell, is_local = self.grid.stride[0], self.grid.cell[0], self.largest.any()
        margin = bands.margin(stride)
        reach = bands.reach(stride, cell) if is_local else margin
        whole = range(rows.start, rows.start - (-len(rows) // cell) * cell)
        down = bands.wrapped_indices(whole, reach, range(self.size[0]), stride)
        needed = range(int(down.min()), int(down.max()) + 1)
        across = bands.wrapped_indices(range(runs[-1].stop), reach, range(self.size[1]), stride)
        fetched = [plane[down - needed.start].take(across, 1) for plane in self.fetch(needed)]
        for columns in runs:
            part = slice(columns.start, columns.stop + 2 * reach)
            levels, *known = (plane[:, part] for plane in fetched)
            levels = self._unclipped(levels, (whole.start - reach, columns.start - reach))
            *light, average, changes = bands.brightness_and_changes(levels, stride)
            start = whole.start - reach + margin, columns.start - reach + margin
            spread, shape = self._spread(light, start), (len(whole), len(columns))
            if not is_local:
                yield columns, bands.centre(levels, shape), spread, []
                continue
            residual = bands.centre(levels, spread.shape) - average - spread
            for plane in known:
                residual -= bands.centre(plane, spread.shape)
                residual += bands.centre(bands.averaged(plane, stride), spread.shape)
            average = bands.averaged(residual, stride)
            residual = bands.centre(residual, average.shape) - average
            parts = bands.bands(self._continued(residual, start), stride)
            changes = self._continued(bands.centre(changes, average.shape), start)
            window = [bands.centre(changes, parts[0].shape), *parts]
            yield columns, bands.centre(levels, shape), bands.centre(spread, shape), window

    def _continued(self, residual: Floats, start: tuple[int, int]) -> Floats:
        """Return a residual in which values drawn from beyond the edges repeat inner ones."""
        stride = self.grid.stride[0]
        for axis, edge in enumerate(self.grid.margin):
            first = start[axis] + stride // 2
            own = range(first, first + residual.shape[axis])
            within = range(edge, self.size[axis] - edge)
            if own.start < within.start or own.stop > within.stop:
                residual = residual.take(
                    bands.wrapped_indices(own, 0, within, stride) - first, axis
                )
        return residual

    def _unclipped(self, levels: Floats, start: tuple[int, int]) -> Floats:
        """Return levels of a window that begins at `start`, clipped ones restored beyond 0..255."""
        from_ends = np.minimum(np.abs(levels), np.abs(levels - _WHITE))
        known = (from_ends > self.is_lossy * _CODED).astype(np.float32)
        if known.all():
            return levels
        stride, strength = self.grid.stride[0], self._strength(levels.shape, start)
        shifts = -(start[0] % stride), -(start[1] % stride)
        phases = np.roll(self.shared.shares[:2].reshape(2, stride, stride), shifts, (1, 2))
        (height, width), cells = levels.shape, tuple(-(-n // stride) for n in levels.shape)
        added, factor = np.tile(phases, (1, *cells))[:, :height, :width] * strength
        factor = np.maximum(1 + factor, _DARKEST)
        total = bands.averaged(known, stride)
        around = bands.averaged((levels - added) / factor * known, stride)
        own = bands.centre(levels, total.shape)
        around = np.where(total > 0, around / np.maximum(total, 1e-6), own)
        expected = around * bands.centre(factor, total.shape) + bands.centre(added, total.shape)
        beyond = np.where(own > _WHITE / 2, np.maximum(own, expected), np.minimum(own, expected))
        result, is_clipped = levels.copy(), bands.centre(known, total.shape) == 0
        np.copyto(bands.centre(result, total.shape), beyond, where=is_clipped)
        return result

    def _spread(self, light: list[Floats], start: tuple[int, int]) -> Floats:
        """Return the shared pattern of a window that begins at `start`, in levels."""
        stride, (height, width), (top, left) = self.grid.stride[0], light[0].shape, start
        spread = np.empty((height, width), np.float32)
        for i in range(stride):
            shares = self.shared.shares.reshape(4, stride, stride)[:, (top + i) % stride]
            shares = np.tile(np.roll(shares, -(left % stride), axis=1), -(-width // stride))
            row, *others = shares[:, :width]
            for share, regressor in zip(others, light, strict=True):
                if share.any():
                    row = row + regressor[i::stride] * share
            spread[i::stride] = row
        return spread * self._strength((height, width), start)

    def _strength(self, shape: tuple[int, ...], start: tuple[int, int]) -> Floats:
        """Return the strength of the shared pattern at each pixel of a window."""
        if self.shared.is_everywhere:
            return np.ones((1, 1), np.float32)
        pixels = (np.arange(i, i + length) for i, length in zip(start, shape, strict=True))
        return self._interpolated(self.shared.strength, *pixels)

    def _at(self, rows: range, columns: range, of_cells: Floats) -> Floats:
        """Return figures of all cells, interpolated at a part's cells and one more on each side."""
        middles = (
            np.arange(run.start - cell, run.stop + cell, cell) + cell // 2
            for run, cell in zip((rows, columns), self.grid.cell, strict=True)
        )
        return self._interpolated(of_cells, *middles)

    def _interpolated(self, of_cells: Floats, *pixels: NDArray[np.intp]) -> Floats:
        """Return figures of all cells, interpolated at rows and columns of pixels."""
        for at, margin, cell in zip(pixels, self.grid.margin, self.grid.cell, strict=True):
            places = np.clip((at + 0.5 - margin) / cell - 0.5, 0, len(of_cells) - 1)
            first = int(places[0])
            near = of_cells[first : int(places[-1]) + 2]
            of_cells = (bands.linear_weights(places - first, len(near)) @ near).T
        return of_cells


def pattern_removal(cells: Cells, grid: CellGrid, fields: tuple[PatternMap, PatternMap],
                    size: tuple[int, int], fetch: Fetch, is_lossy: bool = False
                    ) -> PatternRemoval:  # fmt: skip
    """Return how to remove the pattern from a channel.

    Args:
        cells: All cells of the channel.
        grid: How the picture is cut into cells, for the same stride down and across.
        fields: Where the metric finds a pattern, and where it still does, see `explaining_pattern`;
            for this channel, or for luma.
        size: Height and width of the picture, in pixels.
        fetch: Returns rows of the channel.
        is_lossy: Whether the picture comes from a lossy codec, such as JPEG.
    """
    own, (shared, after) = power_of(fields[0]), explaining_pattern(cells, grid, fields)
    wide, close, remaining = (
        maximum_within(power, reach)
        for power, reach in ((own, _WIDER), (own, _NEAR), (after, _NEAR))
    )
    close = np.where(np.isnan(fields[0].rms), own.max(), close)  # clipped cells, for example
    near = (close > 0) & ~(cells.plain | cells.flat)
    care = np.where(wide > 0, np.float32(_CAREFUL), np.float32(_NOTHING))
    care[near] = np.where(remaining > 0, _CLEAR, _DOUBT)[near]
    care *= _LOSSY if is_lossy else 1.0
    is_enough = shared.is_everywhere and not (is_lossy or after.any())
    largest = np.float32(0.0 if is_enough else _MOST) * wide
    shared = shared._replace(strength=shared.strength * near)
    plan = PatternRemoval(grid, size, fetch, shared, care, largest, np.ones(4), is_lossy)
    return plan.with_ratios(shared.stairs) if largest.any() else plan
