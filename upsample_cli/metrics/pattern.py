"""The lines of a pattern: its discrete Fourier transform over the phases, with the error of each.

Line (p, q) of a stride s repeats p times down and q times across in s pixels. It belongs to the
shortest period that holds it whole: of the lines of 4, those of 2 are not its own.
"""

from math import gcd, lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.checkerboard import CONTRAST_DB
from upsample_cli.metrics.tile_sums import Sums

_SIGNIFICANT = 12.0  # of a line's power over its error; by chance e^-12 of all lines pass
Lines = NDArray[np.bool_]
"""Which lines, shape (s, s)."""


class Pattern(NamedTuple):
    """What repeats in a picture.

    Args:
        lines: Shape (s, s), complex, in levels.
        error: Same shape, the expected power of each line's error.
        relative: Same shape, complex, relative to the brightness that the pattern stands on.
        relative_error: Same shape, the expected power of each of those lines' error.
    """

    lines: NDArray[np.complex128]
    error: NDArray[np.float64]
    relative: NDArray[np.complex128]
    relative_error: NDArray[np.float64]

    @classmethod
    def of(cls, sums: Sums) -> "Pattern":
        """Return the pattern in a picture from the sums over its tiles."""
        everywhere, relative = sums.everywhere, sums.relative
        return cls(everywhere.lines, everywhere.error, relative.lines, relative.error)

    @property
    def harmonics(self) -> Lines:
        """All lines but the mean."""
        all_but_mean = np.ones(self.lines.shape, bool)
        all_but_mean[0, 0] = False
        return all_but_mean

    @property
    def own(self) -> Lines:
        """The lines of no shorter period than the stride's."""
        down, across = self.lines.shape
        orders = [
            [lcm(down // gcd(p, down), across // gcd(q, across)) for q in range(across)]
            for p in range(down)
        ]
        return np.asarray(np.array(orders) == lcm(down, across))

    def ripple(self, which: Lines) -> float:
        """Return the RMS of some lines, in levels.

        All of them count where they are clear of their errors together; else only those that are
        significant alone.
        """
        return self._rms(self.lines, self.error, which)

    def ripple_rel(self, which: Lines) -> float:
        """Return the RMS of the lines that `ripple` counts, relative to brightness."""
        return self._rms(self.relative, self.relative_error, which)

    def contrast_db(self, which: Lines) -> float:
        """Return the mean power of some lines over their error.

        It is the greater of two: for lines that are equally strong everywhere, and for lines as
        strong as the picture is bright, as kernels leave them.
        """
        most = max(self._ratio[which].mean(), self._relative_ratio[which].mean())
        return float(10 * np.log10(most + 1e-30))

    def floor(self, which: Lines) -> float:
        """Return the RMS of the errors of some lines, in levels."""
        return float(np.sqrt(self.error[which].sum()))

    def _rms(
        self, lines: NDArray[np.complex128], error: NDArray[np.float64], which: Lines
    ) -> float:
        if self.contrast_db(which) < CONTRAST_DB:
            which = which & (self._ratio > _SIGNIFICANT)
        power = np.square(np.abs(lines)) - error
        return float(np.sqrt(max(0.0, power[which].sum())))

    @property
    def _ratio(self) -> NDArray[np.float64]:
        return np.asarray(np.square(np.abs(self.lines)) / self.error)

    @property
    def _relative_ratio(self) -> NDArray[np.float64]:
        return np.asarray(np.square(np.abs(self.relative)) / self.relative_error)
