"""Takes a pattern that repeats with the stride off a picture, strip by strip.

1. What the whole picture shares. An uneven kernel adds to each phase a share of the brightness
   around, and of its slopes. So the phases of all cells (see `cells`) are regressed on 1, on the
   brightness and on its slopes, and what they predict is taken off. Much more of the slopes than of
   the brightness is no uneven kernel, but the stairs of nearest-neighbour or its like: they stay.
   Where that explains less than half of the pattern's power, nothing is shared.
   Clipped pixels first become what the pattern would have made of the brightness around.
2. What only neighbours share, for patterns of a part, of changing sign, or broken by a codec: what
   is near the lines of the stride beyond what the picture has there itself, see `bands`.

The first is done where the metric finds a pattern. The second is done where it finds one even then,
with four times the care in the wider neighbourhood of any pattern, and nowhere else. What it cannot
know: a texture of the stride's period whose phase stays the same is the same thing; what was
clipped is guessed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import bands
from upsample_cli.metrics.cells import CellGrid, Cells, strongest
from upsample_cli.metrics.meter import Field, judged
from upsample_cli.metrics.pattern import shares
from upsample_cli.metrics.rows import Floats, Mask

Fetch = Callable[[range], list[Floats]]
"""Gives whole rows of a channel, in levels of 0..255; and of its reference, where there is one."""

_NEAR, _WIDER = 4, 12  # cells around those with a pattern
# Times the ratios of `bands`: near a pattern that is left, near one that was shared and is off, in
# the wider neighbourhood, and beyond it.
_CLEAR, _DOUBT, _CAREFUL, _NOTHING = 1.3, 2.6, 5.2, 1e4
_LOSSY = 0.35  # times that after a lossy codec, which smooths pictures and breaks patterns up
_CODED = 8.0  # levels by which such a codec moves what was clipped, about
_MOST = 2.0  # times the strongest power of a pattern around, that is taken off at most
_FEW = 4  # a stride of few lines: between more of them lies the picture itself, which stays
_WHITE = 255.0  # levels: floating-point samples may lie beyond it, and are not clipped then
_DARKEST = 0.1  # of the brightness: what a pattern leaves at least
_ROWS, _COLUMNS = 256, 512  # of a part of a picture, about: what fits the cache
_WINDOW = 128  # pixels, about, along a side of the four windows that tell the ratios


@dataclass(frozen=True, slots=True, eq=False)
class Mending:
    """How to take the pattern off one channel.

    Args:
        grid: How the picture is cut into cells, for one stride down and across.
        size: Height and width of the picture.
        fetch: Gives rows of the channel.
        shared: Shape (4, phases): what goes with 1, the brightness, its slopes down and across.
        near: Shape (m, n), which cells have what is shared.
        care: Shape (m, n), times the ratios.
        largest: Same shape, the mean square of a pattern that is left, at most, in squared levels.
        ratios: See `bands`.
        clipped: Levels from 0 and 255 within which pixels may have been clipped.
    """

    grid: CellGrid
    size: tuple[int, int]
    fetch: Fetch
    shared: Floats
    near: Mask
    care: Floats
    largest: Floats
    ratios: NDArray[np.float64]
    clipped: float

    def strips(self) -> list[range]:
        """Return the rows of the picture, in strips."""
        return [range(run.start, min(run.stop, self.size[0])) for run in self._runs(0, _ROWS)]

    def mended(self, rows: range) -> Floats:
        """Return rows of the channel without the pattern, in levels, for one of `strips`."""
        mended, side = list[Floats](), self.grid.cell[0]
        for columns, levels, shared, near in self._parts(rows, self._runs(1, _COLUMNS)):
            care, largest = (self._at(rows, columns, one) for one in (self.care, self.largest))
            local = bands.excess(near, self.ratios, care, largest, side)
            mended.append(levels - shared - local)
        return np.concatenate(mended, axis=1)[: len(rows), : self.size[1]]

    def with_ratios(self, stairs: float) -> "Mending":
        """Return the same with the ratios that some windows tell, and stairs, see `bands`."""
        runs = [self._runs(axis, _WINDOW) for axis in (0, 1)]
        rows, columns = ([one[len(one) // 4], one[3 * len(one) // 4]] for one in runs)
        windows = [near for run in rows for *_, near in self._parts(run, columns)]
        ratios = bands.ratios(windows, self.grid.cell[0], stairs)
        if self.grid.stride[0] > _FEW:
            ratios[-1] = _NOTHING
        return replace(self, ratios=ratios)

    def _runs(self, axis: int, about: int) -> list[range]:
        """Return the rows or columns of the picture, in runs of whole cells."""
        length, cell = self.size[axis], self.grid.cell[axis]
        step = -(-about // cell) * cell
        starts = range(0, length, step)
        return [range(i, min(i + step, -(-length // cell) * cell)) for i in starts]

    def _parts(
        self, rows: range, runs: list[range]
    ) -> Iterator[tuple[range, Floats, Floats, list[Floats]]]:
        """Yield runs of columns; the levels of whole cells of these rows, and what is shared there.

        And the picture's own changes and the bands of the rest, with two cells more around.
        """
        stride, cell = self.grid.stride[0], self.grid.cell[0]
        reach, margin = bands.reach(stride, cell), bands.margin(stride)
        whole = range(rows.start, rows.start - (-len(rows) // cell) * cell)
        down = bands.repeated(whole, reach, range(self.size[0]), stride)
        needed = range(int(down.min()), int(down.max()) + 1)
        across = bands.repeated(range(runs[-1].stop), reach, range(self.size[1]), stride)
        fetched = [one[down - needed.start].take(across, 1) for one in self.fetch(needed)]
        for columns in runs:
            part = slice(columns.start, columns.stop + 2 * reach)
            levels, *known = (one[:, part] for one in fetched)
            levels = self._unclipped(levels, (whole.start - reach, columns.start - reach))
            *light, average, changes = bands.light(levels, stride)
            start = whole.start - reach + margin, columns.start - reach + margin
            spread = self._spread(light, start)
            residual = bands.inside(levels, spread.shape) - average - spread
            for one in known:
                residual -= bands.inside(one, spread.shape)
                residual += bands.inside(bands.averaged(one, stride), spread.shape)
            average = bands.averaged(residual, stride)
            residual = bands.inside(residual, average.shape) - average
            near = bands.bands(self._continued(residual, start), stride)
            changes = self._continued(bands.inside(changes, average.shape), start)
            own = len(whole), len(columns)
            near = [bands.inside(changes, near[0].shape), *near]
            yield columns, bands.inside(levels, own), bands.inside(spread, own), near

    def _continued(self, residual: Floats, start: tuple[int, int]) -> Floats:
        """Return a residual of which what draws on pixels beyond the edges repeats the inside."""
        stride = self.grid.stride[0]
        for axis, edge in enumerate(self.grid.margin):
            first = start[axis] + stride // 2
            own = range(first, first + residual.shape[axis])
            within = range(edge, self.size[axis] - edge)
            if own.start < within.start or own.stop > within.stop:
                residual = residual.take(bands.repeated(own, 0, within, stride) - first, axis)
        return residual

    def _unclipped(self, levels: Floats, start: tuple[int, int]) -> Floats:
        """Return levels, from some row and column on, that may lie beyond 0 and 255."""
        inside = (np.abs(levels) > self.clipped) & (np.abs(levels - _WHITE) > self.clipped)
        known = inside.astype(np.float32)
        if known.all():
            return levels
        stride, near = self.grid.stride[0], self._near(levels.shape, start)
        shifts = -(start[0] % stride), -(start[1] % stride)
        phases = np.roll(self.shared[:2].reshape(2, stride, stride), shifts, (1, 2))
        cells = tuple(-(-length // stride) for length in levels.shape)
        even, times = np.tile(phases, (1, *cells))[:, : levels.shape[0], : levels.shape[1]] * near
        times = np.maximum(1 + times, _DARKEST)
        total = bands.averaged(known, stride)
        around = bands.averaged((levels - even) / times * known, stride)
        own = bands.inside(levels, total.shape)
        around = np.where(total > 0, around / np.maximum(total, 1e-6), own)
        expected = around * bands.inside(times, total.shape) + bands.inside(even, total.shape)
        beyond = np.where(own > _WHITE / 2, np.maximum(own, expected), np.minimum(own, expected))
        result, is_clipped = levels.copy(), bands.inside(known, total.shape) == 0
        np.copyto(bands.inside(result, total.shape), beyond, where=is_clipped)
        return result

    def _spread(self, light: list[Floats], start: tuple[int, int]) -> Floats:
        """Return what is shared, for pixels from some row and column on."""
        stride, (height, width), (top, left) = self.grid.stride[0], light[0].shape, start
        spread = np.empty((height, width), np.float32)
        for i in range(stride):
            shares = self.shared.reshape(4, stride, stride)[:, (top + i) % stride]
            shares = np.tile(np.roll(shares, -(left % stride), axis=1), -(-width // stride))
            even, *others = shares[:, :width]
            for share, one in zip(others, light, strict=True):
                if share.any():
                    even = even + one[i::stride] * share
            spread[i::stride] = even
        return spread * self._near((height, width), start)

    def _near(self, shape: tuple[int, ...], start: tuple[int, int]) -> Floats:
        """Return how near to the pattern pixels are, 0..1."""
        if self.near.all():
            return np.ones((1, 1), np.float32)
        down, across = (
            self._weights_along(axis, np.arange(first, first + length))
            for axis, (first, length) in enumerate(zip(start, shape, strict=True))
        )
        return np.asarray(down @ self.near.astype(np.float32) @ across.T)

    def _at(self, rows: range, columns: range, of_cells: Floats) -> Floats:
        """Return figures of all cells at those of rows and columns, and at one more around."""
        down, across = (
            self._weights_along(
                axis, np.arange(run.start - cell, run.stop + cell, cell) + cell // 2
            )
            for axis, (run, cell) in enumerate(zip((rows, columns), self.grid.cell, strict=True))
        )
        return np.asarray(down @ of_cells @ across.T)

    def _weights_along(self, axis: int, places: NDArray[np.intp]) -> Floats:
        """Return the weights of all cells along an axis at some places, shape (places, cells)."""
        middle = (places + 0.5 - self.grid.margin[axis]) / self.grid.cell[axis] - 0.5
        return bands.linear_weights(middle, self.care.shape[axis])


def unshared(cells: Cells, grid: CellGrid) -> Field:
    """Return where the metric still finds a pattern when what all cells share is off."""
    shared, _, light = shares(cells, grid)
    rest = cells._replace(phases=cells.phases - np.einsum("imn,ip->mpn", light, shared))
    return judged(rest, grid)[1]


def mending(cells: Cells, grid: CellGrid, fields: tuple[Field, Field], size: tuple[int, int],
            fetch: Fetch, is_lossy: bool = False) -> Mending:  # fmt: skip
    """Return how to take the pattern off a channel.

    Args:
        cells: All cells of the channel.
        grid: How the picture is cut into them, for one stride down and across.
        fields: Where the metric finds a pattern, and where one is left, see `unshared`; of this
            channel or of luma.
        size: Height and width of the picture.
        fetch: Gives rows of the channel.
        is_lossy: Whether the picture comes from a lossy codec, such as JPEG.
    """
    own, left = (np.square(np.nan_to_num(field.rms), dtype=np.float32) for field in fields)
    shared, stairs, _ = shares(cells, grid)
    if left.sum() > own.sum() / 2:  # few cells share it
        shared, left = np.zeros_like(shared), own
    wide, close, rest = (
        strongest(power, reach) for power, reach in ((own, _WIDER), (own, _NEAR), (left, _NEAR))
    )
    near = (close > 0) & ~cells.plain
    care = np.where(wide > 0, np.float32(_CAREFUL), np.float32(_NOTHING))
    care[near] = np.where(rest > 0, _CLEAR, _DOUBT)[near]
    care *= _LOSSY if is_lossy else 1.0
    largest, clipped = np.float32(_MOST) * wide, _CODED if is_lossy else 0.0
    plan = Mending(grid, size, fetch, shared, near, care, largest, np.ones(4), clipped)
    return plan.with_ratios(stairs)
