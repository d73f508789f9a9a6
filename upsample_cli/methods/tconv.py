"""Transposed convolution: every input pixel spreads the kernel over the output, stride apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.kernel_chain import LEARNED, KernelMethod, stored, whole
from upsample_cli.methods.method import parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel

_SIZED = ("uniform", "random", "gaussian")
_FIXED = ("uniform", "bilinear", "bicubic", "lanczos", "gaussian", "random")


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
    kernel: str = parameter("learned", "its taps", choices=LEARNED + _FIXED, file=True)
    kernel_size: int | None = parameter(None, "its taps along an axis", low=1, high=64)
    seed: int = parameter(0, "of the random kernel", low=0, high=2**32 - 1)

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        if self.kernel_size is not None and self.kernel not in _SIZED:
            raise SettingError(
                f"--kernel-size is for {', '.join(_SIZED)}, not {self.kernel}; leave it out"
            )
        if self.seed and self.kernel != "random":
            raise SettingError(f"--seed is for random, not {self.kernel}; leave it out")

    def kernels(self, scale: float) -> "list[Kernel]":
        """Return the kernels that reach a scale, in the order they are applied."""
        kernels = stored(self.name, self.kernel, scale)
        if kernels is not None:
            return kernels
        from upsample_cli.kernels.named import KERNELS

        return [KERNELS[self.kernel](whole(scale), self.kernel_size, self.seed)]
