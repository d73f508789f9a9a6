"""A trial run of a network: at which sizes it runs, and what shapes its values have then."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice, product
from math import prod
from pathlib import Path
from time import monotonic

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from upsample_cli.networks.flatten import Flat
from upsample_cli.networks.float_twin import twin
from upsample_cli.networks.model_file import read
from upsample_cli.networks.model_graph import BY_SHAPE, Network, attribute
from upsample_cli.networks.session import Array, RunError, Session

_ATTEMPTS, _DROPPED = 2000, 24  # shapes to try; nodes to go without
_SECONDS = 5.0  # for all that fail
_LARGEST_KERNEL = 1 << 16  # pixels; onnxruntime dies of some
_OWN = ("", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")  # domains that onnxruntime has
_SIZES = ((64, 96), (64, 64), (32, 32), (128, 128), (224, 224), (256, 256), (512, 512),
          (16, 16), (12, 12), (8, 8))  # fmt: skip
_LARGE = 128  # pixels along an axis: a fixed size above is tried smaller first
_MOST_NUMBERS = 1 << 21  # of an input


def tried(path: str) -> Network:
    """Return a network after a trial run.

    Args:
        path: The .onnx file.

    Raises:
        NetworkFileError: There is no such file, or it is no model.
    """
    model = read(path)
    flat = Flat(model, Path(path).parent)
    nodes, titles = twin(flat.nodes, flat.constants), dict[str, tuple[str, str]]()
    for number, node in enumerate(nodes):
        titles[str(number)] = flat.titles[node.name]
        node.name = str(number)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opsets[""] = opsets.get("", opsets.get("ai.onnx", 1))
    known = flat.constants.keys() | flat.unread.keys()
    inputs = tuple(value for value in model.graph.input if value.name not in known)
    varying = {value.name for value in inputs}
    for node in nodes:
        if node.op_type not in BY_SHAPE and not varying.isdisjoint(node.input):
            varying.update(filter(None, node.output))
    outputs = tuple(value.name for value in model.graph.output)
    network = Network(
        tuple(nodes), titles, flat.constants, inputs, outputs, opsets, flat.unread,
        frozenset(varying),
    )  # fmt: skip
    return _run(network)


def _run(network: Network) -> Network:
    """Run what can run; go without each node that fails at every size."""
    known = {"", *network.constants, *network.producers, *(item.name for item in network.inputs)}
    faults = {
        node.name: reason for node in network.nodes if (reason := _fault(network, node, known))
    }
    best: Mapping[str, Array] = {}
    end = monotonic() + _SECONDS
    for _ in range(_DROPPED):
        try:
            session, shapes, values = _session(network, faults)
            failure = RunError("it takes nothing")
            for feeds in chain([best] if best else [], islice(_feeds(network), _ATTEMPTS)):
                try:
                    results = session.run(feeds)
                except RunError as error:
                    if int(error.node or -1) >= int(failure.node or -1):
                        failure, best = error, feeds
                    if monotonic() > end:
                        break
                    continue
                constants = {**{name: results[name] for name in values}, **network.constants}
                reached = {name: tuple(map(int, results[shape])) for name, shape in shapes.items()}
                reached |= {name: array.shape for name, array in feeds.items()}
                return replace(
                    network, constants=constants, shapes=reached, feeds=feeds, faults=faults
                )
        except RunError as error:
            failure = error
        if failure.node not in network.titles or failure.node in faults:
            break
        faults[failure.node] = str(failure)
    return replace(network, faults=faults)


def _fault(network: Network, node: NodeProto, known: set[str]) -> str:
    """Return why a node cannot run, as far as it can be told before; empty where it may."""
    for name in node.input:
        if name in network.unread:
            return network.unread[name]
        if name not in known:
            return f"'{name}' is an input of the model"
    if node.domain not in _OWN:
        return f"it is {node.domain}.{node.op_type}, which is not ONNX's own"
    sides = attribute(node, "kernel_shape")
    if min(sides, default=1) < 1 or prod(sides) > _LARGEST_KERNEL:
        return f"its kernel of {sides} cannot run"
    return ""


def _session(
    network: Network, faults: Mapping[str, str]
) -> tuple[Session, dict[str, str], list[str]]:
    """Return what runs all that can, the names of varying values' shapes, and other values."""
    there = {*network.constants, *(value.name for value in network.inputs), ""}
    nodes, shapes, values = list[NodeProto](), dict[str, str](), list[str]()
    for node in network.nodes:
        if node.name in faults or not there.issuperset(node.input):
            continue
        nodes.append(node)
        there.update(node.output)
        for name in filter(None, node.output):
            if name in network.varying:
                shapes[name] = f"{name}:shape"
                nodes.append(helper.make_node("Shape", [name], [shapes[name]]))
            else:
                values.append(name)
    inputs = {value.name: _kind(value) for value in network.inputs}
    return network.part(nodes, inputs, [*shapes.values(), *values]), shapes, values


def _feeds(network: Network) -> Iterator[dict[str, Array]]:
    """Yield values of all inputs, for one choice of sizes after the other."""
    rng = np.random.default_rng(0)
    dims = {value.name: _dims(value) for value in network.inputs}
    ranks, channels = _guesses(network)
    sizes: list[tuple[int, int] | None] = [*_SIZES, *_pairs(network)]
    if any(known is not None and all(known) for known in dims.values()):
        large = any(known and max(known) > _LARGE for known in dims.values())
        sizes = [*_SIZES[:2], None, *sizes] if large else [None, *sizes]
    orders = list(product((False, True), ranks)) if None in dims.values() else [(False, 4)]
    seen = set()
    for (last, rank), size, count in product(orders, sizes, channels):
        shapes = {name: _shape(known, size, count, rank, last) for name, known in dims.items()}
        key = tuple(shapes.values())
        if key in seen or (size and any(prod(shape) > _MOST_NUMBERS for shape in key)):
            continue
        seen.add(key)
        yield {
            value.name: rng.random(shapes[value.name], np.float32)
            if _kind(value) == TensorProto.FLOAT
            else np.ones(shapes[value.name], helper.tensor_dtype_to_np_dtype(_kind(value)))
            for value in network.inputs
        }


def _kind(value: ValueInfoProto) -> int:
    """Return the type of an input; half floats and whole numbers of 8 bits become floats."""
    kind = int(value.type.tensor_type.elem_type)
    keep = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
    return kind if kind in keep else int(TensorProto.FLOAT)


def _dims(value: ValueInfoProto) -> list[int] | None:
    """Return the lengths of an input's axes, 0 where they are open; None if all is."""
    kind = value.type.tensor_type
    return [max(0, dim.dim_value) for dim in kind.shape.dim] if kind.HasField("shape") else None


def _shape(
    dims: list[int] | None, size: tuple[int, int] | None, channels: int, rank: int, last: bool
) -> tuple[int, ...]:
    """Return the shape of an input for a size of the picture; None leaves fixed sizes alone."""
    if dims is None:
        dims = [0] * (rank - last) + [channels] * last
    result = [length or (channels if place else 1) for place, length in enumerate(dims)]
    if len(dims) < 3:
        return tuple(length or 1 for length in dims)
    last |= len(dims) == 4 and 0 < dims[3] <= 4 < max(dims[1], 5)  # channels come last
    lengths = size or _SIZES[1]
    for place, length in zip(
        range(2 - last, len(dims) - last), (*lengths, lengths[-1]), strict=False
    ):
        if not dims[place] or (size and dims[place] > _LARGE):
            result[place] = length
    return tuple(result)


def _guesses(network: Network) -> tuple[list[int], list[int]]:
    """Return likely numbers of axes and of channels of inputs that do not say them."""
    ranks, channels = [], []
    for node in network.nodes:
        weights = next((network.constants[name] for name in node.input[1:2]
                        if name in network.constants), None)  # fmt: skip
        if weights is None or weights.ndim < 2 or weights.dtype != np.float32:
            continue
        if "Conv" in node.op_type:
            group = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
            turned = "Transpose" in node.op_type
            ranks.append(weights.ndim)
            channels.append(weights.shape[0] if turned else weights.shape[1] * max(1, group))
        else:
            channels.extend(weights.shape[:2])
    likely = [count for count in dict.fromkeys([*channels, 3, 1, 2, 4]) if 0 < count <= 4096]
    return list(dict.fromkeys([*ranks, 4, 3, 5])), likely[:6]


def _pairs(network: Network) -> list[tuple[int, int]]:
    """Return sizes that constants of shapes name."""
    lengths: dict[int, None] = {}
    for array in network.constants.values():
        if array.dtype == np.int64 and array.size <= 8:
            lengths.update(dict.fromkeys(int(n) for n in array.ravel() if 2 < n <= 512))
    parts = [n // part for part in (1, 2, 3, 4) for n in lengths if n % part == 0 and n > 2 * part]
    few = list(dict.fromkeys(parts))[:8]
    return [(n, n) for n in few] + [(a, b) for a in few for b in few if a != b]
