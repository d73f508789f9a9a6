"""Sub-pixel convolutions in an ONNX graph: channels that become blocks of pixels.

DepthToSpace says it in one node. Older exporters spell it Reshape, Transpose, Reshape:
(N, C, s, s, H, W) -> (N, C, H, s, W, s) where channels are numbered output by output (CRD), and
(N, s, s, C, H, W) -> (N, C, H, s, W, s) where they are numbered phase by phase (DCR).
"""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from onnx import AttributeProto, NodeProto

from upsample_cli.networks.affine import Behind, behind
from upsample_cli.networks.channels import Floats, check_sizes
from upsample_cli.networks.constants import constant, floats
from upsample_cli.networks.evaluation import MOST_NUMBERS
from upsample_cli.networks.graph import Graph, attribute, given, operator, title
from upsample_cli.networks.layer import Layer, sub_pixel
from upsample_cli.networks.spans import spans
from upsample_cli.networks.unreadable import UnreadableError

# Where the two sides of a block stand before the transposition, by its order.
_ORDERS = {(0, 1, 4, 2, 5, 3): (2, 3), (0, 3, 4, 1, 5, 2): (1, 2)}
_MOST_CONCATS = 4  # within each other: more is a circle
_MOST_LENGTHS = 7  # of a shape: one more than tell blocks
_UNKNOWN = 0  # a length that is worked out as the model runs


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Where channels become pixels.

    Args:
        source: The value that is shuffled, shape (N, Cout s1 s2, H, W).
        block: s1, s2; 0 where unknown.
        depth_first: Whether channels are numbered phase by phase.
    """

    source: str
    block: tuple[int, int]
    depth_first: bool


def shuffle(graph: Graph, node: NodeProto) -> Shuffle | None:
    """Return the shuffle that a node is the heart of, None if it is none.

    Args:
        graph: The node's.
        node: A DepthToSpace, or the Transpose between two Reshapes.

    Raises:
        UnreadableError: It is one, but says nothing of its blocks.
    """
    if operator(node) == "DepthToSpace":
        side = attribute(node, "blocksize", 0)
        return Shuffle(given(node, 0), (side, side), attribute(node, "mode", "DCR") != "CRD")
    if operator(node) != "Transpose":
        return None
    orders = [tuple(a.ints) for a in node.attribute if a.type == AttributeProto.INTS]
    before = graph.producer(given(node, 0))
    after = [each.op_type for name in node.output for each in graph.consumers.get(name, [])]
    if not orders or orders[0] not in _ORDERS or "Reshape" not in after:
        return None
    if before is None or before.op_type != "Reshape":
        return None
    lengths = _lengths(graph, given(before, 1))
    if len(lengths) != 6:
        raise UnreadableError("the blocks that its channels become are worked out as it runs")
    first, second = _ORDERS[orders[0]]
    source, above = given(before, 0), graph.producer(given(before, 0))
    if above is not None and above.op_type == "Unsqueeze":  # PyTorch before opset 11
        source = given(above, 0)
    return Shuffle(source, (lengths[first], lengths[second]), first == 1)


def sub_pixel_layer(graph: Graph, shuffling: NodeProto, found: Shuffle) -> Layer:
    """Return the layer of a shuffle and the convolution before it.

    What stands between is taken in where it is a scale and a shift for each channel (a batch
    norm), and passed by where it is the same function for every channel.

    Args:
        graph: The shuffle's.
        shuffling: The node at its heart.
        found: The shuffle.

    Raises:
        UnreadableError: No convolution is found, or its weights cannot be read.
    """
    if min(found.block) < 1:
        raise UnreadableError("the blocks that its channels become are worked out as it runs")
    before = behind(graph, found.source)
    node = before.node
    weights = floats(graph, given(node, 1))
    size = weights.shape[2:]
    if len(size) != 2 or 0 in weights.shape:
        raise UnreadableError(f"the weights of {node.op_type} have shape {weights.shape}")
    if len(weights) % (found.block[0] * found.block[1]):
        raise UnreadableError(f"{len(weights)} channels make no blocks of {found.block}")
    weights, bias = _taken_in(graph, before, weights)
    geometry = spans(graph, node, size)
    if len(weights) % geometry.groups:
        raise UnreadableError(f"{len(weights)} channels do not fall into {geometry.groups} groups")
    if geometry.groups > 1 and prod(weights.shape) * geometry.groups > MOST_NUMBERS:
        raise UnreadableError(f"its {geometry.groups} groups of weights are out of range")
    name = title(graph, shuffling, node)
    layer = sub_pixel(name, weights, bias, found.block, None, found.depth_first, geometry.groups)
    if geometry.padding is None or set(geometry.stride) != {1}:
        return layer
    shift = tuple(
        s * (p - d * (k - 1) / 2)
        for s, p, d, k in zip(found.block, geometry.padding, geometry.dilation, size, strict=True)
    )
    return replace(layer, shift=shift)


def _taken_in(graph: Graph, before: Behind, weights: Floats) -> tuple[Floats, Floats]:
    """Return a convolution's weights and biases with what follows it for each channel."""
    node = before.node
    bias = floats(graph, given(node, 2)).reshape(-1) if given(node, 2) else np.zeros(1)
    check_sizes(node, np.zeros(len(weights)), bias, before.scale, before.offset)
    bias = np.broadcast_to(bias, len(weights))
    scale, offset = (np.broadcast_to(each, bias.shape) for each in (before.scale, before.offset))
    return weights * scale[:, None, None, None], bias * scale + offset


def _lengths(graph: Graph, name: str, depth: int = 0) -> list[int]:
    """Return the first numbers of a shape, 0 where they are worked out as the model runs."""
    try:
        found = constant(graph, name).reshape(-1)[:_MOST_LENGTHS]
        return [int(each) if found.dtype.kind in "iu" else _UNKNOWN for each in found]
    except UnreadableError:
        node = graph.producer(name)
        if node is None or node.op_type != "Concat" or depth > _MOST_CONCATS:
            return [_UNKNOWN]
    lengths: list[int] = []
    for part in node.input:
        if len(lengths) < _MOST_LENGTHS:  # the parts may be one Concat many times, and so on
            lengths += _lengths(graph, part, depth + 1)
    return lengths
