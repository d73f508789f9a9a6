"""Functions of an ONNX model's own, put in the place of their calls."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import onnx
from google.protobuf.message import DecodeError
from onnx import FunctionProto, ModelProto, NodeProto
from onnx.inliner import inline_local_functions

from upsample_cli.errors import NetworkFileError

_Key: TypeAlias = tuple[str, str, str]
_MOST = 1 << 28  # bytes of what comes in the place of calls
_NODE = 1 << 10  # of those, what a node takes beside its attributes


def inlined(model: ModelProto, path: str) -> ModelProto:
    """Return a model with its functions in the place of their calls.

    onnx leaves out functions of other versions of operators than the model's; the operators that
    upsample are told from each other by what they are given, so any version will do.

    Args:
        model: Whose functions take the versions of its operators.
        path: The model's, for what is told.

    Raises:
        NetworkFileError: Functions are damaged, call themselves, or become too much: of 30 of
            which each calls the next one twice there would be 2^30.
    """
    versions = {each.domain: each.version for each in model.opset_import}
    for function in model.functions:
        for each in function.opset_import:
            each.version = versions.get(each.domain, each.version)
    try:
        functions = {_called(each): each for each in model.functions}
        if _room(model.graph.node, functions, {}) > _MOST:  # a circle is a RecursionError
            raise NetworkFileError(
                f"{path} has functions that take too much memory in the place of their calls; "
                "export it without functions"
            )
        return inline_local_functions(model)
    except (
        RuntimeError,
        TypeError,
        ValueError,
        DecodeError,
        onnx.checker.ValidationError,
    ) as error:
        raise NetworkFileError(f"{path} has damaged functions; export it again") from error


def _room(
    nodes: Iterable[NodeProto],
    functions: Mapping[_Key, FunctionProto],
    known: dict[_Key, int],
) -> int:
    """Return how many bytes come in the place of the calls among nodes."""
    total = 0
    for node in _all(nodes):
        key = _called(node)
        if key not in functions:
            continue
        if key not in known:
            body = functions[key].node
            own = sum(_NODE + each.ByteSize() for each in body)
            known[key] = own + _room(body, functions, known)
        total += known[key]
    return total


def _called(made: NodeProto | FunctionProto) -> _Key:
    """Return by what a function is called, which a node that calls it has too."""
    name = made.name if isinstance(made, FunctionProto) else made.op_type
    return "" if made.domain == "ai.onnx" else made.domain, name, made.overload


def _all(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """Yield nodes, and those of the graphs within them at any depth."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting.extend(graph.node)
