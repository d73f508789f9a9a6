"""The result of the metric for a picture, and the choice among the results for several strides."""

from collections.abc import Mapping
from math import isfinite, lcm, nan
from typing import NamedTuple

CONTRAST_DB = 10.0
"""The least contrast of a pattern that is clear of its error."""

STRIDES = range(2, 9)
NO_STRIDE = (0, 0)
_FIGURES = ("ripple", "contrast_db", "floor", "ripple_rel", "local_db")
_LEAST_SHARE = 1 / 30  # a strong pattern leaves so little at other strides


class Checkerboard(NamedTuple):
    """The checkerboard of a picture.

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
        """A key to sort by, the worst last: verdict, whether there are figures, ripple."""
        ripple = self.ripple if isfinite(self.ripple) else -1.0
        return self.verdict == "checkerboard", self.status == "ok", ripple


def period(own_ripples: Mapping[int, float]) -> int | None:
    """Return the period that explains all ripples, or else the strongest; None without any.

    Args:
        own_ripples: For each stride the RMS of the pattern that has no shorter period.

    >>> period({2: 1.0, 3: 0.0, 4: 0.5}), period({2: 0.0, 3: 0.0})
    (4, None)
    """
    strongest = max(own_ripples.values())
    if strongest == 0.0:
        return None
    kept = [stride for stride, own in own_ripples.items() if own > _LEAST_SHARE * strongest]
    together = lcm(*kept)
    return together if together in own_ripples else max(kept, key=own_ripples.__getitem__)


def result_at(results: Mapping[int, Checkerboard], stride: int | None) -> Checkerboard:
    """Return the result at the picture's period; without one, the largest of each figure.

    Args:
        results: The results by stride.
        stride: The period of the picture; None if it has none.
    """
    if stride is not None:
        return results[stride]
    measured = [result for result in results.values() if result.status == "ok"]
    if not measured:
        return next(iter(results.values()))._replace(stride=NO_STRIDE)
    largest = {name: max(getattr(one, name) for one in measured) for name in _FIGURES}
    return Checkerboard(NO_STRIDE, verdict="none", **largest)
