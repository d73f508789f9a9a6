"""Planes of any number of channels enlarged into an array, some channels and a strip at once.

An output is NaN if and only if it draws, with a tap that is not 0, on a value that is not finite;
where the stages only copy, infinities are copied. Products with zeros would spread such values over
whole blocks, so they are computed as 0 and then put where they belong.
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

_CHANNELS = 8  # at once: more would not fit the processor's cache
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
    """Fill an array with what stages make of planes.

    Args:
        planes: Shape (C, H, W), any numbers; they may lie in a file.
        stages: From their size to that of the output.
        out: Shape (C, H', W').
        work: Type to compute in, float32 or float64.
        boundary: symmetric, nearest or zero.
        threads: How many work at once.
        finish: Turns computed values into those to keep; by default they are kept as they are.
    """
    (count, tall, wide), height = out.shape, planes.shape[1]
    with Workers(threads) as workers:
        for first in range(0, count, _CHANNELS):
            some = slice(first, min(first + _CHANNELS, count))
            make = _maker(planes[some], stages, out[some], work, boundary, finish)
            cut = strips((tall, wide), some.stop - some.start, tall / height)
            deque(workers.in_order(make, cut), maxlen=0)


def _maker(
    planes: NDArray[Any],
    stages: Sequence[Stage],
    out: NDArray[Any],
    work: DTypeLike,
    boundary: str,
    finish: Finish | None,
) -> Callable[[range], None]:
    """Return what fills a run of rows."""
    size = (planes.shape[1], planes.shape[2])
    finite = planes.dtype.kind in "iu" or bool(np.isfinite(planes).all())
    picture = Picture(size, _fetch(planes, work, None if finite else np.isfinite), boundary)
    copies = all(stage.copies for stage in stages)
    counting = [stage.touching() for stage in stages]
    marks = [
        (value, Picture(size, _fetch(planes, work, test, values=False), boundary))
        for value, test in ([] if finite else _MARKS if copies else _MARKS[:1])
    ]

    def make(rows: range) -> None:
        """Fill these rows."""
        for columns in tiles(out.shape[2], out.shape[2] / size[1]):
            made = run(stages, picture, rows, columns)
            for value, marked in marks:
                made[run(counting, marked, rows, columns) > 0] = value
            window = finish(made) if finish else made
            out[:, rows.start : rows.stop, columns.start : columns.stop] = window

    return make


# What is not finite is NaN, but for the infinities where they are copied.
_MARKS: tuple[tuple[float, Callable[[Any], Any]], ...] = (
    (np.nan, lambda window: ~np.isfinite(window)),
    (np.inf, np.isposinf),
    (-np.inf, np.isneginf),
)


def _fetch(
    planes: NDArray[Any], work: DTypeLike, test: Callable[[Any], Any] | None, values: bool = True
) -> Callable[[range, range], Planes]:
    """Return what gives windows: the values, where they pass a test, or whether they do."""

    def fetch(rows: range, columns: range) -> Planes:
        """Return a window inside the planes."""
        window = planes[:, rows.start : rows.stop, columns.start : columns.stop]
        if test is not None:
            window = np.where(test(window), window, 0) if values else test(window)
        return np.ascontiguousarray(window, work)

    return fetch
