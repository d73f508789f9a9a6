"""Methods that apply kernels: from a kernel's name and a scale to one or more kernels in sequence.

Strides compose (8 = 4 x 2). A scale between them is reached by the next product above it and an
antialiased cubic reduction to the exact size.
"""

import os
from abc import abstractmethod
from collections.abc import Sequence
from functools import reduce
from itertools import combinations_with_replacement
from math import ceil, prod
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.method import RingingMethod, Stage, is_kernel_file

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size

LEARNED = ("learned", "learned-sharp", "learned-soft")


class KernelMethod(RingingMethod):
    """A method that applies kernels: learned ones, fixed ones, or that of a file."""

    __slots__ = ()

    @abstractmethod
    def kernels(self, scale: float) -> "list[Kernel]":
        """Return the kernels that reach a scale, in the order they are applied."""

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the one transposed convolution that the kernels amount to; None for none."""
        kernels = self.kernels(scale)
        return reduce(lambda first, later: first.then(later), kernels) if kernels else None

    def free_stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage a kernel, and a reduction where their strides lead beyond the size."""
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        kernels = self.kernels(scale)
        if self.antiring and scale > 1 and all((kernel.taps >= 0).all() for kernel in kernels):
            raise SettingError(
                f"kernel '{kernels[0].name}' has no negative taps; leave --antiring out"
            )
        stride = prod(kernel.stride for kernel in kernels)
        stages: tuple[Stage, ...] = tuple(kernel.stage() for kernel in kernels)
        return reduced(stages, (size_in[0] * stride, size_in[1] * stride), size_out)


def reduced(stages: tuple[Stage, ...], size: "Size", size_out: "Size") -> tuple[Stage, ...]:
    """Return stages that lead to a size, and an antialiased reduction to the one that is wanted."""
    if size == tuple(size_out) and stages:
        return stages
    from upsample_cli.kernels.interpolants import BICUBIC, resampling

    return (*stages, resampling(BICUBIC, size, size_out))


def kernels_from_files(
    method: str, kernel: str, scale: float, resize: str = ""
) -> "list[Kernel] | None":
    """Return the kernels of a learned kernel or a kernel file, None for any other name.

    Args:
        method: `tconv` or `resize-conv`.
        kernel: One of `LEARNED`; the path of a .npz with a stride of its own; or that of a .npy of
            taps, used with the scale as stride.
        scale: The scale to reach, 1 or more.
        resize: What a resize-conv upsamples by.

    Raises:
        SettingError: The file cannot be read, or its stride does not reach the scale.
    """
    if kernel in LEARNED:
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, shipped

        strides = composed(scale, SHIPPED_STRIDES)
        return [shipped(method, kernel, stride).kernel(kernel) for stride in strides]
    return _from_file(method, kernel, scale, resize) if is_kernel_file(kernel) else None


def _from_file(method: str, path: str, scale: float, resize: str) -> "list[Kernel]":
    """Return the kernel of a file, repeated until the product of its strides reaches a scale."""
    from upsample_cli.kernels.kernel_file import load

    stride = whole_stride(scale)
    kernel = load(path, method, stride, resize).kernel(os.path.basename(path))
    if kernel.stride == stride:
        return [kernel]
    if kernel.stride == 1:
        raise SettingError(f"kernel '{kernel.name}' has stride 1 and cannot enlarge; train another")
    return [kernel] * len(repeated(f"kernel '{kernel.name}'", kernel.stride, scale))


def repeated(what: str, stride: int, scale: float) -> tuple[int, ...]:
    """Return the one stride of a file as often as their product takes to reach a scale.

    Raises:
        SettingError: The scale is a whole number, and they go beyond it.
    """
    strides, needed = composed(scale, (stride,)), whole_stride(scale)
    if scale == needed and prod(strides) != needed:
        raise SettingError(
            f"{what} has stride {stride}, but the scale is {needed}; "
            f"pass --scale {stride} or train one for {needed}"
        )
    return strides


def composed(scale: float, strides: Sequence[int]) -> tuple[int, ...]:
    """Return the fewest strides with the least product that reaches a scale, largest first.

    >>> composed(8, (2, 3, 4)), composed(5, (2, 3, 4)), composed(1.5, (2, 3, 4))
    ((4, 2), (3, 2), (2,))
    """
    if scale <= 1:
        return ()
    most = 1
    while min(strides) ** most < scale:
        most += 1
    ranked = sorted(strides, reverse=True)
    reaching = (
        some
        for count in range(1, most + 1)
        for some in combinations_with_replacement(ranked, count)
        if prod(some) >= scale
    )
    return min(reaching, key=lambda some: (prod(some), len(some)))


def whole_stride(scale: float) -> int:
    """Return the least whole stride that reaches a scale."""
    return max(1, ceil(scale - 1e-9))
