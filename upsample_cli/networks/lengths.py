"""What is known of a shape in an ONNX graph before the model runs."""

from onnx import NodeProto

from upsample_cli.networks.constants import constant
from upsample_cli.networks.graph import Graph, given, operator
from upsample_cli.networks.unreadable import UnreadableError

UNKNOWN = 0  # a length that is worked out as the model runs
_MOST = 9  # of them: one more than tell blocks
_MOST_NODES = 8  # after each other: more is a circle
_SAME = frozenset(("Cast", "Floor", "Identity", "Reshape", "Squeeze", "Unsqueeze"))


def lengths_of(graph: Graph, name: str) -> list[int]:
    """Return the shape that a model tells of a value, 0 for a length that it does not, [] if none.

    Args:
        graph: The value's.
        name: The value's.
    """
    for each in (*graph.proto.input, *graph.proto.value_info):
        if each.name == name:
            return [max(UNKNOWN, length.dim_value) for length in each.type.tensor_type.shape.dim]
    return []


def lengths(graph: Graph, name: str, channels: int = UNKNOWN, depth: int = 0) -> list[int]:
    """Return the first numbers of a shape, 0 where they are worked out as the model runs.

    Args:
        graph: The shape's.
        name: The shape's.
        channels: Of what takes it: what is divided as the model runs is taken for their number.
        depth: Nodes passed on the way to it.
    """
    try:
        found = constant(graph, name).reshape(-1)[:_MOST]
        return [int(each) if found.dtype.kind in "iu" else UNKNOWN for each in found]
    except UnreadableError:
        node = graph.producer(name)
    if node is None or depth > _MOST_NODES:
        return [UNKNOWN]
    if operator(node) == "Div":
        return [_part(graph, node, channels)]
    if operator(node) in _SAME:
        return lengths(graph, given(node, 0), channels, depth + 1)
    if operator(node) == "Slice":
        return [UNKNOWN] * _cut(graph, node)
    told: list[int] = []
    for part in node.input if operator(node) == "Concat" else ():
        if len(told) < _MOST:  # the parts may be one Concat many times, and so on
            told += lengths(graph, part, channels, depth + 1)
    return told or [UNKNOWN]


def _cut(graph: Graph, node: NodeProto) -> int:
    """Return how many numbers a Slice takes of a shape, 1 where that is not counted from 0."""
    try:
        found = [constant(graph, given(node, place)) for place in (1, 2)]
    except UnreadableError:
        return 1
    if given(node, 4) or any(each.size != 1 or each.dtype.kind not in "iu" for each in found):
        return 1
    start, end = (int(each.item()) for each in found)
    return end - start if 0 <= start < end <= _MOST else 1


def _part(graph: Graph, node: NodeProto, channels: int) -> int:
    """Return the part of the channels that a Div by a constant makes."""
    try:
        divisor = constant(graph, given(node, 1))
    except UnreadableError:
        return UNKNOWN
    if divisor.size != 1 or divisor.dtype.kind not in "iu" or divisor.item() < 1:
        return UNKNOWN
    return UNKNOWN if channels % divisor.item() else int(channels // divisor.item())
