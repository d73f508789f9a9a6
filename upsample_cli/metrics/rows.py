"""Rows of a picture as the metric takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
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
