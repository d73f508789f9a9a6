"""Pairs to learn from: a picture, and its shrunk copy."""

from collections.abc import Sequence

import numpy as np

from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.jobs.train.settings import Settings
from upsample_cli.kernels.kernel import Taps
from upsample_cli.kernels.separable import resampling
from upsample_cli.methods.method import Stage
from upsample_cli.planes import Size


def pair(high: Taps, settings: Settings) -> tuple[Taps, Taps]:
    """Return a picture shrunk, in whole levels, and the part of the original that it shows.

    Args:
        high: Shape (H, W), luma in levels.
        settings: By what stride to shrink, and how.
    """
    stride = settings.stride
    height, width = (length // stride * stride for length in high.shape)
    high = high[:height, :width]
    return np.clip(np.floor(shrunk(high, settings) + 0.5), 0, 255), high


def shrunk(high: Taps, settings: Settings) -> Taps:
    """Return a picture shrunk by the stride, not rounded.

    Args:
        high: Shape (H, W), multiples of the stride.
        settings: By what stride to shrink, and how.
    """
    size = (high.shape[0], high.shape[1])
    low = (size[0] // settings.stride, size[1] // settings.stride)
    return applied([resampling(settings.shrinking(), size, low)], high, low)


def applied(stages: Sequence[Stage], plane: Taps, size: Size) -> Taps:
    """Return the result of stages for one plane.

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
