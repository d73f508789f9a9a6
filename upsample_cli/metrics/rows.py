"""Rows of a picture as the metric takes them, and which of their pixels are equal or clipped.

A block one stride high and wide whose pixels are all equal holds no pattern of that period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

ROUNDING = 1 / 12
"""The variance of rounding to whole levels, in squared levels."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a picture.

    Args:
        levels: Shape (r, W), luma or a channel in levels of 0..255, not rounded if the picture has
            more than 8 bits.
        opaque: Same shape, false where the picture is transparent; None for opaque everywhere.
        expected: Same shape, levels to subtract first, such as a reference's; None for none.
        is_unclipped: Whether levels above 0 are as they are, not clipped: opacities, and samples
            that may go beyond 255.
    """

    levels: Floats
    opaque: Mask | None = None
    expected: Floats | None = None
    is_unclipped: bool = False

    def __len__(self) -> int:
        return len(self.levels)

    def window(self, rows: slice) -> "Rows":
        """Return some of the rows."""
        return Rows(
            self.levels[rows],
            None if self.opaque is None else self.opaque[rows],
            None if self.expected is None else self.expected[rows],
            self.is_unclipped,
        )

    @property
    def unexplained(self) -> Floats:
        """The levels less the expected ones."""
        return self.levels if self.expected is None else self.levels - self.expected


def joined(runs: Sequence[Rows]) -> Rows:
    """Return runs of rows joined in new memory; `opaque` and `expected` are in all or none."""
    opaque = [run.opaque for run in runs if run.opaque is not None]
    expected = [run.expected for run in runs if run.expected is not None]
    return Rows(
        np.concatenate([run.levels for run in runs]),
        np.concatenate(opaque) if opaque else None,
        np.concatenate(expected) if expected else None,
        runs[0].is_unclipped,
    )


class Marks(NamedTuple):
    """Which pixels of some rows equal their neighbours, and which are at an end of the range.

    Args:
        across: Shape (h, w - 1), whether a pixel equals the next one of its row.
        down: Shape (h - 1, w), whether it equals the one below.
        ends: Shape (h, w), whether it is at 0 or 255.
    """

    across: Mask
    down: Mask
    ends: Mask

    @classmethod
    def of(cls, levels: Floats) -> "Marks":
        """Return the marks of levels of 0..255, shape (h, w)."""
        ends = (levels <= 0.0) | (levels >= 255.0)
        return cls(levels[:, 1:] == levels[:, :-1], levels[1:] == levels[:-1], ends)

    def window(self, rows: slice) -> "Marks":
        """Return the marks of some of the rows."""
        return Marks(self.across[rows], self.down[rows.start : rows.stop - 1], self.ends[rows])

    def equal_blocks(self, stride: tuple[int, int]) -> Mask:
        """Return at which pixels a block of equal pixels begins, one stride high and wide.

        Returns:
            Shape (h - s + 1, w - t + 1), for a stride of (s, t).
        """
        s, t = stride
        across = _all_of(_all_of(self.across, t - 1, axis=1), s, axis=0)
        down = _all_of(self.down, s - 1, axis=0)
        if s == 1:
            return across
        return down if t == 1 else across & down[:, : across.shape[1]]


def _all_of(mask: Mask, count: int, axis: int) -> Mask:
    """Return at which places a run of `count` true values along an axis begins."""
    length = 1
    while length < count and mask.any():
        step = min(length, count - length)
        mask = mask[step:] & mask[:-step] if axis == 0 else mask[:, step:] & mask[:, :-step]
        length += step
    lost = count - length
    return mask[: len(mask) - lost] if axis == 0 else mask[:, : mask.shape[1] - lost]
