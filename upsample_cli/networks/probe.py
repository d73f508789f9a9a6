"""Measures a part that upsamples: its phase gains and biases on flat channels, and its shift."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf, prod

import numpy as np

from upsample_cli.networks.model_graph import Array, Network, RunError, int_attribute
from upsample_cli.networks.part import Axis, Part, ReadyPart, size_of
from upsample_cli.networks.upsampling_layer import MOST_SUMS, SUB_PIXEL, Layer

_SIDES = (8, 14, 28, 56, 0)  # pixels, of the maps to try; 0 is their size in the trial run
_MOST_NUMBERS = 1 << 24  # of one channel of an output map, at most
_SAME = 1e-4  # of the largest value: periods that differ by less count as equal
_LINEAR = 1e-3  # of the largest value: a smaller deviation from a linear part is rounding
_NOTHING = 1e-6  # of the largest output for noise: smaller gains are rounding, and count as 0


class UnsteadyError(Exception):
    """The middle of a map still depends on its borders."""


def name_of(network: Network, part: Part) -> str:
    """Return the name of a layer: what its author called its weights, or else its node."""
    for node in part.weighted_nodes:
        path = network.titles[node.name][0]
        for name in node.input[1:2]:
            if name.endswith(".weight") and (name in network.constants or name in network.unread):
                return path + str(name).removeprefix(path).split(":")[-1].removesuffix(".weight")
    return "".join(network.titles[part.node.name])


def measured_layer(network: Network, part: Part) -> Layer:
    """Return the layer of a part, with its figures or the reason why there are none."""
    layer = Layer(name_of(network, part), part.kind, unknown=part.unknown)
    if part.unknown:
        return layer
    layer = replace(layer, stride=part.stride, size=size_of(network, part), dilation=part.dilation)
    phases = prod(part.stride)
    if phases * _SIDES[0] ** len(part.axes) > _MOST_NUMBERS:
        return replace(layer, unknown=f"its {phases} phases are too many to judge")
    reason = "its map is too small for its middle to be free of borders"
    sides = _sides(network, part)
    for number, side in enumerate(sides):
        try:
            ready = ReadyPart(network, part, side)
            layer, shift = _measured(layer, ready), _common_shift(ready)
        except RunError as error:
            reason = str(error)
        except UnsteadyError:
            continue
        else:
            larger = set(_shifts(network, part, sides[number + 1 : number + 2]))
            is_known = larger <= {shift} and not layer.unknown
            return replace(layer, shift=shift if is_known else None)
    return measured_layer(network, part.core) if part.core else replace(layer, unknown=reason)


def shift_of(network: Network, part: Part) -> tuple[float, ...] | None:
    """Return how far a part moves the picture on each axis, in output pixels; None if unknown."""
    return next(_shifts(network, part, _sides(network, part)), None)


def _shifts(
    network: Network, part: Part, sides: Sequence[int]
) -> Iterator[tuple[float, ...] | None]:
    """Yield the shift of a part, as `shift_of`, for each size of map on which it runs."""
    for side in sides:
        with suppress(RunError):
            yield _common_shift(ReadyPart(network, part, side))


def _sides(network: Network, part: Part) -> list[int]:
    """Return sides of input maps that are large enough for their middle to be free of borders."""
    sizes = size_of(network, part)
    reach = max(2 * d * k for d, k in zip(part.dilation, sizes, strict=True))
    return [
        side for side in _SIDES
        if (not side or side >= min(reach, _SIDES[-2]))
        and prod(stride * max(side, 1) for stride in part.stride) <= _MOST_NUMBERS
    ]  # fmt: skip


def _measured(layer: Layer, ready: ReadyPart) -> Layer:
    """Return a layer with its gains and biases, or with the reason why it has none."""
    axes = ready.part.axes
    dark = ready.run(ready.flat(0.0))
    base = one_period(dark, axes)
    rng = np.random.default_rng(3)
    first, second = (
        {name: rng.normal(size=shape).astype(np.float32) for name, shape in ready.shapes.items()}
        for _ in range(2)
    )
    both = {name: first[name] + second[name] for name in first}
    noise = [ready.run(feeds) - dark for feeds in (first, second, both)]
    if not all(np.isfinite(values).all() for values in noise):
        return replace(layer, unknown="its output holds NaN or infinity")
    if np.abs(noise[0] + noise[1] - noise[2]).max() > _LINEAR * np.abs(noise[2]).max():
        kinds = ", ".join(dict.fromkeys(node.op_type for node in ready.part.nodes))
        return replace(layer, unknown=f"it is not linear: {kinds}")
    channels = sum(shape[ready.part.inputs[name]] for name, shape in ready.shapes.items())
    if base.size * channels > MOST_SUMS:
        reason = f"its phases of {len(base)} x {channels} channels are too many to judge"
        return replace(layer, unknown=reason)
    columns = [one_period(values - dark, axes) for values in ready.flat_channels()]
    sizes = np.abs(_pixels_last(noise[2], axes)).reshape(len(base), -1).max(axis=1)
    gains = _without_rounding(np.stack(columns, axis=1), sizes)
    return replace(layer, gains=gains, bias=base if layer.kind == SUB_PIXEL else None)


def _without_rounding(gains: Array, sizes: Array) -> Array:
    """Return gains without rounding errors: tiny gains become 0, nearly equal phases equal."""
    axes = tuple(range(2, gains.ndim))
    least = _NOTHING * sizes.reshape(-1, *(1,) * (gains.ndim - 1))
    gains = np.where(np.abs(gains) <= least, 0.0, gains)
    mean = gains.mean(axis=axes, keepdims=True)
    even = np.abs(gains - mean).max(axis=axes, keepdims=True) <= least
    return np.where(even, mean, gains)


def _pixels_last(values: Array, axes: Sequence[Axis]) -> Array:
    """Return a map with its picture axes last, and all other axes merged into the first."""
    places = [axis.place for axis in axes]
    turned = np.moveaxis(values, places, range(-len(places), 0))
    return turned.reshape(-1, *turned.shape[-len(places) :])


def one_period(values: Array, axes: Sequence[Axis]) -> Array:
    """Return one period from the middle of a map, shape (C, s1, ..., sN).

    Raises:
        UnsteadyError: The period before it is different, or outside the map.
    """
    period = earlier = _pixels_last(values, axes)
    for place, axis in enumerate(axes, 1):
        first = period.shape[place] // 2 // axis.stride * axis.stride
        before = first - axis.stride
        if before < 0 or first + axis.stride > period.shape[place]:
            raise UnsteadyError
        period = period.take(range(first, first + axis.stride), place)
        earlier = earlier.take(range(before, before + axis.stride), place)
    if np.abs(period - earlier).max(initial=0.0) > _SAME * np.abs(values).max(initial=0.0):
        raise UnsteadyError
    return period


def _common_shift(ready: ReadyPart) -> tuple[float, ...] | None:
    """Return how far a part moves a pixel along each axis, in output pixels.

    None if the part's inputs are moved differently, or a convolution skips pixels.
    """
    if any(set(int_attribute(node, "strides")) - {1} and "Transpose" not in node.op_type
           for node in ready.part.weighted_nodes):  # fmt: skip
        return None
    shifts = {_input_shift(ready, name, axis) for name, axis in ready.part.inputs.items()}
    return shifts.pop() if len(shifts) == 1 else None


def _input_shift(ready: ReadyPart, name: str, axis: int) -> tuple[float, ...] | None:
    """Return how far a pixel of an input moves; None if the output is unchanged or not finite."""
    feeds, shape = ready.flat(0.0), ready.shapes[name]
    at: list[int | slice] = [length // 2 for length in shape]
    at[axis % len(shape)] = slice(None)
    feeds[name][tuple(at)] = np.random.default_rng(4).uniform(0.5, 1.5, shape[axis])
    spread = np.abs(ready.run(feeds) - ready.run(ready.flat(0.0)))
    if not 0.0 < spread.max() < inf:
        return None
    places = _in_strides(ready.part, [place for place in at if isinstance(place, int)])
    return tuple(
        _middle(spread, item.place) - item.stride * spot - (item.stride - 1) / 2
        for item, spot in zip(ready.part.axes, places, strict=True)
    )


def _middle(spread: Array, place: int) -> float:
    """Return the middle, along an axis, of the pixels that are not 0."""
    others = tuple(item for item in range(spread.ndim) if item != place)
    lit = np.flatnonzero(spread.max(axis=others) > 1e-5 * spread.max())
    return float(lit[0] + lit[-1]) / 2


def _in_strides(part: Part, spots: list[int]) -> list[int]:
    """Return the position of an input pixel along each picture axis, in strides."""
    result = dict[int, int]()
    for axis in sorted(part.axes, key=lambda axis: -max(axis.steps)):
        longest = int(np.argmax(axis.steps))
        result[axis.place] = spots[longest] // axis.steps[longest]
        spots[longest] -= result[axis.place] * axis.steps[longest]
    return [result[axis.place] for axis in part.axes]
