"""One flat list of nodes for a model: branches and bodies stand where their nodes stood.

Both branches of an If are there, and the body of a Loop or Scan once: an audit wants to see every
layer, not to get the result that the model would give.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto
from onnx.helper import get_attribute_value, make_node

from upsample_cli.networks.model_file import array_of

_SPARSE = "its numbers are text, or a sparse tensor; save it dense"


class Flat:
    """The nodes and constants of a model.

    Attributes:
        nodes: In the order in which they run, each with its number as a name.
        titles: By a node's name the path to its graph, and what its author called it.
        constants: By name.
        unread: Why a tensor cannot be read, by its name.
    """

    def __init__(self, model: ModelProto, folder: Path) -> None:
        self.nodes: list[NodeProto] = []
        self.titles: dict[str, tuple[str, str]] = {}
        self.constants: dict[str, NDArray[Any]] = {}
        self.unread: dict[str, str] = {}
        self._folder = folder
        self._walk(model.graph, {}, "")

    def _walk(self, graph: GraphProto, outer: Mapping[str, str], path: str) -> dict[str, str]:
        """Append the nodes of a graph; return the name here of every name in it."""
        names = dict(outer)
        prefix = f"{path}{len(self.nodes)}:" if path else ""
        for tensor in graph.initializer:
            names[tensor.name] = prefix + tensor.name
            self._keep(prefix + tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            names[sparse.values.name] = prefix + sparse.values.name
            self.unread[prefix + sparse.values.name] = _SPARSE
        for original in graph.node:
            node = NodeProto()
            node.CopyFrom(original)
            node.domain = "" if node.domain == "ai.onnx" else node.domain
            node.input[:] = [names.get(name, name) for name in original.input]
            names |= {name: prefix + name for name in original.output if name}
            node.output[:] = [names.get(name, "") for name in original.output]
            graphs = [*_graphs(node)]
            for number, (attribute, inner) in enumerate(graphs):
                self._inline(node, inner, names, f"{path}{_title(node)}/{attribute}/", not number)
            if node.op_type == "Constant" and len(node.output) == 1:
                self._keep_value(node)
            elif not graphs and any(node.output):
                self._add(node, path)
        return names

    def _inline(
        self, node: NodeProto, graph: GraphProto, names: dict[str, str], path: str, first: bool
    ) -> None:
        """Append a graph within a node, and hand its results on if it is the first."""
        inputs = dict(zip([value.name for value in graph.input],
                          self._inputs(node, path), strict=False))  # fmt: skip
        own = self._walk(graph, names | inputs, path)
        outputs = [own.get(value.name, value.name) for value in graph.output]
        outputs = outputs[1:] if node.op_type == "Loop" else outputs
        # What a Loop or Scan stacks is not handed on.
        states = len(outputs) if node.op_type == "If" else len(node.input) - _others(node)
        if first:
            for taken, made in zip(outputs[: max(0, states)], node.output, strict=False):
                self._add(make_node("Identity", [taken], [made]), path)

    def _inputs(self, node: NodeProto, path: str) -> Iterator[str]:
        """Yield what the inputs of a body are the first time that it runs."""
        if node.op_type == "If":
            return
        first, go = f"{path}:first", f"{path}:go"
        self.constants |= {first: np.array(0), go: np.array(True)}
        states = max(0, len(node.input) - _others(node))
        if node.op_type == "Loop":
            yield from (first, go, *node.input[_others(node) :])
            return
        yield from node.input[:states]
        for place, name in enumerate(node.input[states:]):
            self._add(make_node("Gather", [name, first], [f"{path}:{place}"], axis=0), path)
            yield f"{path}:{place}"

    def _add(self, node: NodeProto, path: str) -> None:
        """Append a node."""
        title, node.name = _title(node), str(len(self.nodes))
        self.titles[node.name] = path, title
        self.nodes.append(node)

    def _keep(self, name: str, tensor: TensorProto) -> None:
        """Keep a tensor as a constant, or why it cannot be read."""
        try:
            self.constants[name] = array_of(tensor, self._folder)
        except ValueError as error:
            self.unread[name] = str(error)

    def _keep_value(self, node: NodeProto) -> None:
        """Keep the tensor of a Constant, however it says it."""
        self.unread[node.output[0]] = _SPARSE
        for attribute in node.attribute:
            if attribute.name == "value":
                self.unread.pop(node.output[0], None)
                self._keep(node.output[0], attribute.t)
            for kind, dtype in (("value_float", np.float32), ("value_int", np.int64)):
                if attribute.name in (kind, f"{kind}s"):
                    self.unread.pop(node.output[0], None)
                    self.constants[node.output[0]] = np.array(get_attribute_value(attribute), dtype)


def _title(node: NodeProto) -> str:
    return str(node.name or (node.output[0] if node.output else node.op_type))


def _others(node: NodeProto) -> int:
    """Return how many inputs of a Loop or Scan are no states."""
    counts = [item.i for item in node.attribute if item.name == "num_scan_inputs"]
    return 2 if node.op_type == "Loop" else sum(counts)


def _graphs(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Yield the graphs within a node, each with the name of its attribute."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        yield from ((attribute.name, graph) for graph in attribute.graphs)
