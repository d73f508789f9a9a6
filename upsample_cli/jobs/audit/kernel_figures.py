"""All that is exactly known of a kernel's checkerboard, and of the kernels that are shipped."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.audit.layer_figures import divides, taps_remedy
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
    """The exact figures of a kernel; NaN or None where one has no meaning.

    Args:
        size: Taps down and across.
        stride: Output pixels per input pixel down and across.
        padding: Output pixels cropped before the first row and column.
        divides: Whether every phase is fed by the same number of taps.
        gain: Mean phase sum: a flat picture's brightness after over before.
        ripple: Spread of the phase sums over their mean, RMS.
        peak_to_peak: Largest minus least phase sum over their mean.
        levels: The ripple of a white picture, in levels of 255.
        phase_sums: Shape (s, s), what each output phase makes of a flat picture of 1.
        lines: Shape (s, s), amplitude at p/s cycles a pixel down and q/s across, over the mean.
        ramp_error: RMS of how far a ramp's values lie from their place, in output pixels.
        shift: How far the picture moves down and right, in output pixels.
        order: Strang-Fix order, orders of polynomials without a pattern; None for stride 1.
        verdict: `checkerboard` from 0.2 level at white on, else `none`.
        remedy: What to do about it; empty where there is nothing to do.
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
        padding: Output pixels cropped before the first row and column; by default what keeps the
            picture in place, half of k - s rounded up.

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
    whole = divides(taps.shape, stride, (1, 1))
    verdict = "checkerboard" if spread >= VISIBLE else "none"
    order = strang_fix_order(taps, stride) if sums.size > 1 else None
    return KernelFigures(
        (height, width), stride, padding, whole, float(sums.mean()), spread, peak_to_peak(sums),
        WHITE * spread, sums, lines(sums), ramp_error(sums, moments),
        _shift(taps, stride, padding, moments), order, verdict,
        taps_remedy(taps.shape, stride, (1, 1)) if verdict == "checkerboard" else "",
    )  # fmt: skip


def order_in_words(order: int | None) -> str:
    """Return a Strang-Fix order for people."""
    if order is None:
        return "-"
    return f"{order} or more" if order == HIGHEST_ORDER else str(order)


def _shift(
    taps: NDArray[np.float64], stride: Pair, padding: Pair, moments: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Return how far the kernel's centre of mass lies from the middle of the input pixel."""
    total = float(taps.sum())
    if abs(total) <= 1e-12 * np.abs(taps).sum():
        return None
    mass = moments.reshape(2, -1).sum(axis=1) / total
    down, right = (
        round(float(m) + (k - s) / 2 - p, 12) + 0.0
        for m, k, s, p in zip(mass, taps.shape, stride, padding, strict=True)
    )
    return down, right


@dataclass(frozen=True, slots=True)
class ShippedKernel:
    """What there is to know of a kernel that comes with the package, or of an interpolation.

    Args:
        method: The method it is for.
        kernel: Its word.
        stride: Output pixels per input pixel.
        taps: Taps of the transposed convolution along an axis.
        psnr: Mean over the pictures held out in training, in dB.
        gain: How much more that is than bicubic's, in dB.
        noise_gain: Power of white noise after over before.
        overshoot: Of a step, as a share of it.
        ripple: Exact, of the phase sums.
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
    """Yield the learned kernels of each method, and cubic and Lanczos, stride by stride."""
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
