"""The weights of a convolution, or of a linear layer, which is a convolution of one tap."""

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.channels import Floats
from upsample_cli.networks.constants import constant, floats
from upsample_cli.networks.graph import Graph, attribute, given, name_of
from upsample_cli.networks.unreadable import UnreadableError

LINEAR = frozenset(("Gemm", "MatMul"))


def weights_of(graph: Graph, node: NodeProto, axes: int) -> Floats:
    """Return weights of shape (Cout, Cin / groups, k1, ..., kN).

    Args:
        graph: The node's.
        node: A convolution, a Gemm or a MatMul.
        axes: Of the picture: N.

    Raises:
        UnreadableError: They cannot be read, or are of another shape.
    """
    if attribute(node, "transA", 0):
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) takes its channels from rows")
    found = floats(graph, given(node, 1))
    shape = found.shape
    if node.op_type in LINEAR and len(shape) == 2:
        turned = found.T if _as_given(node) else found
        found = (turned * attribute(node, "alpha", 1.0)).reshape(*turned.shape, *(1,) * axes)
    if found.ndim != axes + 2 or 0 in shape:
        raise UnreadableError(f"the weights of {node.op_type} have shape {shape}")
    return found


def bias_of(graph: Graph, node: NodeProto) -> Floats:
    """Return biases of shape (Cout,) or (1,).

    Args:
        graph: The node's.
        node: A convolution, a Gemm or a MatMul.

    Raises:
        UnreadableError: They cannot be read.
    """
    if not given(node, 2):
        return np.zeros(1)
    return floats(graph, given(node, 2)).reshape(-1) * attribute(node, "beta", 1.0)


def outputs(graph: Graph, node: NodeProto, place: int = 1) -> int:
    """Return how many channels come out, which takes no weights that can be read.

    Args:
        graph: The node's.
        node: A convolution, a Gemm or a MatMul, or one of them in whole numbers; weights of fewer
            bits than a byte are packed, and their node tells how many channels come out, as does
            that which makes a picture again of a processor's layout.
        place: Of its weights among its inputs.

    Raises:
        UnreadableError: The shape of its weights is worked out as the model runs.
    """
    told = attribute(node, "N", 0) or attribute(node, "channels", 0)
    if told:
        return told
    tensor = graph.tensor(given(node, place))
    shape = tuple(tensor.dims) if tensor else constant(graph, given(node, place)).shape
    if len(shape) < 2:
        raise UnreadableError(f"the weights of {node.op_type} have shape {shape}")
    return int(shape[-1 if _as_given(node) else 0])


def _as_given(node: NodeProto) -> bool:
    """Tell whether weights are of shape (Cin, Cout)."""
    return "Conv" not in node.op_type and not attribute(node, "transB", 0)
