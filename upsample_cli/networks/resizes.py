"""Interpolation in an ONNX graph, and the convolution after it.

Whatever the interpolation, its weights for an output sum to 1: a flat picture stays flat, and the
convolution that follows keeps it flat. So there is no checkerboard to compute, by construction.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from upsample_cli.networks.constants import constant
from upsample_cli.networks.conv_attributes import spans
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.layer import RESIZE, RESIZE_CONV, Layer
from upsample_cli.networks.pads import with_pads
from upsample_cli.networks.pointwise import CONVOLUTIONS
from upsample_cli.networks.scales import scale_of
from upsample_cli.networks.unreadable import UnreadableError

_FINEST = 64  # denominator of a scale
_SLACK = 1e-6  # of a scale in float32
# What may stand between: every pixel by itself, or the picture's border.
_BETWEEN = frozenset(("Cast", "DequantizeLinear", "Identity", "Pad", "QuantizeLinear", "Relu"))


def resize_layer(graph: Graph, node: NodeProto, name: str) -> Layer | None:
    """Return the layer of an interpolation; None where it does not enlarge.

    Args:
        graph: The node's.
        node: A Resize or Upsample.
        name: What to call it.
    """
    scale = scale_of(graph, node)
    if scale and max(scale) <= 1.0:
        return None
    after = _convolution(graph, node)
    size = _size(graph, after) if after is not None else ()
    shift = _shift(node, scale) if scale else None
    if after is not None and shift is not None:
        shift = _moved(graph, after, size, shift)
    return Layer(name, RESIZE_CONV if after else RESIZE, size=size, scale=scale, shift=shift)


def _convolution(graph: Graph, node: NodeProto) -> NodeProto | None:
    """Return the convolution that takes what a node makes, if only that does."""
    for _ in range(8):
        takers = [each for name in node.output for each in graph.consumers.get(name, [])]
        if len(takers) != 1:
            return None
        node = takers[0]
        if operator(node) in CONVOLUTIONS:
            return node
        if operator(node) not in _BETWEEN:
            return None
    return None


def _size(graph: Graph, node: NodeProto) -> tuple[int, ...]:
    for each in node.attribute:
        if each.name == "kernel_shape":
            return tuple(each.ints)
    tensor = graph.tensor(given(node, 1))
    try:
        return tuple(tensor.dims if tensor else constant(graph, given(node, 1)).shape)[2:]
    except UnreadableError:
        return ()


def _shift(node: NodeProto, scale: tuple[float, ...]) -> tuple[float, ...] | None:
    """Return how far the picture moves, in output pixels; None where it is not the same all over.

    An output o is to lie at (o + 0.5) / s - 0.5 of the input; how far it does not is the shift.
    """
    if node.op_type == "Upsample" or len(node.input) == 2:  # and Resize of opset 10
        convention, rounding = "asymmetric", "floor"
    else:
        convention = str(attribute(node, "coordinate_transformation_mode", "half_pixel"))
        rounding = str(attribute(node, "nearest_mode", "round_prefer_floor"))
    half = convention in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
    if not half and convention != "asymmetric":
        return None
    rounding = rounding if attribute(node, "mode", "nearest") == "nearest" else ""
    shifts = [_along(each, half, rounding) for each in scale]
    known = tuple(each for each in shifts if each is not None)
    return known if len(known) == len(shifts) else None


def _along(scale: float, half: bool, rounding: str) -> float | None:
    """Return the mean shift along an axis, over as many outputs as it takes to come again."""
    if not rounding:
        return 0.0 if half else (1 - scale) / 2
    exact = Fraction(scale).limit_denominator(_FINEST)
    if abs(exact - Fraction(scale)) > _SLACK * scale:
        return None
    n, d = exact.as_integer_ratio()
    output = np.arange(n)
    # Everything over 2 n: where an output lies, and half an input.
    place = (2 * output + 1) * d - n if half else 2 * output * d
    total = int(_rounded(place, n, rounding).sum()) - Fraction(n * (d - 1), 2)
    return float(-total / d)


def _rounded(place: NDArray[np.int64], half: int, rounding: str) -> NDArray[np.int64]:
    """Return whole numbers of places that are given in parts of which `half` make a half."""
    if rounding == "floor":
        return place // (2 * half)
    if rounding == "ceil":
        return -(-place // (2 * half))
    if rounding == "round_prefer_ceil":
        return (place + half) // (2 * half)
    return -((half - place) // (2 * half))


def _moved(
    graph: Graph, node: NodeProto, size: tuple[int, ...], shift: tuple[float, ...]
) -> tuple[float, ...] | None:
    """Return a shift after a convolution."""
    if len(size) != len(shift):
        return None
    move = with_pads(graph, node, spans(node, size)).move(size)
    return move and tuple(map(sum, zip(shift, move, strict=True)))
