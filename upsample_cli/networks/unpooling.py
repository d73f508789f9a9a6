"""Unpooling in an ONNX graph that is spelled out: values put among zeros where a maximum was.

PyTorch's exporter has no MaxUnpool, but a ScatterND or ScatterElements at the indices that a
MaxPool tells.
"""

from onnx import NodeProto

from upsample_cli.networks.graph import Graph, given, operator

_SCATTERS = frozenset(("ScatterElements", "ScatterND"))
_COUNTING = frozenset((  # what becomes of indices on the way
    "Add", "Cast", "Concat", "Div", "Expand", "Flatten", "Identity", "Mod", "Mul", "Reshape",
    "Slice", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze",
))  # fmt: skip
_MOST = 32  # nodes between


def unpools(graph: Graph, node: NodeProto) -> bool:
    """Tell whether a node puts values where a MaxPool had its maxima.

    Args:
        graph: The node's.
        node: Any.
    """
    waiting = [given(node, 1)] if operator(node) in _SCATTERS else []
    for _ in range(_MOST):
        name = waiting.pop() if waiting else ""
        made_by = graph.producer(name)
        if made_by is None:
            continue
        if operator(made_by) == "MaxPool":
            return name in made_by.output[1:]
        if operator(made_by) in _COUNTING:
            waiting.extend(made_by.input)
    return False
