"""The upsampling layers of a network, in the order in which they run.

The weights of any interpolation sum to 1 for each output pixel: a flat picture stays flat, and the
convolution that follows keeps it flat. So a resize makes no checkerboard; only its shift is
measured.
"""

from fractions import Fraction

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.model_graph import (
    Network,
    RunError,
    channel_axes,
    int_attribute,
    weights_of,
)
from upsample_cli.networks.part import Part, pixel_axes
from upsample_cli.networks.probe import measured_layer, name_of, shift_of
from upsample_cli.networks.upsampling_layer import RESIZE, RESIZE_CONV, Layer
from upsample_cli.networks.upsampling_parts import upsampling_parts

_BETWEEN = frozenset(("Cast", "Identity", "Pad", "Relu"))  # between resize and convolution
_LENGTH, _OTHER = 48, 8  # of the axis along which a ramp runs; of the other axes
_FINEST = 64  # largest denominator of a scale
_SAME = 1e-3  # pixels: shifts that differ by less count as equal


def layers(network: Network) -> list[Layer]:
    """Return all layers that upsample; those that cannot be measured hold the reason."""
    results = []
    with np.errstate(all="ignore"):  # damaged weights: NaN is reported as unknown
        for part in upsampling_parts(network):
            is_resize = part.kind == RESIZE and not part.unknown
            layer = _interpolated(network, part) if is_resize else measured_layer(network, part)
            results += [layer] if layer is not None else []
    return results


def _interpolated(network: Network, part: Part) -> Layer | None:
    """Return the layer of a resize, with the convolution after it; None if it does not enlarge."""
    node = part.node
    scales = _scales(network, node)
    channels_last = len(scales) > 2 and scales[1] != 1 and scales[-1] == 1
    axes = range(1, len(scales) - 1) if channels_last else range(2, len(scales))
    stride = tuple(scales[axis] for axis in axes)
    if max(stride, default=1.0) <= 1.0:
        return None
    kind, size, conv_shift = RESIZE, (), (0.0,) * len(stride)
    convolution = _convolution(network, node, len(stride))
    if convolution is not None:
        weights = weights_of(network, convolution.node)
        kind, size = RESIZE_CONV, () if weights is None else weights.shape[2:]
        conv_shift = (
            shift_of(network, convolution)
            if channel_axes(network, convolution.node) and size
            else ()
        )
    shifts = [_shift(network, node, axis, scales[axis]) for axis in axes]
    known = [a + b for a, b in zip(shifts, conv_shift or (), strict=False) if a is not None]
    shift = tuple(known) if len(known) == len(stride) else None
    return Layer(name_of(network, part), kind, stride, size, shift=shift)


def _scales(network: Network, node: NodeProto) -> list[float]:
    """Return the scale of each axis: as the node states it, else from its two shapes."""
    before, after = network.shapes[node.input[0]], network.shapes[node.output[0]]
    ratios = [a / b for a, b in zip(after, before, strict=True)]
    stated = [network.constants[name] for name in node.input[1:] if name in network.constants]
    stated += [np.array(entry.floats) for entry in node.attribute if entry.name == "scales"]
    axes = int_attribute(node, "axes") or range(len(before))
    for scales in stated:
        if scales.dtype.kind == "f" and scales.shape == (len(axes),):
            for axis, scale in zip(axes, scales, strict=True):
                ratios[axis] = float(scale)
    return ratios


def _shift(network: Network, node: NodeProto, axis: int, scale: float) -> float | None:
    """Return the mean shift of a ramp along an axis, in output pixels; None if it varies."""
    before = network.shapes[node.input[0]]
    by_size = len(node.input) > 3 and node.input[3]
    shape = list(before) if by_size else [1, *(_OTHER,) * (len(before) - 1)]
    shape[axis] = before[axis] if by_size else _LENGTH
    ramp = np.arange(shape[axis], dtype=np.float32).reshape([-1] + [1] * (len(shape) - 1 - axis))
    try:
        session = network.session_of([node], node.input[:1], [node.output[0]])
        outcome = session.run({node.input[0]: np.broadcast_to(ramp, shape).copy()})
    except RunError:
        return None
    values = np.moveaxis(outcome[node.output[0]].astype(np.float64), axis, -1)
    rows = values.reshape(-1)[: values.shape[-1]]
    shifts = np.arange(len(rows)) + 0.5 - scale * (rows + 0.5)
    period, middle = Fraction(scale).limit_denominator(_FINEST).numerator, len(rows) // 2
    first, second = shifts[max(0, middle - period) : middle], shifts[middle : middle + period]
    if min(len(first), len(second)) < period:  # too short for a period: accept only a constant
        first = second = shifts[max(0, middle - 4) : middle + 4]
        if not first.size or np.ptp(first) > _SAME:
            return None
    if abs(first.mean() - second.mean()) > _SAME:
        return None
    return float(round(second.mean(), 6)) + 0.0


def _convolution(network: Network, node: NodeProto, axes: int) -> Part | None:
    """Return the convolution that follows a node, with the nodes between; None if none does."""
    chain = list[NodeProto]()
    for taker in network.sole_consumers(node.output[0]):
        chain.append(taker)
        if taker.op_type in ("Conv", "FusedConv"):
            return Part(taker, RESIZE_CONV, chain, {node.output[0]: 1}, taker.output[0],
                        pixel_axes([1] * axes), (taker,))  # fmt: skip
        if taker.op_type not in _BETWEEN:
            return None
    return None
