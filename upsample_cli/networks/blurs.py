"""Fixed blurs in an ONNX graph: convolutions of stride 1 that mix no channels."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from upsample_cli.networks.borders import Move
from upsample_cli.networks.constants import floats
from upsample_cli.networks.conv_attributes import spans
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.layer import Blur
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 1 << 20  # pixels that one is the average of: more is no blur but a mean


def blur_of(graph: Graph, node: NodeProto, channels: int, axes: int) -> tuple[Blur, Move]:
    """Return the blur that a node is, and how far it moves the picture.

    Args:
        graph: The node's.
        node: Any.
        channels: Of the picture.
        axes: Of the picture, after those of batch and channels.

    Raises:
        UnreadableError: It is none, or its weights cannot be read.
    """
    weights = _weights(graph, node, channels)
    if weights.ndim != 1 + axes or weights.size == 0:
        raise UnreadableError(f"the weights of a blur have shape {weights.shape}")
    found = spans(node, weights.shape[1:])
    if set(found.stride) != {1}:
        raise UnreadableError("a convolution leaves out pixels")
    blur = Blur(np.flip(weights, tuple(range(1, 1 + axes))), found.dilation)
    return blur, found.move(weights.shape[1:])


def _weights(graph: Graph, node: NodeProto, channels: int) -> NDArray[np.floating[Any]]:
    """Return the weights that each channel, or all, are taken by: (Cout or 1, k1, ..., kN)."""
    if operator(node) == "AveragePool":
        sizes = [tuple(each.ints) for each in node.attribute if each.name == "kernel_shape"]
        if not sizes or min(sizes[0], default=0) < 1 or prod(sizes[0]) > _MOST:
            raise UnreadableError("the pixels that a mean is of are out of range")
        return np.full((1, *sizes[0]), 1 / prod(sizes[0]))
    if operator(node) != "Conv" or attribute(node, "group", 1) != channels:
        raise UnreadableError(f"{operator(node)} mixes channels")
    weights = floats(graph, given(node, 1))
    if weights.shape[:2] != (channels, 1):
        raise UnreadableError(f"the weights of a blur have shape {weights.shape}")
    return weights[:, 0]
