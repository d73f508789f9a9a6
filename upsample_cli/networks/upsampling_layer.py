"""An upsampling layer of a network, as far as it can be told from flat pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SUMS = 1 << 25  # phases times pairs of channels: more is a mistake, not a layer
TCONV, SUB_PIXEL, RESIZE_CONV, RESIZE = "tconv", "sub-pixel", "resize-conv", "resize"


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An upsampling layer.

    Args:
        name: Of the layer in its network.
        kind: `tconv`, `sub-pixel`, `resize-conv` or `resize`.
        stride: Output pixels per input pixel along each of the N axes; of a resize any number.
        size: Taps of the layer's own kernel along each axis; empty for a bare resize.
        dilation: Distance of neighbouring taps along each axis.
        gains: Shape (Cout, Cin, s1, ..., sN): what each phase of each output channel makes of a
            flat input channel of 1; None for a resize, which keeps flat pictures flat, and where
            it is unknown. Cin is that of one group.
        bias: Shape (Cout, s1, ..., sN), where every phase can have its own.
        shift: Output pixels that the picture moves along each axis; None if unknown.
        unknown: Why it cannot be audited; empty if it can.
    """

    name: str
    kind: str
    stride: tuple[float, ...] = ()
    size: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    gains: NDArray[np.float64] | None = None
    bias: NDArray[np.floating[Any]] | None = None
    shift: tuple[float, ...] | None = None
    unknown: str = ""
