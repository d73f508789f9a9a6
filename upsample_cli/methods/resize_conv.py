"""Resize-convolution: upsample by interpolation, then convolve on the output grid.

Both together are one transposed convolution: its kernel is the interpolation's, convolved with the
taps. With nearest its phase sums are all equal whatever the taps, so it cannot make a checkerboard.

Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill, 2016.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.kernel_chain import LEARNED, KernelMethod, stored, whole
from upsample_cli.methods.method import parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel

_FIXED = ("box", "gaussian", "sharpen")


@dataclass(frozen=True, slots=True)
class ResizeConvolution(KernelMethod):
    """Upsample by nearest or bilinear interpolation, then convolve.

    Args:
        resize: The interpolation.
        kernel: The name of a learned or fixed kernel, or the path of a kernel file.
        kernel_size: Taps along each axis of box, gaussian or sharpen, odd.
    """

    name = "resize-conv"
    summary = "upsampling, then a convolution"
    resize: str = parameter("nearest", "the upsampling", choices=("nearest", "bilinear"))
    kernel: str = parameter("learned", "its taps", choices=LEARNED + _FIXED, file=True)
    kernel_size: int | None = parameter(None, "its taps along an axis", low=1, high=64)

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        if self.kernel_size is not None and self.kernel not in _FIXED:
            raise SettingError(
                f"--kernel-size is for {', '.join(_FIXED)}, not {self.kernel}; leave it out"
            )
        if self.kernel_size is not None and self.kernel_size % 2 == 0:
            raise SettingError(
                f"--kernel-size {self.kernel_size} is even, which moves the picture; give an odd"
            )
        if self.kernel in LEARNED and self.resize != "nearest":
            raise SettingError(
                f"kernel '{self.kernel}' was learned with --resize nearest, not {self.resize}; "
                f"choose {', '.join(_FIXED)} or train one"
            )

    def kernels(self, scale: float) -> "list[Kernel]":
        """Return the kernels that reach a scale, in the order they are applied."""
        kernels = stored(self.name, self.kernel, scale, self.resize)
        if kernels is not None:
            return kernels
        from upsample_cli.kernels.named import resized, smoothing

        stride = whole(scale)
        return [resized(smoothing(self.kernel, stride, self.kernel_size), self.resize, stride)]
