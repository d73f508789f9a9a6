"""The float32 twin of a network: half floats widened, quantised operators as what they stand for.

What rounding to 8 bits adds is no checkerboard of the layer, and hides that a layer is linear. So
activations stay floats here, and only weights are what their whole numbers mean.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper
from onnx.numpy_helper import from_array, to_array

from upsample_cli.networks.flatten import Flat

Array = NDArray[Any]
Constants = dict[str, Array]
_WIDENED = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
# What a quantised operator is without quantisation, and where its inputs stand: each of them is
# followed by its scale and its zero point.
_QUANTISED: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearAdd": ("Add", (0, 3)), "QLinearMul": ("Mul", (0, 3)),
    "QLinearMatMul": ("MatMul", (0, 3)), "QGemm": ("Gemm", (0, 3)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)), "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)), "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearReduceMean": ("ReduceMean", (0,)), "QLinearConv": ("Conv", (0, 3)),
    "QLinearConvTranspose": ("ConvTranspose", (0, 3)),
}  # fmt: skip
_BIAS = {"QLinearConv": 8, "QLinearConvTranspose": 8, "QGemm": 6}  # where whole-number biases stand


def twin(flat: Flat) -> tuple[list[NodeProto], Constants, dict[str, str]]:
    """Return the nodes of a network in float32, its constants, and why some cannot be read.

    Args:
        flat: The nodes; they are changed in place.
    """
    constants: Constants = {}
    faults: dict[str, str] = {}
    for name, tensor in flat.tensors.items():
        _read(name, tensor, constants, faults)
    nodes: list[NodeProto] = []
    for node in flat.nodes:
        if node.op_type == "Constant" and len(node.output) == 1:
            _read(node.output[0], _value(node), constants, faults)
            continue
        node.domain = "" if node.domain == "ai.onnx" else node.domain
        _widen(node)
        nodes += _rewritten(node, constants)
    return nodes, constants, faults


def _value(node: NodeProto) -> TensorProto:
    """Return the tensor of a Constant, however it says it."""
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.name == "value":
            tensor: TensorProto = attribute.t
            return tensor
        if attribute.name in ("value_float", "value_floats"):
            return from_array(np.asarray(value, np.float32))
        if attribute.name in ("value_int", "value_ints"):
            return from_array(np.asarray(value, np.int64))
    return TensorProto(doc_string="it holds text")


def _read(name: str, tensor: TensorProto, constants: Constants, faults: dict[str, str]) -> None:
    if tensor.doc_string and not tensor.raw_data and list(tensor.dims) in ([], [0]):
        faults[name] = tensor.doc_string
        return
    try:
        array = to_array(tensor)
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        faults[name] = f"the data of '{name}' are damaged ({error})"
        return
    if array.dtype.kind in "OSU":
        faults[name] = f"'{name}' is worked out of text"
    elif tensor.data_type in _WIDENED:
        with np.errstate(over="ignore"):
            constants[name] = array.astype(np.float32)
    else:
        constants[name] = array


def _widen(node: NodeProto) -> None:
    """Make a node's half floats float32."""
    for attribute in node.attribute:
        if attribute.name in ("to", "dtype") and attribute.i in _WIDENED:
            attribute.i = TensorProto.FLOAT
        if attribute.name == "value" and attribute.t.data_type in _WIDENED:
            try:
                value = to_array(attribute.t).astype(np.float32)
            except (ValueError, TypeError):
                continue
            attribute.t.CopyFrom(from_array(value))


def _rewritten(node: NodeProto, constants: Constants) -> list[NodeProto]:
    """Return what stands for a node."""
    inputs, kind = list(node.input), node.op_type
    rewrite = _REWRITES.get(kind)
    try:
        if rewrite is not None:
            return rewrite(node, inputs, constants)
        if kind in _QUANTISED:
            return _quantised(node, inputs, constants)
    except (IndexError, KeyError, ValueError, TypeError):
        pass  # it is damaged: running it says how
    return [node]


def _new(node: NodeProto, kind: str, inputs: list[str], outputs: list[str]) -> NodeProto:
    changed = NodeProto()
    changed.CopyFrom(node)
    changed.op_type, changed.domain = kind, ""
    changed.ClearField("input")
    changed.input.extend(inputs)
    changed.ClearField("output")
    changed.output.extend(outputs)
    return changed


def _plain(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return a copy of floats for what quantises them or undoes that."""
    if inputs[0] in constants:
        return [node]
    copy = NodeProto(op_type="Identity", name=node.name)
    copy.input.append(inputs[0])
    copy.output.append(node.output[0])
    return [copy]


def _dynamic(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return a copy of floats for what quantises them by a scale of their own: that becomes 1."""
    _, scale, zero = node.output
    constants[scale], constants[zero] = np.array(1, np.float32), np.array(0, np.uint8)
    return _plain(node, inputs, constants)


def _integer(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return the float operator for one of whole numbers."""
    kind = node.op_type.removesuffix("Integer")
    zero = constants[inputs[3]] if len(inputs) > 3 and inputs[3] else np.zeros((), np.uint8)
    one, axis = np.array(1, np.float32), 0 if kind == "Conv" else 1
    weights = _store(constants, inputs[1], one, zero, axis)
    return [_new(node, kind, [inputs[0], weights], list(node.output))]


def _fused(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return a product, and a sum, for onnxruntime's product of whole numbers."""
    inputs += [""] * (7 - len(inputs))
    scale, zero, bias = inputs[3], inputs[5], inputs[6]
    if node.op_type == "DynamicQuantizeMatMul":
        scale, zero, bias = inputs[2:5]
    offset = constants[zero] if zero else np.zeros((), np.uint8)
    weights = _store(constants, inputs[1], constants[scale], offset, 1)
    middle = f"{node.output[0]}:product" if bias else node.output[0]
    nodes = [_new(node, "MatMul", [inputs[0], weights], [middle])]
    if bias:
        nodes.append(_new(node, "Add", [middle, bias], list(node.output)))
        nodes[-1].name += ":sum"
    return nodes


def _quantised(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    kind, places = _QUANTISED[node.op_type]
    axis = 0 if kind in ("Conv", "ConvTranspose") else 1
    names = []
    for place in places:
        name = inputs[place]
        if name in constants:
            name = _store(constants, name, constants[inputs[place + 1]],
                          constants[inputs[place + 2]], axis)  # fmt: skip
        names.append(name)
    where = _BIAS.get(node.op_type, 0)
    if where and len(inputs) > where and inputs[where]:
        scale = constants[inputs[1]] * constants[inputs[4]]
        bias = f"{inputs[where]}:{node.name}"
        constants[bias] = (constants[inputs[where]] * scale).astype(np.float32)
        names.append(bias)
    return [_new(node, kind, names, list(node.output))]


def _resize(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    """Return a resize with a region, which some versions do not let be left out."""
    if len(inputs) > 2 and not inputs[1]:
        node.input[1] = f"{node.name}:region"
        constants[node.input[1]] = np.zeros(0, np.float32)
    return [node]


def _concat(node: NodeProto, inputs: list[str], constants: Constants) -> list[NodeProto]:
    return [_new(node, "Concat", inputs[2::3], list(node.output))]


def _store(constants: Constants, name: str, scale: Array, zero: Array, axis: int) -> str:
    """Keep what whole numbers mean as a constant; return its name."""
    values = constants[name].astype(np.float32)
    shape = [1] * values.ndim
    if scale.size > 1 or zero.size > 1:
        shape[axis] = -1
    offset = zero.astype(np.float32).reshape(shape if zero.size > 1 else ())
    factor = scale.astype(np.float32).reshape(shape if scale.size > 1 else ())
    constants[f"{name}:floats"] = (values - offset) * factor
    return f"{name}:floats"


_REWRITES: dict[str, Callable[[NodeProto, list[str], Constants], list[NodeProto]]] = {
    "QuantizeLinear": _plain, "DequantizeLinear": _plain, "DynamicQuantizeLinear": _dynamic,
    "ConvInteger": _integer, "MatMulInteger": _integer, "MatMulIntegerToFloat": _fused,
    "DynamicQuantizeMatMul": _fused, "QLinearConcat": _concat, "Resize": _resize,
}  # fmt: skip
