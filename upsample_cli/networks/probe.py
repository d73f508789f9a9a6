"""What a part of a network makes of flat channels: its phase gains, biases and shift, measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np
from onnx import NodeProto, helper

from upsample_cli.networks.growth import FLOAT, weights_of
from upsample_cli.networks.layer import MOST_SUMS, SUB_PIXEL, Layer
from upsample_cli.networks.network import Array, Network, RunError, Session, attribute
from upsample_cli.networks.places import Place

_SIDES = (8, 14, 28, 56)  # of the maps that are tried
_MOST_NUMBERS = 1 << 24  # of a map that is made
_BATCH = 1 << 21  # numbers that are fed at once
_SAME = 1e-4  # of the largest: one period and the next differ by less in the middle
_LINEAR = 1e-3  # of the largest: what rounding may leave of a sum
_NOTHING = 1e-6  # of the weights' sizes: what rounding leaves of 0


class _UnsteadyError(Exception):
    """The middle of a map still feels its borders."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part that is ready to run.

    Args:
        session: Of its weights as they are.
        shapes: Of what it takes.
        place: What it is of.
        network: Which it is of.
        nodes: What runs.
    """

    session: Session
    shapes: Mapping[str, tuple[int, ...]]
    place: Place
    network: Network
    nodes: Sequence[NodeProto]

    def run(self, feeds: Mapping[str, Array]) -> Array:
        """Return what comes out, in float64."""
        return self.session.run(feeds)[self.place.output].astype(np.float64)

    def zeros(self) -> dict[str, Array]:
        """Return inputs of zeros."""
        return {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}

    def with_weights(self, seed: int | None) -> "_Part":
        """Return the part with the sizes of its weights, or with random ones above 0."""
        instead = {}
        for node in self.nodes:
            for name in node.input:
                array = self.network.constants.get(name)
                if array is None or array.dtype != np.float32 or array.ndim < 2:
                    continue
                random = np.random.default_rng(seed).uniform(0.5, 1.5, array.shape)
                instead[name] = np.abs(array) if seed is None else random.astype(np.float32)
        return replace(self, session=_session(self.network, self.nodes, self.place, instead))


def name_of(network: Network, place: Place) -> str:
    """Return what to call a layer: as its author called its weights, else its node."""
    path, title = network.titles[place.node.name]
    for node in place.weighing:
        names = [name for name in node.input[1:2] if name.endswith(".weight")]
        if names and (names[0] in network.constants or names[0] in network.faults):
            path = network.titles[node.name][0]
            return path + str(names[0]).removeprefix(path).split(":")[-1].removesuffix(".weight")
    return path + title


def measured(network: Network, place: Place) -> Layer:
    """Return the layer of a part, with its figures or why there are none."""
    layer = Layer(name_of(network, place), place.kind, unknown=place.unknown)
    if place.unknown:
        return layer
    stride = tuple(axis.stride for axis in place.axes)
    ones = (1,) * len(stride)
    size, dilation = _size(network, place), _dilation(place)
    size = size if len(size) == len(stride) else ones
    dilation = dilation if len(dilation) == len(stride) else ones
    layer = replace(layer, stride=stride, size=size, dilation=dilation)
    reason = _too_many(network, place)
    if reason:
        return replace(layer, unknown=reason)
    reason = "its map is too small for its middle to be free of borders"
    parts = list(_parts(network, place))
    for number, part in enumerate(parts):
        try:
            layer = _measured(layer, part())
        except RunError as error:
            reason = str(error)
            continue
        except _UnsteadyError:
            continue
        if layer.unknown:
            return layer
        shifts = {_moved(other) for other in parts[number : number + 2]} - {()}
        return replace(layer, shift=shifts.pop() if len(shifts) == 1 else None)
    if place.core is not None:
        return measured(network, place.core)
    return replace(layer, unknown=reason)


def move(network: Network, place: Place) -> tuple[float, ...] | None:
    """Return how far a part moves the picture along each axis; None if unknown."""
    shifts = (_moved(part) for part in _parts(network, place))
    return next((shift for shift in shifts if shift != ()), None)


def _moved(part: Callable[[], _Part]) -> tuple[float, ...] | None:
    """Return a part's shift; nothing where it does not run."""
    try:
        return _shift(part())
    except RunError:
        return ()


def _measured(layer: Layer, part: _Part) -> Layer:
    place = part.place
    dark = part.run(part.zeros())
    base = _period(dark, place)
    gains = _gains(part, dark, base)
    nonlinear = _nonlinear(part, dark)
    if nonlinear:
        return replace(layer, unknown=f"it is not linear: {nonlinear}")
    return replace(layer, gains=gains, bias=base if place.kind == SUB_PIXEL else None)


def _too_many(network: Network, place: Place) -> str:
    """Return why a layer of too many phases, or no numbers, cannot be judged; empty if it can."""
    phases = prod(axis.stride for axis in place.axes)
    if phases * _SIDES[0] ** len(place.axes) > _MOST_NUMBERS:
        return f"its {phases} phases are too many to judge"
    weights = [weights_of(network, node) for node in place.weighing]
    if not all(np.isfinite(array).all() for array in weights if array is not None):
        return "one of its weights holds NaN or infinity"
    pairs = [array.shape[:2] for array in weights if array is not None]
    for one, other in pairs:
        if phases * one * other > MOST_SUMS:
            return f"its {phases} phases of {one} x {other} channels are too many to judge"
    return ""


def _size(network: Network, place: Place) -> tuple[int, ...]:
    """Return the taps of a layer's own kernel, the largest where there are several."""
    sizes = []
    for node in place.weighing:
        weights = weights_of(network, node)
        if "Conv" in node.op_type and weights is not None:
            sizes.append(weights.shape[2:])
    if not sizes or len({len(size) for size in sizes}) > 1:
        return ()
    return tuple(int(max(lengths)) for lengths in zip(*sizes, strict=True))


def _dilation(place: Place) -> tuple[int, ...]:
    if place.kind == SUB_PIXEL or not place.weighing:
        return ()
    return tuple(attribute(place.weighing[0], "dilations"))


def _parts(network: Network, place: Place) -> Iterator[Callable[[], _Part]]:
    """Yield a part on larger and larger maps, then on one of the trial run's size."""
    place, nodes = _unblocked(network, place, _without_activations(place))
    free = _with_shapes(network, nodes, place)
    least = max((4 * d * k for d, k in zip(_dilation(place) or (1,) * 9, _size(network, place),
                                           strict=False)), default=0)  # fmt: skip
    sides = [side for side in _SIDES if side >= min(least // 2, _SIDES[-1])]
    for side, inner in [*((side, free) for side in sides if free), (0, nodes)]:
        shapes = _shapes(network, place, side)
        if shapes is None:
            continue
        steps = [axis.stride * max(side, 1) for axis in place.axes]
        if prod(steps) > _MOST_NUMBERS:
            continue
        yield partial(_part, network, inner, place, shapes)


def _part(
    network: Network, nodes: Sequence[NodeProto], place: Place,
    shapes: Mapping[str, tuple[int, ...]],
) -> _Part:  # fmt: skip
    return _Part(_session(network, nodes, place), shapes, place, network, nodes)


def _without_activations(place: Place) -> list[NodeProto]:
    """Return the nodes of a part that take what comes before activations in the place of it."""
    nodes = []
    for original in place.nodes:
        node = NodeProto()
        node.CopyFrom(original)
        node.ClearField("input")
        node.input.extend(place.instead.get(name, name) for name in original.input)
        if original in place.weighing:
            node.ClearField("attribute")
            node.attribute.extend(
                entry for entry in original.attribute if not entry.name.startswith("activation")
            )
        nodes.append(node)
    return nodes


def _unblocked(
    network: Network, place: Place, nodes: list[NodeProto]
) -> tuple[Place, list[NodeProto]]:
    """Return a part whose output is in the common order: onnxruntime has one in blocks, too."""
    last = network.producers[place.output]
    if "nchwc" not in last.domain or last.op_type == "ReorderOutput":
        return place, nodes
    plain = f"{place.output}:plain"
    channels = network.shapes[place.output][1]
    reorder = helper.make_node(
        "ReorderOutput", [place.output], [plain], f"{last.name}0", domain=last.domain,
        channels=channels,
    )  # fmt: skip
    return replace(place, output=plain), [*nodes, reorder]


def _with_shapes(
    network: Network, nodes: Sequence[NodeProto], place: Place
) -> list[NodeProto] | None:
    """Return nodes with those that work out shapes from theirs, so that any size will do."""
    inside = {name for node in nodes for name in node.output} | set(place.inputs)
    more: dict[str, NodeProto] = {}

    def follows(name: str) -> bool:
        """Tell whether a value follows from the part's shapes; keep the nodes by which it does."""
        node = network.producers.get(name)
        if name in inside:
            return True
        if node is None or name in network.varying:
            return False
        results = [follows(other) for other in node.input]
        if any(results):
            more[node.name] = node
        return node.name in more

    try:
        for name in [name for node in nodes for name in node.input]:
            follows(name)
    except RecursionError:
        return None
    return sorted([*nodes, *more.values()], key=lambda node: int(node.name))


def _shapes(network: Network, place: Place, side: int) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes of what a part takes, of maps of some pixels; 0 is as in the trial run."""
    result = {}
    for name, axis in place.inputs.items():
        shape = network.shapes.get(name)
        if side or shape is None:
            shape = _by_weights(network, place, name) or shape
        if shape is None:
            return None
        if side:
            keep = (0, axis % len(shape))
            shape = tuple(n if at in keep else side for at, n in enumerate(shape))
        result[name] = shape
    return result


def _by_weights(network: Network, place: Place, name: str) -> tuple[int, ...] | None:
    """Return a shape that fits the weights of the layer that takes a value."""
    for node in place.weighing:
        weights = weights_of(network, node)
        if node.input[0] != name or weights is None or weights.ndim < 3:
            continue
        groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
        turned = "Transpose" in node.op_type
        channels = len(weights) if turned else weights.shape[1] * groups
        return (1, channels, *(_SIDES[0],) * (weights.ndim - 2))
    return None


def _session(
    network: Network, nodes: Sequence[NodeProto], place: Place,
    instead: Mapping[str, Array] | None = None,
) -> Session:  # fmt: skip
    return network.part(nodes, dict.fromkeys(place.inputs, FLOAT), [place.output], instead)


def _period(values: Array, place: Place) -> Array:
    """Return one period out of the middle of a map: shape (Cout, s1, ..., sN).

    Raises:
        _UnsteadyError: The next one is not the same.
    """
    here = there = values
    for axis in place.axes:
        first = here.shape[axis.place] // 2 // axis.stride * axis.stride
        before = first - axis.stride
        if before < 0 or first + axis.stride > here.shape[axis.place]:
            raise _UnsteadyError
        here = here.take(range(first, first + axis.stride), axis.place)
        there = there.take(range(before, before + axis.stride), axis.place)
    if np.abs(here - there).max(initial=0.0) > _SAME * np.abs(values).max(initial=0.0):
        raise _UnsteadyError
    places = [axis.place for axis in place.axes]
    here = np.moveaxis(here, places, range(-len(places), 0))
    return here.reshape(-1, *(axis.stride for axis in place.axes))


def _gains(part: _Part, dark: Array, base: Array) -> Array:
    """Return what each phase makes of each flat channel: shape (Cout, Cin, s1, ..., sN)."""
    columns = []
    sizes = np.abs(_period(part.with_weights(None).run(_ones(part)), part.place))
    for name, axis in part.place.inputs.items():
        shape = part.shapes[name]
        for channel in range(shape[axis]):
            feeds = part.zeros()
            at = [slice(None)] * len(shape)
            at[axis] = slice(channel, channel + 1)
            feeds[name][tuple(at)] = 1.0
            columns.append(_period(part.run(feeds) - dark, part.place))
    gains = np.stack(columns, axis=1)
    # Flat channels leave sums of single channels: of their sizes rounding leaves so much.
    count = gains.shape[1]
    axes = tuple(range(2, gains.ndim))
    least = _NOTHING * sizes.max(axis=tuple(range(1, sizes.ndim))) / max(1.0, count**0.5)
    least = least.reshape(-1, *(1,) * (gains.ndim - 1))
    gains = np.where(np.abs(gains) <= least, 0.0, gains)
    mean = gains.mean(axis=axes, keepdims=True)
    even = np.abs(gains - mean).max(axis=axes, keepdims=True) <= least
    return np.where(even, mean, gains)


def _ones(part: _Part) -> dict[str, Array]:
    return {name: np.ones(shape, np.float32) for name, shape in part.shapes.items()}


def _nonlinear(part: _Part, dark: Array) -> str:
    """Return which node is not linear, as the sum of two random inputs tells; empty if none."""
    rng = np.random.default_rng(3)
    one, two = (
        {name: rng.normal(size=shape).astype(np.float32) for name, shape in part.shapes.items()}
        for _ in range(2)
    )
    both = {name: one[name] + two[name] for name in one}
    sums = [part.run(feeds) - dark for feeds in (one, two, both)]
    if np.abs(sums[0] + sums[1] - sums[2]).max() <= _LINEAR * np.abs(sums[2]).max():
        return ""
    return ", ".join(dict.fromkeys(node.op_type for node in part.place.nodes))


def _shift(part: _Part) -> tuple[float, ...] | None:
    """Return how far the middle of what a pixel spreads to lies from that pixel's own place."""
    place = part.place
    if any(set(attribute(node, "strides")) - {1} and "Transpose" not in node.op_type
           for node in place.weighing):  # fmt: skip
        return None
    part = part.with_weights(4)
    dark = part.run(part.zeros())
    shifts = []
    for name, axis in place.inputs.items():
        feeds, shape = part.zeros(), part.shapes[name]
        spots = [length // 2 for length in shape]
        at: list[int | slice] = list(spots)
        at[axis % len(shape)] = slice(None)
        feeds[name][tuple(at)] = 1.0
        spread = np.abs(part.run(feeds) - dark)
        if not spread.any():
            return None
        spots.pop(axis % len(shape))
        own = _spots(place, spots)
        shifts.append(tuple(
            _middle(spread, each.place) - each.stride * spot - (each.stride - 1) / 2
            for each, spot in zip(place.axes, own, strict=True)
        ))  # fmt: skip
    return shifts[0] if len(set(shifts)) == 1 else None


def _middle(spread: Array, place: int) -> float:
    others = tuple(each for each in range(spread.ndim) if each != place)
    lit = np.flatnonzero(spread.max(axis=others) > 1e-5 * spread.max())
    return float(lit[0] + lit[-1]) / 2


def _spots(place: Place, spots: Sequence[int]) -> list[int]:
    """Return where along each axis of the picture a place of the map before lies."""
    left = list(spots)
    result = dict[int, int]()
    for axis in sorted(place.axes, key=lambda axis: -max(axis.steps)):
        where = int(np.argmax(axis.steps))
        result[axis.place] = left[where] // axis.steps[where]
        left[where] -= result[axis.place] * axis.steps[where]
    return [result[axis.place] for axis in place.axes]
