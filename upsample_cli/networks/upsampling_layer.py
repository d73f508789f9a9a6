"""An upsampling layer of a network: its settings, its gains on flat pictures, and its shift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SUMS = 1 << 25  # phases times pairs of channels, at most: more is no real layer
TCONV, SUB_PIXEL, RESIZE_CONV, RESIZE = "tconv", "sub-pixel", "resize-conv", "resize"


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An upsampling layer.

    Args:
        name: Name of the layer in its network.
        kind: `tconv`, `sub-pixel`, `resize-conv` or `resize`; an ONNX operator if unknown.
        stride: Output pixels per input pixel along each of the N axes; fractional too for a resize.
        size: Taps of the layer's own kernel along each axis; empty for a bare resize.
        dilation: Output pixels from one tap to the next along each axis.
        gains: Shape (Cout, Cin, s1, ..., sN): the value, without bias, of each phase of each
            output channel for a flat input channel of 1; None if unknown, and for a resize, which
            keeps flat pictures flat. For weights without a graph, Cin is that of one group.
        bias: Shape (Cout, s1, ..., sN); None unless each phase can have its own bias.
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
