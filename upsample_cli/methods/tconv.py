"""Transposed convolution: every input pixel spreads the kernel over the output, stride apart."""

from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods import stored, strides
from upsample_cli.methods.method import Method, Parameter, Stage

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size

_FIXED = ("uniform", "bilinear", "bicubic", "lanczos", "gaussian", "random")


class TransposedConvolution(Method):
    """Upsample by a transposed convolution whose stride is the scale.

    Args:
        kernel: The word of a learned or fixed kernel, or a kernel file.
        kernel_size: Taps along each axis, for uniform, random and gaussian; by default balanced.
        seed: Of the random kernel.
    """

    name = "tconv"
    summary = "transposed convolution with a kernel"
    parameters = (
        Parameter("kernel", str, "learned", "its taps", stored.LEARNED + _FIXED, file=True),
        Parameter("kernel_size", int, None, "its taps along an axis", low=1, high=64),
        Parameter("seed", int, 0, "of the random kernel", low=0, high=2**32 - 1),
    )
    kernel: str
    kernel_size: int | None
    seed: int

    def check(self) -> None:
        """Refuse settings that do not go together."""
        sized = ("uniform", "random", "gaussian")
        if self.kernel_size is not None and self.kernel not in sized:
            raise SettingError(
                f"--kernel-size is for {', '.join(sized)}, not {self.kernel}; leave it out"
            )
        if self.seed and self.kernel != "random":
            raise SettingError(f"--seed is for random, not {self.kernel}; leave it out")

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the one transposed convolution that the stages amount to."""
        return strides.joined(self._kernels(scale))

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage a kernel, and a reduction where the scale is not a product of strides.

        Args:
            size_in: Height and width of the input.
            size_out: Height and width of the output.
        """
        kernels = self._kernels(strides.largest_scale(size_in, size_out))
        return strides.chain(kernels, size_in, size_out)

    def _kernels(self, scale: float) -> "list[Kernel]":
        if self.kernel in stored.LEARNED:
            return stored.learned(self.name, self.kernel, scale)
        if stored.is_file(self.kernel):
            return stored.own(self.name, self.kernel, scale)
        from upsample_cli.kernels.named import KERNELS

        return [KERNELS[self.kernel](strides.whole(scale), self.kernel_size, self.seed)]
