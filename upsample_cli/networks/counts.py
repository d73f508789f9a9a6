"""How many channels a value of an ONNX graph has, whatever became of them on the way to it.

That tells a shuffle, whose channels become fewer, from heads and windows that are transposed alike.
"""

from upsample_cli.networks.constants import is_constant
from upsample_cli.networks.graph import Graph, operator
from upsample_cli.networks.lengths import UNKNOWN, lengths_of
from upsample_cli.networks.linear import LINEAR, outputs
from upsample_cli.networks.pointwise import CONVOLUTIONS, POINTWISE
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes between
# What leaves as many channels as it takes: of two branches both have as many.
_KEEPS = POINTWISE | {
    "Add", "Div", "InstanceNormalization", "LayerNormalization", "Max", "Min", "Mul", "Pow",
    "QLinearAdd", "QLinearMul", "Slice", "Softmax", "Sub", "Transpose",
}  # fmt: skip
# What makes channels, in floats or quantised, and where its weights stand among its inputs; and how
# onnxruntime makes them again of a processor's layout.
_REORDERED = dict.fromkeys(("com.microsoft.nchwc.ReorderOutput",), 1)
_CONVOLUTIONS = _REORDERED | dict.fromkeys((*CONVOLUTIONS, "ConvInteger"), 1) | {"QLinearConv": 3}
_LINEAR = _REORDERED | {"QLinearMatMul": 3} | dict.fromkeys((
    *LINEAR, "DynamicQuantizeMatMul", "FusedMatMul", "MatMulInteger", "MatMulIntegerToFloat",
    "MatMulNBits",
), 1)  # fmt: skip


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
        place = (_LINEAR if last else _CONVOLUTIONS).get(operator(node))
        if place is not None:
            try:
                return outputs(graph, node, place)
            except UnreadableError:
                break
        if operator(node) not in _KEEPS:
            break
        last ^= operator(node) == "Transpose"
        names = map(str, node.input)  # a quantised bias may come first
        name = next((each for each in names if not is_constant(graph, each)), "")
    told = lengths_of(graph, name)
    return told[-1 if last else 1] if len(told) > 1 else UNKNOWN
