"""The exact figures of a kernel's checkerboard, and a list of the kernels in the package."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.audit.layer_figures import is_overlap_even, taps_remedy
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, load, shipped_path
from upsample_cli.kernels.named import KERNELS
from upsample_cli.kernels.phases import (
    HIGHEST_ORDER,
    first_moments,
    phase_sums,
    strang_fix_order,
    without_rounding,
)
from upsample_cli.methods.convolution import LEARNED, ResizeConvolution, TransposedConvolution
from upsample_cli.metrics.ripple import (
    VISIBLE,
    WHITE,
    lines,
    noise_gain,
    overshoot,
    peak_to_peak,
    ramp_error,
    ripple,
)

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class KernelFigures:
    """The exact figures of a kernel; a figure without a meaning is NaN or None.

    Args:
        size: Taps down and across.
        stride: Output pixels per input pixel down and across.
        padding: Output rows and columns cropped at the top and at the left.
        divides: Whether every output phase is fed by the same number of taps.
        gain: Mean phase sum: what enlarging multiplies the brightness of a flat picture by.
        ripple: RMS deviation of the phase sums from their mean, divided by the mean.
        peak_to_peak: Largest minus least phase sum, divided by the mean.
        levels: RMS of the pattern on a white picture, in levels of 0..255.
        phase_sums: Shape (s1, s2), the value of each output phase for a flat picture of 1.
        lines: Shape (s1, s2): [p, q] is the amplitude, divided by the mean, of the line at p/s1
            cycles per pixel down and q/s2 across.
        ramp_error: RMS distance of a ramp's values from where they belong, in output pixels.
        shift: Output pixels that the picture moves down and right; None if the taps sum to 0.
        order: Strang-Fix order: orders of polynomials without a pattern; None for stride 1.
        verdict: `checkerboard` if `levels` is 0.2 or more, else `none`.
        remedy: How to remove the checkerboard, in words; empty if there is none.
    """

    size: Pair
    stride: Pair
    padding: Pair
    divides: bool
    gain: float
    ripple: float
    peak_to_peak: float
    levels: float
    phase_sums: NDArray[np.float64]
    lines: NDArray[np.float64]
    ramp_error: float
    shift: tuple[float, float] | None
    order: int | None
    verdict: str
    remedy: str


def figures(taps: NDArray[np.float64], stride: Pair, padding: Pair | None = None) -> KernelFigures:
    """Return the figures of a kernel.

    Args:
        taps: Shape (kH, kW), finite.
        stride: Output pixels per input pixel down and across, each 1 or more.
        padding: Output rows and columns cropped at the top and at the left; by default half of
            k - s, rounded up, which centres the taps on their input pixel.

    >>> result = figures(np.full((3, 3), 4 / 9), (2, 2))
    >>> round(result.ripple, 4), result.order, result.shift
    (0.4843, 0, (-0.5, -0.5))
    """
    height, width = taps.shape
    down, across = stride
    padding = padding or (-((down - height) // 2), -((across - width) // 2))
    sums = without_rounding(phase_sums(taps, stride, padding), float(np.abs(taps).sum()))
    moments = first_moments(taps, stride, padding)
    spread = ripple(sums)
    is_even = is_overlap_even(taps.shape, stride, (1, 1))
    verdict = "checkerboard" if spread >= VISIBLE else "none"
    order = strang_fix_order(taps, stride) if sums.size > 1 else None
    return KernelFigures(
        (height, width), stride, padding, is_even, float(sums.mean()), spread, peak_to_peak(sums),
        WHITE * spread, sums, lines(sums), ramp_error(sums, moments),
        _shift(taps, stride, padding, moments), order, verdict,
        taps_remedy(taps.shape, stride, (1, 1)) if verdict == "checkerboard" else "",
    )  # fmt: skip


def order_in_words(order: int | None) -> str:
    """Return a Strang-Fix order as text."""
    if order is None:
        return "-"
    return f"{order} or more" if order == HIGHEST_ORDER else str(order)


def _shift(
    taps: NDArray[np.float64], stride: Pair, padding: Pair, moments: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Return how far the taps shift a picture, in output pixels; None if the taps sum to 0."""
    total = float(taps.sum())
    if abs(total) <= 1e-12 * np.abs(taps).sum():
        return None
    centroid = moments.reshape(2, -1).sum(axis=1) / total
    down, right = (
        round(float(m) + (k - s) / 2 - p, 12) + 0.0
        for m, k, s, p in zip(centroid, taps.shape, stride, padding, strict=True)
    )
    return down, right


@dataclass(frozen=True, slots=True)
class ShippedKernel:
    """The figures of a kernel that comes with the package, or of an interpolation.

    Args:
        method: The name of the method that uses the kernel.
        kernel: The name of the kernel.
        stride: Output pixels per input pixel.
        taps: Taps along each axis, as a transposed convolution.
        psnr: Mean PSNR over the pictures held out in training, in dB; None for an interpolation.
        gain: `psnr` minus that of bicubic, in dB; None for an interpolation.
        noise_gain: Power of white noise after enlarging, divided by the power before.
        overshoot: How far the response to a step goes beyond it, as a share of the step.
        ripple: The exact ripple of the phase sums.
    """

    method: str
    kernel: str
    stride: int
    taps: int
    psnr: float | None
    gain: float | None
    noise_gain: float
    overshoot: float
    ripple: float


def shipped_kernels() -> Iterator[ShippedKernel]:
    """Yield bicubic, Lanczos and the learned kernels of each method, stride by stride."""
    for stride in SHIPPED_STRIDES:
        for word in ("bicubic", "lanczos"):
            yield _shipped("interpolation", KERNELS[word](stride), None, None)
        for method in (TransposedConvolution.name, ResizeConvolution.name):
            for word in LEARNED:
                file = load(shipped_path(method, word, stride), None, stride)
                scores = file.about["held_out"]["psnr"]
                gain = scores["trained"] - scores["bicubic"]
                yield _shipped(method, file.kernel(word), scores["trained"], gain)


def _shipped(method: str, kernel: Kernel, psnr: float | None, gain: float | None) -> ShippedKernel:
    return ShippedKernel(
        method, kernel.name, kernel.stride, len(kernel.taps), psnr, gain,
        noise_gain(kernel.taps, kernel.stride), overshoot(kernel.taps, kernel.stride),
        ripple(kernel.phase_sums),
    )  # fmt: skip
