"""Back from a value of an ONNX graph to the convolution that it comes of.

Between a convolution and the shuffle of its channels stand things that treat every pixel alike. A
scale and a shift for each channel (a batch norm, a bias of its own) are taken into the
convolution: they can unbalance it. A function that is the same for all channels (an activation)
cannot, so it is passed by.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from upsample_cli.networks.constants import floats
from upsample_cli.networks.graph import Graph, attribute, given, name_of, operator
from upsample_cli.networks.unreadable import UnreadableError

Floats: TypeAlias = NDArray[np.floating[Any]]
CONVOLUTIONS = frozenset(("Conv", "FusedConv"))
_SAME = frozenset(("Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear"))
_FUNCTIONS = frozenset((
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
    "Log", "Mish", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt",
    "Swish", "Tanh", "ThresholdedRelu",
))  # fmt: skip
POINTWISE = _SAME | _FUNCTIONS | {"BatchNormalization", "PRelu"}  # each pixel by itself
_PAIRS = frozenset(("Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"))
_MOST = 64  # nodes between
_SLACK = 1e-5  # float32 constants that are equal but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """A convolution and what is done to its result.

    Args:
        node: The convolution.
        scale: What each of its channels is multiplied by first, shape (C,) or (1,).
        offset: What is then added to each.
        exact: Whether that is all; otherwise the same function of every channel follows.
    """

    node: NodeProto
    scale: Floats
    offset: Floats
    exact: bool = True


Known: TypeAlias = dict[tuple[str, int], Behind]  # by value, and nodes passed on the way to it


def behind(graph: Graph, name: str) -> Behind:
    """Return the convolution that a value comes of.

    Args:
        graph: The value's.
        name: The value's.

    Raises:
        UnreadableError: There is none, or what stands between treats channels differently.
    """
    return _behind(graph, name, 0, {})


def _behind(graph: Graph, name: str, depth: int, known: Known) -> Behind:
    """Return it from a number of nodes away, and keep it: both branches may come of one value."""
    if (name, depth) not in known:
        known[name, depth] = _sought(graph, name, depth, known)
    return known[name, depth]


def _sought(graph: Graph, name: str, depth: int, known: Known) -> Behind:
    node = graph.producer(name)
    if node is None or depth > _MOST:
        raise UnreadableError("no convolution stands before it")
    kind = operator(node)
    if kind in CONVOLUTIONS:
        if given(node, 3):
            raise UnreadableError(f"{kind} ({name_of(node)}) joins two branches before it")
        plain = not attribute(node, "activation", "")
        return Behind(node, np.ones(1), np.zeros(1), exact=plain)
    if kind in _SAME:
        return _behind(graph, given(node, 0), depth + 1, known)
    if kind in _FUNCTIONS:
        found = _behind(graph, given(node, 0), depth + 1, known)
        return Behind(found.node, found.scale, found.offset, exact=False)
    if kind == "BatchNormalization":
        scale, shift = _batch_norm(graph, node)
        return _then(_behind(graph, given(node, 0), depth + 1, known), node, scale, shift)
    if kind == "PRelu":
        found = _behind(graph, given(node, 0), depth + 1, known)
        if np.ptp(floats(graph, given(node, 1))) > 0.0:
            raise _different(node)
        return Behind(found.node, found.scale, found.offset, exact=False)
    if kind in _PAIRS and len(node.input) == 2:
        return _pair(graph, node, depth, known)
    raise UnreadableError(f"no convolution stands before it, but {kind} ({name_of(node)})")


def _pair(graph: Graph, node: NodeProto, depth: int, known: Known) -> Behind:
    """Return the convolution before a sum, product, ... of two values."""
    values: list[Floats | None] = []
    for name in node.input:
        try:
            values.append(_by_channel(floats(graph, name), node))
        except UnreadableError:
            if graph.tensor(name) is not None:
                raise
            values.append(None)
    first, second = values
    if first is None and second is None:
        one, other = (_behind(graph, name, depth + 1, known) for name in node.input)
        if one.node is not other.node or not _alike(one, other):
            raise UnreadableError(f"{node.op_type} ({name_of(node)}) joins two branches before it")
        return Behind(one.node, one.scale, one.offset, exact=False)
    if first is not None and second is not None:
        raise UnreadableError("no convolution stands before it")
    found = _behind(graph, node.input[0 if first is None else 1], depth + 1, known)
    value = second if first is None else first
    assert value is not None  # one of them is
    unit, none = np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        return _then(found, node, unit, value)
    if node.op_type == "Mul":
        return _then(found, node, value, none)
    if node.op_type == "Sub":
        return _then(found, node, *((unit, -value) if first is None else (-unit, value)))
    if node.op_type == "Div" and first is None and np.all(value):
        return _then(found, node, 1 / value, none)
    if value.size > 1:
        raise _different(node)
    return Behind(found.node, found.scale, found.offset, exact=False)


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
        raise _different(node)
    return found


def _batch_norm(graph: Graph, node: NodeProto) -> tuple[Floats, Floats]:
    if attribute(node, "training_mode", 0):
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) is for training; export for use")
    gain, bias, mean, variance = (floats(graph, given(node, each)) for each in (1, 2, 3, 4))
    check_sizes(node, gain, bias, mean, variance)
    spread = variance.astype(np.float64) + attribute(node, "epsilon", 1e-5)
    if spread.min(initial=np.inf) <= 0.0:
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) has variances that cannot be")
    scale = gain / np.sqrt(spread)
    return scale, bias - mean * scale


def check_sizes(node: NodeProto, *values: Floats) -> None:
    """Refuse values a channel that are not of the same number of channels, or one for all.

    Args:
        node: Whose they are.
        values: Each of shape (C,) or (1,).

    Raises:
        UnreadableError: They are not.
    """
    if len({value.size for value in values} - {1}) > 1:
        raise UnreadableError(f"the constants of {node.op_type} ({name_of(node)}) do not fit")


def _by_channel(value: Floats, node: NodeProto) -> Floats:
    """Return a constant as one number, or one a channel."""
    if value.size == 1:
        return value.reshape(1)
    shape = value.shape[1:] if value.ndim == 4 and value.shape[0] == 1 else value.shape
    if len(shape) == 3 and shape[1:] == (1, 1):
        return value.reshape(-1)
    raise _different(node)


def _different(node: NodeProto) -> UnreadableError:
    return UnreadableError(
        f"{node.op_type} ({name_of(node)}) after the convolution treats channels differently"
    )
