"""Bounds of what constants are worked out by: which operators, and how many numbers each makes.

A few nodes can ask for more numbers than there is memory for, as a tensor that is joined to itself
64 times over. So what each makes is told from the shapes that it is given, before it runs.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from upsample_cli.networks.graph import attribute
from upsample_cli.networks.sparse import sparse_value

Shape: TypeAlias = tuple[int, ...]
Given: TypeAlias = Sequence[TensorProto | NDArray[Any]]
_PRODUCTS = 8  # of two numbers that are summed as soon as one number is made
_BY_ONE = 64  # times a number counts that is worked with by itself
_OF_NOTHING = 8  # times a number counts that a few bytes of the model can ask for
_TOGETHER = frozenset((  # number by number
    "Add", "And", "Clip", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub", "Sum", "Where",
))  # fmt: skip
_NO_MORE = frozenset((  # than they are given
    "Abs", "Cast", "CastLike", "Ceil", "Concat", "Cos", "Exp", "Flatten", "Floor",
    "Identity", "Log", "Neg", "Not", "Reciprocal", "ReduceL1",
    "ReduceL2", "ReduceLogSum", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Relu", "Reshape", "Round", "Shape", "Sigmoid", "Sign", "Sin", "Size",
    "Slice", "Softmax", "Softplus", "Sqrt", "Squeeze", "Tanh", "Transpose", "Trilu", "Unsqueeze",
))  # fmt: skip


def most(node: NodeProto, given: Given) -> int:
    """Return how many numbers a node makes at most, and works with on the way.

    Args:
        node: Of an operator in `KNOWN`.
        given: All that it takes, without those inputs that are left out.

    Raises:
        ValueError: Shapes or attributes are damaged, or do not fit.
        IndexError: Inputs are missing.
    """
    if len({each.name for each in node.attribute}) < len(node.attribute):
        raise ValueError("an attribute is given twice")
    kind, shapes = node.op_type, [shape(each) for each in given]
    if kind in _RULES:
        return _RULES[kind](node, given)
    if kind in _TOGETHER:
        return max(1, len(shapes) - 1) * prod(np.broadcast_shapes(*shapes))
    return sum(map(_size, shapes))


def shape(value: TensorProto | NDArray[Any]) -> Shape:
    """Return the shape of a value.

    Args:
        value: A tensor, read or not.

    Raises:
        ValueError: It is damaged.
    """
    if not isinstance(value, TensorProto):
        return np.shape(value)
    if any(each < 0 for each in value.dims):
        raise ValueError(f"the shape of '{value.name}' is damaged")
    return tuple(value.dims)


def _size(shape: Shape) -> int:
    """Return the numbers of a shape; what sums up an axis of none makes one of each of these."""
    return prod(max(1, each) for each in shape)


def _numbers(value: TensorProto | NDArray[Any]) -> list[Any]:
    """Return the numbers of a value, such as a shape that is worked with."""
    known = onnx.numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
    return np.asarray(known).reshape(-1).tolist()


def _constant(node: NodeProto, _: Given) -> int:
    """Return the numbers that are not in the model already: the zeros of a sparse tensor."""
    tensor = sparse_value(node)
    return 0 if tensor is None else _OF_NOTHING * prod(max(0, each) for each in tensor.dims)


def _quantised(node: NodeProto, given: Given) -> int:
    first, *others = map(shape, given)
    block = attribute(node, "block_size", 0)
    if block:
        return _size(first) + sum(map(_size, others)) * max(0, block)
    side = _side(first, attribute(node, "axis", 1))
    return _size(first) // side * max(side, *map(_size, others))


def _einsum(node: NodeProto, given: Given) -> int:
    """Return how many products there are: one for each place along all axes together."""
    terms = attribute(node, "equation", "").replace(" ", "").split("->")[0].split(",")
    sides: dict[str, int] = {}
    for term, value in zip(terms, given, strict=True):
        if "." in term:
            raise ValueError("it sums along axes without a name")
        for letter, side in zip(term, shape(value), strict=True):
            sides[letter] = max(side, sides.get(letter, 1))
    return prod(sides.values())


def _expand(_: NodeProto, given: Given) -> int:
    sides = tuple(map(int, _numbers(given[1])))
    return _OF_NOTHING * prod(np.broadcast_shapes(shape(given[0]), sides))


def _filled(_: NodeProto, given: Given) -> int:
    return _OF_NOTHING * prod(int(each) for each in _numbers(given[0]))


def _gather(node: NodeProto, given: Given) -> int:
    first, places = shape(given[0]), shape(given[1])
    return _size(first) // _side(first, attribute(node, "axis", 0)) * _size(places)


def _gemm(node: NodeProto, given: Given) -> int:
    one, other = (
        shape(value)[:: -1 if attribute(node, name, 0) else 1]
        for name, value in zip(("transA", "transB"), given[:2], strict=True)
    )
    return _multiplied(one, other) + sum(_size(shape(each)) for each in given[2:])


def _multiplied(one: Shape, other: Shape) -> int:
    """Return the numbers of a matrix product, or of one for each of the axes before."""
    rows = prod((*np.broadcast_shapes(one[:-2], other[:-2]), *one[-2:-1], *other[1:][-1:]))
    return rows + rows * one[-1] // _PRODUCTS


def _padded(node: NodeProto, given: Given) -> int:
    if attribute(node, "mode", "constant") != "constant":
        raise ValueError("it repeats its border")
    listed = [each for part in node.attribute for each in part.ints]  # before opset 11
    around: list[int] = list(map(int, _numbers(given[1]) if given[1:] else listed))
    pairs = zip(around[: len(around) // 2], around[len(around) // 2 :], strict=True)
    more, sides = [max(0, one) + max(0, other) for one, other in pairs], shape(given[0])
    if node.input[3:]:  # axes, of which any may be the longest
        return _OF_NOTHING * _size(sides) * prod(1 + each for each in more)
    return _OF_NOTHING * prod(side + each for side, each in zip(sides, more, strict=True))


def _range(_: NodeProto, given: Given) -> int:
    start, limit, delta = (float(number) for value in given for number in _numbers(value))
    return _OF_NOTHING * (1 + int(max(0.0, (limit - start) / delta)))


def _scattered(_: NodeProto, given: Given) -> int:
    """Return the numbers of a copy, and of what is put into it place by place, each slowly."""
    first, places = shape(given[0]), shape(given[1])
    rows, (depth,) = prod(places[:-1]), places[-1:]
    return _size(first) + rows * (_BY_ONE + prod(first[depth:]))


def _side(shape: Shape, axis: int) -> int:
    """Return the length of an axis, 1 where there is none."""
    return max(1, shape[axis]) if -len(shape) <= axis < len(shape) else 1


def _split(node: NodeProto, given: Given) -> int:
    return sum(_size(shape(each)) for each in given) + attribute(node, "num_outputs", 0)


def _tiled(_: NodeProto, given: Given) -> int:
    times = prod(max(1, int(each)) for each in _numbers(given[1]))
    return _OF_NOTHING * _size(shape(given[0])) * times


_RULES: dict[str, Callable[[NodeProto, Given], int]] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "DequantizeLinear": _quantised,
    "Einsum": _einsum,
    "Expand": _expand,
    "Gather": _gather,
    "Gemm": _gemm,
    "MatMul": lambda _, given: _multiplied(shape(given[0]), shape(given[1])),
    "Pad": _padded,
    "QuantizeLinear": _quantised,
    "Range": _range,
    "ScatterND": _scattered,
    "Split": _split,
    "Tile": _tiled,
}
KNOWN = _TOGETHER | _NO_MORE | _RULES.keys()
