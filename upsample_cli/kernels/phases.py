"""The output phases of a transposed convolution: the sums of their taps, and how to equalise them.

With stride s, padding p and dilation d, tap t of input i feeds output s i - p + d t: its phase is
(d t - p) mod s.

The nearest balanced kernel is a projection, in closed form for each phase. The taps of a phase lie
on a grid, over which 1 and the distances from the grid's middle along each axis are orthogonal. So
the least change that corrects a phase's sum is the same for all its taps, and the least change that
corrects its first moment along an axis is proportional to the distance; neither undoes the other.
All sums are set to their mean; all moments along an axis are set to the value that changes the taps
least. The conditions are symmetric, so symmetric taps stay symmetric.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError

Floats: TypeAlias = NDArray[np.float64]

# Moments that differ by less, relative to the sum of their absolute terms, differ only by rounding
# to float32.
_EQUAL = 1e-6
_ROUNDING = 1e-7  # of the sum of absolute taps: what float32 rounding leaves of a sum of 0
HIGHEST_ORDER = 12  # the highest result of `strang_fix_order`


def phase_sums(
    taps: NDArray[Any],
    stride: Sequence[int],
    padding: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> Floats:
    """Return the sum of the taps that feed each output phase: its gain on a flat picture.

    Args:
        taps: Shape (..., k1, ..., kN): any axes, then one for each axis of the picture.
        stride: Output pixels per input pixel along each of the N axes.
        padding: Output pixels cropped before the first along each axis; by default 0.
        dilation: Output pixels from one tap to the next along each axis; by default 1.

    Returns:
        Shape (..., s1, ..., sN).

    >>> phase_sums(np.ones((3, 3)), (2, 2)).tolist()
    [[4.0, 2.0], [2.0, 1.0]]
    """
    count = len(stride)
    sums = np.asarray(taps, np.float64)
    settings = zip(stride, padding or (0,) * count, dilation or (1,) * count, strict=True)
    for s, p, d in settings:
        phase = (d * np.arange(sums.shape[-count]) - p) % s
        # Each axis in turn is summed over, and its phases become the last axis.
        sums = np.tensordot(sums, phase[:, None] == np.arange(s), axes=(-count, 0))
    return np.asarray(sums)


def without_rounding(sums: Floats, size: float | NDArray[np.floating[Any]]) -> Floats:
    """Return sums of taps, where those that differ from 0 only by rounding are set to 0.

    Args:
        sums: Any shape.
        size: The sums of the absolute taps; a number, or an array that broadcasts with `sums`.

    >>> edge = np.array([0.1, 0.2, -0.3])
    >>> without_rounding(edge.sum(), np.abs(edge).sum()).tolist()
    0.0
    """
    return np.where(np.abs(sums) <= _ROUNDING * size, 0.0, sums)


def first_moments(
    taps: NDArray[Any], stride: Sequence[int], padding: Sequence[int] | None = None
) -> Floats:
    """Return the phase sums of taps times their signed distance from the middle, for each axis.

    The arguments are those of `phase_sums`, without leading axes of `taps`. The result has shape
    (N, s1, ..., sN); the distances are in output pixels.
    """
    moments = (taps * distance for distance in _distances(taps))
    return np.array([phase_sums(moment, stride, padding) for moment in moments])


def strang_fix_order(taps: NDArray[Any], stride: Sequence[int]) -> int:
    """Return how many degrees of polynomials, from 0 up, get no pattern of the stride's period.

    0: even flat pictures get one; 1: flat pictures get none (balanced); 2: nor do ramps; and so on,
    up to `HIGHEST_ORDER`.
    The arguments are those of `phase_sums`.

    Source: G. Strang, G. Fix, "A Fourier analysis of the finite element variational method", 1971.

    >>> strang_fix_order(np.ones((3, 3)), (2, 2)), strang_fix_order(np.ones((2, 2)), (2, 2))
    (0, 1)
    >>> strang_fix_order(np.outer([1, 2, 1], [1, 2, 1]), (2, 2))
    2
    """
    distances = [axis / max(1.0, abs(axis).max()) for axis in _distances(taps)]
    for order in range(HIGHEST_ORDER):
        for powers in product(range(order + 1), repeat=len(distances)):
            if sum(powers) != order:
                continue
            moments = taps
            for distance, power in zip(distances, powers, strict=True):
                moments = moments * distance**power
            if np.ptp(phase_sums(moments, stride)) > _EQUAL * np.abs(moments).sum():
                return order
    return HIGHEST_ORDER


def _distances(taps: NDArray[Any]) -> list[Floats]:
    """Return the signed distances of the taps from the middle, along each axis."""
    grids = np.ogrid[tuple(slice(length) for length in taps.shape)]
    return [grid - (length - 1) / 2 for grid, length in zip(grids, taps.shape, strict=True)]


def balanced(taps: NDArray[Any], stride: tuple[int, ...], ramp: bool = False) -> Floats:
    """Return the nearest taps, in least squares, whose phase sums are all equal.

    Args:
        taps: Shape (..., k1, ..., kN); each kernel of the leading axes is balanced separately and
            keeps its overall sum.
        stride: Output pixels per input pixel along each of the N axes.
        ramp: Whether to make first moments equal too, so that ramps stay ramps.

    Returns:
        The same shape, float64.

    Raises:
        SettingError: No taps of this size can be balanced for this stride.

    >>> balanced(np.full((3, 3), 4 / 9), (2, 2)).round(9).tolist()  # gives bilinear
    [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    size = taps.shape[-len(stride) :]
    _check(size, stride, ramp)
    kernels = np.array(taps, np.float64).reshape(-1, *size)
    goal = _total(kernels) / np.prod(stride)
    for _ in range(2):  # the second pass corrects the rounding of the first
        for _, phase in _phases(kernels, stride):
            phase += (goal - _total(phase)) / phase[0].size
        if ramp:
            for axis in range(len(stride)):
                _equalise_moments(kernels, stride, axis, goal)
    return kernels.reshape(taps.shape)


def _check(size: tuple[int, ...], stride: tuple[int, ...], ramp: bool) -> None:
    """Raise a `SettingError` for kernels that are too small to be balanced."""
    for k, s in zip(size, stride, strict=True):
        if k < s:
            raise SettingError(
                f"kernel {k} is smaller than stride {s}, so that some outputs have no taps to "
                f"mend; use kernel {s} or {2 * s}"
            )
        # Two phases of one tap each have different moments, which cannot change.
        if ramp and k < 2 * s - 1:
            raise SettingError(
                f"no kernel of {k} taps keeps ramps at stride {s}; leave --ramp out, or use "
                f"{2 * s - 1} taps or more"
            )


def _equalise_moments(kernels: Floats, stride: tuple[int, ...], axis: int, goal: Floats) -> None:
    """Make the phases' first moments along an axis equal, in place, changing the taps least."""
    parts = []  # for each phase: taps, their distances from its middle, the sum of squares, moments
    for first, taps in _phases(kernels, stride):
        distances = stride[axis] * _distances(taps[0])[axis]
        middle = first[axis] - distances.flat[0]
        squares = float(np.broadcast_to(distances**2, taps.shape[1:]).sum())
        parts.append((taps, distances, squares, middle * goal + _total(taps * distances)))
    fixed = [moments for _, _, squares, moments in parts if not squares]
    if fixed:  # the moment of a phase with one tap along the axis cannot change
        common = fixed[0]
    else:
        shares = np.array([1 / squares for _, _, squares, _ in parts])
        common = np.tensordot(shares, [moments for *_, moments in parts], 1) / shares.sum()
    for taps, distances, squares, moments in parts:
        if squares:
            taps += (common - moments) / squares * distances


def _phases(kernels: Floats, stride: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Yield each phase: the index of its first tap, and a view of its taps in every kernel."""
    for first in np.ndindex(*stride):
        steps = (slice(a, None, s) for a, s in zip(first, stride, strict=True))
        yield first, kernels[(slice(None), *steps)]


def _total(taps: Floats) -> Floats:
    """Return the sum of each kernel's taps, with all axes kept."""
    return np.asarray(taps.sum(axis=tuple(range(1, taps.ndim)), keepdims=True))
