"""An upsampling layer of a network, and the part of the network that it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # weights without a graph are audited without onnx
    from onnx import NodeProto

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


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """An axis of the picture in a value.

    Args:
        place: Of the axis in the value's shape.
        stride: After how many pixels the coordinates of the map before rise.
        steps: By how much then, along each axis of the map before but that of its channels.
    """

    place: int
    stride: int
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class UpsamplingPart:
    """A part of a network that upsamples.

    Args:
        node: The node at its heart.
        kind: Of layer.
        nodes: Of the part, in the order in which they run.
        inputs: What it takes, and which axis of that holds the channels.
        output: The value that it makes.
        axes: Of the picture in the output.
        weighing: Nodes whose weights it has.
        instead: Which values are taken in the place of which: activations are left out.
        unknown: Why it cannot be measured.
        core: The part without what comes after it, if anything does.
    """

    node: "NodeProto"
    kind: str
    nodes: tuple["NodeProto", ...] = ()
    inputs: Mapping[str, int] = field(default_factory=dict)
    output: str = ""
    axes: tuple[Axis, ...] = ()
    weighing: tuple["NodeProto", ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""
    core: "UpsamplingPart | None" = None
