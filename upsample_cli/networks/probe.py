"""What a part of a network makes of flat channels: its phase gains, biases and shift, measured."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from upsample_cli.networks.model_graph import Network, attribute, weights_of
from upsample_cli.networks.part import MOST_NUMBERS, SIDES, Part, dilation_of, parts, size_of
from upsample_cli.networks.session import Array, RunError
from upsample_cli.networks.upsampling_layer import MOST_SUMS, SUB_PIXEL, Layer, UpsamplingPart

_SAME = 1e-4  # of the largest: one period and the next differ by less in the middle
_LINEAR = 1e-3  # of the largest: what rounding may leave of a sum
_NOTHING = 1e-6  # of the weights' sizes: what rounding leaves of 0


class _UnsteadyError(Exception):
    """The middle of a map still feels its borders."""


def name_of(network: Network, place: UpsamplingPart) -> str:
    """Return what to call a layer: as its author called its weights, else its node."""
    path, title = network.titles[place.node.name]
    for node in place.weighing:
        names = [name for name in node.input[1:2] if name.endswith(".weight")]
        if names and (names[0] in network.constants or names[0] in network.unread):
            path = network.titles[node.name][0]
            return path + str(names[0]).removeprefix(path).split(":")[-1].removesuffix(".weight")
    return path + title


def measured(network: Network, place: UpsamplingPart) -> Layer:
    """Return the layer of a part, with its figures or why there are none."""
    layer = Layer(name_of(network, place), place.kind, unknown=place.unknown)
    if place.unknown:
        return layer
    stride = tuple(axis.stride for axis in place.axes)
    ones = (1,) * len(stride)
    size, dilation = size_of(network, place), dilation_of(place)
    size = size if len(size) == len(stride) else ones
    dilation = dilation if len(dilation) == len(stride) else ones
    layer = replace(layer, stride=stride, size=size, dilation=dilation)
    reason = _too_many(network, place)
    if reason:
        return replace(layer, unknown=reason)
    reason = "its map is too small for its middle to be free of borders"
    ready = list(parts(network, place))
    for number, part in enumerate(ready):
        try:
            layer = _measured(layer, part())
        except RunError as error:
            reason = str(error)
            continue
        except _UnsteadyError:
            continue
        if layer.unknown:
            return layer
        shifts = {_moved(other) for other in ready[number : number + 2]} - {()}
        return replace(layer, shift=shifts.pop() if len(shifts) == 1 else None)
    if place.core is not None:
        return measured(network, place.core)
    return replace(layer, unknown=reason)


def move(network: Network, place: UpsamplingPart) -> tuple[float, ...] | None:
    """Return how far a part moves the picture along each axis; None if unknown."""
    shifts = (_moved(part) for part in parts(network, place))
    return next((shift for shift in shifts if shift != ()), None)


def _moved(part: Callable[[], Part]) -> tuple[float, ...] | None:
    """Return a part's shift; nothing where it does not run."""
    try:
        return _shift(part())
    except RunError:
        return ()


def _measured(layer: Layer, part: Part) -> Layer:
    place = part.place
    dark = part.run(part.zeros())
    base = _period(dark, place)
    gains = _gains(part, dark, base)
    nonlinear = _nonlinear(part, dark)
    if nonlinear:
        return replace(layer, unknown=f"it is not linear: {nonlinear}")
    return replace(layer, gains=gains, bias=base if place.kind == SUB_PIXEL else None)


def _too_many(network: Network, place: UpsamplingPart) -> str:
    """Return why a layer of too many phases, or no numbers, cannot be judged; empty if it can."""
    phases = prod(axis.stride for axis in place.axes)
    if phases * SIDES[0] ** len(place.axes) > MOST_NUMBERS:
        return f"its {phases} phases are too many to judge"
    weights = [weights_of(network, node) for node in place.weighing]
    floats = [array for array in weights if array is not None and array.dtype == np.float32]
    if not all(np.isfinite(array).all() for array in floats):
        return "one of its weights holds NaN or infinity"
    pairs = [array.shape[:2] for array in weights if array is not None]
    for one, other in pairs:
        if phases * one * other > MOST_SUMS:
            return f"its {phases} phases of {one} x {other} channels are too many to judge"
    return ""


def _period(values: Array, place: UpsamplingPart) -> Array:
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


def _gains(part: Part, dark: Array, base: Array) -> Array:
    """Return what each phase makes of each flat channel: shape (Cout, Cin, s1, ..., sN)."""
    sizes = np.abs(_period(part.with_weights(None).run(_ones(part)), part.place))
    columns = [_period(values - dark, part.place) for values in part.flat_channels()]
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


def _ones(part: Part) -> dict[str, Array]:
    return {name: np.ones(shape, np.float32) for name, shape in part.shapes.items()}


def _nonlinear(part: Part, dark: Array) -> str:
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


def _shift(part: Part) -> tuple[float, ...] | None:
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
            _middle(spread, item.place) - item.stride * spot - (item.stride - 1) / 2
            for item, spot in zip(place.axes, own, strict=True)
        ))  # fmt: skip
    return shifts[0] if len(set(shifts)) == 1 else None


def _middle(spread: Array, place: int) -> float:
    others = tuple(item for item in range(spread.ndim) if item != place)
    lit = np.flatnonzero(spread.max(axis=others) > 1e-5 * spread.max())
    return float(lit[0] + lit[-1]) / 2


def _spots(place: UpsamplingPart, spots: Sequence[int]) -> list[int]:
    """Return where along each axis of the picture a place of the map before lies."""
    left = list(spots)
    result = dict[int, int]()
    for axis in sorted(place.axes, key=lambda axis: -max(axis.steps)):
        where = int(np.argmax(axis.steps))
        result[axis.place] = left[where] // axis.steps[where]
        left[where] -= result[axis.place] * axis.steps[where]
    return [result[axis.place] for axis in place.axes]
