"""The nodes before and after an upsampling part that belong to the same layer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import NodeProto
from onnx.helper import make_node

from upsample_cli.networks.model_graph import (
    Network,
    RunError,
    channel_axes,
    in_order,
    int_attribute,
    is_activated,
    is_linear,
    weights_of,
)
from upsample_cli.networks.part import Axis, Part

_COPIES = frozenset(("Cast", "Dropout", "Identity", "ReorderInput", "ReorderOutput"))
_RESHAPES = frozenset(("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
_SUMS = frozenset(("Add", "Sub", "Mul", "Div"))
_MOST = 200  # nodes of an activation, at most
_LONGEST = 24  # nodes to follow before a part, at most


def extended(network: Network, part: Part, stuffed: bool = False) -> Part:
    """Return a part with the borders before it, and the linear nodes after it.

    The nodes after it process each channel separately. If the part is `stuffed`, zeros stand
    between the pixels of its output, and the next convolution belongs to the layer.
    """
    part = _with_borders(network, part)
    chain, weighted = list[NodeProto](), part.weighted_nodes
    expected, borders = network.shapes.get(part.output, ()), frozenset[str]()
    for node in network.sole_consumers(part.output):
        if stuffed and "Conv" in node.op_type and channel_axes(network, node) is not None:
            stuffed, expected = False, network.shapes.get(node.output[0], ())
            weighted = (*weighted, node)
        elif not _takes_each_channel(network, node, part.axes):
            if _is_convolved(network, node):  # borders before it belong to the next layer
                borders = _COPIES | {"Pad"}
            break
        chain.append(node)
    while chain and (
        chain[-1].op_type in borders or not _ends(network, chain[-1], expected, part.axes)
    ):
        chain.pop()
    if not chain:
        return part
    nodes, output = (*part.nodes, *chain), chain[-1].output[0]
    return replace(part, nodes=nodes, output=output, weighted_nodes=weighted, core=part)


def _with_borders(network: Network, part: Part) -> Part:
    """Return a part that includes the padding of its inputs."""
    inputs, nodes = dict[str, int](), list(part.nodes)
    for name, axis in part.inputs.items():
        chain, first, axes = list[NodeProto](), name, [axis]
        while len(chain) < _LONGEST and (node := network.producers.get(first)) is not None:
            before = _channels_before(node, axes[-1])
            if before is None or not (node.op_type == "Relu" or is_linear(network, node)):
                break
            chain.append(node)
            axes.append(before)
            first = node.input[0]
        while chain and chain[-1].op_type != "Pad":
            first = chain.pop().output[0]
        inputs[first] = axes[len(chain)]
        nodes += [identity_for(node, node.input[0]) if node.op_type == "Relu" else node
                  for node in chain]  # fmt: skip
    return replace(part, inputs=inputs, nodes=nodes)


def _channels_before(node: NodeProto, axis: int) -> int | None:
    """Return the channel axis of a node's input; None if it does more than pad or move channels."""
    if node.op_type in _COPIES | {"Pad", "Relu"}:
        return axis
    order = int_attribute(node, "perm") if node.op_type == "Transpose" else []
    if not -len(order) <= axis < len(order):
        return None
    others = [place for place in order if place != order[axis]]
    return order[axis] if others == sorted(others) else None


def identity_for(node: NodeProto, name: str) -> NodeProto:
    """Return an Identity node that replaces an activation and passes on the value `name`."""
    return make_node("Identity", [name], node.output[:1], node.name)


def _is_convolved(network: Network, node: NodeProto) -> bool:
    """Return whether a node is a convolution or pooling, or an activation before a convolution."""
    if "Conv" in node.op_type or "Pool" in node.op_type:
        return True
    takers = network.consumers.get(node.output[0], [])
    return len(node.input) == 1 and len(takers) == 1 and "Conv" in takers[0].op_type


def _ends(network: Network, node: NodeProto, expected: Sequence[int], axes: Sequence[Axis]) -> bool:
    """Return whether a node's output has the axes and channels of a value of shape `expected`."""
    shape, places = network.shapes.get(node.output[0], ()), {axis.place for axis in axes}
    if not shape and node.op_type in _RESHAPES:
        return False
    return len(shape) == len(expected) and all(
        a > 1 if place in places else a == b
        for place, (a, b) in enumerate(zip(shape, expected, strict=True))
    )


def _takes_each_channel(network: Network, node: NodeProto, axes: Sequence[Axis]) -> bool:
    """Return whether a node is linear, skips no pixels, and takes each channel separately."""
    steps = [network.constants[name] for name in node.input[4:5] if name in network.constants]
    if set(int_attribute(node, "strides")) - {1} or (
        node.op_type == "Slice" and any((array != 1).any() for array in steps)
    ):
        return False
    if node.op_type in _COPIES | _RESHAPES | {"AveragePool", "BatchNormalization", "Pad", "Slice"}:
        return is_linear(network, node)
    if node.op_type in _SUMS:  # with a constant, the same for every pixel
        known = [network.constants[name] for name in node.input if name in network.constants]
        rank = len(network.shapes.get(node.output[0], ())) or axes[-1].place + 1
        pixels = {axis.place - rank for axis in axes}
        lengths = [pair for array in known for pair in enumerate(array.shape, -array.ndim)]
        even = all(length == 1 or place not in pixels for place, length in lengths)
        return even and len(known) == 1 and is_linear(network, node)
    weights = weights_of(network, node)
    return (
        node.op_type in ("Conv", "FusedConv")
        and channel_axes(network, node) is not None
        and not is_activated(node)
        and weights is not None
        and weights.ndim > 2
        and weights.shape[1] == 1
        and max([1, *int_attribute(node, "group")]) == len(weights)
    )


def before_activation(network: Network, source: str) -> str | None:
    """Return the value from which an activation makes `source`; None if no activation makes it."""
    nodes, waiting = list[NodeProto](), {source}
    while len(nodes) < _MOST:
        makers = [network.producers[name] for name in waiting if name in network.producers]
        if len(makers) < len(waiting):
            return None
        last = in_order(makers)[-1]
        has_weights = channel_axes(network, last) is not None
        if len(waiting) == 1 and nodes and (has_weights or is_linear(network, last)):
            (name,) = waiting
            return name if _is_pointwise(network, in_order(nodes), name, source) else None
        if has_weights:
            return None
        nodes.append(last)
        waiting = (waiting - set(last.output)) | set(network.taken(last))
    return None


def _is_pointwise(network: Network, nodes: Sequence[NodeProto], name: str, output: str) -> bool:
    """Return whether nodes apply one function to every number: permuted inputs permute outputs."""
    shape = network.shapes.get(name) or (1, 8, 6, 6)
    rng = np.random.default_rng(2)
    values = rng.normal(size=shape).astype(np.float32)
    order = rng.permutation(values.size)
    try:
        session = network.session_of(nodes, [name], [output])
        plain = session.run({name: values})[output]
        permuted = session.run({name: values.ravel()[order].reshape(shape)})[output]
    except RunError:
        return False
    return plain.shape == shape and np.allclose(plain.ravel()[order], permuted.ravel(), atol=1e-6)
