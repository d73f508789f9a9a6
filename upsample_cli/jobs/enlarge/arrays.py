"""Enlarge planes of any type and number of channels, a few channels and a strip at a time.

Arithmetic is in float32 for types that fit it (floats of 16 and 32 bits, integers up to 16), else
in float64. Integer results are rounded half up and clipped to their type's range; floats are not.

An output is NaN if and only if it draws, with a tap that is not 0, on a value that is not finite.
In a matrix product such a value would make a block of outputs NaN, as 0 times it is NaN. So it is
replaced by 0, and the outputs that draw on it are set to NaN afterwards. Stages that only copy keep
every bit of all values.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.enlarge.strips import ExtendedInput, cut, output_window, strips, tiles
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.method import Stage
from upsample_cli.planes import Planes, Size

_CHANNELS = 8  # channels to enlarge at once: more do not fit the processor's cache


def enlarge(
    planes: NDArray[Any],
    stages: Sequence[Stage],
    size: Size,
    boundary: str = "symmetric",
    threads: int = 1,
) -> NDArray[Any]:
    """Return planes enlarged by stages, in their own type.

    Args:
        planes: Shape (C, H, W), any real numbers; may be memory-mapped.
        stages: The stages from the size of the planes to that of the output.
        size: Height and width of the output.
        boundary: symmetric, nearest or zero.
        threads: How many threads share the work.

    Returns:
        Shape (C, *size).
    """
    if all(getattr(stage, "copies", False) for stage in stages):
        return _copied(planes, stages, size)
    out = np.empty((len(planes), *size), planes.dtype)
    with Workers(threads) as workers:
        for channels in cut(len(planes), _CHANNELS):
            part = slice(channels.start, channels.stop)
            fill = _filler(planes[part], stages, out[part], boundary)
            runs = strips(size, len(channels), size[0] / planes.shape[1])
            deque(workers.in_order(fill, runs), maxlen=0)
    return out


def _copied(planes: NDArray[Any], stages: Sequence[Stage], size: Size) -> NDArray[Any]:
    """Return planes enlarged by stages that only copy; the stages are applied to pixel indices."""
    size_in = (planes.shape[1], planes.shape[2])
    picture = ExtendedInput(size_in, lambda *window: np.mgrid[window].astype(np.float64))
    rows = output_window(stages, picture, range(size[0]), range(1))[0].astype(np.intp)
    columns = output_window(stages, picture, range(1), range(size[1]))[1].astype(np.intp)
    return np.asarray(planes[:, rows, columns])


def _filler(
    planes: NDArray[Any], stages: Sequence[Stage], out: NDArray[Any], boundary: str
) -> Callable[[range], None]:
    """Return a function that computes a run of output rows and writes them into `out`."""
    size, dtype = (planes.shape[1], planes.shape[2]), planes.dtype
    arithmetic = np.float64 if dtype.itemsize > (4 if dtype.kind == "f" else 2) else np.float32
    is_finite = dtype.kind in "iu" or bool(np.isfinite(planes).all())
    counting_stages = [stage.counting() for stage in stages]

    def fetch(rows: slice, columns: slice) -> Planes:
        """Return a window inside the planes, with 0 for values that are not finite."""
        window = planes[:, rows, columns]
        known = window if is_finite else np.where(np.isfinite(window), window, 0)
        return np.ascontiguousarray(known, arithmetic)

    def marks(rows: slice, columns: slice) -> Planes:
        """Return a window with 1 for values that are not finite, 0 for others."""
        return np.ascontiguousarray(~np.isfinite(planes[:, rows, columns]), arithmetic)

    picture, marked = (ExtendedInput(size, part, boundary) for part in (fetch, marks))

    def fill(rows: range) -> None:
        """Compute these rows of the output."""
        for columns in tiles(out.shape[2], out.shape[2] / size[1]):
            window: NDArray[Any] = output_window(stages, picture, rows, columns)
            if not is_finite:
                window[output_window(counting_stages, marked, rows, columns) > 0] = np.nan
            if dtype.kind in "iu":
                window = _to_integers(window, dtype)
            out[:, rows.start : rows.stop, columns.start : columns.stop] = window

    return fill


def _to_integers(window: Planes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a window rounded half up and clipped to a type's range."""
    limits = np.iinfo(dtype)
    window += window.dtype.type(0.5)
    np.floor(window, out=window)
    # As a float the largest 64-bit integer is rounded up, so both ends are set explicitly.
    too_low, too_high = window < limits.min, window >= float(limits.max)
    integers = np.where(too_low | too_high, 0, window).astype(dtype)
    integers[too_low], integers[too_high] = limits.min, limits.max
    return integers
