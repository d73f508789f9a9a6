"""Planes of any number of channels enlarged into an array, a few channels and a strip at once.

An output is NaN if and only if it draws, with a tap that is not 0, on a value that is not finite;
where the stages only copy, infinities are copied. Products with zeros would spread such values over
whole blocks, so they are computed as 0 and put in place afterwards.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.jobs.enlarge.strips import Picture, run, strips, tiles
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.methods.method import Stage
from upsample_cli.planes import Planes

_CHANNELS = 8  # at once: more do not fit the processor's cache
Finish = Callable[[Planes], NDArray[Any]]


def enlarge(
    planes: NDArray[Any],
    stages: Sequence[Stage],
    out: NDArray[Any],
    work: DTypeLike,
    boundary: str,
    threads: int,
    finish: Finish | None = None,
) -> None:
    """Fill an array with planes enlarged by stages.

    Args:
        planes: Shape (C, H, W), any numbers; may be mapped from a file.
        stages: From their size to that of the output.
        out: Shape (C, H', W').
        work: Type to compute in, float32 or float64.
        boundary: symmetric, nearest or zero.
        threads: How many work at once.
        finish: Turns computed values into stored ones; None stores them unchanged.
    """
    (count, tall, wide), height = out.shape, planes.shape[1]
    with Workers(threads) as workers:
        for first in range(0, count, _CHANNELS):
            some = slice(first, min(first + _CHANNELS, count))
            fill = _filler(planes[some], stages, out[some], work, boundary, finish)
            cut = strips((tall, wide), some.stop - some.start, tall / height)
            deque(workers.in_order(fill, cut), maxlen=0)


def _filler(
    planes: NDArray[Any],
    stages: Sequence[Stage],
    out: NDArray[Any],
    work: DTypeLike,
    boundary: str,
    finish: Finish | None,
) -> Callable[[range], None]:
    """Return a function that fills a run of rows of the output."""
    size = (planes.shape[1], planes.shape[2])
    finite = planes.dtype.kind in "iu" or bool(np.isfinite(planes).all())
    picture = Picture(size, _fetch(planes, work, None if finite else np.isfinite), boundary)
    copies = all(stage.copies for stage in stages)
    counting = [stage.touching() for stage in stages]
    marks = [
        (value, Picture(size, _fetch(planes, work, test, values=False), boundary))
        for value, test in ([] if finite else _MARKS if copies else _MARKS[:1])
    ]

    def fill(rows: range) -> None:
        """Fill these rows."""
        for columns in tiles(out.shape[2], out.shape[2] / size[1]):
            window: NDArray[Any] = run(stages, picture, rows, columns)
            for value, marked in marks:
                window[run(counting, marked, rows, columns) > 0] = value
            if finish:
                window = finish(window)
            out[:, rows.start : rows.stop, columns.start : columns.stop] = window

    return fill


# The values to put in place and the inputs that cause them; infinities only where copied.
_MARKS: tuple[tuple[float, Callable[[Any], Any]], ...] = (
    (np.nan, lambda window: ~np.isfinite(window)),
    (np.inf, np.isposinf),
    (-np.inf, np.isneginf),
)


def _fetch(
    planes: NDArray[Any], work: DTypeLike, test: Callable[[Any], Any] | None, values: bool = True
) -> Callable[[range, range], Planes]:
    """Return a function of windows: of the values that pass a test, or of the test itself."""

    def fetch(rows: range, columns: range) -> Planes:
        """Return a window inside the planes."""
        window = planes[:, rows.start : rows.stop, columns.start : columns.stop]
        if test is not None:
            window = np.where(test(window), window, 0) if values else test(window)
        return np.ascontiguousarray(window, work)

    return fetch
