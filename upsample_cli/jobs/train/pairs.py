"""Pairs to learn from: a picture, and what it looks like shrunk."""

from collections.abc import Sequence

import numpy as np

from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.jobs.train.settings import Course
from upsample_cli.kernels.band import interpolating
from upsample_cli.kernels.kernel import Taps
from upsample_cli.kernels.separable import Separable
from upsample_cli.methods.method import Stage
from upsample_cli.planes import Size


def pair(high: Taps, course: Course) -> tuple[Taps, Taps]:
    """Return a picture shrunk, in whole levels, and the part of the original that it shows.

    Args:
        high: Shape (H, W), luma in levels.
        course: By what stride, and how.
    """
    height, width = (length // course.stride * course.stride for length in high.shape)
    high = high[:height, :width]
    return np.clip(np.floor(shrunk(high, course) + 0.5), 0, 255), high


def shrunk(high: Taps, course: Course) -> Taps:
    """Return a picture shrunk by the stride, not rounded.

    Args:
        high: Shape (H, W), multiples of the stride.
        course: By what stride, and how.
    """
    phi, (height, width) = course.shrinking(), high.shape
    low = (height // course.stride, width // course.stride)
    shrink = Separable(interpolating(phi, height, low[0]), interpolating(phi, width, low[1]))
    return applied([shrink], high, low)


def applied(stages: Sequence[Stage], plane: Taps, size: Size) -> Taps:
    """Return what stages make of one plane.

    Args:
        stages: In order.
        plane: Shape (H, W), any levels.
        size: Height and width of the result.
    """
    picture = Picture(
        (plane.shape[0], plane.shape[1]),
        lambda rows, columns: plane[None, rows.start : rows.stop, columns.start : columns.stop],
    )
    return np.asarray(run(stages, picture, range(size[0]), range(size[1]))[0], np.float64)
