"""Pads of an ONNX graph that stand before a convolution, as reflection is spelled there.

They move the picture as the convolution's own padding does. Where channels come last, as before a
linear layer or a Transpose, along which axes a border lies is not known.
"""

from dataclasses import replace

from onnx import NodeProto

from upsample_cli.networks.borders import Move, padded
from upsample_cli.networks.conv_attributes import Spans
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.linear import LINEAR
from upsample_cli.networks.pointwise import POINTWISE
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes between
_TURNS = frozenset(("Reshape", "Transpose"))
_FARTHEST = 1 << 31  # of a padding: more is damage


def with_pads(graph: Graph, node: NodeProto, own: Spans) -> Spans:
    """Return the numbers of a convolution with what Pads before it put before the first row, ...

    Args:
        graph: The node's.
        node: A Conv, a ConvTranspose or a linear layer.
        own: Its own numbers.

    Returns:
        Its padding, or what is cropped, is None where a Pad is worked out as the model runs, or
        channels come last in it.
    """
    last = node.op_type in LINEAR
    before = _put_before(graph, given(node, 0), len(own.stride), last)
    if own.padding is None or before is None:
        return replace(own, padding=None)
    if node.op_type == "ConvTranspose":  # a row before the input is that many before the output
        before = tuple(-s * each for s, each in zip(own.stride, before, strict=True))
    padding = tuple(sum(pair) for pair in zip(own.padding, before, strict=True))
    known = all(abs(each) <= _FARTHEST for each in padding)
    return replace(own, padding=padding if known else None)


def _put_before(graph: Graph, name: str, axes: int, last: bool) -> tuple[int, ...] | None:
    """Return how much Pads put before the first of each of the picture's axes; less than 0 is cut.

    It is None where one is worked out as the model runs or where channels come last, or pictures
    are joined.
    """
    total = (0,) * axes
    for _ in range(_MOST):
        node = graph.producer(name)
        kind = "" if node is None else operator(node)
        if node is None or kind not in POINTWISE | _TURNS | {"Concat", "Pad"}:
            break
        if kind == "Concat":
            return total if _of_channels(node, axes, last) else None
        if kind == "Pad":
            found = None if last else _padded(graph, node, axes)
            if found is None:
                return None
            total = tuple(one + int(more) for one, more in zip(total, found, strict=True))
        last = last or kind in _TURNS
        name = given(node, 0)
    return total


def _of_channels(node: NodeProto, axes: int, last: bool) -> bool:
    """Tell whether a Concat joins channels; along the picture it is how padding may be spelled."""
    along = attribute(node, "axis", 1)
    return along in ((-1, axes + 1) if last else (0, 1, -axes - 1, -axes - 2))


def _padded(graph: Graph, node: NodeProto, axes: int) -> Move:
    try:
        return padded(graph, node, axes)
    except UnreadableError:
        return None
