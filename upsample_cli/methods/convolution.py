"""Transposed convolution, and upsampling followed by a convolution.

A transposed convolution spreads the kernel of every input pixel over the output, stride apart. A
resize-convolution interpolates, then convolves on the output grid; both steps together are one
transposed convolution: its kernel is the interpolation's convolved with the taps. With nearest
its phase sums are all equal whatever the taps, so it cannot make a checkerboard.

Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill, 2016.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.kernel_chain import (
    LEARNED,
    KernelMethod,
    kernels_from_files,
    whole_stride,
)
from upsample_cli.methods.method import RingingMethod, parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel

_SIZED = ("uniform", "random", "gaussian")
_TCONV_KERNELS = ("uniform", "bilinear", "bicubic", "lanczos", "gaussian", "random")
_RESIZE_KERNELS = ("box", "gaussian", "sharpen")


@dataclass(frozen=True, slots=True)
class TransposedConvolution(KernelMethod):
    """Upsample by a transposed convolution whose stride is the scale.

    Args:
        kernel: The name of a learned or fixed kernel, or the path of a kernel file.
        kernel_size: Taps along each axis, for uniform, random and gaussian; by default balanced.
        seed: Of the random kernel.
    """

    name = "tconv"
    summary = "transposed convolution with a kernel"
    kernel: str = parameter(
        "learned", "kernel to enlarge by", choices=LEARNED + _TCONV_KERNELS, file=True
    )
    kernel_size: int | None = parameter(None, "taps of the kernel along each axis", low=1, high=64)
    seed: int = parameter(0, "seed of the random kernel", low=0, high=2**32 - 1)

    @property
    def rings(self) -> bool:
        """Whether a kernel of this name has negative taps; those of files are looked at later."""
        return self.kernel not in (*_SIZED, "bilinear")

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        RingingMethod.check(self)
        if self.kernel_size is not None and self.kernel not in _SIZED:
            raise SettingError(
                f"--kernel-size is for {', '.join(_SIZED)}, not {self.kernel}; leave it out"
            )
        if self.seed and self.kernel != "random":
            raise SettingError(f"--seed is for random, not {self.kernel}; leave it out")

    def kernels(self, scale: float) -> "list[Kernel]":
        """Return the kernels that reach a scale, in the order they are applied."""
        kernels = kernels_from_files(self.name, self.kernel, scale)
        if kernels is not None:
            return kernels
        from upsample_cli.kernels.named import KERNELS

        return [KERNELS[self.kernel](whole_stride(scale), self.kernel_size, self.seed)]


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
    resize: str = parameter(
        "nearest", "how to enlarge before the kernel", choices=("nearest", "bilinear")
    )
    kernel: str = parameter(
        "learned", "kernel to enlarge by", choices=LEARNED + _RESIZE_KERNELS, file=True
    )
    kernel_size: int | None = parameter(None, "taps of the kernel along each axis", low=1, high=64)

    @property
    def rings(self) -> bool:
        """Whether a kernel of this name has negative taps; those of files are looked at later."""
        return self.kernel not in ("box", "gaussian")

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        RingingMethod.check(self)
        if self.kernel_size is not None and self.kernel not in _RESIZE_KERNELS:
            raise SettingError(
                f"--kernel-size is for {', '.join(_RESIZE_KERNELS)}, not {self.kernel}; "
                "leave it out"
            )
        if self.kernel_size is not None and self.kernel_size % 2 == 0:
            raise SettingError(
                f"--kernel-size {self.kernel_size} is even, which moves the picture; give an odd"
            )
        if self.kernel in LEARNED and self.resize != "nearest":
            raise SettingError(
                f"kernel '{self.kernel}' was learned with --resize nearest, not {self.resize}; "
                f"choose {', '.join(_RESIZE_KERNELS)} or train one"
            )

    def kernels(self, scale: float) -> "list[Kernel]":
        """Return the kernels that reach a scale, in the order they are applied."""
        kernels = kernels_from_files(self.name, self.kernel, scale, self.resize)
        if kernels is not None:
            return kernels
        from upsample_cli.kernels.named import resized, smoothing

        stride = whole_stride(scale)
        return [resized(smoothing(self.kernel, stride, self.kernel_size), self.resize, stride)]
