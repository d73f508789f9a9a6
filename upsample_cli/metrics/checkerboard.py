"""The checkerboard metric's result for a picture, and the choice among those of several strides."""

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any, NamedTuple

STRIDES = range(2, 9)
NO_STRIDE = (0, 0)
CONTRAST_DB = 12.0
"""The least contrast, in dB, of a whole picture's pattern that is clear of its error."""

CHECKERBOARD = "checkerboard"
NONE = "none"
DITHER = "dither"
BLOCKS = "codec blocks"
_FIGURES = ("ripple", "peak", "contrast_db", "floor", "ripple_rel", "local_db")
_STRONG = 0.6  # least power of the picture's period, relative to that of the strongest pattern
# Shares of the evidence and power at a multiple, and how much higher its floor is: results with all
# three explain it. A drawing's lines that repeat at a multiple add power and floor, no evidence.
_ENOUGH = (0.9, 0.0, 20.0), (0.6, 0.6, 0.0), (0.05, 0.8, 0.0)


class Checkerboard(NamedTuple):
    """The checkerboard of a picture.

    Args:
        stride: Period looked for, down and across, in pixels.
        ripple: RMS of what repeats with the stride, over the measured pixels, in levels of 0..255.
        share: Part of the measured pixels that have the pattern, 0..1.
        peak: RMS of the pattern where it is strongest, in levels.
        contrast_db: Power of the lines over that of their error, mean ratio in dB; 0 is no pattern.
        floor: RMS of the errors, in levels: a pattern well below it could not have been seen.
        ripple_rel: RMS of the pattern relative to the local brightness.
        local_db: The contrast of the clearest window with a pattern; NaN where there is none.
        verdict: "checkerboard" or "none"; "dither" or "codec blocks" for patterns that look like
            these; empty where nothing was measured.
        status: "ok", "too-small", "constant", "saturated", "no-stride" or "labels".
    """

    stride: tuple[int, int]
    ripple: float = nan
    share: float = nan
    peak: float = nan
    contrast_db: float = nan
    floor: float = nan
    ripple_rel: float = nan
    local_db: float = nan
    verdict: str = ""
    status: str = "ok"

    @property
    def rank(self) -> tuple[int, int, float]:
        """A sort key that puts the worst picture last: by verdict, then status, then ripple."""
        ripple = self.ripple if isfinite(self.ripple) else -1.0
        known = {"constant": 0, "ok": 2}.get(self.status, 1)
        pattern = {CHECKERBOARD: 2, DITHER: 1, BLOCKS: 1}.get(self.verdict, 0)
        return pattern, known, ripple

    @property
    def evidence(self) -> float:
        """The sum, over the lines of the whole picture's pattern, of power over that of error."""
        return float((self.stride[0] * self.stride[1] - 1) * 10 ** (self.contrast_db / 10))

    @property
    def is_clear(self) -> bool:
        """Whether there is a pattern that is clear of its error, however faint."""
        return self.contrast_db >= CONTRAST_DB or isfinite(self.local_db)


def period(results: Mapping[int, Checkerboard]) -> int | None:
    """Return the shortest period that explains the strongest checkerboard.

    A pattern that is clear in the whole picture takes precedence over one in parts of it. A faint
    pattern also counts at the multiples of its stride, where a texture that repeats by chance may
    add to it. So a divisor of the stride is returned if it explains what the whole picture has at
    the multiple, see `_ENOUGH`.

    If dither is about as strong or stronger, its period is returned; without a checkerboard, that
    of dither or codec blocks; without any pattern, None.

    Args:
        results: The results by stride.
    """
    powers = {s: results[s].ripple ** 2 for s in results if results[s].verdict == CHECKERBOARD}
    strongest = max(powers.values(), default=0.0)
    for stride, result in results.items():
        if result.verdict == DITHER and result.ripple**2 >= _STRONG * strongest:
            return stride
    if not powers:
        return next((s for s in results if results[s].verdict == BLOCKS), None)
    strong = [stride for stride, power in powers.items() if power >= _STRONG * strongest]
    stride = min([s for s in strong if _is_whole(results[s])] or strong)
    divisors = [s for s in powers if stride % s == 0 and _is_whole(results[s])]
    explaining = (
        s
        for s in divisors
        if _explains(results[s], results[stride])
        # Patterns of 2 and of 3 together repeat after 6; a pattern of 2 within one of 4, after 4.
        and all(
            s % other == 0 or (other % s == 0 and _explains(results[s], results[other]))
            for other in divisors
        )
    )
    return min(explaining, default=stride)


def _is_whole(result: Checkerboard) -> bool:
    """Return whether the pattern of the whole picture is clear, not only one in a part of it."""
    return result.contrast_db >= CONTRAST_DB


def _explains(result: Checkerboard, multiple: Checkerboard) -> bool:
    """Return whether a result explains what the whole picture has at a multiple of its stride."""
    power = (result.ripple_rel / max(multiple.ripple_rel, 1e-30)) ** 2
    return any(
        result.evidence >= evidence * multiple.evidence
        and power >= least
        and multiple.floor >= rise * result.floor
        for evidence, least, rise in _ENOUGH
    )


def result_at(results: Mapping[int, Checkerboard], stride: int | None) -> Checkerboard:
    """Return the result at the picture's period or, without a period, the largest of each figure.

    In the latter case only results of one status count: "saturated" if there are any, because they
    leave open whether there is a pattern; else "ok"; else "constant".

    Args:
        results: The results by stride.
        stride: The period of the picture; None if it has none.
    """
    if stride is not None:
        return results[stride]
    for status in ("saturated", "ok", "constant"):
        same = [result for result in results.values() if result.status == status]
        if same:
            break
    else:
        return next(iter(results.values()))._replace(stride=NO_STRIDE)
    largest: dict[str, Any] = {}
    for name in _FIGURES:
        values = (getattr(result, name) for result in same)
        largest[name] = max(filter(isfinite, values), default=nan)
    return max(same, key=lambda result: result.rank)._replace(stride=NO_STRIDE, **largest)
