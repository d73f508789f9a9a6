"""Constants of an ONNX graph: tensors, and whatever is worked out of tensors alone.

Exporters put weights behind Identity, Cast, Transpose or DequantizeLinear, or leave the division
of a weight norm in the graph. What counts is the effective weight, so that is worked out.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from upsample_cli.networks.bounds import KNOWN
from upsample_cli.networks.evaluation import FAULTS, worked_out
from upsample_cli.networks.external import inside, loaded
from upsample_cli.networks.graph import Graph, name_of, operator
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 64  # nodes that one constant is worked out of
_MOST_KEPT = 256  # constants of a graph, for what they are worked out for next
_LARGEST_KEPT = 1 << 16  # numbers: weights are taken once, and would fill the memory


@dataclass(slots=True)
class _Parts:
    """What a constant is worked out of, by name, and the graphs where each name was found."""

    tensors: dict[str, TensorProto] = field(default_factory=dict)
    nodes: dict[str, NodeProto] = field(default_factory=dict)
    homes: dict[str, Graph] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)


def constant(graph: Graph, name: str) -> NDArray[Any]:
    """Return a value that does not depend on the model's input.

    Args:
        graph: Where it is used.
        name: Of the value.

    Raises:
        UnreadableError: It depends on the input, or its data are missing or damaged.
    """
    if not name:
        raise UnreadableError("it is not given")
    kept = graph.home(name).worked
    if name not in kept:
        found = _found(graph, name)
        if not isinstance(found, str) and found.size > _LARGEST_KEPT:
            return found
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[name] = found
    known = kept[name]
    if isinstance(known, str):
        raise UnreadableError(known)
    return known


def is_constant(graph: Graph, name: str) -> bool:
    """Tell whether a value is known before the model runs.

    Args:
        graph: Where it is used.
        name: Of the value.
    """
    try:
        constant(graph, name)
    except UnreadableError:
        return False
    return True


def _found(graph: Graph, name: str) -> NDArray[Any] | str:
    """Return a constant, or why it is none."""
    try:
        return _worked_out(graph, name)
    except UnreadableError as error:
        return str(error)


def _worked_out(graph: Graph, name: str) -> NDArray[Any]:
    parts = _Parts()
    _gather(graph, name, parts)
    tensors = {each: loaded(tensor, graph.folder) for each, tensor in parts.tensors.items()}
    if not parts.nodes:
        return _array(tensors[name])
    # A node is made known after what it is made of, so they stand in order.
    once = {id(node): node for node in parts.nodes.values()}
    nodes = [inside(node, graph.folder) for node in once.values()]
    return worked_out(name, nodes, tensors, graph.opsets)


def floats(graph: Graph, name: str) -> NDArray[np.floating[Any]]:
    """Return a constant as float32, or float64 where it is that.

    Args:
        graph: Where it is used.
        name: Of the value.

    Raises:
        UnreadableError: As for `constant`, or it holds no finite numbers.
    """
    found = constant(graph, name)
    try:
        kind = np.float64 if found.dtype == np.float64 else np.float32
        numbers: NDArray[np.floating[Any]] = found.astype(kind)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"'{name}' holds {found.dtype}, no numbers") from error
    if not np.isfinite(numbers).all():
        raise UnreadableError(f"'{name}' holds NaN or infinity")
    return numbers


def _gather(graph: Graph, name: str, parts: _Parts) -> None:
    """Add all that a value is worked out of, in order."""
    graph = graph.home(name)
    if parts.homes.setdefault(name, graph) is not graph:
        raise UnreadableError(f"two values that it is worked out of are called '{name}'")
    if not name or name in parts.tensors or name in parts.nodes:
        return
    tensor = graph.tensor(name)
    if tensor is not None:
        parts.tensors[name] = tensor
        return
    node = graph.producer(name)
    if node is None:
        where = graph.path.removesuffix("/") or "the model"
        raise UnreadableError(f"'{name}' is an input of {where}")
    if operator(node) not in KNOWN:
        raise UnreadableError(f"'{name}' is worked out by {operator(node)} ({name_of(node)})")
    if name in parts.begun or len(parts.begun) >= _MOST:
        raise UnreadableError(f"'{name}' is worked out by too many nodes")
    parts.begun.add(name)
    for each in node.input:
        _gather(graph, each, parts)
    parts.nodes.update(dict.fromkeys(node.output, node))


def _array(tensor: TensorProto) -> NDArray[Any]:
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except FAULTS as error:
        raise UnreadableError(f"the data of '{tensor.name}' are damaged ({error})") from error
