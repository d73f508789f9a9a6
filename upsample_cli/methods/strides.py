"""Choose strides whose product reaches a scale, and reduce their output to the exact size.

Strides multiply (8 = 4 x 2). A scale that is no such product is reached by the next larger product
and an antialiased bicubic reduction.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import ceil, prod
from typing import TYPE_CHECKING

from upsample_cli.methods.method import Stage

if TYPE_CHECKING:  # `upsample --help` must not wait for NumPy
    from upsample_cli.planes import Size


def strides_for(scale: float, strides: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, largest first, whose product is the least >= `scale`; as few as possible.

    >>> strides_for(8, (2, 3, 4)), strides_for(5, (2, 3, 4)), strides_for(1.5, (2, 3, 4))
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


def whole_stride(scale: float) -> int:
    """Return the least whole number, 1 or more, that is >= `scale` up to rounding errors."""
    return max(1, ceil(scale - 1e-9))


def with_reduction(stages: tuple[Stage, ...], size: "Size", size_out: "Size") -> tuple[Stage, ...]:
    """Return stages, which lead to `size`, and an antialiased reduction to `size_out` if needed."""
    if size == tuple(size_out) and stages:
        return stages
    from upsample_cli.kernels.interpolants import BICUBIC, resampling

    return (*stages, resampling(BICUBIC, size, size_out))
