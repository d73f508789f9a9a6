"""Sub-pixel convolutions in an ONNX graph: a convolution and the shuffle of its channels."""

from dataclasses import replace
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.affine import behind
from upsample_cli.networks.channels import Floats, check_sizes
from upsample_cli.networks.conv_attributes import spans
from upsample_cli.networks.convolved import Behind
from upsample_cli.networks.copies import copies
from upsample_cli.networks.evaluation import MOST_NUMBERS
from upsample_cli.networks.graph import Graph, attribute, given, name_of, operator, title
from upsample_cli.networks.layer import Layer, sub_pixel
from upsample_cli.networks.linear import bias_of, weights_of
from upsample_cli.networks.pads import with_pads
from upsample_cli.networks.shuffles import Shuffle
from upsample_cli.networks.unreadable import UnreadableError

_MOST_PADS = 4  # one after the other


def sub_pixel_layer(graph: Graph, shuffling: NodeProto, found: Shuffle) -> Layer:
    """Return the layer of a shuffle and the convolution before it.

    What stands between is taken in where it is a scale and a shift for each channel (a batch
    norm), and passed by where it is the same function for every channel. Copies of channels count
    where they are added to the convolution, or are all that there is.

    Args:
        graph: The shuffle's.
        shuffling: The node at its heart.
        found: The shuffle.

    Raises:
        UnreadableError: No convolution is found, or its weights cannot be read.
    """
    if min(found.block) < 1:
        raise UnreadableError("the blocks that its channels become are worked out as it runs")
    try:
        before = behind(graph, found.source, len(found.block), found.last)
    except UnreadableError:
        layer = _of_copies(graph, shuffling, found)
        if layer is None:
            raise
        return layer
    return _of_convolution(graph, shuffling, found, before)


def _of_convolution(graph: Graph, shuffling: NodeProto, found: Shuffle, before: Behind) -> Layer:
    node = before.node
    weights = weights_of(graph, node, len(found.block))
    size = weights.shape[2:]
    if len(weights) % (max(1, found.channels) * prod(found.block)):
        raise UnreadableError(f"{len(weights)} channels make no blocks of {found.block}")
    weights, bias = _taken_in(graph, before, weights)
    geometry = with_pads(graph, node, spans(node, size))
    move = geometry.move(size)
    if isinstance(before.beside, Behind) and _move(graph, before.beside.node, len(size)) != move:
        move = None  # what is added to it lies elsewhere
    if len(weights) % geometry.groups:
        raise UnreadableError(f"{len(weights)} channels do not fall into {geometry.groups} groups")
    mixed = min(geometry.groups, prod(found.block))  # groups that may feed one output channel
    if mixed > 1 and prod(weights.shape) * mixed > MOST_NUMBERS:
        raise UnreadableError(f"its {geometry.groups} groups of weights are out of range")
    weights, bias = _summed(graph, before, weights, bias)
    name = title(graph, shuffling, node)
    layer = sub_pixel(name, weights, bias, found.block, None, found.parts, geometry.groups)
    shift = move and tuple(s * each for s, each in zip(found.block, move, strict=True))
    return replace(layer, shift=shift)


def _move(graph: Graph, node: NodeProto, axes: int) -> tuple[float, ...] | None:
    """Return how far a convolution moves the picture, in pixels along each axis."""
    size = weights_of(graph, node, axes).shape[2:]
    return with_pads(graph, node, spans(node, size)).move(size)


def _taken_in(graph: Graph, before: Behind, weights: Floats) -> tuple[Floats, Floats]:
    """Return a convolution's weights and biases with what follows it for each channel."""
    node = before.node
    bias = bias_of(graph, node)
    check_sizes(node, np.zeros(len(weights)), bias, before.scale, before.offset)
    bias = np.broadcast_to(bias, len(weights))
    scale, offset = (np.broadcast_to(each, bias.shape) for each in (before.scale, before.offset))
    each = scale.reshape(-1, *(1,) * (weights.ndim - 1))
    return weights * each, bias * scale + offset


def _of_copies(graph: Graph, shuffling: NodeProto, found: Shuffle) -> Layer | None:
    """Return the layer of a shuffle of copies that are the same within a block; None if not."""
    axes = len(found.block)
    known = copies(graph, found.source, 2 + axes, found.last)
    if known is None or known.places.size % prod(found.block):
        return None
    weights = known.weights.reshape(*known.weights.shape, *(1,) * axes)
    none = (0,) * axes
    layer = sub_pixel(title(graph, shuffling), weights, None, found.block, none, found.parts)
    assert layer.taps is not None
    blocks = layer.taps.reshape(*layer.taps.shape[:2], -1)
    return layer if np.array_equal(blocks.min(axis=2), blocks.max(axis=2)) else None


def _summed(graph: Graph, before: Behind, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return a convolution's weights and biases with those of what is added to it.

    They are of the channels that the convolution takes, or else of more channels.
    """
    node, beside, axes = before.node, before.beside, weights.ndim - 2
    if isinstance(beside, Behind):
        added, more = _taken_in(graph, beside, weights_of(graph, beside.node, axes))
        source, groups = _source(graph, beside.node), attribute(beside.node, "group", 1)
    elif beside is not None:  # copies are a convolution of one tap
        added, more = beside.weights.reshape(*beside.weights.shape, *(1,) * axes), np.zeros(1)
        source, groups = beside.source, 1
    else:
        return weights, bias
    if max(groups, attribute(node, "group", 1)) > 1:
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) or what is added to it has groups")
    if len(added) != len(weights):
        raise UnreadableError(f"{len(added)} channels are added to {len(weights)} before it")
    sides = tuple(map(max, weights.shape[2:], added.shape[2:]))
    weights, added = _widened(weights, sides), _widened(added, sides)
    if source == _source(graph, node) and added.shape == weights.shape:
        return weights + added, bias + more
    return np.concatenate((weights, added), 1), bias + more


def _widened(weights: Floats, sides: tuple[int, ...]) -> Floats:
    """Return weights with zeros after them: where taps stand within a kernel is no ripple."""
    more = [(0, side - k) for side, k in zip(sides, weights.shape[2:], strict=True)]
    return np.pad(weights, ((0, 0), (0, 0), *more))


def _source(graph: Graph, node: NodeProto) -> str:
    """Return what a convolution takes, without the borders that Pads give it."""
    name = given(node, 0)
    for _ in range(_MOST_PADS):
        above = graph.producer(name)
        if above is None or operator(above) != "Pad":
            break
        name = given(above, 0)
    return name
