"""The checkerboard metric: is there a pattern of the stride's period, where, and how strong?

1. A picture is cut into cells of a few periods; each keeps the mean of its residual in each phase
   (see `projection`).
2. The pattern of the whole picture comes from a regression over the cells (see `pattern`), that of
   its parts from windows of 4 x 4 cells (see `windows`); both come with estimates of their error.
3. A cell in or near a window with a pattern gets the power that its own phases share with that
   pattern (see `patches`). If a window's pattern resembles the picture's, only its part of that
   shape counts. All other cells get the power of the pattern that they have in common.
4. `ripple` is the root of the mean power over the usable cells: the RMS, in levels, of the part
   that repeats with the stride. `share` is the part of these cells that have the pattern, `peak`
   the RMS where it is strongest.
5. The verdict is "checkerboard" if a pattern is clear of its error, as a whole (12 dB) or in a
   window (13 to 20 dB), and `ripple` is 0.2 level or more, 0.35 if only windows have it. It is
   unknown instead of "none" if a small share of the cells is usable and their floor is high, or if
   few cells are usable and a ripple of that strength is not clear, but far above the floor.

    ripple^2 = mean over cells of ((mean over phases of a^2) - error), with a the pattern
"""

from functools import lru_cache
from math import isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.cells import CellGrid, CellReader, Cells, sum_3x3
from upsample_cli.metrics.checkerboard import (
    BLOCKS,
    CHECKERBOARD,
    CONTRAST_DB,
    DITHER,
    NONE,
    Checkerboard,
)
from upsample_cli.metrics.pattern import Pattern, noise, pattern, weights
from upsample_cli.metrics.rows import Mask
from upsample_cli.metrics.windows import search

LEAST_RIPPLE = 0.2  # the least ripple of a checkerboard, in levels
# The same for one colour: codecs store chroma coarsely, so textures have more ripple.
LEAST_COLOUR_RIPPLE = 0.8
_PART_LEVELS = 0.35  # the same for a pattern only in parts of a picture: some textures repeat
_LEAST_CELLS = 16  # least number of usable cells
# The verdict is unknown with a smaller share of usable cells and a greater floor, in levels.
_FEW, _BLIND = 0.25, 5.0
# With fewer usable cells, a pattern may be unclear although its ripple is more than so many times
# the floor: at long strides, most lines of a pattern with a shorter period are empty.
_MANY, _ABOVE = 50, 4.0
_BLOCKS = 0.95  # share of the cells: if as many may be one-colour blocks, there is no pattern
_DITHER = 0.5  # levels: the greatest ripple of ordered dither
_ALIKE = 0.9  # least correlation of a pattern with the thresholds of ordered dither
_BLOCK = 8  # pixels along a side of the blocks of JPEG and similar codecs
_FAINT = 1.0  # levels: the greatest ripple of codec blocks
_STRIPES = 0.6  # least share of the power of codec blocks that lies along the axes


class PatternMap(NamedTuple):
    """Where in a picture the pattern is.

    Args:
        rms: Shape (m, n), RMS of the pattern in each cell, in levels; 0 where no pattern is clear,
            NaN where none could be measured, as in saturated or transparent parts.
        cell: Rows and columns of a cell.
        margin: Rows and columns above and left of the first cell.
    """

    rms: NDArray[np.float64]
    cell: tuple[int, int]
    margin: tuple[int, int]


class Meter(CellReader):
    """Measures the checkerboard of a picture at some strides, from rows fed from the top down.

    Args:
        size: Height and width of the picture, in pixels.
        strides: Periods to look for, each down and across, in pixels.
        least: The least ripple of a checkerboard, in levels.
    """

    def __init__(
        self, size: tuple[int, int], *strides: tuple[int, int], least: float = LEAST_RIPPLE
    ) -> None:
        super().__init__(*(grid(stride, size) for stride in strides))
        self._least = least

    def result(self, index: int = 0) -> Checkerboard:
        """Return the checkerboard of the rows so far, at the stride of this index."""
        return verdict_and_map(self.cells(index), self.grids[index], self._least)[0]

    def pattern_map(self) -> PatternMap:
        """Return where the checkerboard of the rows so far is, at the first stride."""
        return verdict_and_map(self.cells(0), self.grids[0], self._least)[1]


def verdict_and_map(
    cells: Cells | None, grid: CellGrid, least: float = LEAST_RIPPLE
) -> tuple[Checkerboard, PatternMap]:
    """Return the checkerboard of a picture, and where it is.

    Args:
        cells: All cells of the picture; None if there are none.
        grid: How the picture is cut into cells.
        least: The least ripple of a checkerboard, in levels.
    """
    status = _status(cells, grid)
    if cells is None or status not in ("ok", "constant"):
        return _unknown(grid, status)
    if cells.blocks.mean() >= _BLOCKS:
        nowhere = Checkerboard(grid.stride, 0.0, 0.0, 0.0, nan, 0.0, 0.0, nan, NONE, status)
        return nowhere, PatternMap(np.where(cells.usable, 0.0, nan), grid.cell, grid.margin)
    whole, rest, local_db, power, has_it = _evidence(cells, grid)
    contrast = max(whole.contrast_db, rest.contrast_db)
    result = Checkerboard(
        grid.stride,
        ripple=sqrt(max(0.0, power[cells.usable].mean())),
        share=float(has_it[cells.usable].mean()),
        peak=sqrt(max(0.0, power[cells.usable].max())),
        contrast_db=contrast,
        floor=rest.additive.floor,
        ripple_rel=sqrt(whole.relative.power),
        local_db=local_db,
        verdict=NONE,
    )
    is_in_parts = isfinite(local_db)
    is_clear = contrast >= CONTRAST_DB or is_in_parts
    if contrast < CONTRAST_DB and is_in_parts:
        least = max(least, _PART_LEVELS)
    is_strong = result.ripple >= least
    if is_clear and is_strong:
        result = result._replace(verdict=_kind(result, rest, is_in_parts))
    elif result.floor > _BLIND and cells.usable.mean() < _FEW:
        return _unknown(grid, "saturated")
    elif is_strong and result.ripple > _ABOVE * result.floor and cells.usable.sum() < _MANY:
        return _unknown(grid, "too-small")
    shown = np.sqrt(np.maximum(power, 0.0)) * (has_it if result.verdict != NONE else 0.0)
    return result, PatternMap(np.where(cells.usable, shown, nan), grid.cell, grid.margin)


def _unknown(grid: CellGrid, status: str) -> tuple[Checkerboard, PatternMap]:
    nowhere = PatternMap(np.full(np.maximum(grid.shape, 1), nan), grid.cell, grid.margin)
    return Checkerboard(grid.stride, status=status), nowhere


def _evidence(
    cells: Cells, grid: CellGrid
) -> tuple[Pattern, Pattern, float, NDArray[np.float64], Mask]:
    """Return the evidence for a pattern in a picture, and in each of its cells.

    This is the pattern of all cells; that of the cells away from local patterns, or again that of
    all; the contrast of the clearest window, NaN if none is clear; and for each cell, shape (m, n),
    its pattern's mean square in squared levels, and whether it has a pattern.
    """
    noises = noise(cells, grid.pixels)
    weight = weights(cells, noises)
    whole = rest = pattern(cells, weight, noises, grid)
    # The phases without stairs; their mean square by chance; the mean square of the picture.
    phases = cells.phases - whole.stairs.T.astype(np.float32) @ cells.slope
    chance, square = noises * (phases.shape[1] / grid.pixels), cells.squares(grid.cell)
    parts = phases, cells.level, square, weight, chance
    local_db, patches = search(*parts, grid, whole.shape)
    near = sum_3x3(patches.known.astype(np.float32))
    elsewhere = weight * (near == 0)
    if near.any() and np.count_nonzero(elsewhere) >= _LEAST_CELLS:
        rest = pattern(cells, elsewhere, noises, grid)
        if rest.contrast_db < CONTRAST_DB and rest.may_be(whole):
            rest = whole
    own = sum_3x3(np.nan_to_num(patches.power)) / np.maximum(near, 1.0)
    power = np.where(patches.known, own, rest.power_at(square)) * ~cells.plain
    has_it = np.where(patches.known, own > patches.full / 2, rest.contrast_db >= CONTRAST_DB)
    return whole, rest, local_db, power, has_it & ~cells.plain


def _kind(result: Checkerboard, pattern: Pattern, is_in_parts: bool) -> str:
    """Return the verdict on a pattern that is clear and strong enough."""
    if result.stride == (_BLOCK, _BLOCK):
        if result.ripple <= _DITHER and pattern.additive.likeness(_bayer()) >= _ALIKE:
            return DITHER
        if result.ripple <= _FAINT and pattern.additive.axis_share >= _STRIPES and not is_in_parts:
            return BLOCKS
    return CHECKERBOARD


@lru_cache(1)
def _bayer() -> NDArray[np.float64]:
    """Return the thresholds of ordered dither, shape (8, 8).

    Source: B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures",
        1973.
    """
    matrix = np.zeros((1, 1))
    while len(matrix) < _BLOCK:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix


def _status(cells: Cells | None, grid: CellGrid) -> str:
    if max(grid.stride) == 1:
        return "no-stride"
    if cells is None:
        return "too-small"
    if cells.flat.all():
        return "constant"
    if np.count_nonzero(cells.usable) >= _LEAST_CELLS:
        return "ok"
    return "too-small" if cells.usable.mean() > _FEW else "saturated"


@lru_cache(32)  # pictures of a folder are often of one size
def grid(stride: tuple[int, int], size: tuple[int, int]) -> CellGrid:
    """Return how a picture of a given height and width is cut into cells for a stride."""
    return CellGrid(stride, *size)
