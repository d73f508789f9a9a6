"""From the strides that a kernel has to the scale that is wanted.

Strides compose (8 = 4 x 2). A scale between them is reached by the next product above it and an
antialiased cubic reduction to the exact size.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations_with_replacement
from math import ceil, prod
from typing import TYPE_CHECKING

from upsample_cli.methods.method import Stage

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size


def composed(scale: float, strides: Sequence[int]) -> tuple[int, ...]:
    """Return the fewest strides with the least product that reaches a scale, largest first.

    Args:
        scale: The scale to reach, 1 or more.
        strides: The strides there are, each 2 or more.

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
        chosen
        for count in range(1, most + 1)
        for chosen in combinations_with_replacement(ranked, count)
        if prod(chosen) >= scale
    )
    return min(reaching, key=lambda chosen: (prod(chosen), len(chosen)))


def largest_scale(size_in: "Size", size_out: "Size") -> float:
    """Return the greater of the scales of the two axes."""
    return max(after / before for before, after in zip(size_in, size_out, strict=True))


def whole(scale: float) -> int:
    """Return the least whole stride that reaches a scale."""
    return max(1, ceil(scale - 1e-9))


def chain(kernels: Sequence["Kernel"], size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
    """Return the stages of kernels one after the other, then of a reduction where one is due.

    Args:
        kernels: In the order they are applied.
        size_in: Height and width of the input.
        size_out: Height and width wanted, at most the input's times the product of the strides.
    """
    stride = prod(kernel.stride for kernel in kernels)
    stages: tuple[Stage, ...] = tuple(kernel.stage() for kernel in kernels)
    height, width = size_in[0] * stride, size_in[1] * stride
    if (height, width) == tuple(size_out) and stages:
        return stages
    from upsample_cli.kernels.band import interpolating
    from upsample_cli.kernels.interpolants import BICUBIC
    from upsample_cli.kernels.separable import Separable

    reduction = Separable(
        interpolating(BICUBIC, height, size_out[0]), interpolating(BICUBIC, width, size_out[1])
    )
    return (*stages, reduction)


def joined(kernels: Sequence["Kernel"]) -> "Kernel | None":
    """Return the one kernel that does what these do one after the other; None for none."""
    return reduce(lambda first, later: first.then(later), kernels) if kernels else None
