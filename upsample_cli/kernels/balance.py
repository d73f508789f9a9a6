"""The nearest balanced kernel: a projection, in closed form for each phase.

The taps of a phase lie on a grid, over which 1 and the distances from the grid's middle along each
axis are orthogonal. So the least change that corrects a phase's sum is the same for all its taps,
and the least that corrects its first moment along an axis grows with the distance; neither undoes
the other. All sums become their mean; all moments become the value that changes the taps least.

The conditions are symmetric, so symmetric taps stay symmetric.
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
        taps: Shape (..., k1, ..., kN); each kernel of the leading axes is balanced by itself and
            keeps its overall sum.
        stride: Output pixels per input pixel along each of the N axes.
        ramp: Whether to make first moments equal too, so that ramps stay ramps.

    Returns:
        The same shape, float64.

    Raises:
        SettingError: No taps of this size can be balanced for this stride.

    >>> balanced(np.full((3, 3), 4 / 9), (2, 2)).round(9).tolist()  # bilinear
    [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    size = taps.shape[-len(stride) :]
    _check(size, stride, ramp)
    kernels = np.array(taps, np.float64).reshape(-1, *size)
    goal = _total(kernels) / np.prod(stride)
    for _ in range(2):  # the second time corrects the rounding of the first
        for _, phase in _phases(kernels, stride):
            phase += _broadcast((goal - _total(phase)) / phase[0].size, phase.ndim)
        if ramp:
            for axis in range(len(stride)):
                _equalise_moments(kernels, stride, axis, goal)
    return kernels.reshape(taps.shape)


def _check(size: tuple[int, ...], stride: tuple[int, ...], ramp: bool) -> None:
    """Raise a `SettingError` for kernels that are too small."""
    for k, s in zip(size, stride, strict=True):
        if k < s:
            raise SettingError(
                f"kernel {k} is smaller than stride {s}, so that some outputs have no taps to "
                f"mend; use kernel {s} or {2 * s}"
            )
        # Two phases with one tap each cannot both have it in the right place.
        if ramp and k < 2 * s - 1:
            raise SettingError(
                f"no kernel of {k} taps keeps ramps at stride {s}; leave --ramp out, or use "
                f"{2 * s - 1} taps or more"
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Lever:
    """The taps of a phase along an axis, as a lever about their middle.

    Args:
        taps: Shape (kernels, n1, ..., nN), a view.
        arms: Their distances from the middle, broadcasting against a kernel's taps.
        inertia: The sum of the squared distances over a kernel's taps.
        moments: Shape (kernels,), first moments about the kernel's first tap.
    """

    taps: Floats
    arms: Floats
    inertia: float
    moments: Floats


def _equalise_moments(kernels: Floats, stride: tuple[int, ...], axis: int, goal: Floats) -> None:
    """Make the first moments along an axis equal at the nearest value, in place."""
    levers = [_lever(first, taps, stride, axis, goal) for first, taps in _phases(kernels, stride)]
    fixed = [lever for lever in levers if lever.inertia == 0.0]
    if fixed:  # the moment of a single tap cannot change
        common = fixed[0].moments
    else:
        shares = np.array([1 / lever.inertia for lever in levers])
        common = np.tensordot(shares, [lever.moments for lever in levers], 1) / shares.sum()
    for lever in levers:
        if lever.inertia:
            change = (common - lever.moments) / lever.inertia
            lever.taps[...] += _broadcast(change, lever.taps.ndim) * lever.arms


def _lever(
    first: tuple[int, ...], taps: Floats, stride: tuple[int, ...], axis: int, goal: Floats
) -> _Lever:
    places = first[axis] + stride[axis] * np.arange(taps.shape[1 + axis])
    middle = places.mean()
    arms = (places - middle).reshape([-1 if other == axis else 1 for other in range(len(stride))])
    inertia = float(np.broadcast_to(arms**2, taps.shape[1:]).sum())
    return _Lever(taps, arms, inertia, middle * goal + _total(taps * arms))


def _phases(kernels: Floats, stride: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Yield the place of the first tap of each phase, and a view of its taps in every kernel."""
    for first in np.ndindex(*stride):
        steps = (slice(a, None, s) for a, s in zip(first, stride, strict=True))
        yield first, kernels[(slice(None), *steps)]


def _total(taps: Floats) -> Floats:
    """Return the sum of each kernel's taps."""
    return np.asarray(taps.reshape(len(taps), -1).sum(axis=1))


def _broadcast(values: Floats, axes: int) -> Floats:
    """Return one value for each kernel in the shape that broadcasts against its taps."""
    return values.reshape(-1, *(1,) * (axes - 1))
