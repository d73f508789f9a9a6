"""Back from a value of an ONNX graph to the convolution that it comes of.

Between a convolution and the shuffle of its channels stand things that treat every pixel alike. A
scale and a shift for each channel (a batch norm, a bias of its own) are taken into the
convolution: they can unbalance it. A function that is the same for all channels (an activation)
cannot, so it is passed by, and so are transpositions to channels that come last, and back.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from onnx import AttributeProto, NodeProto

from upsample_cli.networks.channels import (
    Floats,
    batch_norm,
    by_channel,
    check_alike,
    check_sizes,
    different,
)
from upsample_cli.networks.constants import floats
from upsample_cli.networks.graph import Graph, attribute, given, name_of, operator
from upsample_cli.networks.linear import LINEAR
from upsample_cli.networks.unreadable import UnreadableError

CONVOLUTIONS = frozenset(("Conv", "FusedConv"))
SAME = frozenset(("Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear"))  # in place
_FUNCTIONS = frozenset((
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
    "Log", "Mish", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish",
    "Tanh", "ThresholdedRelu",
))  # fmt: skip
POINTWISE = SAME | _FUNCTIONS | {"BatchNormalization", "Neg", "PRelu"}  # each pixel by itself
_PAIRS = frozenset(("Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"))
_MOST = 64  # nodes between
_SLACK = 1e-5  # float32 constants that are equal but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """A convolution and what is done to its result.

    Args:
        node: The convolution, or the linear layer that is one.
        scale: What each of its channels is multiplied by first, shape (C,) or (1,).
        offset: What is then added to each.
        exact: Whether that is all; otherwise the same function of every channel follows.
    """

    node: NodeProto
    scale: Floats
    offset: Floats
    exact: bool = True


@dataclass(frozen=True, slots=True)
class _Value:
    """A value on the way back.

    Args:
        name: In its graph.
        rank: How many axes it has.
        last: Whether that of channels is the last instead of the second.
        depth: Nodes passed on the way to it.
    """

    name: str
    rank: int
    last: bool
    depth: int = 0

    def taken(self, node: NodeProto, place: int = 0) -> "_Value":
        """Return the value that the node which makes this one takes."""
        return replace(self, name=given(node, place), depth=self.depth + 1)


Known: TypeAlias = dict[_Value, Behind]


def behind(graph: Graph, name: str, axes: int = 2, last: bool = False) -> Behind:
    """Return the convolution that a value comes of.

    Args:
        graph: The value's.
        name: The value's.
        axes: Of its picture.
        last: Whether its channels come last instead of second.

    Raises:
        UnreadableError: There is none, or what stands between treats channels differently.
    """
    return _behind(graph, _Value(name, axes + 2, last), {})


def _behind(graph: Graph, value: _Value, known: Known) -> Behind:
    """Return it from a number of nodes away, and keep it: both branches may come of one value."""
    if value not in known:
        known[value] = _sought(graph, value, known)
    return known[value]


def _sought(graph: Graph, value: _Value, known: Known) -> Behind:
    node = graph.producer(value.name)
    if node is None or value.depth > _MOST:
        raise UnreadableError("no convolution stands before it")
    kind = operator(node)
    if kind in CONVOLUTIONS and not value.last:
        if given(node, 3):
            raise UnreadableError(f"{kind} ({name_of(node)}) joins two branches before it")
        plain = not attribute(node, "activation", "")
        return Behind(node, np.ones(1), np.zeros(1), exact=plain)
    if kind in LINEAR and value.last:
        return Behind(node, np.ones(1), np.zeros(1))
    if kind in _PAIRS and len(node.input) == 2:
        return _pair(graph, node, value, known)
    if kind not in POINTWISE | {"Transpose"}:
        raise UnreadableError(f"no convolution stands before it, but {kind} ({name_of(node)})")
    before = value.taken(node) if kind != "Transpose" else _turned(node, value)
    found = _behind(graph, before, known)
    if kind == "Neg":
        return _then(found, node, -np.ones(1), np.zeros(1))
    if kind == "BatchNormalization":
        if value.last:
            raise different(node)
        return _then(found, node, *batch_norm(graph, node))
    if kind in SAME | {"PRelu"}:
        check_alike(graph, node)
    return found if kind in SAME | {"Transpose"} else replace(found, exact=False)


def _turned(node: NodeProto, value: _Value) -> _Value:
    """Return what a Transpose takes that moves the channels alone."""
    orders = [tuple(each.ints) for each in node.attribute if each.type == AttributeProto.INTS]
    rank = value.rank
    moved = (0, *range(2, rank), 1) if value.last else (0, rank - 1, *range(1, rank - 1))
    if orders != [moved]:
        raise UnreadableError(
            f"no convolution stands before it, but {node.op_type} ({name_of(node)})"
        )
    return replace(value.taken(node), last=not value.last)


def _pair(graph: Graph, node: NodeProto, value: _Value, known: Known) -> Behind:
    """Return the convolution before a sum, product, ... of two values."""
    values: list[Floats | None] = []
    for name in node.input:
        try:
            values.append(by_channel(floats(graph, name), node, value.rank, value.last))
        except UnreadableError:
            if graph.tensor(name) is not None:
                raise
            values.append(None)
    first, second = values
    if first is None and second is None:
        one, other = (_behind(graph, value.taken(node, each), known) for each in (0, 1))
        if one.node is not other.node or not _alike(one, other):
            raise UnreadableError(f"{node.op_type} ({name_of(node)}) joins two branches before it")
        return replace(one, exact=False)
    if first is not None and second is not None:
        raise UnreadableError("no convolution stands before it")
    found = _behind(graph, value.taken(node, 0 if first is None else 1), known)
    beside = second if first is None else first
    assert beside is not None  # one of them is
    unit, none = np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        return _then(found, node, unit, beside)
    if node.op_type == "Mul":
        return _then(found, node, beside, none)
    if node.op_type == "Sub":
        return _then(found, node, *((unit, -beside) if first is None else (-unit, beside)))
    if node.op_type == "Div" and first is None and np.all(beside):
        return _then(found, node, 1 / beside, none)
    if beside.size > 1:
        raise different(node)
    return replace(found, exact=False)


def _alike(one: Behind, other: Behind) -> bool:
    """Tell whether one value is the same function of the other for every channel.

    So it is in x * sigmoid(x), also where x is halved on the way.
    """
    check_sizes(one.node, one.scale, one.offset, other.scale, other.offset)
    if not np.all(one.scale):
        return False
    ratio = other.scale / one.scale
    rest = other.offset - ratio * one.offset
    return all(np.ptp(each) <= _SLACK * np.abs(each).max() for each in (ratio, rest))


def _then(found: Behind, node: NodeProto, scale: Floats, offset: Floats) -> Behind:
    """Return a convolution whose result is then scaled and shifted."""
    check_sizes(node, found.scale, found.offset, scale, offset)
    if found.exact:
        return Behind(found.node, found.scale * scale, found.offset * scale + offset)
    if scale.size > 1 or offset.size > 1:
        raise different(node)
    return found
