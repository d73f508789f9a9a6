"""Pads of an ONNX graph that stand before a convolution, as reflection is spelled there.

They move the picture as the convolution's own padding does, which is 0 then.
"""

from dataclasses import replace

from onnx import NodeProto

from upsample_cli.networks.affine import POINTWISE
from upsample_cli.networks.borders import padded
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
            try:
                found = padded(graph, node, axes)
            except UnreadableError:
                found = None
            if found is None:
                return None
            total = tuple(one + int(more) for one, more in zip(total, found, strict=True))
        name = given(node, 0)
    return total
