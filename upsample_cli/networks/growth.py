"""Finds where a network upsamples, by how its nodes move numbers, not by their names.

Each block of linear nodes, which only move numbers, add them up or scale them, is run on input maps
that hold pixel coordinates. Along an axis of the picture, the coordinates in the output rise by a
whole number, mostly 1, every s pixels: s is the stride.
"""

from dataclasses import replace
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.model_graph import (
    Array,
    Network,
    RunError,
    channel_axes,
    in_order,
    is_linear,
)
from upsample_cli.networks.part import Axis, Part, ReadyPart
from upsample_cli.networks.upsampling_layer import SUB_PIXEL, TCONV

LAST_STEPS = frozenset((
    "Col2Im", "Concat", "DepthToSpace", "Einsum", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "ReorderOutput", "Reshape", "ScatterElements", "ScatterND", "Tile",
))  # fmt: skip # operators that can be the last step of moving channels between pixels
_MAIN_KINDS = ("DepthToSpace", "Transpose", "Einsum")  # a main node is of the first kind present
_MOST, _SOURCES = 200, 64  # at most: nodes of a block; values that it starts from
_COARSEST, _SIDE = 64, 24  # largest stride; side of test maps in pixels, if any size will do
_MOST_AXES = 5  # of a map with `_SIDE` pixels along each: with more axes it would be too large
_COLUMNS = 300  # lines of a value to compare along an axis, at most
_ROWS = 4096  # numbers of each line to compare, at most
_SLACK = 0.05  # error that a step of coordinates may have, in input pixels
_GROWS = 1.3  # least ratio of pixels after to pixels before; crops may take some away


def growing_parts(network: Network) -> list[Part]:
    """Return the linear parts that enlarge; of nested parts the one with the largest stride."""
    results: dict[str, Part] = {}
    for node in network.nodes:
        part = _grown(network, node) if node.op_type in LAST_STEPS else None
        if part is None:
            continue
        inside = {output for inner in part.nodes for output in inner.output}
        before = [other for other in results if other in inside]
        later = prod(part.stride), -part.unfed_share
        if all(
            (prod(results[other].stride), -results[other].unfed_share) < later for other in before
        ):
            results = {other: results[other] for other in results if other not in before}
            results[part.output] = part
    return list(results.values())


def block(network: Network, output: str) -> tuple[list[NodeProto], list[str]]:
    """Return the linear nodes that compute a value, and the values that they start from.

    Both lists are empty if there are too many of either.
    """
    nodes: dict[str, NodeProto] = {}
    sources: dict[str, None] = {}
    waiting = [output]
    while waiting:
        name = waiting.pop()
        node = network.producers.get(name)
        if node is None or not is_linear(network, node):
            sources[name] = None
        elif node.name not in nodes:
            nodes[node.name] = node
            waiting += network.taken(node)
        if len(nodes) > _MOST or len(sources) > _SOURCES:
            return [], []
    return in_order(nodes.values()), list(sources)


def _channels(network: Network, name: str) -> int:
    """Return the channel axis of a value: that of the last layer with weights before it, else 1."""
    shape = network.shapes[name]
    for _ in range(_MOST):
        node = network.producers.get(name)
        axes = channel_axes(network, node)
        if node is None or axes is not None:
            return axes[1] % len(shape) if axes else 1
        alike = [other for other in network.taken(node) if network.shapes.get(other) == shape]
        if not alike:
            break
        name = alike[0]
    return 1


def _grown(network: Network, node: NodeProto) -> Part | None:
    """Return the linear part that ends with a node; None if it does not enlarge."""
    output = node.output[0]
    nodes, sources = block(network, output)
    shapes = {source: network.shapes.get(source, ()) for source in sources}
    after = sorted(network.shapes.get(output, ()))
    if not nodes or any(len(shape) < 2 or sorted(shape) == after for shape in shapes.values()):
        return None
    channels = {source: _channels(network, source) for source in sources}
    part = Part(node, SUB_PIXEL, nodes, channels, output)
    longest = max(max(shape[2:], default=0) for shape in shapes.values())
    smaller = longest > _SIDE and max(map(len, shapes.values())) <= _MOST_AXES
    first = _SIDE if smaller else 0
    for side, spread in dict.fromkeys(((first, 0.5), (0, 0.5), (0, 0.0))):
        try:
            ready = ReadyPart(network, part, side)
            labels = _labels(ready, spread)
        except (RunError, ValueError):
            continue
        maps = [(prod(shape), shape[channels[name]]) for name, shape in ready.shapes.items()]
        pixel_counts = {numbers // max(1, count) for numbers, count in maps}
        axes = _axes(labels, max(pixel_counts)) if len(pixel_counts) == 1 else None
        if axes == ():  # nor would it enlarge larger maps
            return None
        if axes:
            by_kind = {inner.op_type: inner for inner in nodes}
            main_node = next((by_kind[kind] for kind in _MAIN_KINDS if kind in by_kind), node)
            empty = float(np.isnan(labels[0]).mean())
            kind = TCONV if empty else SUB_PIXEL
            return replace(part, node=main_node, kind=kind, axes=axes, unfed_share=empty)
    return None


def _labels(ready: ReadyPart, spread: float) -> Array:
    """Return the input coordinates that each number of the output comes from.

    The first axis of the result holds one coordinate for each axis of the input maps except their
    channel axis; NaN means that a number comes from no input. Channels have random weights in
    1 - `spread` .. 1 + `spread`, so that a difference of two channels is not 0.
    """
    rng, channels = np.random.default_rng(1), ready.part.inputs
    weights = {}
    for name, shape in ready.shapes.items():
        one_by_one = [n if at == channels[name] else 1 for at, n in enumerate(shape)]
        random = rng.uniform(1 - spread, 1 + spread, one_by_one)
        weights[name] = np.broadcast_to(random.astype(np.float32), shape)

    def response(axis: int) -> Array:
        """Return the output for a ramp along an input axis; channel axes are not counted."""
        feeds = {}
        for name, values in weights.items():
            place = [at for at in range(values.ndim) if at != channels[name]][axis]
            ramp = np.arange(values.shape[place], dtype=np.float32)
            feeds[name] = values * ramp.reshape([-1] + [1] * (values.ndim - 1 - place))
        return ready.run(feeds)

    zero = ready.run(ready.flat(0.0))
    ones = ready.run({name: values.copy() for name, values in weights.items()}) - zero
    empty = np.abs(ones) <= 1e-6 * np.abs(ones).max(initial=0.0)
    count = len(next(iter(weights.values())).shape) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        ramps = [np.where(empty, np.nan, (response(at) - zero) / ones) for at in range(count)]
    return np.array(ramps)


def _axes(labels: Array, low: int) -> tuple[Axis, ...] | None:
    """Return the picture axes of a value; None if one is irregular.

    The result is empty if the value has at most `_GROWS` times `low` pixels.
    """
    axes = []
    for place, length in enumerate(labels.shape[1:]):
        axis = _axis(labels, place) if length > 1 else Axis(place, 0, ())
        if axis is None:
            return None
        if axis.stride:
            axes.append(axis)
    after = prod(labels.shape[1 + axis.place] for axis in axes)
    grown = low > 1 and after > _GROWS * low and any(axis.stride > 1 for axis in axes)
    return tuple(axes) if grown else ()


def _axis(labels: Array, place: int) -> Axis | None:
    """Return axis `place` of a value, of stride 0 where labels are constant; None if irregular.

    Borders may be padded, so only the middle is compared.
    """
    rows = np.moveaxis(labels, place + 1, 0)
    cut = max(len(rows) // 5 if len(rows) > 10 else 0, (len(rows) - _ROWS) // 2)
    rows = rows[cut : len(rows) - cut]
    rows = rows.reshape(len(rows), len(labels), -1)
    rows = rows[:, :, :: 1 + rows.shape[2] // _COLUMNS]
    for stride in range(1, min(_COARSEST, len(rows) // 2) + 1):
        steps = (rows[stride:] - rows[:-stride]).swapaxes(0, 1).reshape(len(labels), -1)
        steps = steps[:, np.isfinite(steps).all(axis=0)]
        if not steps.size:
            continue
        whole = np.rint(np.median(steps, axis=1))
        if whole.min() < 0 or np.abs(steps - whole[:, None]).max() > _SLACK:
            continue
        if whole.any():
            return Axis(place, stride, tuple(map(int, whole)))
        if stride == 1:
            return Axis(place, 0, ())
    return None
