"""What the metric finds in a picture, as plain figures; `meter` finds them."""

from math import isfinite, nan
from typing import NamedTuple

CONTRAST_DB = 10.0
"""The least contrast of a pattern that is clear of its error."""


class Checkerboard(NamedTuple):
    """What was found in a picture.

    Args:
        stride: Period looked for, down and across, in pixels.
        ripple: RMS of the pattern, in levels of 0..255.
        contrast_db: Mean power of the lines over their error; 0 dB is nothing.
        floor: RMS of the errors, in levels: what could not have been seen here.
        ripple_rel: RMS of the pattern relative to the brightness it stands on.
        local_db: Lines over the spectrum around them, tile by tile: patterns of changing sign.
        verdict: "checkerboard" or "none"; empty where there is no figure.
        status: "ok", "too-small", "constant", "saturated", "no-stride" or "labels".
    """

    stride: tuple[int, int]
    ripple: float = nan
    contrast_db: float = nan
    floor: float = nan
    ripple_rel: float = nan
    local_db: float = nan
    verdict: str = ""
    status: str = "ok"

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """What makes one finding worse than another: a checkerboard, a figure, a larger one."""
        ripple = self.ripple if isfinite(self.ripple) else -1.0
        return self.verdict == "checkerboard", self.status == "ok", ripple
