"""A trial run of a network: at which sizes it runs, and what shapes its values have then."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import prod
from time import monotonic

import numpy as np
from onnx import NodeProto, helper

from upsample_cli.networks.feeds import feeds, kind_of
from upsample_cli.networks.flatten import flat
from upsample_cli.networks.float_twin import twin
from upsample_cli.networks.model_file import read
from upsample_cli.networks.model_graph import Array, Network, RunError, Session, attribute

_ATTEMPTS, _DROPPED = 2000, 24  # shapes to try; nodes to go without
_SECONDS = 5.0  # for all that fail
_MOST_PHASES = 1 << 16  # of a layer, and pixels of a kernel
_MOST_AXES = 8  # of a value
_LARGEST = 1 << 14  # size or scale of an interpolation
_BY_SHAPE = frozenset((
    "Shape", "Size", "RandomNormalLike", "RandomUniformLike", "EyeLike",
))  # fmt: skip # what takes no numbers of its input, but its shape
_OWN = ("", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")  # domains that onnxruntime has


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A network, and which of its nodes do not run.

    Args:
        network: With shapes and constants as of the run.
        faults: Why a node does not run, by its name.
        feeds: What it ran on; empty if it did not.
    """

    network: Network
    faults: Mapping[str, str]
    feeds: Mapping[str, Array] = field(default_factory=dict)


def tried(path: str) -> Trial:
    """Return a network after a trial run.

    Args:
        path: The .onnx file.

    Raises:
        NetworkFileError: There is no such file, or it is no model.
    """
    model = read(path)
    flattened = flat(model, path)
    nodes, constants, unread = twin(flattened)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opsets[""] = opsets.get("", opsets.get("ai.onnx", 1))
    known = constants.keys() | unread.keys()
    inputs = tuple(value for value in model.graph.input if value.name not in known)
    network = Network(
        tuple(nodes), flattened.titles, constants, inputs,
        tuple(value.name for value in model.graph.output), opsets, unread,
    )  # fmt: skip
    network = replace(network, varying=_varying(network))
    return _run(network, _broken(network))


def _varying(network: Network) -> frozenset[str]:
    """Return the names of values that depend on what the model takes by more than its size."""
    names = {value.name for value in network.inputs}
    for node in network.nodes:
        if node.op_type not in _BY_SHAPE and not names.isdisjoint(node.input):
            names.update(filter(None, node.output))
    return frozenset(names)


def _broken(network: Network) -> dict[str, str]:
    """Return why nodes cannot run that are not onnxruntime's, or that it would die of."""
    known = {"", *network.constants, *network.producers, *(value.name for value in network.inputs)}
    return {node.name: reason for node in network.nodes if (reason := _fault(network, node, known))}


def _fault(network: Network, node: NodeProto, known: Set[str]) -> str:
    """Return why a node cannot run; empty where it may."""
    unread = [network.faults[name] for name in node.input if name in network.faults]
    missing = [name for name in node.input if name not in known]
    phases = prod(attribute(node, "strides")) if "Transpose" in node.op_type else 1
    if node.domain not in _OWN:
        return f"it is {node.domain}.{node.op_type}, which is not ONNX's own"
    if unread:
        return unread[0]
    if missing:
        return f"'{missing[0]}' is an input of the model"
    if phases > _MOST_PHASES:
        return f"its {phases} phases are too many to judge"
    sides = attribute(node, "kernel_shape")
    if min(sides, default=1) < 1 or prod(sides) > _MOST_PHASES:
        return f"its kernel of {sides} cannot run"
    if node.op_type in ("Resize", "Upsample") and not _can_scale(network, node):
        return "its scales are out of range"
    return ""


def _can_scale(network: Network, node: NodeProto) -> bool:
    """Tell whether the scales of an interpolation can be: onnxruntime dies of others."""
    known = [network.constants[name] for name in node.input[1:] if name in network.constants]
    known += [np.array(entry.floats) for entry in node.attribute if entry.name == "scales"]
    numbers = [array for array in known if array.dtype.kind in "fi"]
    if any(abs(axis) > _MOST_AXES for axis in attribute(node, "axes")):
        return False
    return all((array > 0).all() and (array <= _LARGEST).all() for array in numbers[-1:])


def _run(network: Network, faults: dict[str, str]) -> Trial:
    """Run what can run; go without each node that fails at every size."""
    best: Mapping[str, Array] = {}
    end = monotonic() + _SECONDS
    for _ in range(_DROPPED):
        nodes = _runnable(network, faults)
        try:
            session, shapes, values = _session(network, nodes)
        except RunError as error:
            if error.node not in network.titles or error.node in faults:
                return Trial(network, faults)
            faults[error.node] = str(error)
            continue
        failure = RunError("it takes nothing")
        attempts = islice(feeds(network), _ATTEMPTS)
        for attempt in chain([best] if best else [], attempts):
            if monotonic() > end and attempt is not best:
                break
            try:
                results = session.run(attempt)
            except RunError as error:
                if _order(error) >= _order(failure):
                    failure, best = error, attempt
                continue
            known = {name: results[name] for name in values}
            reached = {name: tuple(map(int, results[shape])) for name, shape in shapes.items()} | {
                name: array.shape for name, array in attempt.items()
            }
            whole = replace(network, constants={**known, **network.constants}, shapes=reached)
            return Trial(whole, faults, attempt)
        if failure.node not in network.titles or failure.node in faults:
            return Trial(network, faults)
        faults[failure.node] = str(failure)
    return Trial(network, faults)


def _order(error: RunError) -> int:
    return int(error.node) if error.node.isdigit() else -1


def _runnable(network: Network, faults: Mapping[str, str]) -> list[NodeProto]:
    """Return the nodes that depend on none at fault, and take what is there."""
    known = set(network.constants) | {value.name for value in network.inputs} | {""}
    nodes = []
    for node in network.nodes:
        if node.name not in faults and known.issuperset(node.input):
            nodes.append(node)
            known.update(node.output)
    return nodes


def _session(
    network: Network, nodes: Sequence[NodeProto]
) -> tuple[Session, dict[str, str], list[str]]:
    """Return what runs nodes, the names of varying values' shapes, and those of other values."""
    more, shapes, values = [], {}, []
    for node in nodes:
        for name in filter(None, node.output):
            if name in network.varying:
                shapes[name] = f"{name}:shape"
                more.append(helper.make_node("Shape", [name], [shapes[name]]))
            else:
                values.append(name)
    inputs = {value.name: kind_of(value) for value in network.inputs}
    outputs = [*shapes.values(), *values]
    return network.part([*nodes, *more], inputs, outputs), shapes, values
