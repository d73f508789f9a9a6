"""The search for a stride: which short period, if any, a picture repeats with."""

from collections.abc import Mapping
from math import lcm

from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.meter import LEVELS, Meter
from upsample_cli.metrics.rows import Rows

STRIDES = range(2, 9)
NO_STRIDE = (0, 0)
_LEAST_SHARE = 1 / 30  # a strong pattern leaves so little at other strides


class Search:
    """Measures one picture at several strides, fed from the top down in runs of rows.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        strides: Periods to look for, in pixels.
        least: The ripple that matters, in levels.
    """

    def __init__(
        self, height: int, width: int, strides: range = STRIDES, least: float = LEVELS
    ) -> None:
        self._meters = {each: Meter((each, each), height, width, least) for each in strides}

    def feed(self, rows: Rows) -> None:
        """Take the next rows; each run with the same parts."""
        for meter in self._meters.values():
            meter.feed(rows)

    def own_ripples(self) -> dict[int, float]:
        """Return for each stride the RMS, in levels, of what has no shorter period."""
        return {stride: meter.own_ripple() for stride, meter in self._meters.items()}

    def results(self) -> dict[int, Checkerboard]:
        """Return what the rows so far hold, for each stride."""
        return {stride: meter.result() for stride, meter in self._meters.items()}


def period(own_ripples: Mapping[int, float]) -> int | None:
    """Return the period that explains all ripples, or else the strongest; None without any.

    Args:
        own_ripples: For each stride the RMS of what has no shorter period.

    >>> period({2: 1.0, 3: 0.0, 4: 0.5}), period({2: 0.0, 3: 0.0})
    (4, None)
    """
    strongest = max(own_ripples.values())
    if strongest == 0.0:
        return None
    kept = [stride for stride, own in own_ripples.items() if own > _LEAST_SHARE * strongest]
    together = lcm(*kept)
    return together if together in own_ripples else max(kept, key=own_ripples.__getitem__)


def chosen(results: Mapping[int, Checkerboard], stride: int | None) -> Checkerboard:
    """Return what was found at a stride, or else the largest of each figure at any.

    Args:
        results: For each stride what was found.
        stride: The period of the picture; None if it has none.
    """
    if stride is not None:
        return results[stride]
    seen = [each for each in results.values() if each.status == "ok"]
    if not seen:
        return next(iter(results.values()))._replace(stride=NO_STRIDE)
    largest = {
        name: max(getattr(one, name) for one in seen)
        for name, kind in Checkerboard.__annotations__.items()
        if kind is float
    }
    return Checkerboard(NO_STRIDE, verdict="none", **largest)
