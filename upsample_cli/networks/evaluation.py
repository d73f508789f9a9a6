"""Nodes of an ONNX graph worked out one by one, by onnx's own reference, within bounds.

A few nodes can ask for more numbers than there is memory for, as a tensor that is joined to itself
64 times over. So what each makes at most is told from the shapes that it is given, before it runs.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from upsample_cli.networks.graph import attribute
from upsample_cli.networks.unreadable import UnreadableError

MOST_NUMBERS = 1 << 27  # that nodes make on the way to a value: thrice a very large layer's
# What onnx's reference raises for operators, types and shapes that do not fit.
FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
_BROADCAST = frozenset(("Add", "Clip", "Div", "Max", "Mul", "Pow", "Sub"))
_QUANTISED = frozenset(("DequantizeLinear", "QuantizeLinear"))


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
        try:
            asked = node.op_type == "ConstantOfShape"
            left -= _most(node, [_asked(each) if asked else _shape(each) for each in given])
            if left < 0:
                raise UnreadableError(
                    f"'{name}' takes too many numbers to work out; store it as a tensor"
                )
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

    names = [each for each in node.output if each]
    outs = [onnx.helper.make_empty_tensor_value_info(each) for each in names]
    data = [tensors[each] for each in dict.fromkeys(node.input) if each in tensors]
    graph = onnx.helper.make_graph([node], "constant", [], outs, data)
    graph.node[0].domain = ""  # the only name of ONNX's own that its reference knows
    opsets = [onnx.helper.make_opsetid(domain, version) for domain, version in versions.items()]
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    given = {each: values[each] for each in node.input if each in values}
    return dict(zip(names, ReferenceEvaluator(model).run(names, given), strict=True))


def _most(node: NodeProto, shapes: list[tuple[int, ...]]) -> int:
    """Return how many numbers a node makes at most, and works with on the way."""
    sizes = [prod(shape) for shape in shapes]
    kind = node.op_type
    if kind in _BROADCAST:
        return prod(np.broadcast_shapes(*shapes))
    if kind == "Gather":
        return sizes[0] // _side(shapes[0], attribute(node, "axis", 0)) * sizes[1]
    if kind in _QUANTISED:
        block = attribute(node, "block_size", 0)
        if block:
            return sizes[0] + sum(sizes[1:]) * max(0, block)
        side = _side(shapes[0], attribute(node, "axis", 1))
        return sizes[0] // side * max(side, *sizes[1:])
    if kind == "Split":
        return sum(sizes) + attribute(node, "num_outputs", 0)
    return sum(sizes)


def _side(shape: tuple[int, ...], axis: int) -> int:
    """Return the length of an axis, 1 where there is none."""
    return max(1, shape[axis]) if -len(shape) <= axis < len(shape) else 1


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, TensorProto):
        return np.shape(value)
    if any(each < 0 for each in value.dims):
        raise ValueError(f"the shape of '{value.name}' is damaged")
    return tuple(value.dims)


def _asked(value: Any) -> tuple[int, ...]:
    """Return the shape that a value tells, without the signs of what cannot be."""
    array = onnx.numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
    return tuple(abs(int(each)) for each in np.asarray(array).reshape(-1))


def _is_text(value: Any) -> bool:
    if isinstance(value, TensorProto):
        return bool(value.data_type == TensorProto.STRING)
    return np.asarray(value).dtype.kind in "OSU"


def _makes_text(node: NodeProto) -> bool:
    """Tell whether numbers become text, which takes 32 times their room."""
    told = any(each.t.data_type == TensorProto.STRING for each in node.attribute)
    return told or (node.op_type == "Cast" and attribute(node, "to", 0) == TensorProto.STRING)
