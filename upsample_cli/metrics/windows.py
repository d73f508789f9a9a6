"""Searches windows of a picture for patterns that a part of it has, or whose sign changes.

A window is 4 x 4 cells. Its pattern is the weighted mean of their phases; its error is the greatest
of three jackknife errors: over the window's rows of cells, its columns, and its single cells. Then
2 x 2 cells are joined into one, and the search is repeated with windows twice as large.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.metrics.cells import CellGrid
from upsample_cli.metrics.patches import Patches
from upsample_cli.metrics.rows import ROUNDING, Floats, Mask
from upsample_cli.metrics.spectrum import real_lines, square_lines

Indices = NDArray[np.intp]
_SIDE = 4  # cells along a side of a window
_SIZES = 3  # number of sizes of windows, each twice as large as the one before
_KNOWN = 3.0  # least effective number of cells in a window, by their weights
_LEVELS = 1.0  # RMS in levels of the weakest pattern to look for
_WORTH = 3.0  # least power, over that of chance, in windows for which the jackknife is tried
_LEAST = 9  # least number of cells in the picture that have the pattern of their window
_BESIDE = 1  # cells beyond a window's sides that may have its pattern, too
_FIRST = 1000.0  # dB added to windows that contain a cell, so that they win over windows beside it
_AT_ONCE = 2048  # windows computed together
_NOTHING_DB = -99.0
_BRIGHTEST = 1e5  # levels: beyond that, squares overflow


def least_db(stride: tuple[int, int]) -> float:
    """Return the least contrast, in dB, of a clear pattern in one window of many.

    The fewer lines a stride has, the more the mean over them varies by chance.
    """
    return 12.5 + 8 / (stride[0] * stride[1] - 1)


def search(
    phases: Floats,
    level: Floats,
    square: NDArray[np.float64],
    weight: Floats,
    chance: Floats,
    grid: CellGrid,
    shape: NDArray[np.float64] | None = None,
) -> tuple[float, Patches]:
    """Return the contrast of the clearest window with a pattern, in dB, and the patterns of cells.

    The contrast is NaN where no window has a pattern. A cell has the pattern of the clearest window
    around it, of the smallest size with a clear one, or that of a neighbour with which it shares
    such a pattern.

    Args:
        phases: Shape (m, phases, n), the phases of each cell, less the stairs of its slopes.
        level: Shape (m, n), the brightness of each cell.
        square: Same shape, the mean square of the picture in each cell.
        weight: Same shape, the weight of each cell.
        chance: Shape (m, n), the mean square of the phases of each cell that is due to chance.
        grid: How the picture is cut into cells.
        shape: Shape (phases,), the pattern of the whole picture; None if it has none.
    """
    best, least, striped = _NOTHING_DB, least_db(grid.stride), least_db((1, max(grid.stride)))
    lines = real_lines(phases.swapaxes(1, 2), grid.stride)
    usable = weight > 0
    level = np.clip(np.where(usable, level, 0), 0, _BRIGHTEST)
    bounded = np.minimum(square, _BRIGHTEST**2).astype(np.float32)
    known = None if shape is None else real_lines(shape, grid.stride)
    patches = Patches(lines, level, bounded, known)
    cells = singles = _Cells.of(lines, level[..., None], weight[..., None], chance[..., None])
    for size in range(_SIZES):
        if min(cells.weight.shape[:2]) < _SIDE:
            break
        contrasts = cells.contrasts(grid.stride, grid.pixels * 4**size)
        best = max(best, float(contrasts.max()))
        if contrasts.max() >= least:
            _fill(patches, usable, _clearest(contrasts, least), (cells, singles), 2**size)
        cells = cells.halved()
    have_it = np.count_nonzero(patches.power > patches.full / 2)
    if have_it < _LEAST or patches.are_text(best >= striped, chance, grid.stride):
        return np.nan, Patches(lines, level, bounded, known)
    patches.grow(usable)
    return best, patches


def _fill(
    patches: Patches, usable: Mask, which: Indices, cells: "tuple[_Cells, _Cells]", side: int
) -> None:
    """Give cells the patterns of the clear windows of one size.

    Args:
        patches: The patterns so far, of smaller windows: they stay.
        usable: Shape (m, n), whether a pattern would show in a cell.
        which: The index of each cell's window, see `_clearest`.
        cells: The cells that the windows consist of, and the single cells.
        side: How many single cells a cell of these windows has along a side.
    """
    joined, singles = cells
    sums = joined.sums()
    which = which.repeat(side, axis=0).repeat(side, axis=1)
    free = usable & ~patches.known
    places = np.nonzero((which >= 0) & free[: len(which), : which.shape[1]])
    windows = np.unravel_index(which[places], sums.weight.shape[:2])
    apart = [place // side - first for place, first in zip(places, windows, strict=True)]
    inside = np.logical_and(*((steps >= 0) & (steps < _SIDE) for steps in apart))[:, None]
    near = [part[windows] for part in sums]
    others = [
        np.where(inside, part - own[places], part) for part, own in zip(near, singles, strict=True)
    ]
    patches.fill(places, near, others)


class _Cells(NamedTuple):
    """Weighted sums over m x n cells or windows.

    Args:
        phases: Shape (m, n, phases), phases times weight.
        weight: Shape (m, n, 1), the weight.
        bright_phases: As `phases`, times the brightness.
        bright_weight: As `weight`, times the square of the brightness.
        error: Shape (m, n, 1), the phases' mean square by chance, times the squared weight.
    """

    phases: Floats
    weight: Floats
    bright_phases: Floats
    bright_weight: Floats
    error: Floats

    @classmethod
    def of(cls, phases: Floats, level: Floats, weight: Floats, chance: Floats) -> "_Cells":
        """Return the sums of single cells; `chance` is the phases' mean square by chance."""
        parts = phases * weight
        return cls(parts, weight, parts * level, weight * level**2, np.square(weight) * chance)

    def halved(self) -> "_Cells":
        """Return the sums over 2 x 2 cells."""
        m, n = (length // 2 * 2 for length in self.weight.shape[:2])
        rows = (part[:m:2, :n] + part[1:m:2, :n] for part in self)
        return _Cells(*(part[:, ::2] + part[:, 1::2] for part in rows))

    def sums(self) -> "_Cells":
        """Return the sums over each window."""
        return _Cells(*(_sums(_sums(part, axis=1), axis=0) for part in self))

    def contrasts(self, stride: tuple[int, int], pixels: int) -> Floats:
        """Return the contrast of each window, in dB."""
        parts = self.phases, self.weight
        rows, columns = ([_sums(part, axis) for part in parts] for axis in (1, 0))
        sums, total = (_sums(part, axis=0) for part in rows)
        error, squares = (
            _sums(_sums(part, axis=1), axis=0)[..., 0]
            for part in (self.error, np.square(self.weight))
        )
        power = np.einsum("mnk,mnk->mn", sums, sums)
        tried = (power >= np.square(_LEVELS * total[..., 0])) & (power >= _WORTH * error)
        places = np.nonzero(tried & (np.square(total[..., 0]) > _KNOWN * squares))
        contrasts = np.full(power.shape, _NOTHING_DB, np.float32)
        views = (
            [sliding_window_view(part, _SIDE, 0) for part in rows],
            [sliding_window_view(part, _SIDE, 1) for part in columns],
            [sliding_window_view(part, (_SIDE, _SIDE), (0, 1)) for part in parts],
        )
        for start in range(0, len(places[0]), _AT_ONCE):
            some = tuple(axis[start : start + _AT_ONCE] for axis in places)
            contrasts[some] = _contrasts(sums[some], total[some], views, some, stride, pixels)
        return contrasts


def _contrasts(
    sums: Floats,
    total: Floats,
    views: Sequence[Sequence[Floats]],
    places: tuple[NDArray[np.intp], ...],
    stride: tuple[int, int],
    pixels: int,
) -> Floats:
    """Return the contrast of some windows in dB.

    Args:
        sums: Shape (windows, phases), sums of weighted phases.
        total: Shape (windows, 1), sums of weights.
        views: Weighted phases and weights of each window's rows, columns and cells, on last axes.
        places: Where the windows are, down and across.
        stride: Period down and across.
        pixels: How many pixels a cell has.
    """
    mean = sums / total
    power = square_lines(np.square(mean), stride)
    error = np.full(power.shape, ROUNDING / (_SIDE**2 * pixels))
    contrasts = np.empty(len(power), np.float32)
    active = np.arange(len(power))
    for parts, weights in views:
        if not active.size:
            break
        where = tuple(axis[active] for axis in places)
        weight = weights[where].reshape(len(active), 1, -1)
        # If a part has all the weight, nothing is left without it: the change is minus the mean.
        change = sums[active, :, None] - parts[where].reshape(len(active), sums.shape[1], -1)
        change /= np.maximum(total[active, :, None] - weight, 1e-9)
        change -= mean[active, :, None]
        spread = np.einsum("wkp,wkp->wk", change, change) * (1 - 1 / change.shape[2])
        error[active] = np.maximum(error[active], square_lines(spread, stride))
        ratio = (power[active] / error[active])[:, 1:].mean(axis=1)
        contrasts[active] = 10 * np.log10(ratio + 1e-30)
        active = active[contrasts[active] >= least_db(stride)]  # the others are already unclear
    return contrasts


def _sums(parts: Floats, axis: int) -> Floats:
    """Return sums over 4 cells along an axis."""
    for step in (1, 2):  # pairs, then pairs of pairs
        parts = parts[step:] + parts[:-step] if axis == 0 else parts[:, step:] + parts[:, :-step]
    return parts


def _clearest(contrasts: Floats, least: float) -> Indices:
    """Return for each cell the index of the clearest window around it; -1 where none is clear.

    Cells that are in no clear window get the clearest window that they are beside.
    """
    (m, n), numbers = contrasts.shape, np.arange(contrasts.size).reshape(contrasts.shape)
    side = _SIDE + 2 * _BESIDE
    best = np.full((m + side - 1, n + side - 1), least, np.float32)
    which = np.full(best.shape, -1, np.intp)
    for down, across in np.ndindex(side, side):
        is_inside = all(_BESIDE <= step < _BESIDE + _SIDE for step in (down, across))
        contrast = np.where(contrasts >= least, contrasts + _FIRST * is_inside, _NOTHING_DB)
        part = np.s_[down : down + m, across : across + n]
        clearer = contrast >= best[part]
        best[part][clearer] = contrast[clearer]
        which[part][clearer] = numbers[clearer]
    return which[_BESIDE:-_BESIDE, _BESIDE:-_BESIDE]
