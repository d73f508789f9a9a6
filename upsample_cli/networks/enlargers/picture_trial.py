"""Finds the form, scale and range of a network, and its pattern, by running small pictures."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import NetworkFileError, SettingError
from upsample_cli.planes import Planes

SIDE = 48
"""Height and width, in pixels, of the first picture to try."""

MULTIPLES: tuple[int, ...] = (*range(1, 17), 18, 20, 24, 28, 32, 40, 48, 56, 64)
"""Input pixels: of what the sides of a picture may have to be multiples."""

EQUAL = 4e-3
"""Of full scale, about a level of 255: two runs that differ by less are the same."""

_LEVELS = (0.25, 0.5, 0.75)
_CLEAR = 0.02  # of full scale: flat pictures that change less say that the range is right
_NEAR = 0.1  # of full scale: the most that flat pictures change where the ranges differ
_BOUND = 1.01  # a network whose numbers are below is bounded to 1, with room for rounding

Run = Callable[[Planes], Planes]
"""Takes planes, shape (C, H, W), 0..1; returns the output planes of a network."""


class Range(NamedTuple):
    """The values that a network has for black and white."""

    black: float
    white: float

    def values(self, planes: Planes) -> Planes:
        """Return planes of 0..1 in this range."""
        if self == UNIT:
            return planes
        return planes * np.float32(self.white - self.black) + np.float32(self.black)

    def planes(self, values: Planes) -> Planes:
        """Return values of this range as planes of 0..1."""
        if self == UNIT:
            return values
        return (values - np.float32(self.black)) / np.float32(self.white - self.black)


UNIT = Range(0.0, 1.0)
RANGES = {"1": UNIT, "255": Range(0.0, 255.0), "-1": Range(-1.0, 1.0)}
"""The ranges that networks have, by the name of each in `--model-range`."""


class Form(NamedTuple):
    """How a network takes and gives pictures, apart from their size.

    Args:
        channels: As in `ImageModel`.
        is_last: Whether channels come last.
        takes: The range of its input.
        gives: The range of its output.
    """

    channels: int
    is_last: bool
    takes: Range = UNIT
    gives: Range = UNIT


def form_of(
    path: str, shape: list[Any], runner: Callable[[Form], Run]
) -> tuple[Form, tuple[int, int] | None, int]:
    """Return a network's form, its input size if that is fixed, and the multiple it needs."""
    failure = f"{path} takes {shape}, not a picture; give a network that enlarges pictures"
    for form, multiple in product(_forms(shape), MULTIPLES):
        space = shape[1:3] if form.is_last else shape[2:]
        size = (space[0], space[1]) if all(isinstance(n, int) and n > 0 for n in space) else None
        side = least_odd_multiple(SIDE, multiple)
        # No larger multiple divides both sides.
        trial = size or (side, side + 2 * multiple)
        try:
            runner(form)(np.full((form.channels, *trial), 0.5, np.float32))
        except NetworkFileError as error:
            failure = str(error)
            continue
        return form, size, multiple
    raise SettingError(failure)


def _forms(shape: list[Any]) -> Iterator[Form]:
    """Yield the forms that the shape of an input allows, the likeliest first."""
    for is_last in (False, True):
        channels = shape[3] if is_last else shape[1]
        for count in (3, 1):
            if channels == count or (not isinstance(channels, int) and not is_last):
                yield Form(count, is_last)


def scale_of(
    path: str, run: Run, form: Form, size: tuple[int, int] | None, multiple: int
) -> tuple[int, int, int]:
    """Return output pixels per input pixel, those left off at each edge, and the multiple.

    If a network rounds its output size up, the true multiple is larger than `multiple`.
    """
    failure = ""
    for step in [multiple] if size else [n for n in MULTIPLES if n % multiple == 0]:
        small = size or (least_odd_multiple(SIDE, step),) * 2
        large = size or (small[0] + step, small[1] + 2 * step)
        before, after = (run(np.zeros((form.channels, *n), np.float32)).shape
                         for n in (small, large))  # fmt: skip
        scale = -(-before[1] // size[0]) if size else (after[1] - before[1]) // step
        border = (scale * small[0] - before[1]) // 2
        sizes = [tuple(scale * n - 2 * border for n in one) for one in (small, large)]
        failure = failure or (
            f"{path} gives {before[2]}x{before[1]} pixels of {before[0]} channels for "
            f"{small[1]}x{small[0]} of {form.channels}; give a network that enlarges pictures"
        )
        if before[0] != form.channels or [before[1:], after[1:]] == sizes:
            break
    if before[0] != form.channels or [before[1:], after[1:]] != sizes or scale < 2 or border < 0:
        raise SettingError(failure)
    if size and border and not _is_moved(run, form.channels, size, scale):
        raise SettingError(failure)  # it has another scale, and leaves off nothing
    return scale, border, step


def _is_moved(run: Run, channels: int, size: tuple[int, int], scale: int) -> bool:
    """Return whether a picture that begins a pixel later has the same output, moved by `scale`."""
    picture = np.random.default_rng(0).random((channels, size[0] + 1, size[1] + 1), np.float32)
    early, late = run(picture[:, :-1, :-1]), run(picture[:, 1:, 1:])
    change = _middle(early[:, scale:, scale:] - late[:, :-scale, :-scale])
    return bool(np.abs(change).max() <= EQUAL * np.abs(early).max())


def with_ranges(
    form: Form, runner: Callable[[Form], Run], trial: tuple[int, int], takes: Range | None = None
) -> tuple[Form, float]:
    """Return a form with the ranges with which flat pictures change least, and their mean change.

    The change is relative to full scale.

    The input's is 0..1 if they change little then: whatever changes a picture by a bounded amount,
    as after a normalisation, changes one of 0..255 less. It is -1..1 only if that is given: a
    network of -1..1 keeps flat pictures of 0..1, too. The output's is another than the input's only
    if flat pictures then come out nearly as they are.

    Args:
        form: The network's form but for the ranges.
        runner: Returns a `Run` for a form.
        trial: Height and width of a picture that the network takes.
        takes: The range of its input, if that is known.
    """
    flats = [(level, np.full((form.channels, *trial), level, np.float32)) for level in _LEVELS[::2]]
    errors = dict[Form, float]()
    for one in [takes] if takes else [UNIT, RANGES["255"]]:
        run = runner(form._replace(takes=one, gives=UNIT))
        outputs = [(level, run(flat)) for level, flat in flats]
        for gives in (one, *RANGES.values()):
            changes = [_flat_error(values, level, gives) for level, values in outputs]
            error = sum(changes) / len(changes)
            if one == gives or error < _NEAR:
                errors[form._replace(takes=one, gives=gives)] = error
    clear = (one for one, error in errors.items() if error < _CLEAR)
    best = next(clear, min(errors, key=lambda one: errors[one]))
    return best, errors[best]


def _flat_error(values: Planes, level: float, gives: Range) -> float:
    """Return how far the output for a flat picture is from its level, if the output has a range.

    It is infinite if white is 255 there but the values are within 1, as after a tanh: divided by
    255, they would all be nearly 0.
    """
    is_bounded = gives.white > 1 and float(np.abs(values).max()) < _BOUND
    return inf if is_bounded else abs(float(_middle(gives.planes(values)).mean()) - level)


def least_of(run: Run, channels: int, multiple: int) -> int:
    """Return the least side, in pixels, that a network takes: mirrored edges need a few pixels."""
    for side in range(multiple, SIDE, multiple):
        with suppress(NetworkFileError):
            run(np.zeros((channels, side, side), np.float32))
            return side
    return least_odd_multiple(SIDE, multiple)


def flat_ripple(run: Run, channels: int, trial: tuple[int, int], period: int) -> float:
    """Return the largest RMS of the pattern in the output for flat pictures, over their level."""
    flats = {level: np.full((channels, *trial), level, np.float32) for level in _LEVELS}
    return max(phase_spread(run(one), (period, period)) / level for level, one in flats.items())


def phase_spread(planes: Planes, period: tuple[int, int]) -> float:
    """Return the RMS of the pattern of a period, down and across, in the middle of planes.

    In a deep network the borders have effects far inside, but these do not repeat, so averaging
    each phase over the periods reduces them.
    """
    (height, width), (down, across) = period, planes.shape[1:]
    rows, columns = max(1, down // 2 // height), max(1, across // 2 // width)
    top, left = (down - rows * height) // 2, (across - columns * width) // 2
    middle = planes[:, top : top + rows * height, left : left + columns * width]
    phases = middle.reshape(len(planes), rows, height, columns, width).mean(
        (1, 3), dtype=np.float64
    )
    return float(np.sqrt(np.square(phases - phases.mean((1, 2), keepdims=True)).mean()))


def _middle(planes: Planes) -> NDArray[np.float32]:
    """Return the middle half of planes along each axis, away from the effects of borders."""
    top, left = (n // 4 for n in planes.shape[1:])
    return planes[:, top : planes.shape[1] - top, left : planes.shape[2] - left]


def least_odd_multiple(side: int, multiple: int) -> int:
    """Return the least odd multiple of `multiple` that is at least `side`, in pixels."""
    count = -(-side // multiple)
    return (count + 1 - count % 2) * multiple


def reason(error: Exception) -> str:
    """Return the message of an onnxruntime error, in one line without its codes."""
    text = " ".join(str(error).split()).replace(";", ",")
    return (text.rpartition(" : ")[2] or type(error).__name__)[:160]
