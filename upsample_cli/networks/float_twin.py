"""The float32 twin of a network: floats become float32, quantised operators become float ones.

Rounding activations to 8 bits adds a pattern that is not the layer's, and hides that the layer is
linear. So activations are not rounded here; weights keep their quantised values.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnx.helper import make_node
from onnx.numpy_helper import from_array, to_array

from upsample_cli.networks.model_file import READ_AS_FLOAT32
from upsample_cli.networks.model_graph import without_attributes

Constants = dict[str, NDArray[Any]]
_ABSENT = 12  # input index that none of these operators uses: its name reads as empty
_OPERANDS = ((0, 1, 2), (3, 4, 5))  # input indices: value, scale and zero point of each
# Quantised products: the float operator; the input indices of its operands; that of the bias.
_PRODUCTS = {
    "ConvInteger": ("Conv", ((0, _ABSENT, 2), (1, _ABSENT, 3)), _ABSENT),
    "MatMulInteger": ("MatMul", ((0, _ABSENT, 2), (1, _ABSENT, 3)), _ABSENT),
    "MatMulIntegerToFloat": ("MatMul", ((0, 2, 4), (1, 3, 5)), 6),
    "DynamicQuantizeMatMul": ("MatMul", ((0, _ABSENT, _ABSENT), (1, 2, 3)), 4),
    "QLinearConv": ("Conv", _OPERANDS, 8), "QGemm": ("Gemm", _OPERANDS, 6),
}  # fmt: skip


def float32_nodes(
    node: NodeProto, constants: Constants, varying: Collection[str]
) -> list[NodeProto]:
    """Return the nodes that replace a node in float32.

    Args:
        node: The original; it may be changed in place.
        constants: Arrays by name; constants that the new nodes take are added.
        varying: Names of values that depend on the picture by more than its size.
    """
    try:
        for entry in node.attribute:
            if entry.name in ("to", "dtype") and entry.i in READ_AS_FLOAT32:
                entry.i = TensorProto.FLOAT
            if entry.name == "value" and entry.t.data_type in READ_AS_FLOAT32:
                entry.t.CopyFrom(from_array(to_array(entry.t).astype(np.float32)))
        return _rewritten(node, constants, varying)
    except (IndexError, KeyError, ValueError, TypeError):
        return [node]  # it is damaged: the error of its run says how


def _rewritten(node: NodeProto, constants: Constants, varying: Collection[str]) -> list[NodeProto]:
    kind, inputs = node.op_type, [*node.input, *[""] * (_ABSENT + 1 - len(node.input))]
    if kind == "DynamicQuantizeLinear":  # the value is not rounded, so its scale is 1
        constants[node.output[1]] = np.array(1, np.float32)
        constants[node.output[2]] = np.array(0, np.uint8)
    if kind.endswith(("QuantizeLinear", "DequantizeLinear")) and inputs[0] in varying:
        return [make_node("Identity", inputs[:1], node.output[:1])]
    if kind == "Resize" and len(node.input) > 2 and not inputs[1]:
        node.input[1] = f"{node.output[0]}:region"  # opset 11 requires this input
        constants[node.input[1]] = np.zeros(0, np.float32)
    if kind in _PRODUCTS or kind.startswith("QLinear"):
        return _in_floats(node, inputs, constants, varying)
    return [node]


def _in_floats(
    node: NodeProto, inputs: list[str], constants: Constants, varying: Collection[str]
) -> list[NodeProto]:
    """Return the float operator for a quantised one, with the nodes that dequantise its inputs."""
    kind = node.op_type.removeprefix("QLinear")
    if kind == "Concat":  # from input 2 on: value, scale and zero point of each operand
        return [_as_operator(node, kind, node.input[2::3])]
    default_entry = kind, _OPERANDS if len(node.input) > 5 else _OPERANDS[:1], _ABSENT
    kind, values, bias = _PRODUCTS.get(node.op_type, default_entry)
    before, names = list[NodeProto](), list[str]()
    for value, scale, zero in ([inputs[place] for place in places] for places in values):
        names.append(value if value in varying else f"{value}:floats")
        if value in constants:
            constants[names[-1]] = _dequantised(constants, value, scale, zero, kind)
        elif value not in varying:
            before.append(make_node("DequantizeLinear", [value, scale, zero], names[-1:]))
    result = _as_operator(node, kind, names)
    if inputs[bias] and kind == "MatMul":  # this bias is in floats
        result.output[0] = f"{node.output[0]}:product"
        after = make_node("Add", [result.output[0], inputs[bias]], node.output[:1])
        return [*before, result, after]
    if inputs[bias]:
        factor = constants[inputs[1]] * constants[inputs[4]]
        result.input.append(f"{node.output[0]}:bias")
        constants[result.input[-1]] = (constants[inputs[bias]] * factor).astype(np.float32)
    return [*before, result]


def _as_operator(node: NodeProto, kind: str, inputs: list[str]) -> NodeProto:
    """Return a node as ONNX operator `kind`, without its old domain's attributes."""
    result = without_attributes(node, "channels_last", "opset")
    result.op_type, result.domain = kind, ""
    result.input[:] = inputs
    return result


def _dequantised(constants: Constants, name: str, scale: str, zero: str, kind: str) -> NDArray[Any]:
    """Return the floats that a quantised constant stands for."""
    values = constants[name].astype(np.float32)
    axis = 0 if "Conv" in kind else 1
    shape = [-1 if place == axis else 1 for place in range(values.ndim)]
    offset, factor = (
        constants[part].astype(np.float32).reshape(shape if constants[part].size > 1 else ())
        if part else np.float32(default)
        for part, default in ((zero, 0), (scale, 1))
    )  # fmt: skip
    return np.asarray((values - offset) * factor)
