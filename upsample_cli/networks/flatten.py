"""Turns a model into one flat list of nodes: inner graphs replace the nodes that hold them.

Both branches of an If are kept, and the body of a Loop or Scan appears once: an audit has to see
every layer, and does not need the results that the model would give.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto
from onnx.helper import get_attribute_value, make_node

from upsample_cli.networks.float_twin import float32_nodes
from upsample_cli.networks.model_file import array_of, read
from upsample_cli.networks.model_graph import SHAPE_ONLY, Network, int_attribute

_SPARSE = "its numbers are text, or a sparse tensor; save it dense"


def network_of(path: str) -> Network:
    """Return the network of a .onnx file, in float32 and not yet run.

    Raises:
        NetworkFileError: There is no such file, or it is not a model, or damaged.
    """
    model = read(path)
    flat = _Flat(model.graph, Path(path).parent)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opsets[""] = opsets.get("", opsets.get("ai.onnx", 1))
    outputs = tuple(value.name for value in model.graph.output)
    kinds = {value.type.tensor_type.elem_type for value in model.graph.output}
    return Network(
        tuple(flat.nodes), flat.titles, flat.constants, flat.inputs, outputs, opsets, flat.unread,
        frozenset(flat.varying),
        rounding_file=path if flat.rounds and kinds == {TensorProto.FLOAT} else "",
    )  # fmt: skip


class _Flat:
    """The nodes and constants of a graph, in attributes named as those of `Network`."""

    def __init__(self, graph: GraphProto, folder: Path) -> None:
        self.nodes: list[NodeProto] = []
        self.titles: dict[str, tuple[str, str]] = {}
        self.constants: dict[str, NDArray[Any]] = {}
        self.unread: dict[str, str] = {}
        self.rounds = False  # whether values that vary are quantised
        self._folder = folder
        known = {tensor.name for tensor in graph.initializer}
        known |= {sparse.values.name for sparse in graph.sparse_initializer}
        self.inputs = tuple(value for value in graph.input if value.name not in known)
        self.varying = {value.name for value in self.inputs}
        self._walk(graph, {}, "")

    def _walk(self, graph: GraphProto, outer: Mapping[str, str], path: str) -> dict[str, str]:
        """Append the nodes of a graph, with unique names; return the new name of each old one."""
        names = dict(outer)
        prefix = f"{path}{len(self.nodes)}:" if path else ""
        for tensor in graph.initializer:
            names[tensor.name] = prefix + tensor.name
            self._keep(prefix + tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            names[sparse.values.name] = prefix + sparse.values.name
            self.unread[prefix + sparse.values.name] = _SPARSE
        for original in _sorted(graph.node):
            node = NodeProto()
            node.CopyFrom(original)
            node.domain = "" if node.domain == "ai.onnx" else node.domain
            node.input[:] = [names.get(name, name) for name in original.input]
            names |= {name: prefix + name for name in original.output if name}
            node.output[:] = [names.get(name, "") for name in original.output]
            graphs = [entry for entry in node.attribute if entry.type == AttributeProto.GRAPH]
            for number, entry in enumerate(graphs):
                inner = f"{path}{_title(node)}/{entry.name}/"
                self._inline(node, entry.g, names, inner, number == 0)
            if node.op_type == "Constant" and len(node.output) == 1:
                self._keep_value(node)
            elif not graphs and any(node.output):
                self._add(node, path)
        return names

    def _inline(
        self, node: NodeProto, graph: GraphProto, names: dict[str, str], path: str, first: bool
    ) -> None:
        """Append an inner graph once; the results of a node's `first` graph become the node's."""
        start, go = f"{path}:first", f"{path}:go"
        self.constants |= {start: np.array(0), go: np.array(True)}
        sources, results = list(node.input), [value.name for value in graph.output]
        scanned = sum(int_attribute(node, "num_scan_inputs"))
        states = len(sources) - scanned  # only these are passed on
        if node.op_type == "If":
            sources, states = [], len(results)
        elif node.op_type == "Loop":
            sources, results, states = [start, go, *sources[2:]], results[1:], len(sources) - 2
        else:
            for place, name in enumerate(sources[max(0, states) :], max(0, states)):
                sources[place] = f"{path}:{place}"
                self._add(make_node("Gather", [name, start], [sources[place]], axis=0), path)
        inputs = dict(zip([value.name for value in graph.input], sources, strict=False))
        renamed = self._walk(graph, names | inputs, path)
        passed = results[: max(0, states)] if first else []
        for name, output in zip(passed, node.output, strict=False):
            self._add(make_node("Identity", [renamed.get(name, name)], [output]), path)

    def _add(self, original: NodeProto, path: str) -> None:
        """Append the nodes that replace a node in float32."""
        title = _title(original)
        if "Quantize" in original.op_type and not self.varying.isdisjoint(original.input):
            self.rounds = True
        for node in float32_nodes(original, self.constants, self.varying):
            node.name = str(len(self.nodes))
            self.titles[node.name] = path, title
            self.nodes.append(node)
            if node.op_type not in SHAPE_ONLY and not self.varying.isdisjoint(node.input):
                self.varying.update(filter(None, node.output))

    def _keep(self, name: str, tensor: TensorProto) -> None:
        """Keep a tensor as a constant, or the reason why it cannot be read."""
        try:
            self.constants[name] = array_of(tensor, self._folder)
        except ValueError as error:
            self.unread[name] = str(error)

    def _keep_value(self, node: NodeProto) -> None:
        """Keep the value of a Constant node, or the reason why it cannot be read."""
        (name,) = node.output
        kinds = {"value_float": np.float32, "value_int": np.int64}
        for entry in node.attribute:
            kind = kinds.get(entry.name.removesuffix("s"))
            if entry.name == "value":
                self._keep(name, entry.t)
            elif kind is not None:
                self.constants[name] = np.array(get_attribute_value(entry), kind)
        if name not in self.constants:
            self.unread.setdefault(name, _SPARSE)


def _sorted(nodes: Sequence[NodeProto]) -> Sequence[NodeProto]:
    """Return nodes, each after those whose outputs it takes; unchanged if no such order exists."""
    places = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    before = {
        place: {places[name] for name in _taken(node) & places.keys()}
        for place, node in enumerate(nodes)
    }
    if all(max(earlier, default=-1) < place for place, earlier in before.items()):
        return nodes
    try:
        return [nodes[place] for place in TopologicalSorter(before).static_order()]
    except CycleError:
        return nodes


def _taken(node: NodeProto) -> set[str]:
    """Return the names of the outer values that a node and its inner graphs take."""
    names = set(node.input)
    for graph in (entry.g for entry in node.attribute if entry.type == AttributeProto.GRAPH):
        own = {name for inner in graph.node for name in inner.output}
        own |= {value.name for value in [*graph.input, *graph.initializer]}
        taken = {value.name for value in graph.output}.union(*map(_taken, graph.node))
        names |= taken - own
    return names


def _title(node: NodeProto) -> str:
    return str(node.name or (node.output[0] if node.output else node.op_type))
