"""Transposed convolution: every input pixel spreads the kernel over the output, stride apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods import kernel_chain
from upsample_cli.methods.kernel_chain import LEARNED
from upsample_cli.methods.method import Method, Stage, is_kernel_file, parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size

_SIZED = ("uniform", "random", "gaussian")
_FIXED = ("uniform", "bilinear", "bicubic", "lanczos", "gaussian", "random")


@dataclass(frozen=True, slots=True)
class TransposedConvolution(Method):
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

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the one transposed convolution that the stages amount to."""
        return kernel_chain.joined(self._kernels(scale))

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage a kernel, and a reduction where the strides lead beyond the size."""
        kernels = self._kernels(kernel_chain.largest_scale(size_in, size_out))
        return kernel_chain.stages_of(kernels, size_in, size_out)

    def _kernels(self, scale: float) -> "list[Kernel]":
        if self.kernel in LEARNED:
            return kernel_chain.learned(self.name, self.kernel, scale)
        if is_kernel_file(self.kernel):
            return kernel_chain.from_file(self.name, self.kernel, scale)
        from upsample_cli.kernels.named import KERNELS

        return [KERNELS[self.kernel](kernel_chain.whole(scale), self.kernel_size, self.seed)]
