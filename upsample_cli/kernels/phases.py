"""The output phases of a transposed convolution: sums and moments of the taps that feed them.

Output n = s i - p + d t takes tap t of input i, so tap t belongs to phase (d t - p) mod s.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Moments that differ by less, relative to the sizes of their taps, differ by rounding to float32.
_EQUAL = 1e-6
_ROUNDING = 1e-7  # of the sizes of the taps: rounding to float32 leaves as much of a sum of 0
HIGHEST_ORDER = 12  # that `strang_fix_order` looks for


def phase_sums(
    taps: NDArray[Any],
    stride: Sequence[int],
    padding: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> NDArray[np.float64]:
    """Return the sum of the taps that feed each output phase: its gain on a flat picture.

    Args:
        taps: Shape (..., k1, ..., kN): any axes, then one for each axis of the picture.
        stride: Output pixels per input pixel along each of the N axes.
        padding: Output pixels cropped before the first along each; by default 0.
        dilation: Output pixels from one tap to the next along each; by default 1.

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
        # Each axis in turn is summed away, and its phases become the last axis.
        sums = np.tensordot(sums, phase[:, None] == np.arange(s), axes=(-count, 0))
    return np.asarray(sums)


def without_rounding(
    sums: NDArray[np.float64], size: float | NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return sums of taps in which what rounding leaves of 0 is 0.

    Args:
        sums: Any shape.
        size: The sums of the absolute taps; a number, or a shape that broadcasts.

    >>> edge = np.array([0.1, 0.2, -0.3])
    >>> without_rounding(edge.sum(), np.abs(edge).sum()).tolist()
    0.0
    """
    return np.where(np.abs(sums) <= _ROUNDING * size, 0.0, sums)


def blurred(sums: NDArray[Any], blur: NDArray[Any], axes: int) -> NDArray[np.float64]:
    """Return the phase sums after a convolution on the output grid.

    The phases of a flat picture repeat, so that is a cyclic convolution over one period.

    Args:
        sums: Shape (..., s1, ..., sN), phase sums before.
        blur: Likewise, the phase sums of the convolution's taps.
        axes: N, the number of axes of phases.

    >>> blurred(np.array([4.0, 2.0]), phase_sums(np.array([0.25, 0.5, 0.25]), (2,)), 1).tolist()
    [3.0, 3.0]
    """
    over = tuple(range(-axes, 0))
    spectrum = np.fft.rfftn(np.asarray(sums, np.float64), axes=over)
    spectrum = spectrum * np.fft.rfftn(np.asarray(blur, np.float64), axes=over)
    return np.fft.irfftn(spectrum, s=np.shape(sums)[-axes:], axes=over)


def first_moments(
    taps: NDArray[Any], stride: Sequence[int], padding: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Return for each axis the phase sums of the taps times their distance from the middle.

    The arguments are those of `phase_sums`. The result has shape (N, s1, ..., sN), in output
    pixels.
    """
    moments = (taps * place for place in _places(taps))
    return np.array([phase_sums(moment, stride, padding) for moment in moments])


def overlaps(
    size: Sequence[int], stride: Sequence[int], dilation: Sequence[int] | None = None
) -> list[NDArray[np.int64]]:
    """Return for each axis how many of its taps feed each phase; see `phase_sums`.

    >>> [axis.tolist() for axis in overlaps((3, 4), (2, 2))]
    [[2, 1], [2, 2]]
    """
    settings = zip(size, stride, dilation or (1,) * len(stride), strict=True)
    return [np.bincount(d * np.arange(k) % s, minlength=s) for k, s, d in settings]


def strang_fix_order(taps: NDArray[Any], stride: Sequence[int]) -> int:
    """Return how many orders of polynomials pass without a pattern of the stride's period.

    0: not even flat pictures pass; 1: they do (balanced); 2: ramps too; up to `HIGHEST_ORDER`.
    The arguments are those of `phase_sums`.

    Source: G. Strang, G. Fix, "A Fourier analysis of the finite element variational method", 1971.

    >>> strang_fix_order(np.ones((3, 3)), (2, 2)), strang_fix_order(np.ones((2, 2)), (2, 2))
    (0, 1)
    >>> strang_fix_order(np.outer([1, 2, 1], [1, 2, 1]), (2, 2))
    2
    """
    places = [place / max(1.0, abs(place).max()) for place in _places(taps)]
    for order in range(HIGHEST_ORDER):
        for powers in product(range(order + 1), repeat=len(places)):
            if sum(powers) != order:
                continue
            moments = taps
            for place, power in zip(places, powers, strict=True):
                moments = moments * place**power
            if np.ptp(phase_sums(moments, stride)) > _EQUAL * np.abs(moments).sum():
                return order
    return HIGHEST_ORDER


def _places(taps: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Return for each axis the taps' distances from the middle, along that axis."""
    grids = np.ogrid[tuple(slice(length) for length in taps.shape)]
    return [grid - (length - 1) / 2 for grid, length in zip(grids, taps.shape, strict=True)]
