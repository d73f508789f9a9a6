"""A network as a whole: the pattern in its output for pictures, mainly for flat pictures."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from math import inf, lcm, nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from onnx import helper

from upsample_cli.networks.enlargers.picture_trial import Form, Run, phase_spread, with_ranges
from upsample_cli.networks.model_graph import Array, Network, RunError, Session
from upsample_cli.planes import Planes

WHITE = 255.0
# Pixels, heights and widths of a picture where the network takes any size: some take only
# multiples of 64.
_SIDES = (96, 128)
_LONGEST = 64  # pixels of a pattern's period, at most
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_ENDS = {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)}
_COLOURS = {
    "red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0), "skin": (0.9, 0.7, 0.6),
}  # fmt: skip


class PictureNetwork(NamedTuple):
    """A network that turns a picture into a picture.

    Args:
        run: Returns its output planes for planes of its channels and size; may raise a
            `RunError`.
        form: How it takes pictures: channels, their place, and the ranges.
        size: Height and width, in pixels, of the picture that it takes.
        stride: Output pixels per input pixel, down and across.
        period: Output pixels down and across after which the pattern of a flat picture repeats.
    """

    run: Run
    form: Form
    size: tuple[int, int]
    stride: tuple[int, int]
    period: tuple[int, int]

    def flat(self, end: float = inf) -> dict[str, float]:
        """Return the RMS of the pattern in the output, in levels of 255, for each flat picture.

        It is NaN if the output is not finite. If a channel of the picture is 0 or 1, the output is
        first clipped to 0..1, as in a file.

        Args:
            end: The time by `perf_counter` after which to raise a `TimeoutError`.
        """
        colours = _ENDS | {f"grey {level:g}": (level,) * 3 for level in _LEVELS}
        colours |= _COLOURS if self.form.channels == 3 else {}
        result = dict[str, float]()
        for name, colour in colours.items():
            if perf_counter() > end:
                raise TimeoutError
            pixel = np.array(colour[: self.form.channels], np.float32)[:, None, None]
            planes = self.run(np.broadcast_to(pixel, (len(pixel), *self.size)))
            is_finite = np.isfinite(planes).all()
            planes = planes.clip(0.0, 1.0) if {0.0, 1.0} & set(colour) else planes
            result[name] = WHITE * phase_spread(planes, self.period) if is_finite else nan
        return result


def picture_networks(
    network: Network, strides: Sequence[tuple[float, ...]]
) -> dict[str, PictureNetwork]:
    """Return a `PictureNetwork` for each output of a network that is a picture, by its name.

    Args:
        network: The network, after a trial run.
        strides: The stride of each layer that upsamples, in the order in which the layers run.
    """
    networks = {name: _with_output(network, name, strides) for name in network.outputs}
    return {name: one for name, one in networks.items() if one}


def _with_output(
    network: Network, output: str, strides: Sequence[tuple[float, ...]]
) -> PictureNetwork | None:
    """Return the `PictureNetwork` of one output; None if it turns no picture into a picture."""
    pictures = [name for name, array in network.feeds.items() if array.ndim == 4]
    is_picture = len(network.shapes.get(output, ())) == 4 and 0 not in network.shapes[output]
    if len(pictures) != 1 or not is_picture:
        return None
    shape, result = network.shapes[pictures[0]], network.shapes[output]
    is_last = shape[1] not in (1, 3) and shape[3] in (1, 3)
    channels, space = (3, slice(1, 3)) if is_last else (1, slice(2, 4))
    if shape[channels] not in (1, 3) or result[channels] not in (1, 3, 4):
        return None
    runs = [
        partial(_run, session, network.feeds, pictures[0], output)
        for session in _sessions(network, output)
    ]
    form = Form(shape[channels], is_last)
    (height, width), after = shape[space], result[space]
    fixed = _fixed_size(network, pictures[0], space)
    squares = [(side, side) for side in _SIDES]
    for run, size in product(runs, (*squares, (height, width), *fixed)):
        grey = np.full((shape[channels], *size), 0.5, np.float32)
        try:
            outcome = run(form, grey).shape[1:]
            stride = _stride(size, outcome, (height, width), after)
            if stride is None:
                continue
            down, across = (_period(stride[axis], strides, axis, outcome[axis]) for axis in (0, 1))
            if down * across > 1 and max(down, across) <= _LONGEST:
                form, _ = with_ranges(form, partial(partial, run), size)
                return PictureNetwork(partial(run, form), form, size, stride, (down, across))
        except (RunError, ValueError):
            continue
    return None


def _stride(
    size: tuple[int, int], size_out: tuple[int, ...],
    other: tuple[int, int], other_out: tuple[int, ...],
) -> tuple[int, int] | None:  # fmt: skip
    """Return output pixels per input pixel, down and across; None if they are not whole numbers.

    How the output grows from one run to the other tells them, whatever is left off or added at the
    borders. Along an axis of one size in both runs, that must be nothing: a border could not be
    told from another scale.
    """
    scales = list[int]()
    for before, after, first, first_out in zip(size, size_out, other, other_out, strict=True):
        grown, by = (after - first_out, before - first) if before != first else (after, before)
        scale, rest = divmod(grown, by)
        if rest or scale < 1:
            return None
        scales.append(scale)
    return scales[0], scales[1]


def _period(scale: int, strides: Sequence[tuple[float, ...]], axis: int, length: int) -> int:
    """Return the period, in output pixels, of a pattern to look for along an axis.

    Each layer multiplies the period of the layers before it. As many layers count, from the last
    on, as two thirds of the output's `length` pixels hold, away from its borders.
    """
    multiple, limit = 1, min(_LONGEST, length * 2 // 3)
    for stride in reversed(strides):
        longer = multiple * max(1, int(stride[axis] if len(stride) == 2 else max(stride)))
        if lcm(scale, longer) <= limit:
            multiple = longer
    return lcm(scale, multiple)


def _sessions(network: Network, output: str) -> Iterator[Session]:
    """Yield sessions of a network, the best first: its file if that rounds, and its nodes.

    Rounding also cuts values off, as a Relu does: quantisers leave out the Relu then.
    """
    kinds = {
        name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in network.feeds.items()
    }
    if network.rounding_file:
        with suppress(RunError):
            yield Session(network.rounding_file, optimised=True)
    with suppress(RunError):
        yield network.session_of(network.nodes, kinds, [output], kinds, optimised=True)


def _fixed_size(network: Network, picture: str, space: slice) -> list[tuple[int, int]]:
    """Return the height and width that the file says a picture has; nothing if it says neither."""
    (value,) = (value for value in network.inputs if value.name == picture)
    height, width = (dim.dim_value for dim in value.type.tensor_type.shape.dim[space])
    return [(height, width)] if min(height, width) > 0 else []


def _run(
    session: Session, feeds: Mapping[str, Array], name: str, output: str, form: Form, planes: Planes
) -> Planes:
    """Return a network's output planes for input planes."""
    picture = form.takes.values(planes)
    picture = np.moveaxis(picture, 0, -1) if form.is_last else picture
    feeds = {**feeds, name: np.ascontiguousarray(picture[None], np.float32)}
    outcome = session.run(feeds)[output]
    outcome = np.moveaxis(outcome, -1, 1) if form.is_last else outcome
    return form.gives.planes(np.asarray(outcome[0], np.float64))
