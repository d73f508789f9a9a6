"""The nearest balanced kernel: a projection, in closed form for each phase.

The taps of a phase lie on a grid, over which 1 and the distances from the grid's middle along each
axis are orthogonal. So the least change that mends a phase's sum is the same for all its taps, and
the least that mends its first moment along an axis grows with the distance; neither undoes the
other. Sums become their mean; moments become equal at the value that moves the taps least.

Conditions seen in a mirror are the same conditions, so that symmetric taps stay symmetric.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError

Floats: TypeAlias = NDArray[np.float64]


def balanced(taps: NDArray[Any], stride: tuple[int, ...], ramp: bool = False) -> Floats:
    """Return the nearest taps, in least squares, whose phase sums are all equal.

    Args:
        taps: Shape (..., k1, ..., kN); each kernel of the leading axes is mended by itself and
            keeps its overall sum.
        stride: Output pixels per input pixel along each of the N axes.
        ramp: Whether first moments are to be equal too, so that ramps stay ramps.

    Returns:
        The same shape, float64.

    Raises:
        SettingError: No taps of this size and stride can do that.

    >>> balanced(np.full((3, 3), 4 / 9), (2, 2)).round(9).tolist()  # bilinear
    [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    size = taps.shape[-len(stride) :]
    _check(size, stride, ramp)
    found = np.array(taps, np.float64).reshape(-1, *size)
    goal = found.reshape(len(found), -1).sum(axis=1) / np.prod(stride)
    for _ in range(2):  # the second time mends the rounding of the first
        for phase in _phases(found, stride):
            count = phase[0].size
            phase += _spread((goal - _total(phase)) / count, phase.ndim)
        if ramp:
            for axis in range(len(stride)):
                _mend_moments(found, stride, axis, goal)
    return found.reshape(taps.shape)


def _check(size: tuple[int, ...], stride: tuple[int, ...], ramp: bool) -> None:
    for k, s in zip(size, stride, strict=True):
        if k < s:
            raise SettingError(
                f"kernel {k} is smaller than stride {s}, so that some outputs have no taps to "
                f"mend; use kernel {s} or {2 * s}"
            )
        # Two phases of one tap each cannot both have it in the right place.
        if ramp and k < 2 * s - 1:
            raise SettingError(
                f"no kernel of {k} taps keeps ramps at stride {s}; leave --ramp out, or use "
                f"{2 * s - 1} taps or more"
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Lever:
    """The taps of a phase, with their distances from their middle along an axis.

    Args:
        taps: Shape (kernels, n1, ..., nN), a view.
        arms: The distances, broadcasting against a kernel's taps.
        inertia: The sum of their squares over a kernel's taps.
        moments: Shape (kernels,), first moments about the kernel's first tap.
    """

    taps: Floats
    arms: Floats
    inertia: float
    moments: Floats


def _mend_moments(found: Floats, stride: tuple[int, ...], axis: int, goal: Floats) -> None:
    """Make the first moments along an axis equal at the value that is nearest, in place."""
    levers = [_lever(*each, stride, axis, goal) for each in _placed(found, stride)]
    fixed = [each for each in levers if each.inertia == 0.0]
    if fixed:  # a single tap is where it is
        common = fixed[0].moments
    else:
        shares = np.array([1 / each.inertia for each in levers])
        common = np.tensordot(shares, [each.moments for each in levers], 1) / shares.sum()
    for each in levers:
        if each.inertia:
            change = (common - each.moments) / each.inertia
            each.taps[...] += _spread(change, each.taps.ndim) * each.arms


def _lever(
    first: tuple[int, ...], taps: Floats, stride: tuple[int, ...], axis: int, goal: Floats
) -> _Lever:
    places = first[axis] + stride[axis] * np.arange(taps.shape[1 + axis])
    middle = places.mean()
    arms = (places - middle).reshape([-1 if each == axis else 1 for each in range(len(stride))])
    inertia = float(np.broadcast_to(arms**2, taps.shape[1:]).sum())
    return _Lever(taps, arms, inertia, middle * goal + _total(taps * arms))


def _placed(found: Floats, stride: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Yield the first tap of each phase, and a view of the phase's taps in every kernel."""
    for first in np.ndindex(*stride):
        steps = (slice(a, None, s) for a, s in zip(first, stride, strict=True))
        yield first, found[(slice(None), *steps)]


def _phases(found: Floats, stride: tuple[int, ...]) -> Iterator[Floats]:
    return (taps for _, taps in _placed(found, stride))


def _total(taps: Floats) -> Floats:
    """Return the sum of each kernel's taps."""
    return np.asarray(taps.reshape(len(taps), -1).sum(axis=1))


def _spread(values: Floats, axes: int) -> Floats:
    """Return one value a kernel in the shape that broadcasts against its taps."""
    return values.reshape(-1, *(1,) * (axes - 1))
