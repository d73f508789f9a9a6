"""The float32 twin of a network: half floats widened, quantised operators as what they stand for.

What rounding to 8 bits adds is no checkerboard of the layer, and hides that a layer is linear. So
activations stay floats here, and only weights are what their whole numbers mean.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnx.helper import make_node
from onnx.numpy_helper import from_array, to_array

from upsample_cli.networks.model_file import WIDE

Constants = dict[str, NDArray[Any]]
# Products of floats with weights of whole numbers: what they are, and where scale, zero point and
# bias stand.
_MIXED = {
    "ConvInteger": ("Conv", 99, 3, 99), "MatMulInteger": ("MatMul", 99, 3, 99),
    "MatMulIntegerToFloat": ("MatMul", 3, 5, 6), "DynamicQuantizeMatMul": ("MatMul", 2, 3, 4),
}  # fmt: skip
_BIAS = {"Conv": 8, "ConvTranspose": 8, "Gemm": 6}  # where that of a quantised operator stands


def twin(nodes: Sequence[NodeProto], constants: Constants) -> list[NodeProto]:
    """Return the nodes of a network in float32; constants that they take are added.

    Args:
        nodes: They are changed in place.
        constants: By name.
    """
    result, fixed = list[NodeProto](), set(constants)
    for node in nodes:
        try:
            _widen(node)
            result += _rewritten(node, constants, fixed)
        except (IndexError, KeyError, ValueError, TypeError):
            result.append(node)  # it is damaged: running it says how
    return result


def _widen(node: NodeProto) -> None:
    """Make a node's half floats and doubles float32."""
    for attribute in node.attribute:
        if attribute.name in ("to", "dtype") and attribute.i in WIDE:
            attribute.i = TensorProto.FLOAT
        if attribute.name == "value" and attribute.t.data_type in WIDE:
            attribute.t.CopyFrom(from_array(to_array(attribute.t).astype(np.float32)))


def _rewritten(node: NodeProto, constants: Constants, fixed: set[str]) -> list[NodeProto]:
    """Return what stands for a node; what does not depend on the picture stays as it is."""
    kind, inputs = node.op_type, [*node.input, *[""] * 8]
    if kind == "DynamicQuantizeLinear":  # by a scale of its own, which becomes 1
        constants[node.output[1]] = np.array(1, np.float32)
        constants[node.output[2]] = np.array(0, np.uint8)
    if kind in ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"):
        if inputs[0] not in fixed:
            return [make_node("Identity", inputs[:1], node.output[:1], node.name)]
        fixed.update(node.output)
    if kind == "Resize" and len(node.input) > 2 and not inputs[1]:
        node.input[1] = f"{node.name}:region"  # some versions do not let it be left out
        constants[node.input[1]] = np.zeros(0, np.float32)
    if kind in _MIXED:
        return _mixed(node, inputs, constants)
    if kind.startswith(("QLinear", "QGemm")):
        return _quantised(node, constants, fixed)
    return [node]


def _mixed(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return the float product, and a sum, for one with weights of whole numbers."""
    kind, scale, zero, bias = _MIXED[node.op_type]
    ends = [*inputs, *[""] * 99]
    weights = _meant(constants, inputs[1], ends[scale], ends[zero], kind)
    _change(node, kind, [inputs[0], weights])
    if not ends[bias]:
        return [node]
    taken = [f"{node.output[0]}:product", ends[bias]]
    after = make_node("Add", taken, node.output[:1], node.name)
    node.output[0] = taken[0]
    return [node, after]


def _quantised(node: NodeProto, constants: Constants, fixed: set[str]) -> list[NodeProto]:
    """Return the float operator for a quantised one: a scale and a zero point follow each input."""
    kind = node.op_type.removeprefix("QLinear").removeprefix("Q")
    inputs, before = list(node.input), list[NodeProto]()
    if kind == "Concat":
        return [_change(node, kind, inputs[2::3])]
    names = []
    for place in (0, 3) if len(inputs) > 5 else (0,):
        name, scale, zero = inputs[place : place + 3]
        if name in constants:
            name = _meant(constants, name, scale, zero, kind)
        elif name in fixed:
            name = f"{name}:floats"
            before.append(
                make_node("DequantizeLinear", inputs[place : place + 3], [name], node.name)
            )
        names.append(name)
    place = _BIAS.get(kind, 99)
    if len(inputs) > place and inputs[place]:
        factor, bias = constants[inputs[1]] * constants[inputs[4]], f"{inputs[place]}:{node.name}"
        constants[bias] = (constants[inputs[place]] * factor).astype(np.float32)
        names.append(bias)
    return [*before, _change(node, kind, names)]


def _change(node: NodeProto, kind: str, inputs: list[str]) -> NodeProto:
    """Return a node as one of another kind; its own domain's attributes are left out."""
    node.op_type, node.domain = kind, ""
    kept = [item for item in node.attribute if item.name not in ("channels_last", "opset")]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.input[:] = inputs
    return node


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
