"""The graph of an ONNX model: which node makes what, who takes it, and what is constant.

Graphs within nodes (the branches of If, the bodies of Loop and Scan) see the names of those around
them but where they have the same name themselves, so a graph here knows the one that it lies in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, SparseTensorProto, TensorProto

from upsample_cli.networks.captures import captured, inner
from upsample_cli.networks.unreadable import UnreadableError

Value = TypeVar("Value", int, float, str)
_SHAPES = frozenset(("Shape", "Size"))  # take no numbers: they ask how many there are


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph with its surroundings.

    Args:
        proto: As in the model.
        folder: Of the model: where its external data lie.
        opsets: Version of each domain of operators.
        outer: The graph that this one lies in.
        path: Names of the nodes and branches that lead to it, each with a slash after it.
        worked: Constants that were worked out, by name, or why they could not be.
    """

    proto: GraphProto
    folder: Path
    opsets: dict[str, int]
    outer: "Graph | None" = None
    path: str = ""
    names: frozenset[str] = field(init=False)
    producers: dict[str, NodeProto] = field(init=False)
    consumers: dict[str, list[NodeProto]] = field(init=False)
    tensors: dict[str, TensorProto] = field(init=False)
    worked: dict[str, NDArray[Any] | str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index what the graph has by name."""
        makes = {name: node for node in self.proto.node for name in node.output if name}
        makes |= {node.output[0]: node for node in map(_of_sparse, self.proto.sparse_initializer)}
        takes: dict[str, list[NodeProto]] = {}
        for node in self.proto.node:
            for name in (*node.input, *captured(node)) if node.op_type not in _SHAPES else ():
                takes.setdefault(name, []).append(node)
        object.__setattr__(self, "producers", makes)
        object.__setattr__(self, "consumers", takes)
        tensors = {each.name: each for each in self.proto.initializer}
        object.__setattr__(self, "tensors", tensors)
        inputs = (each.name for each in self.proto.input)
        object.__setattr__(self, "names", frozenset((*inputs, *makes, *tensors)))

    def home(self, name: str) -> "Graph":
        """Return the graph whose value a name is: the innermost one that has it."""
        return self.outer.home(name) if self.outer and name not in self.names else self

    def producer(self, name: str) -> NodeProto | None:
        """Return the node that makes a value, here or around here."""
        return self.home(name).producers.get(name) if name else None

    def tensor(self, name: str) -> TensorProto | None:
        """Return the tensor of a name, here or around here."""
        return self.home(name).tensors.get(name)

    def within(self) -> Iterator["Graph"]:
        """Yield the graph, then those within its nodes, at any depth."""
        yield self
        for node in self.proto.node:
            for branch, each in inner(node):
                path = f"{self.path}{name_of(node)}/{branch}/"
                yield from Graph(each, self.folder, self.opsets, self, path).within()


def _of_sparse(tensor: SparseTensorProto) -> NodeProto:
    """Return a node that makes a sparse tensor."""
    name = tensor.values.name if isinstance(tensor.values.name, str) else ""
    return onnx.helper.make_node("Constant", [], [name], sparse_value=tensor)


def readable(graph: Graph) -> bool:
    """Tell whether all names are text: protobuf hands on what is no UTF-8 as bytes.

    Args:
        graph: Without those within its nodes.
    """
    nodes, tensors = graph.proto.node, graph.proto.initializer
    words: list[object] = [word for node in nodes for word in (*node.input, *node.output)]
    words += [word for node in nodes for word in (node.name, node.op_type, node.domain)]
    words += [each.name for node in nodes for each in node.attribute]
    words += [each.values.name for each in graph.proto.sparse_initializer]
    return all(isinstance(word, str) for word in (*words, *(each.name for each in tensors)))


def operator(node: NodeProto) -> str:
    """Return what a node does; an operator that only is called like ONNX's has its domain before.

    Those of onnxruntime are ONNX's with more, such as an activation.
    """
    known = node.domain in ("", "ai.onnx", "com.microsoft")
    return node.op_type if known else f"{node.domain}.{node.op_type}"


def name_of(node: NodeProto) -> str:
    """Return what to call a node: its name, or what it makes."""
    return node.name or (node.output[0] if node.output else node.op_type)


def title(graph: Graph, node: NodeProto, weighing: NodeProto | None = None) -> str:
    """Return what to call a layer: as its author called its weights, else as its node is called.

    Args:
        graph: The layer's.
        node: Its own.
        weighing: The one that has its weights, if that is another.
    """
    weights = given(weighing or node, 1)
    if weights.endswith(".weight") and graph.tensor(weights) is not None:
        return graph.path + weights.removesuffix(".weight")
    return graph.path + name_of(node)


def given(node: NodeProto, place: int) -> str:
    """Return the name of a node's input, empty where it has none there."""
    return node.input[place] if place < len(node.input) else ""


def attribute(node: NodeProto, name: str, default: Value) -> Value:
    """Return a node's attribute of one value.

    Args:
        node: Any.
        name: Of the attribute.
        default: Where it is not given; of the type that it has.

    Raises:
        UnreadableError: It is of another type.
    """
    for each in node.attribute:
        if each.name == name:
            found = onnx.helper.get_attribute_value(each)
            found = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
            if not isinstance(found, type(default)):
                raise UnreadableError(f"its {name} is no {type(default).__name__}")
            return found
    return default


def span(node: NodeProto, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    """Return a node's attribute of one whole number an axis.

    Args:
        node: Any.
        name: Of the attribute.
        default: Where it is not given; as long as it has to be.

    Raises:
        UnreadableError: It is no list of so many whole numbers.
    """
    for each in node.attribute:
        if each.name == name:
            found = tuple(each.ints)
            if len(found) != len(default):
                raise UnreadableError(f"its {name} has {len(found)} numbers, not {len(default)}")
            return found
    return default
