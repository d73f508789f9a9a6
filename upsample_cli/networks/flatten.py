"""One flat list of nodes for a model: local functions, branches and bodies put in place.

Both branches of an If are there, and the body of a Loop or Scan once: an audit wants to see every
layer, not to get the result that the model would give.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper
from onnx.inliner import inline_local_functions

from upsample_cli.errors import NetworkFileError
from upsample_cli.networks.model_file import children

_MOST = 1 << 28  # bytes that calls of functions may become
_NODE = 1 << 10  # of those, what a node takes beside its attributes
_Key = tuple[str, str, str]


@dataclass(slots=True)
class Flat:
    """The nodes of a model in the order in which they run.

    Args:
        nodes: Each with a name of its own, its number.
        titles: By a node's name here the path to its graph, and what its author called it.
        tensors: The constants of the model and of its branches and bodies, by name.
    """

    nodes: list[NodeProto] = field(default_factory=list)
    titles: dict[str, tuple[str, str]] = field(default_factory=dict)
    tensors: dict[str, TensorProto] = field(default_factory=dict)

    def add(self, node: NodeProto, path: str) -> None:
        """Append a node."""
        title = node.name or (node.output[0] if node.output else node.op_type)
        node.name = str(len(self.nodes))
        self.titles[node.name] = path, title
        self.nodes.append(node)


def flat(model: ModelProto, path: str) -> Flat:
    """Return the nodes of a model.

    Args:
        model: Its functions get the versions of the model's operators.
        path: Of the file, for errors.

    Raises:
        NetworkFileError: Functions are damaged, call themselves, or become too much.
    """
    whole = _inlined(model, path) if model.functions else model
    result = Flat()
    versions = {entry.domain: entry.version for entry in whole.opset_import}
    _walk(whole.graph, result, {}, "", versions.get("", versions.get("ai.onnx", 1)))
    return result


def _walk(
    graph: GraphProto, result: Flat, outer: Mapping[str, str], path: str, opset: int
) -> dict[str, str]:
    """Append the nodes of a graph; return the name here of every name in it."""
    names = dict(outer)
    prefix = f"{path}{len(result.nodes)}:" if path else ""
    for tensor in graph.initializer:
        names[tensor.name] = prefix + tensor.name
        result.tensors[prefix + tensor.name] = tensor
    for original in graph.node:
        node = NodeProto()
        node.CopyFrom(original)
        inputs = [names.get(name, name) for name in node.input]
        for name in node.output:
            if name:
                names[name] = prefix + name
        node.ClearField("input")
        node.input.extend(inputs)
        outputs = [names.get(name, "") for name in node.output]
        node.ClearField("output")
        node.output.extend(outputs)
        if not any(outputs):
            continue
        if any(True for _ in children(node)):
            _inline(node, result, names, path, opset)
        else:
            result.add(node, path)
    return names


def _inline(node: NodeProto, result: Flat, names: Mapping[str, str], path: str, opset: int) -> None:
    """Append the graphs within a node, and what hands their results on."""
    title = node.name or (node.output[0] if node.output else node.op_type)
    for number, (attribute, graph) in enumerate(children(node)):
        inside = f"{path}{title}/{attribute.name}/"
        inner = dict(names)
        values = list(_values(node, graph, result, inside, path))
        inner.update(zip([value.name for value in graph.input], values, strict=False))
        own = _walk(graph, result, inner, inside, opset)
        if number:
            continue
        states = len(node.output) - _scanned(node, graph)
        outputs = [own.get(value.name, value.name) for value in graph.output]
        outputs = outputs[1:] if node.op_type == "Loop" else outputs
        for place, (taken, name_out) in enumerate(zip(outputs, node.output, strict=False)):
            if not name_out:
                continue
            if place < states or node.op_type == "If":
                result.add(helper.make_node("Identity", [taken], [name_out]), path)
            elif opset < 13:
                result.add(helper.make_node("Unsqueeze", [taken], [name_out], axes=[0]), path)
            else:
                axis = _constant(result, f"{inside}:axis", np.array([0]))
                result.add(helper.make_node("Unsqueeze", [taken, axis], [name_out]), path)


def _values(
    node: NodeProto, graph: GraphProto, result: Flat, inside: str, path: str
) -> Iterator[str]:
    """Yield what the inputs of a body are the first time that it runs."""
    if node.op_type == "Loop":
        yield _constant(result, f"{inside}:count", np.array(0))
        yield _constant(result, f"{inside}:go", np.array(True))
        yield from node.input[2:]
    elif node.op_type == "Scan":
        count = next((entry.i for entry in node.attribute if entry.name == "num_scan_inputs"), 0)
        states = len(node.input) - count
        yield from node.input[:states]
        first = _constant(result, f"{inside}:first", np.array(0))
        for place, name in enumerate(node.input[states:]):
            slice_name = f"{inside}:{place}"
            result.add(helper.make_node("Gather", [name, first], [slice_name], axis=0), path)
            yield slice_name


def _scanned(node: NodeProto, graph: GraphProto) -> int:
    """Return how many of a node's last outputs are stacks of what its body makes."""
    if node.op_type == "Loop":
        return len(graph.output) - 1 - (len(graph.input) - 2)
    if node.op_type == "Scan":
        count = next((entry.i for entry in node.attribute if entry.name == "num_scan_inputs"), 0)
        return len(graph.output) - (len(graph.input) - int(count))
    return 0


def _constant(result: Flat, name: str, value: NDArray[Any]) -> str:
    result.tensors[name] = onnx.numpy_helper.from_array(value, name)
    return name


def _inlined(model: ModelProto, path: str) -> ModelProto:
    """Return a model with its functions in the place of their calls.

    onnx leaves out functions of other versions of operators than the model's, so all get those.
    """
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for function in model.functions:
        for entry in function.opset_import:
            entry.version = versions.get(entry.domain, entry.version)
    try:
        functions = {_key(function): function for function in model.functions}
        if _room(model.graph.node, functions, {}) > _MOST:  # a circle is a RecursionError
            raise NetworkFileError(
                f"{path} has functions that take too much memory in the place of their calls; "
                "export it without functions"
            )
        return inline_local_functions(model)
    except (
        RuntimeError, TypeError, ValueError, DecodeError, onnx.checker.ValidationError,
    ) as error:  # fmt: skip
        raise NetworkFileError(f"{path} has damaged functions; export it again") from error


def _room(
    nodes: Iterable[NodeProto], functions: Mapping[_Key, FunctionProto], known: dict[_Key, int]
) -> int:
    """Return how many bytes come in the place of the calls among nodes."""
    total, waiting = 0, list(nodes)
    while waiting:
        node = waiting.pop()
        for _, graph in children(node):
            waiting.extend(graph.node)
        key = _key(node)
        if key not in functions:
            continue
        if key not in known:
            body = functions[key].node
            own = sum(_NODE + inner.ByteSize() for inner in body)
            known[key] = own + _room(body, functions, known)
        total += known[key]
    return total


def _key(item: NodeProto | FunctionProto) -> _Key:
    """Return by what a function is called; a node that calls it has the same."""
    name = item.name if isinstance(item, FunctionProto) else item.op_type
    overload = getattr(item, "overload", "")  # onnx has it from 1.16 on
    return "" if item.domain == "ai.onnx" else item.domain, name, overload
