"""Constants of an ONNX graph that hold one number a channel."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from upsample_cli.networks.constants import floats
from upsample_cli.networks.graph import Graph, attribute, given, name_of
from upsample_cli.networks.unreadable import UnreadableError

Floats: TypeAlias = NDArray[np.floating[Any]]


def batch_norm(graph: Graph, node: NodeProto) -> tuple[Floats, Floats]:
    """Return what a batch norm multiplies each channel by, and what it then adds.

    Args:
        graph: The node's.
        node: A BatchNormalization.

    Raises:
        UnreadableError: It is that of training, or its constants cannot be.
    """
    if attribute(node, "training_mode", 0):
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) is for training; export for use")
    gain, bias, mean, variance = (floats(graph, given(node, each)) for each in (1, 2, 3, 4))
    check_sizes(node, gain, bias, mean, variance)
    spread = variance.astype(np.float64) + attribute(node, "epsilon", 1e-5)
    if spread.min(initial=np.inf) <= 0.0:
        raise UnreadableError(f"{node.op_type} ({name_of(node)}) has variances that cannot be")
    scale = gain / np.sqrt(spread)
    return scale, bias - mean * scale


def check_sizes(node: NodeProto, *values: Floats) -> None:
    """Refuse values a channel that are not of the same number of channels, or one for all.

    Args:
        node: Whose they are.
        values: Each of shape (C,) or (1,).

    Raises:
        UnreadableError: They are not.
    """
    if len({value.size for value in values} - {1}) > 1:
        raise UnreadableError(f"the constants of {node.op_type} ({name_of(node)}) do not fit")


def by_channel(value: Floats, node: NodeProto, rank: int, last: bool) -> Floats:
    """Return a constant as one number, or one a channel.

    Args:
        value: What a node takes beside a picture.
        node: That node.
        rank: Axes of the picture, those of batches and channels included.
        last: Whether its channels come last instead of second.

    Raises:
        UnreadableError: It has more numbers than that.
    """
    shape = (1,) * (rank - value.ndim) + value.shape
    if value.size == 1 or (value.size == shape[-1 if last else 1] and len(shape) == rank):
        return value.reshape(-1)
    raise different(node)


def check_alike(graph: Graph, node: NodeProto) -> None:
    """Refuse constants beside the picture that are not one number for all channels.

    Args:
        graph: The node's.
        node: Such as a PRelu, or one that quantises or undoes it.

    Raises:
        UnreadableError: They are more, or worked out as the model runs.
    """
    if any(np.unique(floats(graph, name)).size > 1 for name in node.input[1:] if name):
        raise different(node)


def different(node: NodeProto) -> UnreadableError:
    """Return what is raised where channels are not treated alike.

    Args:
        node: What does it.
    """
    return UnreadableError(
        f"{node.op_type} ({name_of(node)}) after the convolution treats channels differently"
    )
