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
    different,
)
from upsample_cli.networks.constants import floats
from upsample_cli.networks.convolved import Behind, alike, then
from upsample_cli.networks.copies import copies
from upsample_cli.networks.graph import Graph, attribute, given, name_of, operator
from upsample_cli.networks.linear import LINEAR, outputs
from upsample_cli.networks.pointwise import CONVOLUTIONS, POINTWISE, SAME
from upsample_cli.networks.unreadable import UnreadableError

_PAIRS = frozenset(("Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"))
_MOST = 64  # nodes between


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


Known: TypeAlias = dict[_Value, Behind | UnreadableError]


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
        try:
            known[value] = _sought(graph, value, known)
        except UnreadableError as error:
            known[value] = error
    found = known[value]
    if isinstance(found, UnreadableError):
        raise found
    return found


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
        return then(found, node, -np.ones(1), np.zeros(1))
    if kind == "BatchNormalization":
        if value.last:
            raise different(node)
        return then(found, node, *batch_norm(graph, node))
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
        return _joined(graph, node, value, known)
    if first is not None and second is not None:
        raise UnreadableError("no convolution stands before it")
    found = _behind(graph, value.taken(node, 0 if first is None else 1), known)
    beside = second if first is None else first
    assert beside is not None  # one of them is
    unit, none = np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        return then(found, node, unit, beside)
    if node.op_type == "Mul":
        return then(found, node, beside, none)
    if node.op_type == "Sub":
        return then(found, node, *((unit, -beside) if first is None else (-unit, beside)))
    if node.op_type == "Div" and first is None and np.all(beside):
        return then(found, node, 1 / beside, none)
    if beside.size > 1:
        raise different(node)
    return replace(found, exact=False)


def _joined(graph: Graph, node: NodeProto, value: _Value, known: Known) -> Behind:
    """Return the convolution before both of two values, or one to which the other is added."""
    found: list[Behind] = []
    for place in (0, 1):
        try:
            found.append(_behind(graph, value.taken(node, place), known))
        except UnreadableError:
            one = _behind(graph, value.taken(node, 1 - place), known)
            whole = outputs(graph, one.node)
            beside = copies(graph, given(node, place), value.rank, value.last, whole)
            if beside is None or node.op_type != "Add" or not one.exact:
                raise
            return replace(one, exact=False, beside=beside)
    one, other = found
    if alike(one, other):
        return replace(one, exact=False)
    if node.op_type != "Add" or one.node is other.node or not (one.exact and other.exact):
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) joins two branches before it")
    return replace(one, exact=False, beside=other)
