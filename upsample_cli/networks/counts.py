"""How many channels a value of an ONNX graph has, whatever became of them on the way to it.

That tells a shuffle, whose channels become fewer, from heads and windows that are transposed alike.
"""

from upsample_cli.networks.affine import CONVOLUTIONS, POINTWISE
from upsample_cli.networks.graph import Graph, operator
from upsample_cli.networks.lengths import UNKNOWN, lengths_of
from upsample_cli.networks.linear import LINEAR, outputs
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes between
# What leaves as many channels as it takes: of two branches both have as many.
_KEEPS = POINTWISE | {
    "Add", "Div", "InstanceNormalization", "LayerNormalization", "Max", "Min", "Mul", "Pow",
    "Slice", "Softmax", "Sub", "Transpose",
}  # fmt: skip


def channels_of(graph: Graph, name: str, last: bool) -> int:
    """Return how many channels a value has, 0 if unknown.

    Args:
        graph: The value's.
        name: The value's.
        last: Whether they come last instead of second.
    """
    for _ in range(_MOST):
        node = graph.producer(name)
        if node is None:
            break
        if operator(node) in (LINEAR if last else CONVOLUTIONS):
            try:
                return outputs(graph, node)
            except UnreadableError:
                break
        if operator(node) not in _KEEPS:
            break
        last ^= operator(node) == "Transpose"
        name = next((each for each in node.input if graph.tensor(each) is None), "")
    told = lengths_of(graph, name)
    return told[-1 if last else 1] if len(told) > 1 else UNKNOWN
