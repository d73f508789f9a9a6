"""The upsampling layers of a network, in the order in which they run.

Whatever the interpolation, its weights for an output sum to 1: a flat picture stays flat, and the
convolution that follows keeps it flat. So there is no checkerboard, and only the shift is measured.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.model_graph import (
    FLOAT,
    Network,
    attribute,
    channel_axes,
    weights_of,
)
from upsample_cli.networks.places import places
from upsample_cli.networks.probe import measured, move, name_of
from upsample_cli.networks.session import RunError
from upsample_cli.networks.trial import tried
from upsample_cli.networks.upsampling_layer import RESIZE, RESIZE_CONV, Axis, Layer, UpsamplingPart

_BETWEEN = frozenset(("Cast", "Identity", "Pad", "Relu"))  # and a convolution
_NODES = 8  # between
_LENGTH, _OTHER = 48, 8  # of the axis that a ramp runs along, and of others
_FINEST = 64  # denominator of a scale
_SAME = 1e-3  # pixels


def layers(network: Network) -> list[Layer]:
    """Return every layer that upsamples; one that cannot be measured is there with the reason."""
    results = []
    with np.errstate(all="ignore"):  # of damaged weights: what is no number is told as unknown
        for place in places(network):
            is_resize = place.kind == RESIZE and not place.unknown
            measure = _interpolated if is_resize else measured
            layer = measure(network, place)
            if layer is not None:
                results.append(layer)
    return results


def layers_of(path: str) -> list[Layer]:
    """Return the layers of a .onnx file."""
    return layers(tried(path))


def _interpolated(network: Network, place: UpsamplingPart) -> Layer | None:
    """Return the layer of an interpolation; None where it does not enlarge."""
    node = place.node
    before, after = (network.shapes.get(name) for name in (node.input[0], node.output[0]))
    layer = Layer(name_of(network, place), place.kind)
    if before is None or after is None:
        return layer
    scales = _scales(network, node, before, after)
    last = len(scales) > 2 and scales[1] != 1 and scales[-1] == 1  # channels come last
    axes = range(1, len(scales) - 1) if last else range(2, len(scales))
    stride = tuple(scales[axis] for axis in axes)
    if max(stride, default=1.0) <= 1.0:
        return None
    shifts = [_shift(network, node, before, axis, scales[axis]) for axis in axes]
    known = tuple(shift for shift in shifts if shift is not None)
    shift = known if len(known) == len(shifts) else None
    chain = _to_convolution(network, node)
    if not chain:
        return replace(layer, stride=stride, shift=shift)
    weights = weights_of(network, chain[-1])
    size = () if weights is None else weights.shape[2:]
    moved = None
    if shift is not None and len(size) == len(stride):
        moved = _moved(network, chain, node.output[0], len(size))
    shift = tuple(map(sum, zip(shift, moved, strict=True))) if shift and moved else None
    return replace(layer, kind=RESIZE_CONV, stride=stride, size=size, shift=shift)


def _scales(
    network: Network, node: NodeProto, before: Sequence[int], after: Sequence[int]
) -> list[float]:
    """Return by how much each axis grows: as the node says, or by what it made."""
    ratios = [a / b for a, b in zip(after, before, strict=True)]
    exact = [
        network.constants[name].reshape(-1)
        for name in node.input[1:] if name in network.constants
    ]  # fmt: skip
    exact += [np.array(entry.floats) for entry in node.attribute if entry.name == "scales"]
    axes = attribute(node, "axes") or list(range(len(before)))
    for scales in exact:
        if scales.dtype.kind == "f" and len(scales) == len(axes):
            for axis, scale in zip(axes, scales, strict=True):
                ratios[axis] = float(scale)
    return ratios


def _shift(
    network: Network, node: NodeProto, before: Sequence[int], axis: int, scale: float
) -> float | None:
    """Return how far a ramp moves along an axis, on average; None where it is stretched."""
    by_size = len(node.input) > 3 and node.input[3]
    shape = list(before) if by_size else [1, *(_OTHER,) * (len(before) - 1)]
    shape[axis] = before[axis] if by_size else _LENGTH
    ramp = np.arange(shape[axis], dtype=np.float32)
    ramp = ramp.reshape([-1 if place == axis else 1 for place in range(len(shape))])
    try:
        session = network.part([node], {node.input[0]: FLOAT}, [node.output[0]])
        outcome = session.run({node.input[0]: np.broadcast_to(ramp, shape).astype(np.float32)})
    except RunError:
        return None
    rows = np.moveaxis(outcome[node.output[0]].astype(np.float64), axis, 0)
    rows = rows.reshape(len(rows), prod(rows.shape[1:]))[:, :1].ravel()
    shifts = np.arange(len(rows)) + 0.5 - scale * (rows + 0.5)
    period = Fraction(scale).limit_denominator(_FINEST).numerator
    middle = len(rows) // 2
    if not len(rows):
        return None
    first, second = shifts[middle - period : middle], shifts[middle : middle + period]
    if len(second) < period or len(first) < period:
        period = 1  # as good as every place its own: only what is the same everywhere is known
        first = second = shifts[max(0, middle - 4) : middle + 4]
        if np.ptp(first) > _SAME:
            return None
    if abs(first.mean() - second.mean()) > _SAME:
        return None
    return float(round(shifts[middle : middle + period].mean(), 6)) + 0.0


def _to_convolution(network: Network, node: NodeProto) -> list[NodeProto]:
    """Return the nodes to the convolution that alone takes what a node makes; none if none does."""
    chain: list[NodeProto] = []
    for _ in range(_NODES):
        name = (chain[-1] if chain else node).output[0]
        takers = [taker for taker in network.consumers.get(name, [])
                  if taker.op_type not in ("Shape", "Size")]  # fmt: skip
        if len(takers) != 1 or name in network.outputs:
            return []
        chain.append(takers[0])
        if takers[0].op_type in ("Conv", "FusedConv"):
            return chain
        if takers[0].op_type not in _BETWEEN:
            return []
    return []


def _moved(
    network: Network, chain: Sequence[NodeProto], name: str, count: int
) -> tuple[float, ...] | None:
    """Return how far a convolution, and borders before it, move the picture."""
    if channel_axes(network, chain[-1]) is None:
        return None
    steps = np.eye(count, dtype=int).tolist()
    axes = tuple(Axis(2 + place, 1, (0, *step)) for place, step in enumerate(steps))
    place = UpsamplingPart(
        chain[-1], RESIZE_CONV, tuple(chain), {name: 1}, chain[-1].output[0], axes, (chain[-1],)
    )  # fmt: skip
    return move(network, place)
