"""A trial run of a network: at which size it runs, and the shapes that its values then have."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, product
from math import prod
from time import monotonic

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from upsample_cli.networks.model_graph import Array, Network, RunError, Session, int_attribute

_SHAPE = "shape of "  # before a value's name: the output that holds its shape
_DROPPED = 24  # failing nodes to leave out, at most
_SECONDS = 5.0  # for all failing runs together
_LARGEST_KERNEL = 1 << 16  # taps; onnxruntime crashes on some that are larger
_DOMAINS = ("", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")  # of onnxruntime's operators
# Heights and widths of the pictures to try. Some networks take only multiples of 10, 20, 24, 36 or
# 48: these divide 144 or 240.
_SIZES = ((64, 96), (64, 64), (32, 32), (128, 128), (224, 224), (256, 256), (512, 512), (144, 144),
          (240, 240), (16, 16), (12, 12), (8, 8))  # fmt: skip
_LARGE = 128  # pixels along an axis: above this, a fixed size is first tried smaller
_MOST_NUMBERS = 1 << 21  # of an input, at most


def with_trial_run(network: Network) -> Network:
    """Return a network after a trial run, which leaves out the nodes that always fail."""
    known = {"", *network.constants, *network.producers, *(item.name for item in network.inputs)}
    faults = {
        node.name: reason for node in network.nodes if (reason := _fault(network, node, known))
    }
    best: Mapping[str, Array] = {}
    end = monotonic() + _SECONDS
    for _ in range(_DROPPED):
        try:
            session = _session(network, faults)
            failure = RunError("it takes nothing")
            for feeds in chain([best] if best else [], _feeds(network)):
                try:
                    results = session.run(feeds)
                except RunError as error:
                    if int(error.node or -1) >= int(failure.node or -1):
                        failure, best = error, feeds
                    if monotonic() > end:
                        break
                    continue
                shapes = {name: array.shape for name, array in feeds.items()}
                for name in network.varying & {name.removeprefix(_SHAPE) for name in results}:
                    shapes[name] = tuple(results.pop(_SHAPE + name).tolist())
                constants = {**results, **network.constants}
                return replace(
                    network, constants=constants, shapes=shapes, feeds=feeds, faults=faults
                )
        except RunError as error:
            failure = error
        if failure.node not in network.titles or failure.node in faults:
            break
        faults[failure.node] = str(failure)
    return replace(network, faults=faults)


def _fault(network: Network, node: NodeProto, known: set[str]) -> str:
    """Return why a node cannot run, as far as known before running it; empty if it may run."""
    for name in node.input:
        if name in network.unread:
            return network.unread[name]
        if name not in known:
            return f"'{name}' is an input of the model"
    if node.domain not in _DOMAINS:
        return f"it is {node.domain}.{node.op_type}, which is not ONNX's own"
    sides = int_attribute(node, "kernel_shape")
    if min(sides, default=1) < 1 or prod(sides) > _LARGEST_KERNEL:
        return f"its kernel of {sides} cannot run"
    return ""


def _session(network: Network, faults: Mapping[str, str]) -> Session:
    """Return a session of all nodes that can run; it returns only the shapes of varying values."""
    available = {*network.constants, *(value.name for value in network.inputs), ""}
    nodes, results = list[NodeProto](), list[str]()
    for node in network.nodes:
        if node.name in faults or not available.issuperset(node.input):
            continue
        nodes.append(node)
        available.update(node.output)
        for name in filter(None, node.output):
            results.append(_SHAPE + name if name in network.varying else name)
            if name in network.varying:
                nodes.append(helper.make_node("Shape", [name], results[-1:]))
    kinds = {value.name: _kind(value) for value in network.inputs}
    return network.session_of(nodes, kinds, results, kinds)


def _feeds(network: Network) -> Iterator[dict[str, Array]]:
    """Yield values for all inputs, for each choice of channels and picture size in turn."""
    rng = np.random.default_rng(0)
    kinds = {value.name: value.type.tensor_type for value in network.inputs}
    if not all(kind.HasField("shape") for kind in kinds.values()):
        return
    dims = {name: [dim.dim_value for dim in kind.shape.dim] for name, kind in kinds.items()}
    weights = [network.constants[name].shape for node in network.nodes for name in node.input[1:2]
               if "Conv" in node.op_type and name in network.constants]  # fmt: skip
    channels = dict.fromkeys([*(shape[1] for shape in weights[:1] if len(shape) > 2), 3, 1, 4])
    seen = list[dict[str, tuple[int, ...]]]()
    for count, size in product(channels, (*_SIZES[:2], None, *_SIZES[2:])):
        shapes = {name: _shape(lengths, size, count) for name, lengths in dims.items()}
        large = any(prod(shape) > _MOST_NUMBERS for shape in shapes.values())
        if shapes in seen or (size and large):
            continue
        seen.append(shapes)
        yield {
            value.name: rng.random(shapes[value.name], np.float32)
            if _kind(value) == TensorProto.FLOAT
            else np.ones(shapes[value.name], helper.tensor_dtype_to_np_dtype(_kind(value)))
            for value in network.inputs
        }


def _kind(value: ValueInfoProto) -> int:
    """Return the element type to feed an input with: float, unless it is int32, int64 or bool."""
    kind = int(value.type.tensor_type.elem_type)
    keep = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
    return kind if kind in keep else int(TensorProto.FLOAT)


def _shape(dims: list[int], size: tuple[int, int] | None, channels: int) -> tuple[int, ...]:
    """Return the shape of an input for a picture size; if `size` is None, fixed sizes are kept."""
    last = len(dims) == 4 and 0 < dims[3] <= 4 < max(dims[1], 5)  # channels come last
    space = range(2 - last, len(dims) - last if len(dims) > 2 else 0)
    lengths = dict(zip(space, (*(size or _SIZES[0]), (size or _SIZES[0])[1]), strict=False))
    return tuple(
        lengths[place] if place in lengths and (length <= 0 or (size and length > _LARGE))
        else length if length > 0 else channels if place else 1
        for place, length in enumerate(dims)
    )  # fmt: skip
