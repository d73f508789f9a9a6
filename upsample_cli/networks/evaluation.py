"""Nodes of an ONNX graph worked out one by one, by onnx's own reference, within bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from upsample_cli.networks.bounds import most
from upsample_cli.networks.graph import attribute
from upsample_cli.networks.sparse import dense, sparse_value
from upsample_cli.networks.unreadable import UnreadableError

MOST_NUMBERS = 1 << 27  # that nodes make on the way to a value: thrice a very large layer's
# What onnx's reference raises for operators, types and shapes that do not fit.
FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError, onnx.checker.ValidationError,
)  # fmt: skip
_QUANTISED = frozenset(("DequantizeLinear", "QuantizeLinear"))
_FIRST_QUANTISED = 19  # opset, in onnx's reference
_SOFTMAX = 13  # opset; before it Softmax was another function, which onnx's reference lacks


def worked_out(
    name: str,
    nodes: Sequence[NodeProto],
    tensors: Mapping[str, TensorProto],
    versions: Mapping[str, int],
) -> NDArray[Any]:
    """Return a value that nodes make of tensors.

    Args:
        name: Of the value.
        nodes: Each after those that make what it takes.
        tensors: All that nodes take and no node makes, by name.
        versions: Of each domain of operators; nodes of any are taken for ONNX's own.

    Raises:
        UnreadableError: Nodes do not fit, or make text or too many numbers.
    """
    values: dict[str, Any] = {}
    left = MOST_NUMBERS
    for node in nodes:
        given = [values[each] if each in values else tensors[each] for each in node.input if each]
        if any(map(_is_text, given)) or _makes_text(node):
            raise UnreadableError(f"'{name}' is worked out of text")
        if node.op_type == "Softmax" and versions.get("", _SOFTMAX) < _SOFTMAX:
            raise UnreadableError(f"'{name}' is worked out by Softmax; export it in opset 13")
        try:
            left -= most(node, given)
            if left < 0:
                raise UnreadableError(
                    f"'{name}' takes too many numbers to work out; store it as a tensor"
                )
            with np.errstate(all="ignore"):  # what is no number is told of the weights
                values |= _made(node, values, tensors, versions)
        except FAULTS as error:
            raise UnreadableError(f"'{name}' cannot be worked out ({error})") from error
    return np.asarray(values[name])


def _made(
    node: NodeProto,
    values: Mapping[str, Any],
    tensors: Mapping[str, TensorProto],
    versions: Mapping[str, int],
) -> dict[str, Any]:
    """Return what a node makes, by name."""
    from onnx.reference import ReferenceEvaluator  # slow to import, and seldom needed

    tensor = sparse_value(node)
    if tensor is not None:  # which the reference leaves sparse
        return {node.output[0]: dense(tensor)}
    names = [each for each in node.output if each]
    outs = [onnx.helper.make_empty_tensor_value_info(each) for each in names]
    data = [tensors[each] for each in dict.fromkeys(node.input) if each in tensors]
    graph = onnx.helper.make_graph([node], "constant", [], outs, data)
    graph.node[0].domain = ""  # the only name of ONNX's own that its reference knows
    if node.op_type in _QUANTISED and "" in versions:
        versions = {**versions, "": max(versions[""], _FIRST_QUANTISED)}
    opsets = [onnx.helper.make_opsetid(domain, version) for domain, version in versions.items()]
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    given = {each: values[each] for each in node.input if each in values}
    return dict(zip(names, ReferenceEvaluator(model).run(names, given), strict=True))


def _is_text(value: Any) -> bool:
    if isinstance(value, TensorProto):
        return bool(value.data_type == TensorProto.STRING)
    return np.asarray(value).dtype.kind in "OSU"


def _makes_text(node: NodeProto) -> bool:
    """Tell whether numbers become text, which takes 32 times their room."""
    told = any(each.t.data_type == TensorProto.STRING for each in node.attribute)
    return told or (node.op_type == "Cast" and attribute(node, "to", 0) == TensorProto.STRING)
