"""Where a network upsamples: found by what its values do, not by how it is spelled.

Every value that only moves numbers, or adds them up, is run on the coordinates of the map that it
comes from. Along an axis of the picture these rise by one every s pixels: that s is the stride.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.model_graph import (
    FLOAT,
    Network,
    channel_axes,
    is_linear,
    weights_of,
)
from upsample_cli.networks.session import Array, RunError
from upsample_cli.networks.upsampling_layer import Axis

LAST_STEPS = frozenset((
    "Col2Im", "Concat", "DepthToSpace", "Einsum", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "ReorderOutput", "Reshape", "ScatterElements", "ScatterND", "Tile",
))  # fmt: skip # what can be the last step of putting channels between pixels
_MOST, _SOURCES = 200, 64  # nodes of a block; maps that it draws on
_COARSEST, _FEW = 64, 24  # stride; pixels along an axis, where any number will do
_COLUMNS = 300  # of a value that are looked at along an axis
_SLACK = 0.05  # of a coordinate
_GROWS = 1.3  # times as many pixels, at least: crops may take some away


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """A value with more pixels than the maps that its numbers come from.

    Args:
        output: Its name.
        nodes: What makes it, all linear, in the order in which they run.
        sources: The maps.
        axes: Of the picture in it.
        empty: Which part of it no map feeds.
    """

    output: str
    nodes: tuple[NodeProto, ...]
    sources: tuple[str, ...]
    axes: tuple[Axis, ...]
    empty: float

    @property
    def finer(self) -> tuple[int, float]:
        """What is larger for the later of two steps of the same growth."""
        return prod(axis.stride for axis in self.axes), -self.empty


def growths(network: Network) -> list[Growth]:
    """Return the values that grow, each as what its last step makes."""
    results: dict[str, Growth] = {}
    for node in network.nodes:
        if node.op_type not in LAST_STEPS or not is_linear(network, node):
            continue
        name = node.output[0]
        part = block(network, name)
        if part is None or not _may_grow(network, name, part[1]):
            continue
        growth = _grown(network, name, *part)
        if growth is None:
            continue
        inside = {output for inner in growth.nodes for output in inner.output}
        before = [other for other in results if other in inside]
        if all(results[other].finer < growth.finer for other in before):
            results = {other: results[other] for other in results if other not in before}
            results[name] = growth
    return list(results.values())


def block(network: Network, output: str) -> tuple[list[NodeProto], list[str]] | None:
    """Return the linear nodes that make a value, and the values that they start from."""
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
            return None
    return sorted(nodes.values(), key=lambda node: int(node.name)), list(sources)


def _may_grow(network: Network, name: str, sources: Sequence[str]) -> bool:
    """Tell whether a value can have more pixels than each of its sources, by their shapes."""
    shape = network.shapes.get(name)
    if shape is None:
        return True
    if len(shape) < 3:
        return False
    return all(sorted(network.shapes.get(source, ())) != sorted(shape) for source in sources)


def source_shapes(
    network: Network, sources: Sequence[str]
) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return the shapes of maps, and which of their axes holds channels, as far as known."""
    result = {}
    for source in sources:
        node = network.producers.get(source)
        shape = network.shapes.get(source)
        axes = channel_axes(network, node) if node is not None else None
        if shape is None and node is not None and axes is not None and axes[1] == 1:
            weights = weights_of(network, node)
            if weights is not None and weights.ndim >= 3:
                shape = (1, len(weights), *(12, 10, 9)[: weights.ndim - 2])
        if shape is not None and len(shape) >= 2:
            axis = axes[1] if axes is not None else _channels(network, source)
            result[source] = shape, axis % len(shape)
    return result


def _channels(network: Network, name: str) -> int:
    """Return which axis of a value holds channels: as after the layer with weights before it."""
    shape = network.shapes.get(name)
    for _ in range(_MOST):
        node = network.producers.get(name)
        if node is None:
            break
        axes = channel_axes(network, node)
        if axes is not None:
            return axes[1]
        alike = [other for other in network.taken(node) if network.shapes.get(other) == shape]
        if not alike:
            break
        name = alike[0]
    return 1


def _grown(
    network: Network, output: str, nodes: Sequence[NodeProto], sources: Sequence[str]
) -> Growth | None:
    """Return what there is to say of a value that grows; None where it does not."""
    shapes = source_shapes(network, sources)
    if len(shapes) < len(sources):
        return None
    longest = max(max(shape) for shape, _ in shapes.values())
    for few, random in ((_FEW, True), (longest, True), (longest, False)):
        smaller = {
            source: (tuple(min(n, few) if at not in (0, axis) else n
                           for at, n in enumerate(shape)), axis)
            for source, (shape, axis) in shapes.items()
        }  # fmt: skip
        lows = {prod(shape) // shape[axis] for shape, axis in smaller.values()}
        try:
            labels = _labels(network, nodes, smaller, output, random)
        except (RunError, ValueError):
            continue
        axes = _axes(labels, max(lows)) if len(lows) == 1 else None
        if axes:
            empty = float(np.isnan(labels[0]).mean())
            return Growth(output, tuple(nodes), tuple(sources), axes, empty)
    return None


def _axes(labels: Array, low: int) -> tuple[Axis, ...] | None:
    """Return the axes of the picture in a value; None where it has no more pixels than before."""
    axes = []
    for place, length in enumerate(labels.shape[1:]):
        axis = _axis(labels, place) if length > 1 else Axis(place, 0, ())
        if axis is None:
            return None
        if axis.stride:
            axes.append(axis)
    after = prod(labels.shape[1 + axis.place] for axis in axes)
    grown = low > 1 and after > _GROWS * low and any(axis.stride > 1 for axis in axes)
    return tuple(axes) if grown else None


def _labels(
    network: Network,
    nodes: Sequence[NodeProto],
    shapes: Mapping[str, tuple[tuple[int, ...], int]],
    output: str,
    random: bool,
) -> Array:
    """Return the coordinates, in the maps before, of what each number of a value is made of.

    They come first, one for each axis of the maps but that of channels; NaN is made of nothing.
    Channels are weighted at random, so that sums of both signs are not 0, or else all alike.
    """
    rng = np.random.default_rng(1)
    session = network.part(nodes, dict.fromkeys(shapes, FLOAT), [output])
    weights = {}
    for source, (shape, axis) in shapes.items():
        one_by_one = [1] * len(shape)
        one_by_one[axis] = shape[axis]
        spread = 0.5 if random else 0.0
        weights[source] = rng.uniform(1 - spread, 1 + spread, one_by_one).astype(np.float32)

    def response(number: int | None) -> Array:
        """Return the output for ones, or for a ramp along the axis of this number."""
        feeds = {}
        for source, (shape, axis) in shapes.items():
            values = np.ones(shape, np.float32) * weights[source]
            if number is not None:
                place = [place for place in range(len(shape)) if place != axis][number]
                ramp = np.arange(shape[place], dtype=np.float32)
                values *= ramp.reshape([-1 if index == place else 1 for index in range(len(shape))])
            feeds[source] = values
        return session.run(feeds)[output].astype(np.float64)

    zero = session.run({s: np.zeros(shape, np.float32) for s, (shape, _) in shapes.items()})[output]
    ones = response(None) - zero
    empty = np.abs(ones) <= 1e-6 * np.abs(ones).max(initial=0.0)
    count = len(next(iter(shapes.values()))[0]) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        results = [
            np.where(empty, np.nan, (response(index) - zero) / ones) for index in range(count)
        ]
    return np.array(results)


def _axis(labels: Array, place: int) -> Axis | None:
    """Return an axis of a value, with stride 0 where nothing changes along it; None if irregular.

    Borders may be padded, so the middle alone counts.
    """
    rows = np.moveaxis(labels, place + 1, 0)
    rows = rows.reshape(len(rows), len(labels), -1)
    rows = rows[:, :, :: 1 + rows.shape[2] // _COLUMNS]
    cut = len(rows) // 5 if len(rows) > 10 else 0
    rows = rows[cut : len(rows) - cut]
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
