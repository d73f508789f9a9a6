"""The Python interface: upsample and measure planes in memory."""

from numbers import Integral
from typing import Any

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import luma
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.jobs.enlarge.strips import BOUNDARIES
from upsample_cli.jobs.enlarge.task import TargetSize
from upsample_cli.jobs.measure.measurement import measure_image
from upsample_cli.methods import catalogue
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Planes

_HUGE = 1e9  # absolute value of planes to measure: squares of far larger ones overflow
_MOST_CHANNELS = 4  # of a picture: colours and opacity


def upsample(
    planes: Planes,
    method: str = catalogue.DEFAULT_LINEAR,
    *,
    scale: float = 2.0,
    boundary: str = "symmetric",
    threads: int = 1,
    **settings: Any,
) -> Planes:
    """Return enlarged planes.

    Args:
        planes: Shape (C, H, W), floating point; nothing is clipped or rounded. The methods
            `network` and `onnx` expect 0..1, the others take any range.
        method: The name of a method.
        scale: Output pixels per input pixel, 1..64.
        boundary: What lies beyond the edges: symmetric, nearest or zero.
        threads: How many threads share the work.
        **settings: Parameters of the method, such as `kernel`.

    Returns:
        Shape (C, H x scale, W x scale), both rounded, halves up; of the same type.

    Raises:
        SettingError: A setting is out of range, or does not exist.

    >>> upsample(np.ones((1, 4, 6)), "bicubic", scale=1.5).shape
    (1, 6, 9)
    """
    _check(planes)
    if boundary not in BOUNDARIES:
        raise SettingError(f"no boundary '{boundary}'; choose {', '.join(BOUNDARIES)}")
    if not (isinstance(threads, Integral) and threads >= 1):
        raise SettingError(f"invalid threads {threads}; give a whole number of 1 or more")
    size_in = (planes.shape[1], planes.shape[2])
    size_out = TargetSize(scale=scale).size(size_in)
    chosen = catalogue.build(method, **settings)
    if len(planes) > _MOST_CHANNELS:
        chosen.check_for("feature maps")
    stages = chosen.stages(size_in, size_out)
    return enlarge(planes, stages, size_out, boundary, threads)


def measure(planes: Planes, stride: int | None = None) -> Checkerboard:
    """Return the checkerboard in the luma of planes.

    If that is unknown, `verdict` is "", and `status` says why. (In JSON such a verdict is null, in
    CSV an empty cell.)

    Args:
        planes: Shape (1 or 3, H, W), floating point, 0..1.
        stride: Period to look for, in pixels, 2 or more; None to search 2..8.

    Raises:
        SettingError: The planes or the stride cannot be measured.

    >>> flat = np.full((1, 256, 256), 0.5, np.float32)
    >>> measure(flat, 2).status
    'constant'
    """
    _check(planes)
    if len(planes) not in (1, 3):
        raise SettingError(
            f"there are {len(planes)} planes; give 1 (grey) or 3 (red, green and blue)"
        )
    if not np.isfinite(planes).all():
        raise SettingError("planes hold NaN or infinity; replace them first")
    if abs(peak := float(max(planes.min(), planes.max(), key=abs))) > _HUGE:
        raise SettingError(f"planes hold {peak:g}; give 0..1")
    if stride is not None and not (isinstance(stride, Integral) and stride >= 2):
        raise SettingError(f"invalid stride {stride}; give a whole number of 2 or more, or None")
    grey = Image(luma(planes.astype(np.float32))[..., None], format="")
    return measure_image(grey, None if stride is None else int(stride)).luma


def _check(planes: Planes) -> None:
    """Refuse values that are not planes of floats, such as lists and 8-bit samples."""
    if not isinstance(planes, np.ndarray):
        raise SettingError(
            f"planes are of type {type(planes).__name__}; give a NumPy array of floats, (C, H, W)"
        )
    if planes.ndim != 3 or 0 in planes.shape or planes.dtype.kind != "f":
        raise SettingError(f"planes are {planes.dtype} {planes.shape}; give floats, (C, H, W)")
