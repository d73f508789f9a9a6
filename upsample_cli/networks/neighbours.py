"""What stands before and after a place that upsamples, as far as it is part of the layer."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.model_graph import (
    FLOAT,
    Network,
    attribute,
    channel_axes,
    is_linear,
    weights_of,
)
from upsample_cli.networks.session import RunError
from upsample_cli.networks.upsampling_layer import Axis, UpsamplingPart

_COPIES = frozenset(("Cast", "Dropout", "Identity", "ReorderInput", "ReorderOutput"))
_TURNS = frozenset(("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
_MOST = 200  # nodes of an activation
_LONGEST = 24  # nodes before or after a place


def extended(network: Network, place: UpsamplingPart, stuffed: bool = False) -> UpsamplingPart:
    """Return a part with borders before it, and the linear nodes after it.

    Those take each channel by itself. Where zeros were put between pixels, the convolution after
    them is the layer's own.
    """
    place = _with_borders(network, place)
    open_nodes, nodes, weighing = list[NodeProto](), list[NodeProto](), list(place.weighing)
    output, kept, name = place.output, network.shapes.get(place.output), place.output
    before_pads: tuple[int, str] | None = None
    after = None
    turned = False
    for node in _chain(network, name):
        own = stuffed and "Conv" in node.op_type and channel_axes(network, node) is not None
        if not own and not _takes_each_channel(network, node, place.axes):
            after = node
            break
        open_nodes.append(node)
        turned = node.op_type in _TURNS or (turned and not kept)
        name = node.output[0]
        shape = network.shapes.get(name)
        if own:
            stuffed, kept = False, shape
            weighing.append(node)
        if turned if shape is None or kept is None else not _alike(shape, kept, place.axes):
            continue
        if node.op_type == "Pad":
            before_pads = before_pads or (len(nodes), output)
        elif node.op_type not in _COPIES:
            before_pads = None
        nodes += open_nodes
        open_nodes, output = [], name
    if before_pads and after is not None and _is_convolved(network, after):
        nodes, output = nodes[: before_pads[0]], before_pads[1]  # they are the next layer's
    if not nodes:
        return place
    return replace(
        place, nodes=(*place.nodes, *nodes), output=output, weighing=tuple(weighing), core=place
    )


def _with_borders(network: Network, place: UpsamplingPart) -> UpsamplingPart:
    """Return a part with the borders that are put around what it takes."""
    inputs, nodes, instead = dict(place.inputs), list(place.nodes), dict(place.instead)
    for name, axis in place.inputs.items():
        chain: list[NodeProto] = []
        first = name
        for _ in range(_LONGEST):
            node = network.producers.get(first)
            if node is None or node.op_type not in _COPIES | {"Pad", "Relu"}:
                break
            if node.op_type != "Relu" and not is_linear(network, node):
                break
            chain.append(node)
            first = node.input[0]
        while chain and chain[-1].op_type != "Pad":
            first = chain.pop().output[0]
        if not chain or inputs.get(first, axis) != axis:
            continue
        del inputs[name]
        inputs[first] = axis
        for node in chain:
            if node.op_type == "Relu":
                instead[node.output[0]] = node.input[0]
            else:
                nodes.insert(0, node)
    return replace(place, inputs=inputs, nodes=tuple(nodes), instead=instead)


def _is_convolved(network: Network, node: NodeProto) -> bool:
    """Tell whether a node is a convolution, or what activates the picture before one."""
    if "Conv" in node.op_type or "Pool" in node.op_type:
        return True
    takers = network.consumers.get(node.output[0], [])
    return len(node.input) == 1 and len(takers) == 1 and "Conv" in takers[0].op_type


def _chain(network: Network, name: str) -> Iterator[NodeProto]:
    """Yield the nodes that alone take a value, then what is made of it, and so on."""
    for _ in range(_LONGEST):
        takers = [
            node for node in network.consumers.get(name, [])
            if node.op_type not in ("Shape", "Size")
        ]  # fmt: skip
        if len(takers) != 1 or name in network.outputs:
            return
        yield takers[0]
        name = takers[0].output[0]


def _alike(shape: Sequence[int], kept: Sequence[int], axes: Sequence[Axis]) -> bool:
    """Tell whether a value has the axes and the channels of another."""
    places = {axis.place for axis in axes}
    return len(shape) == len(kept) and all(
        a > 1 if place in places else a == b
        for place, (a, b) in enumerate(zip(shape, kept, strict=True))
    )


def _takes_each_channel(network: Network, node: NodeProto, axes: Sequence[Axis]) -> bool:
    """Tell whether a node is linear, leaves out no pixels, and takes each channel by itself."""
    if node.op_type == "Slice":
        steps = [network.constants[name] for name in node.input[4:5] if name in network.constants]
        return is_linear(network, node) and all((array == 1).all() for array in steps)
    if node.op_type in _COPIES | _TURNS | {"Pad", "BatchNormalization", "AveragePool"}:
        return is_linear(network, node) and set(attribute(node, "strides")) <= {1}
    if node.op_type in ("Add", "Sub", "Mul", "Div"):
        constants = [network.constants[name] for name in node.input if name in network.constants]
        rank = len(network.shapes.get(node.output[0], ())) or axes[-1].place + 1
        pixels = {axis.place - rank for axis in axes}
        return is_linear(network, node) and len(constants) == 1 and all(
            length == 1 or place not in pixels
            for place, length in enumerate(constants[0].shape, -constants[0].ndim)
        )  # fmt: skip
    weights = weights_of(network, node)
    if "Conv" not in node.op_type or "Transpose" in node.op_type or weights is None:
        return False
    groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
    return (
        channel_axes(network, node) is not None
        and not any(entry.name == "activation" for entry in node.attribute)
        and weights.ndim > 2
        and weights.shape[1] == 1
        and groups == len(weights)
        and set(attribute(node, "strides")) <= {1}
    )


def before_activation(network: Network, source: str) -> str | None:
    """Return what a value is a function of, the same for every number; None if of nothing such."""
    nodes: dict[str, NodeProto] = {}
    waiting = {source}
    for _ in range(_MOST):
        makers = {name: network.producers.get(name) for name in waiting}
        if len(waiting) == 1 and waiting != {source}:
            (name,) = waiting
            maker = makers[name]
            if maker is not None and (is_weighed(network, name) or is_linear(network, maker)):
                ordered = sorted(nodes.values(), key=lambda node: int(node.name))
                return name if _is_pointwise(network, ordered, name, source) else None
        if any(maker is None for maker in makers.values()):
            return None
        known = {name: maker for name, maker in makers.items() if maker is not None}
        last = max(known, key=lambda name: int(known[name].name))
        if is_weighed(network, last):
            return None
        nodes[known[last].name] = known[last]
        waiting = (waiting - set(known[last].output)) | set(network.taken(known[last]))
    return None


def _is_pointwise(network: Network, nodes: Sequence[NodeProto], name: str, output: str) -> bool:
    """Tell whether nodes apply one function to all numbers: it commutes with any permutation."""
    shape = network.shapes.get(name) or (1, 8, 6, 6)
    rng = np.random.default_rng(2)
    values = rng.normal(size=shape).astype(np.float32)
    order = rng.permutation(values.size)
    try:
        session = network.part(nodes, {name: FLOAT}, [output])
        one = session.run({name: values})[output]
        other = session.run({name: values.ravel()[order].reshape(shape)})[output]
    except RunError:
        return False
    return one.shape == shape and np.allclose(one.ravel()[order], other.ravel(), atol=1e-6)


def is_weighed(network: Network, name: str) -> bool:
    """Tell whether a layer with weights makes a value."""
    node = network.producers.get(name)
    return node is not None and channel_axes(network, node) is not None
