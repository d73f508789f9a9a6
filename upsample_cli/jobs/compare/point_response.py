"""The kernel of a method: what becomes of one bright pixel, and what that does to pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.kernel_chain import whole_stride
from upsample_cli.methods.method import Method
from upsample_cli.metrics.ripple import noise_gain, overshoot, ripple

_REACH = 24  # input pixels on each side of the bright one: those of splines fade to nothing there
_NOTHING = 1e-7  # of the largest tap


@dataclass(frozen=True, slots=True, eq=False)
class PointResponse:
    """A method's kernel and its exact figures.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel.
        ripple: Of its phase sums: 0 where a flat picture stays flat.
        noise_gain: Power of white noise after over before.
        overshoot: Of a step, as a share of it.
    """

    taps: NDArray[np.float64]
    stride: int
    ripple: float
    noise_gain: float
    overshoot: float


def point_response(method: Method, scale: float) -> PointResponse | None:
    """Return the kernel of a method at the least whole stride that reaches a scale.

    Args:
        method: Any method; an interpolation's kernel is read off its enlargement of one pixel.
        scale: Output pixels per input pixel, 1 or more.

    Returns:
        None for a method that is not linear, and so has no kernel.
    """
    if not method.is_linear:
        return None
    stride = whole_stride(scale)
    kernel = method.equivalent(stride)
    if kernel is None:
        kernel = Kernel(method.name, _of_one_pixel(method, stride), stride)
    taps = kernel.taps
    return PointResponse(
        taps, kernel.stride, ripple(kernel.phase_sums),
        noise_gain(taps, kernel.stride), overshoot(taps, kernel.stride),
    )  # fmt: skip


def _of_one_pixel(method: Method, stride: int) -> NDArray[np.float64]:
    """Return what a method makes of one pixel of 1 amid zeros, as far as it is not 0."""
    side = 2 * _REACH + 1
    planes = np.zeros((1, side, side))
    planes[0, _REACH, _REACH] = 1.0
    size = (side * stride, side * stride)
    picture = Picture((side, side), lambda down, across: planes[
        :, down.start : down.stop, across.start : across.stop])  # fmt: skip
    (out,) = run(method.stages((side, side), size), picture, range(size[0]), range(size[1]))
    # Centred on the pixel: as many taps are kept on each side as the farthest one needs.
    far = np.abs(np.argwhere(np.abs(out) > _NOTHING * np.abs(out).max()) - (size[0] - 1) / 2).max()
    cut = int((size[0] - 1) / 2 - far)
    return np.asarray(out[cut : size[0] - cut, cut : size[1] - cut], np.float64)
