"""Pads of an ONNX graph that stand before a convolution, as reflection is spelled there.

They move the picture as the convolution's own padding does, which is 0 then.
"""

from dataclasses import replace

from onnx import NodeProto

from upsample_cli.networks.affine import POINTWISE
from upsample_cli.networks.constants import constant
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.spans import Spans
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes between
_FARTHEST = 1 << 31  # of a padding: more is damage


def with_pads(graph: Graph, node: NodeProto, own: Spans) -> Spans:
    """Return the numbers of a convolution with what Pads before it put before the first row, ...

    Args:
        graph: The node's.
        node: A Conv or ConvTranspose.
        own: Its own numbers.

    Returns:
        Its padding, or what is cropped, is None where a Pad is worked out as the model runs.
    """
    before = _put_before(graph, given(node, 0), len(own.stride))
    if own.padding is None or before is None:
        return replace(own, padding=None)
    if node.op_type == "ConvTranspose":  # a row before the input is that many before the output
        before = tuple(-s * each for s, each in zip(own.stride, before, strict=True))
    padding = tuple(sum(pair) for pair in zip(own.padding, before, strict=True))
    known = all(abs(each) <= _FARTHEST for each in padding)
    return replace(own, padding=padding if known else None)


def _put_before(graph: Graph, name: str, axes: int) -> tuple[int, ...] | None:
    """Return how much Pads put before the first of each of the picture's axes; less than 0 is cut.

    It is None where one is worked out as the model runs, or pictures are joined.
    """
    total = (0,) * axes
    for _ in range(_MOST):
        node = graph.producer(name)
        if node is None or operator(node) not in POINTWISE | {"Concat", "Pad"}:
            break
        if operator(node) == "Concat":  # along the picture it is how padding around is spelled
            along = attribute(node, "axis", 1)
            return None if along > 1 or -axes <= along < 0 else total
        if operator(node) == "Pad":
            found = _before(graph, node, axes)
            if found is None:
                return None
            total = tuple(sum(pair) for pair in zip(total, found, strict=True))
        name = given(node, 0)
    return total


def _before(graph: Graph, node: NodeProto, axes: int) -> tuple[int, ...] | None:
    """Return how much a Pad puts before the first of each of the picture's axes."""
    rank = axes + 2
    try:
        amounts = _numbers(graph, node, 1)
        places = _numbers(graph, node, 3) if given(node, 3) else tuple(range(rank))
    except UnreadableError:
        return None
    if len(amounts) != 2 * len(places) or not all(-rank <= each < rank for each in places):
        return None
    every = [0] * rank
    for place, amount in zip(places, amounts, strict=False):  # what comes after the last follows
        every[place] += amount
    return tuple(every[2:]) if every[:2] == [0, 0] else None


def _numbers(graph: Graph, node: NodeProto, place: int) -> tuple[int, ...]:
    """Return the whole numbers that a Pad is given, before opset 11 as an attribute."""
    for each in node.attribute:
        if each.name == "pads" and place == 1:
            return tuple(each.ints)
    found = constant(graph, given(node, place)).reshape(-1)
    return tuple(map(int, found)) if found.dtype.kind in "iu" else ()
