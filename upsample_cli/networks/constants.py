"""Constants of an ONNX graph: tensors, and whatever is worked out of tensors alone.

Exporters put weights behind Identity, Cast, Transpose or DequantizeLinear, or leave the division
of a weight norm in the graph. What counts is the effective weight, so that is worked out.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from upsample_cli.networks.evaluation import FAULTS, worked_out
from upsample_cli.networks.graph import Graph, name_of, operator
from upsample_cli.networks.unreadable import UnreadableError

# What exporters do to weights.
_WORKED_OUT = frozenset((
    "Abs", "Add", "Cast", "CastLike", "Clip", "Concat", "Constant", "ConstantOfShape",
    "DequantizeLinear", "Div", "Flatten", "Gather", "Identity", "Max", "Mul", "Neg", "Pow",
    "QuantizeLinear", "Reciprocal", "ReduceL2", "ReduceMean", "ReduceSum", "ReduceSumSquare",
    "Reshape", "Shape", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze",
))  # fmt: skip
_MOST = 64  # nodes that one constant is worked out of


def constant(graph: Graph, name: str) -> NDArray[Any]:
    """Return a value that does not depend on the model's input.

    Args:
        graph: Where it is used.
        name: Of the value.

    Raises:
        UnreadableError: It depends on the input, or its data are missing or damaged.
    """
    if not name:
        raise UnreadableError("it is not given")
    tensors: dict[str, TensorProto] = {}
    nodes: dict[str, NodeProto] = {}
    _gather(graph, name, tensors, nodes, set())
    data = [_loaded(graph, tensor) for tensor in tensors.values()]
    if not nodes:
        return _array(data[0])
    # A node is made known after what it is made of, so they stand in order.
    parts = list({id(node): node for node in nodes.values()}.values())
    versions = graph.opsets | ({"": _least_version(graph, parts)} if "" in graph.opsets else {})
    return worked_out(name, parts, dict(zip(tensors, data, strict=True)), versions)


def _least_version(graph: Graph, parts: list[NodeProto]) -> int:
    """Return the opset to work nodes out in: onnx's reference quantises from 19 on alone."""
    quantised = any(node.op_type in ("DequantizeLinear", "QuantizeLinear") for node in parts)
    return max(graph.opsets[""], 19 if quantised else 0)


def floats(graph: Graph, name: str) -> NDArray[np.floating[Any]]:
    """Return a constant as float32, or float64 where it is that.

    Args:
        graph: Where it is used.
        name: Of the value.

    Raises:
        UnreadableError: As for `constant`, or it holds no finite numbers.
    """
    found = constant(graph, name)
    try:
        kind = np.float64 if found.dtype == np.float64 else np.float32
        numbers: NDArray[np.floating[Any]] = found.astype(kind)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"'{name}' holds {found.dtype}, no numbers") from error
    if not np.isfinite(numbers).all():
        raise UnreadableError(f"'{name}' holds NaN or infinity")
    return numbers


def _gather(
    graph: Graph,
    name: str,
    tensors: dict[str, TensorProto],
    nodes: dict[str, NodeProto],
    begun: set[str],
) -> None:
    """Add all that a value is worked out of, in order."""
    if not name or name in tensors or name in nodes:
        return
    tensor = graph.tensor(name)
    if tensor is not None:
        tensors[name] = tensor
        return
    node = graph.producer(name)
    if node is None:
        raise UnreadableError(f"'{name}' is an input of the model")
    if operator(node) not in _WORKED_OUT:
        raise UnreadableError(f"'{name}' is worked out by {operator(node)} ({name_of(node)})")
    if name in begun or len(begun) >= _MOST:
        raise UnreadableError(f"'{name}' is worked out by too many nodes")
    begun.add(name)
    for each in node.input:
        _gather(graph, each, tensors, nodes, begun)
    nodes.update(dict.fromkeys(node.output, node))


def _loaded(graph: Graph, tensor: TensorProto) -> TensorProto:
    """Return a tensor with its data, which may lie in a file of their own."""
    if not onnx.external_data_helper.uses_external_data(tensor):
        return tensor
    whole = TensorProto()
    whole.CopyFrom(tensor)
    try:
        onnx.external_data_helper.load_external_data_for_tensor(whole, str(graph.folder))
    except (OSError, onnx.checker.ValidationError, *FAULTS) as error:
        raise UnreadableError(f"the data of '{tensor.name}' cannot be read ({error})") from error
    return whole


def _array(tensor: TensorProto) -> NDArray[Any]:
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except FAULTS as error:
        raise UnreadableError(f"the data of '{tensor.name}' are damaged ({error})") from error
