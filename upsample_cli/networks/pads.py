"""Pads of an ONNX graph that stand before a convolution, as reflection is spelled there.

They move the picture as the convolution's own padding does, which is 0 then.
"""

from onnx import NodeProto

from upsample_cli.networks.affine import POINTWISE
from upsample_cli.networks.constants import constant
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes between


def put_before(graph: Graph, name: str, axes: int) -> tuple[int, ...] | None:
    """Return how much Pads put before the first row, column, ... of a value; less than 0 is cut.

    Args:
        graph: The value's.
        name: Of what a convolution takes.
        axes: Of its picture.

    Returns:
        A number an axis; None where one is worked out as the model runs, or pictures are joined.
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
