"""The figures of the kernels that come with the package, beside those of two interpolations."""

from collections.abc import Iterator
from dataclasses import dataclass

from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, load, shipped_path
from upsample_cli.kernels.named import KERNELS
from upsample_cli.methods.convolution import ResizeConvolution, TransposedConvolution
from upsample_cli.methods.kernel_chain import LEARNED
from upsample_cli.metrics.ripple import noise_gain, overshoot, ripple


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to know of a kernel.

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


def figures() -> Iterator[Figures]:
    """Yield the learned kernels of each method, and cubic and Lanczos, stride by stride."""
    for stride in SHIPPED_STRIDES:
        for word in ("bicubic", "lanczos"):
            yield _of("interpolation", KERNELS[word](stride), None, None)
        for method in (TransposedConvolution.name, ResizeConvolution.name):
            for word in LEARNED:
                file = load(shipped_path(method, word, stride), None, stride)
                scores = file.about["held_out"]["psnr"]
                gain = scores["trained"] - scores["bicubic"]
                yield _of(method, file.kernel(word), scores["trained"], gain)


def _of(method: str, kernel: Kernel, psnr: float | None, gain: float | None) -> Figures:
    return Figures(
        method, kernel.name, kernel.stride, len(kernel.taps), psnr, gain,
        noise_gain(kernel.taps, kernel.stride), overshoot(kernel.taps, kernel.stride),
        ripple(kernel.phase_sums),
    )  # fmt: skip
