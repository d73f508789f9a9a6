"""Interpolants such as bicubic or Lanczos, and the stages that resample with them.

An interpolant phi is an even function of the distance to a sample, in input pixels. The
interpolated value at position u is sum_i phi(u - i) x[i].
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import gcd

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.stages import Band, Separable
from upsample_cli.planes import Size

Distances = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Interpolant:
    """An interpolating function and its support.

    Args:
        name: Its name.
        function: phi, a function of distances of any shape, in input pixels.
        support: The distance at and beyond which phi is 0, in input pixels.
    """

    name: str
    function: Callable[[Distances], Distances]
    support: float

    def __call__(self, distance: Distances) -> Distances:
        """Return phi at distances of any shape, in input pixels; 0 outside the support."""
        return np.where(np.abs(distance) < self.support, self.function(distance), 0.0)


def _keys(x: Distances) -> Distances:
    # Keys 1981, equation 15 with a = -1/2: third-order accurate.
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1.0, near, far)


def _exact_at_samples(x: Distances, values: Distances) -> Distances:
    """Return values at distances `x`; at whole ones exactly 0, and 1 at a distance of 0."""
    return np.where(x == np.rint(x), x == 0.0, values)


BILINEAR = Interpolant("bilinear", lambda x: 1.0 - np.abs(x), 1.0)
"""The triangle: B-spline of order 1."""

BICUBIC = Interpolant("bicubic", _keys, 2.0)
"""Keys' cubic convolution, a = -0.5 (MATLAB's and Pillow's bicubic).

Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
"""

LANCZOS = Interpolant("lanczos", lambda x: _exact_at_samples(x, np.sinc(x) * np.sinc(x / 3.0)), 3.0)
"""The sinc, windowed by the main lobe of a sinc three times as wide.

Source: C. Duchon, "Lanczos filtering in one and two dimensions", 1979.
"""

AREA = Interpolant("area", np.ones_like, 0.5)
"""The box: on an axis shrunk by a whole factor, an output is the mean of the pixels under it."""


def gaussian(deviation: float) -> Interpolant:
    """Return a Gaussian of standard deviation `deviation` input pixels, cut at four deviations."""
    return Interpolant("gaussian", lambda x: np.exp(-0.5 * (x / deviation) ** 2), 4 * deviation)


def b_spline(order: int, x: Distances) -> Distances:
    """Return the centred B-spline of `order`, 0 to 5, at distances `x` in input pixels.

    Source: M. Unser, "Splines: a perfect fit for signal and image processing", 1999, equation 6
        (the recursion over the order).

    >>> b_spline(3, np.array([0.0, 1.0, 2.0])).round(4).tolist()
    [0.6667, 0.1667, 0.0]
    """
    if order == 0:
        return ((x >= -0.5) & (x < 0.5)).astype(np.float64)
    half = (order + 1) / 2
    left = b_spline(order - 1, x + 0.5)
    right = b_spline(order - 1, x - 0.5)
    return ((half + x) * left + (half - x) * right) / order


@lru_cache
def cardinal_spline(order: int) -> Interpolant:
    """Return the interpolating spline of `order`, 1 to 5, as one interpolant.

    Interpolating with B-splines needs a prefilter with an infinite response. The response decays
    exponentially, so it is cut where it falls below 1e-9. Prefilter and B-spline together are then
    one kernel, and spline interpolation is a convolution like any other.

    Source: M. Unser, A. Aldroubi, M. Eden, "B-spline signal processing: part I - theory", 1993,
        section II.D (cardinal splines).
    """
    length = 128
    samples = b_spline(order, np.minimum(np.arange(length), length - np.arange(length)) * 1.0)
    response = np.fft.ifft(1.0 / np.fft.fft(samples).real).real
    reach = int(np.max(np.flatnonzero(np.abs(response[: length // 2]) > 1e-9)))
    offsets = np.arange(-reach, reach + 1)
    weights = response[np.abs(offsets)]

    def phi(x: Distances) -> Distances:
        """Return the sum of shifted B-splines, weighted by the prefilter."""
        return _exact_at_samples(x, b_spline(order, x[..., None] - offsets) @ weights)

    return Interpolant(f"spline {order}", phi, reach + (order + 1) / 2)


def interpolation_band(phi: Interpolant, size_in: int, size_out: int) -> Band:
    """Return the band that resamples an axis with an interpolant.

    Half-pixel centres: output pixel o samples the input at (o + 0.5) size_in / size_out - 0.5.
    When the axis shrinks, phi is widened by the reduction factor (antialiasing). Each row of the
    band is divided by its sum, so a flat picture stays flat.

    Args:
        phi: The interpolant.
        size_in: Input pixels along the axis, 1 or more.
        size_out: Output pixels along the axis, 1 or more.
    """
    step, period = _lowest_terms(size_in, size_out)
    widening = max(1.0, step / period)
    # Each position times 2 `period`, an exact integer, so that equal phases give equal rows.
    position = (2 * np.arange(period, dtype=np.int64) + 1) * step - period
    whole, remainder = np.divmod(position, 2 * period)
    reach = int(np.ceil(phi.support * widening))
    offsets = np.arange(-reach, reach + 2)
    distance = offsets - (remainder / (2 * period))[:, None]
    coefficients = phi(distance / widening)
    coefficients /= coefficients.sum(axis=1, keepdims=True)
    used = np.flatnonzero(np.abs(coefficients).max(axis=0) > 0.0)
    kept = slice(used[0], used[-1] + 1)
    return Band(coefficients[:, kept], whole + offsets[kept.start], step)


def nearest_band(size_in: int, size_out: int) -> Band:
    """Return the band that copies the nearest input pixel: floor((o + 0.5) size_in / size_out)."""
    step, period = _lowest_terms(size_in, size_out)
    starts = (2 * np.arange(period, dtype=np.int64) + 1) * step // (2 * period)
    return Band(np.ones((period, 1)), starts, step)


def resampling(phi: Interpolant, size_in: Size, size_out: Size) -> Separable:
    """Return the stage that resamples planes from one size to another with an interpolant."""
    return Separable(*map(partial(interpolation_band, phi), size_in, size_out))


def spline_resampling(order: int, size_in: Size, size_out: Size) -> Separable:
    """Return the stage of spline interpolation, order 0 to 5; 0 copies the nearest pixel."""
    if order == 0:
        return Separable(*map(nearest_band, size_in, size_out))
    return resampling(cardinal_spline(order), size_in, size_out)


def _lowest_terms(size_in: int, size_out: int) -> tuple[int, int]:
    """Return the least numbers of input and output pixels that span the same length."""
    common = gcd(size_in, size_out)
    return size_in // common, size_out // common
