"""Rows of a picture as the metric takes them, and their residual r = (I - B)^2 y.

B is the symmetric moving average over one stride along each axis. It nulls every harmonic of the
stride, so a pattern of that period passes into r with gain 1; polynomials up to degree 3 do not
pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a picture.

    Args:
        levels: Shape (r, W), luma or a channel in levels of 0..255, not rounded where the picture
            is deeper.
        opaque: Same shape, false where the picture is transparent; None for opaque everywhere.
        expected: Same shape, levels to subtract first, as of a reference; None for none.
    """

    levels: Floats
    opaque: Mask | None = None
    expected: Floats | None = None

    def __len__(self) -> int:
        return len(self.levels)

    def window(self, rows: slice, columns: slice = slice(None)) -> "Rows":
        """Return a part."""
        return Rows(
            self.levels[rows, columns],
            None if self.opaque is None else self.opaque[rows, columns],
            None if self.expected is None else self.expected[rows, columns],
        )

    def copy(self) -> "Rows":
        """Return the same rows in memory of their own."""
        return joined([self])

    @property
    def unexplained(self) -> Floats:
        """The levels less the expected ones."""
        return self.levels if self.expected is None else self.levels - self.expected


def joined(runs: Sequence[Rows]) -> Rows:
    """Return runs of rows, one after the other; all have one width and the same parts."""
    opaque = [run.opaque for run in runs if run.opaque is not None]
    expected = [run.expected for run in runs if run.expected is not None]
    return Rows(
        np.concatenate([run.levels for run in runs]),
        np.concatenate(opaque) if opaque else None,
        np.concatenate(expected) if expected else None,
    )


def high_pass(rows: Floats, stride: tuple[int, int]) -> Floats:
    """Return the residual of some rows, without the margin where B sees an edge.

    Sums are taken over all rows as one line: the neighbour across is one value on, the one below a
    row on. So every pass runs through memory from end to end; what wraps around lies in the margin.

    Args:
        rows: Shape (h, w).
        stride: Period down and across, in pixels; 1 for an axis without a pattern.

    Returns:
        Shape (h - 4 (stride // 2), w - 4 (stride // 2)), each with the stride of its axis.
    """
    (height, width), (down, across) = rows.shape, stride
    line = np.ascontiguousarray(rows).reshape(-1)
    first = down // 2 * width + across // 2
    for _ in range(2):
        sums = _moving_sum(_moving_sum(line, down, width), across, 1)
        sums *= np.float32(-1 / (_weight(down) * _weight(across)))
        sums += line[first : first + len(sums)]
        line = sums
    inside = height - 4 * (down // 2), width - 4 * (across // 2)
    return as_strided(line, inside, (width * line.itemsize, line.itemsize), writeable=False)


def _weight(s: int) -> int:
    """Return the sum of the weights of `_moving_sum`."""
    return s if s % 2 else 2 * s


def _moving_sum(line: Floats, s: int, distance: int) -> Floats:
    """Return the symmetric moving sum over s neighbours that lie a distance from one another.

    Divided by its weight it nulls every harmonic of period s: s equal weights where s is odd, else
    s + 1 weights, twice those, of which the first and the last count half.
    """
    sums = _plain_sum(line, s, distance)
    return _pair_sums(sums, distance) if s % 2 == 0 else sums


def _plain_sum(line: Floats, s: int, distance: int) -> Floats:
    """Return the moving sum over s neighbours, by sums of sums."""
    if s == 1:
        return line
    if s % 2 == 0:
        return _pair_sums(_plain_sum(line, s // 2, distance), s // 2 * distance)
    last = (s - 1) * distance
    return _plain_sum(line, s - 1, distance)[: len(line) - last] + line[last:]


def _pair_sums(line: Floats, distance: int) -> Floats:
    return line[:-distance] + line[distance:]
