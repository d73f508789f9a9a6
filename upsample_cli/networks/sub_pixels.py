"""Sub-pixel convolutions in an ONNX graph: a convolution and the shuffle of its channels."""

from dataclasses import replace
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.affine import behind
from upsample_cli.networks.channels import Floats, check_sizes
from upsample_cli.networks.convolved import Behind
from upsample_cli.networks.copies import Copies, copies
from upsample_cli.networks.evaluation import MOST_NUMBERS
from upsample_cli.networks.graph import Graph, given, operator, title
from upsample_cli.networks.layer import Layer, sub_pixel
from upsample_cli.networks.linear import bias_of, weights_of
from upsample_cli.networks.pads import with_pads
from upsample_cli.networks.shuffles import Shuffle
from upsample_cli.networks.spans import spans
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
    if len(weights) % prod(found.block):
        raise UnreadableError(f"{len(weights)} channels make no blocks of {found.block}")
    weights, bias = _taken_in(graph, before, weights)
    geometry = with_pads(graph, node, spans(node, size))
    if len(weights) % geometry.groups:
        raise UnreadableError(f"{len(weights)} channels do not fall into {geometry.groups} groups")
    mixed = min(geometry.groups, prod(found.block))  # groups that may feed one output channel
    if mixed > 1 and prod(weights.shape) * mixed > MOST_NUMBERS:
        raise UnreadableError(f"its {geometry.groups} groups of weights are out of range")
    if before.beside is not None:
        weights = _with_copies(graph, node, weights, before.beside, geometry.groups)
    name = title(graph, shuffling, node)
    layer = sub_pixel(name, weights, bias, found.block, None, found.parts, geometry.groups)
    move = geometry.move(size)
    shift = move and tuple(s * each for s, each in zip(found.block, move, strict=True))
    return replace(layer, shift=shift)


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


def _with_copies(
    graph: Graph, node: NodeProto, weights: Floats, beside: Copies, groups: int
) -> Floats:
    """Return the weights of a convolution to which copies of channels are added.

    They are one tap each, of the channels that the convolution takes or else of more channels.
    """
    if groups > 1:
        raise UnreadableError("copies of channels are added to a convolution of groups")
    added = np.zeros((len(weights), beside.channels, *weights.shape[2:]), weights.dtype)
    middle = tuple(side // 2 for side in weights.shape[2:])
    added[(slice(None), slice(None), *middle)] = beside.weights
    source = given(node, 0)
    for _ in range(_MOST_PADS):
        above = graph.producer(source)
        if above is None or operator(above) != "Pad":
            break
        source = given(above, 0)
    same = source == beside.source and added.shape == weights.shape
    return weights + added if same else np.concatenate((weights, added), 1)
