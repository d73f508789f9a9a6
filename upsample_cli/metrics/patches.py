"""Patterns of parts of a picture: which pattern each cell has, and how strongly.

A cell gets the pattern of a window around or beside it: one of equal strength, or one proportional
to the brightness, whichever explains more of the window. The pattern's power in the cell is the
product of the cell's own phases and the mean phases of the window's other cells, so that chance
adds nothing on average. If the whole picture has a pattern and the window's resembles it, only the
part of that shape counts: a texture that repeats by chance has another shape. Then the patches
grow: a neighbour of a cell that clearly has its pattern gets that pattern, too, because an edge or
a texture may hide it from every window. Stripes that lines of text may make are no patches.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.cells import sum_3x3
from upsample_cli.metrics.rows import Floats, Mask
from upsample_cli.metrics.spectrum import square_lines, stripes_share

_MOST = 4.0  # limit of a cell's power over its pattern's: an edge may add any power by chance
# A patch grows from a cell if the power in it and its neighbours is between these multiples of the
# power of their patterns.
_LOW, _HIGH = 0.7, 2.0
_ROUNDS = 12  # cells by which patches grow, at most
_ALIKE = 0.15  # share of a pattern's power in the whole picture's shape: with more, they are alike
_ONE_AXIS = 0.85  # least share of the power of stripes along one axis
_TEXT = 0.1  # least share of a picture's cells that have lines of text
# Least power of stripes, over that of chance, in cells where they would certainly show; least share
# of such cells; least share of that power that stripes have there if they continue.
_CERTAIN, _GROUND, _CONTINUES = 300.0, 0.03, 0.25
_TINY = 1e-9  # against division by 0

Places = tuple[NDArray[np.intp], ...]


class Patches:
    """The pattern of each cell, and its power there.

    Args:
        lines: Shape (m, n, phases), the transform of each cell's phases, see `real_lines`.
        level: Shape (m, n), the brightness of each cell.
        square: Same shape, the mean square of the picture in each cell.
        shape: Shape (phases,), lines of the whole picture's pattern; None if it has none.

    Attributes:
        power: Shape (m, n), the product of a cell's lines and its pattern's, in squared levels; on
            average the mean square of the pattern. NaN where a cell has no pattern.
        full: Same shape, the mean square of the pattern at the cell's brightness.
    """

    def __init__(self, lines: Floats, level: Floats, square: Floats,
                 shape: NDArray[np.float64] | None = None) -> None:  # fmt: skip
        self._lines, self._level, self._square = lines, level, square
        self._shape: Floats | None = None  # a unit vector
        if shape is not None:
            self._shape = (shape / np.linalg.norm(shape)).astype(np.float32)
        self.power, self.full = np.full((2, *level.shape), np.nan, np.float32)
        self._patterns = np.zeros_like(lines)  # where relative: per level of brightness
        self._is_relative = np.zeros(level.shape, bool)

    @property
    def known(self) -> Mask:
        """Which cells have a pattern."""
        return np.asarray(np.isfinite(self.power))

    def fill(self, places: Places, windows: Sequence[Floats], others: Sequence[Floats]) -> None:
        """Give cells the patterns of their windows.

        Args:
            places: Where the cells are.
            windows: For each cell four sums over its window, shapes (cells, phases) and (cells, 1)
                in turn: weighted lines, weights, weighted lines times the brightness, weights times
                the squared brightness.
            others: The same without the cell itself.
        """
        (constant, relative), (constant_beside, relative_beside) = (
            [parts / np.maximum(weight, _TINY) for parts, weight in (sums[:2], sums[2:])]
            for sums in (windows[:4], others[:4])
        )
        explained = [
            np.square(mean).sum(axis=1) * weight[:, 0]
            for mean, weight in ((constant, windows[1]), (relative, windows[3]))
        ]
        is_relative = explained[1] > explained[0]
        which = is_relative[:, None]
        patterns = np.where(which, relative, constant)
        beside = np.where(which, relative_beside, constant_beside)
        if self._shape is not None:
            patterns, beside = _shaped(patterns, beside, self._shape)
        self._set(places, is_relative, patterns, beside)

    def are_text(self, is_clear: bool, chance: Floats, stride: tuple[int, int]) -> bool:
        """Return whether the patterns are stripes that lines of text may make.

        Such stripes are not clear enough in any window, or do not continue in flat cells.

        Args:
            is_clear: Whether a window has the contrast that a stride along one axis needs.
            chance: Shape (m, n), the mean square of each cell's phases that is due to chance.
            stride: Period down and across.
        """
        square = np.where(self._is_relative, self._square, 1.0)
        power = np.einsum("mnk,mnk,mn->k", self._patterns, self._patterns, square)
        share = stripes_share(square_lines(power, stride), stride)
        if min(stride) == 1 or share < _ONE_AXIS:
            return False
        if not is_clear and self.known.mean() >= _TEXT:
            return True
        ground = self.known & (chance * _CERTAIN < self.full)
        continues = self.power[ground].sum() >= _CONTINUES * self.full[ground].sum()
        return bool(ground.sum() >= _GROUND * self.known.sum() and not continues)

    def grow(self, usable: Mask) -> None:
        """Let patches grow: give cells without a pattern that of a neighbour.

        Args:
            usable: Shape (m, n), whether a pattern would show in a cell.
        """
        m, n = usable.shape
        for _ in range(_ROUNDS):
            shared, full = (sum_3x3(np.nan_to_num(plane)) for plane in (self.power, self.full))
            support = shared / np.maximum(full, _TINY)
            has_it = self.known & (support > _LOW) & (support < _HIGH)
            padded = np.pad(np.where(has_it, support, 0.0), 1)
            near = np.stack([padded[i : i + m, j : j + n] for i, j in np.ndindex(3, 3)])
            places = np.nonzero(usable & ~self.known & near.any(axis=0))
            if not places[0].size:
                return
            down, across = np.divmod(near[:, places[0], places[1]].argmax(axis=0), 3)
            best = places[0] + down - 1, places[1] + across - 1
            patterns = self._patterns[best]
            self._set(places, self._is_relative[best], patterns, patterns)

    def _set(self, places: Places, is_relative: Mask, patterns: Floats, others: Floats) -> None:
        """Give cells patterns; their power is the product of their own lines and `others`."""
        level, square = self._level[places], self._square[places]
        full = np.square(patterns).sum(axis=1) * np.where(is_relative, square, 1.0)
        shared = (self._lines[places] * others).sum(axis=1)
        shared *= np.where(is_relative, square / np.maximum(level, 1.0), 1.0)
        self._patterns[places], self._is_relative[places] = patterns, is_relative
        self.full[places], self.power[places] = full, np.clip(shared, -_MOST * full, _MOST * full)


def _shaped(patterns: Floats, beside: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Return patterns reduced to their part of a given shape, where they resemble it.

    Args:
        patterns: Shape (cells, phases).
        beside: Same shape, the patterns of each window's other cells, reduced in the same way.
        shape: Shape (phases,), a unit vector.
    """
    along, beside_along = (np.outer(rows @ shape, shape) for rows in (patterns, beside))
    shared, power = (np.square(rows).sum(axis=1, keepdims=True) for rows in (along, patterns))
    is_alike = shared > _ALIKE * power
    return np.where(is_alike, along, patterns), np.where(is_alike, beside_along, beside)
