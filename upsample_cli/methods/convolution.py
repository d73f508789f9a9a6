"""The methods `tconv`, a transposed convolution, and `resize-conv`, upsampling then a convolution.

For every input pixel, a transposed convolution adds to the output a copy of the kernel, multiplied
by the pixel; neighbouring copies lie one stride apart. A resize-convolution interpolates, then
convolves on the output grid. Both steps together are one transposed convolution, whose kernel is
the interpolation's kernel convolved with the taps. With nearest-neighbour interpolation its phase
sums are all equal whatever the taps, so it cannot make a checkerboard.

Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill, 2016.
"""

import os
from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, ClassVar

from upsample_cli.errors import SettingError
from upsample_cli.methods.method import RingingMethod, Stage, is_kernel_file, parameter
from upsample_cli.methods.strides import strides_for, whole_stride, with_reduction

if TYPE_CHECKING:  # `upsample --help` must not wait for NumPy
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size

LEARNED = ("learned", "learned-sharp", "learned-soft")
FIXED = ("uniform", "bilinear", "bicubic", "lanczos", "gaussian", "random")
"""The names of the fixed kernels of transposed convolutions, those of `kernels.named`."""
_SIZED = ("uniform", "random", "gaussian")
_RESIZE_KERNELS = ("box", "gaussian", "sharpen")
_SIZE_HELP = f"taps of {', '.join(dict.fromkeys(_SIZED + _RESIZE_KERNELS))}"


class KernelMethod(RingingMethod):
    """A method that applies kernels: learned, fixed, or from a file.

    Attributes:
        kernel: The name of a learned or fixed kernel; the path of a .npz, which holds its stride;
            or the path of a .npy of taps, whose stride is the scale, rounded up.
        kernel_size: Taps of a fixed kernel along each axis; None for the kernel's default.
        resize: The interpolation before the convolution; empty for none.
        sized: The names of the kernels that can have a `kernel_size`.
        positive: The names of the kernels without negative taps. Taps in files are checked later.
    """

    __slots__ = ()
    kernel: str
    kernel_size: int | None
    resize: str = ""
    sized: ClassVar[tuple[str, ...]]
    positive: ClassVar[tuple[str, ...]]

    @property
    def rings(self) -> bool:
        """Whether the kernel may have negative taps, judged by its name."""
        return self.kernel not in self.positive

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        RingingMethod.check(self)
        if self.kernel_size is not None and self.kernel not in self.sized:
            raise SettingError(
                f"--kernel-size is for {', '.join(self.sized)}, not {self.kernel}; leave it out"
            )

    @abstractmethod
    def fixed(self, stride: int) -> "Kernel":
        """Return the fixed kernel named `kernel` for a stride."""

    def kernels(self, scale: float) -> "list[Kernel]":
        """Return kernels whose strides multiply to `scale` or more, in the order they are applied.

        Raises:
            SettingError: A kernel file cannot be read, or has stride 1.
        """
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, load, shipped

        if self.kernel in LEARNED:
            strides = strides_for(scale, SHIPPED_STRIDES)
            return [shipped(self.name, self.kernel, s).kernel(self.kernel) for s in strides]
        stride = whole_stride(scale)
        if not is_kernel_file(self.kernel):
            return [self.fixed(stride)]
        name = os.path.basename(self.kernel)
        kernel = load(self.kernel, self.name, stride, self.resize).kernel(name)
        if kernel.stride == stride:
            return [kernel]
        if kernel.stride == 1:
            raise SettingError(f"kernel '{name}' has stride 1 and cannot enlarge; train another")
        return [kernel] * len(strides_for(scale, (kernel.stride,)))

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the transposed convolution that equals all kernels in turn, if there are any."""
        kernels = self.kernels(scale)
        return reduce(lambda first, later: first.then(later), kernels) if kernels else None

    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage per kernel, and a reduction if their strides lead beyond `size_out`."""
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        kernels = self.kernels(scale)
        if self.antiring and scale > 1 and all((kernel.taps >= 0).all() for kernel in kernels):
            raise SettingError(
                f"kernel '{kernels[0].name}' has no negative taps; leave --antiring out"
            )
        stride = prod(kernel.stride for kernel in kernels)
        stages: tuple[Stage, ...] = tuple(kernel.stage() for kernel in kernels)
        return with_reduction(stages, (size_in[0] * stride, size_in[1] * stride), size_out)


@dataclass(frozen=True, slots=True)
class TransposedConvolution(KernelMethod):
    """Upsample by a transposed convolution whose stride is the scale.

    Args:
        kernel: The name of a learned or fixed kernel, or the path of a kernel file.
        kernel_size: Taps along each axis, for uniform, random and gaussian; None for the default.
        seed: Seed of the random kernel.
    """

    name = "tconv"
    summary = "transposed convolution with a kernel"
    kernel: str = parameter(
        "learned",
        "kernel to enlarge with",
        choices=LEARNED + FIXED,
        file="a .npz or .npy file",
    )
    kernel_size: int | None = parameter(None, _SIZE_HELP, low=1, high=64)
    seed: int = parameter(0, "seed of the random kernel", low=0, high=2**32 - 1)

    sized = _SIZED
    positive = (*_SIZED, "bilinear")

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        KernelMethod.check(self)
        if self.seed and self.kernel != "random":
            raise SettingError(f"--seed is for --kernel random, not {self.kernel}; leave it out")

    def fixed(self, stride: int) -> "Kernel":
        """Return the fixed kernel named `kernel` for a stride."""
        from upsample_cli.kernels.named import KERNELS

        return KERNELS[self.kernel](stride, self.kernel_size, self.seed)


@dataclass(frozen=True, slots=True)
class ResizeConvolution(KernelMethod):
    """Upsample by nearest or bilinear interpolation, then convolve.

    Args:
        resize: The interpolation, nearest or bilinear.
        kernel: The name of a learned or fixed kernel, or the path of a kernel file.
        kernel_size: Taps along each axis, odd, of box, gaussian or sharpen; None for the default.
    """

    name = "resize-conv"
    summary = "upsampling, then a convolution"
    resize: str = parameter(
        "nearest", "how to enlarge before the kernel", choices=("nearest", "bilinear")
    )
    kernel: str = parameter(
        "learned",
        "kernel to enlarge with",
        choices=LEARNED + _RESIZE_KERNELS,
        file="a .npz or .npy file",
    )
    kernel_size: int | None = parameter(None, _SIZE_HELP, low=1, high=64)

    sized = _RESIZE_KERNELS
    positive = ("box", "gaussian")

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        KernelMethod.check(self)
        if self.kernel_size is not None and self.kernel_size % 2 == 0:
            raise SettingError(
                f"--kernel-size {self.kernel_size} is even, which moves the picture; "
                "give an odd number"
            )
        if self.kernel in LEARNED and self.resize != "nearest":
            raise SettingError(
                f"kernel '{self.kernel}' was learned with --resize nearest, not {self.resize}; "
                f"choose {', '.join(_RESIZE_KERNELS)} or train one"
            )

    def fixed(self, stride: int) -> "Kernel":
        """Return one kernel for upsampling by a stride, then the fixed kernel named `kernel`."""
        from upsample_cli.kernels.named import resize_conv_kernel, smoothing

        return resize_conv_kernel(
            smoothing(self.kernel, stride, self.kernel_size), self.resize, stride
        )
