"""The float32 twin of a network: half floats widened, quantised operators as what they stand for.

What rounding to 8 bits adds is not a checkerboard of the layer, and hides that it is linear. So
activations stay floats here, and only weights are what their whole numbers mean.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnx.helper import make_node
from onnx.numpy_helper import from_array, to_array

from upsample_cli.networks.model_file import WIDE
from upsample_cli.networks.model_graph import without

Constants = dict[str, NDArray[Any]]
_NOWHERE = 12  # more inputs than any of these has
# Products of floats with weights of whole numbers: what they are, and where scale, zero point and
# bias stand.
_MIXED = {
    "ConvInteger": ("Conv", _NOWHERE, 3, _NOWHERE),
    "MatMulInteger": ("MatMul", _NOWHERE, 3, _NOWHERE),
    "MatMulIntegerToFloat": ("MatMul", 3, 5, 6), "DynamicQuantizeMatMul": ("MatMul", 2, 3, 4),
}  # fmt: skip
_BIAS = {"Conv": 8, "ConvTranspose": 8, "Gemm": 6}  # where that of a quantised operator stands


def twin(node: NodeProto, constants: Constants, varying: Collection[str]) -> list[NodeProto]:
    """Return what stands for a node in float32.

    Args:
        node: It is changed in place.
        constants: By name; those that its twin takes are added.
        varying: Names of values that depend on the picture.
    """
    try:
        for entry in node.attribute:
            if entry.name in ("to", "dtype") and entry.i in WIDE:
                entry.i = TensorProto.FLOAT
            if entry.name == "value" and entry.t.data_type in WIDE:
                entry.t.CopyFrom(from_array(to_array(entry.t).astype(np.float32)))
        return _rewritten(node, constants, varying)
    except (IndexError, KeyError, ValueError, TypeError):
        return [node]  # it is damaged: running it says how


def _rewritten(node: NodeProto, constants: Constants, varying: Collection[str]) -> list[NodeProto]:
    kind, inputs = node.op_type, [*node.input, *[""] * (_NOWHERE + 1 - len(node.input))]
    if kind == "DynamicQuantizeLinear":  # by a scale of its own, which becomes 1
        constants[node.output[1]] = np.array(1, np.float32)
        constants[node.output[2]] = np.array(0, np.uint8)
    if kind.endswith(("QuantizeLinear", "DequantizeLinear")) and inputs[0] in varying:
        return [make_node("Identity", inputs[:1], node.output[:1])]
    if kind == "Resize" and len(node.input) > 2 and not inputs[1]:
        node.input[1] = f"{node.output[0]}:region"  # some versions do not let it be left out
        constants[node.input[1]] = np.zeros(0, np.float32)
    if kind in _MIXED:
        return _mixed(node, inputs, constants)
    if kind.startswith(("QLinear", "QGemm")):
        return _quantised(node, inputs, constants, varying)
    return [node]


def _mixed(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return the float product, and a sum, for one with weights of whole numbers."""
    kind, scale, zero, bias = _MIXED[node.op_type]
    weights = _meant(constants, inputs[1], inputs[scale], inputs[zero], kind)
    product = _change(node, kind, [inputs[0], weights])
    if not inputs[bias]:
        return [product]
    product.output[0] = f"{node.output[0]}:product"
    return [product, make_node("Add", [product.output[0], inputs[bias]], node.output[:1])]


def _quantised(
    node: NodeProto, inputs: list[str], constants: Constants, varying: Collection[str]
) -> list[NodeProto]:
    """Return the float operator for a quantised one: a scale and a zero point follow each input."""
    kind = node.op_type.removeprefix("QLinear").removeprefix("Q")
    if kind == "Concat":
        return [_change(node, kind, node.input[2::3])]
    before, names = list[NodeProto](), list[str]()
    for place in (0, 3) if len(node.input) > 5 else (0,):
        value, scale, zero = inputs[place : place + 3]
        if value in constants:
            value = _meant(constants, value, scale, zero, kind)
        elif value not in varying:
            value = f"{value}:floats"
            before.append(make_node("DequantizeLinear", inputs[place : place + 3], [value]))
        names.append(value)
    bias = inputs[_BIAS.get(kind, _NOWHERE)]
    if bias:
        factor = constants[inputs[1]] * constants[inputs[4]]
        names.append(f"{node.output[0]}:bias")
        constants[names[-1]] = (constants[bias] * factor).astype(np.float32)
    return [*before, _change(node, kind, names)]


def _change(node: NodeProto, kind: str, inputs: list[str]) -> NodeProto:
    """Return a node as one of another kind; its own domain's attributes are left out."""
    result = without(node, "channels_last", "opset")
    result.op_type, result.domain = kind, ""
    result.input[:] = inputs
    return result


def _meant(constants: Constants, name: str, scale: str, zero: str, kind: str) -> str:
    """Keep what whole numbers mean as a constant; return its name."""
    values = constants[name].astype(np.float32)
    axis = 0 if "Conv" in kind else 1
    shape = [-1 if place == axis else 1 for place in range(values.ndim)]
    offset, factor = (
        constants[part].astype(np.float32).reshape(shape if constants[part].size > 1 else ())
        if part else np.float32(default)
        for part, default in ((zero, 0), (scale, 1))
    )  # fmt: skip
    constants[f"{name}:floats"] = (values - offset) * factor
    return f"{name}:floats"
