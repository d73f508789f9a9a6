"""A convolution in an ONNX graph and what is done to its result."""

from dataclasses import dataclass, replace

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.channels import Floats, check_sizes, different
from upsample_cli.networks.copies import Copies

_SLACK = 1e-5  # float32 constants that are equal but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """A convolution and what is done to its result.

    Args:
        node: The convolution, or the linear layer that is one.
        scale: What each of its channels is multiplied by first, shape (C,) or (1,).
        offset: What is then added to each.
        exact: Whether that is all; otherwise the same function of every channel follows.
        beside: What is added before that function, if anything is: copies, or one more convolution.
    """

    node: NodeProto
    scale: Floats
    offset: Floats
    exact: bool = True
    beside: "Copies | Behind | None" = None


def then(found: Behind, node: NodeProto, scale: Floats, offset: Floats) -> Behind:
    """Return a convolution whose result is then scaled and shifted.

    Args:
        found: With what is done before.
        node: What scales and shifts it.
        scale: By which each channel is multiplied, shape (C,) or (1,).
        offset: What is then added to each.

    Raises:
        UnreadableError: Numbers of channels do not fit, or channels are treated differently after
            a function of them.
    """
    check_sizes(node, found.scale, found.offset, scale, offset)
    if found.exact:
        return replace(found, scale=found.scale * scale, offset=found.offset * scale + offset)
    if scale.size > 1 or offset.size > 1:
        raise different(node)
    return found


def alike(one: Behind, other: Behind) -> bool:
    """Tell whether one value is the same function of the other for every channel.

    So it is in x * sigmoid(x), also where x is halved on the way.

    Args:
        one: The first.
        other: The second.

    Raises:
        UnreadableError: Their numbers of channels do not fit.
    """
    if one.node is not other.node or one.beside is not other.beside:
        return False
    check_sizes(one.node, one.scale, one.offset, other.scale, other.offset)
    if not np.all(one.scale):
        return False
    ratio = other.scale / one.scale
    rest = other.offset - ratio * one.offset
    return all(np.ptp(each) <= _SLACK * np.abs(each).max() for each in (ratio, rest))
