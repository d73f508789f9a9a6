"""Exact figures of a kernel or a layer: its checkerboard; a kernel's effect on noise and edges.

On a flat picture of brightness 1, a transposed convolution has one output value per phase, its
phase sum. Ripple is the standard deviation of the phase sums, relative to their mean; by Parseval's
theorem its square is the power of all lines at multiples of the sampling frequency, relative to
that of the flat picture.

In a layer of many channels, each phase multiplies a flat picture, one value per channel, by a
matrix G of output by input channels. With M the mean of G over the phases, ripple is the RMS of
|G - M| over |M| (Frobenius norms): the RMS of the pattern over that of the picture, for independent
channels.

Source: Y. Sugawara, S. Shiota, H. Kiya, "Super-resolution using convolutional neural networks
without any checkerboard artifacts", ICIP 2018 (the condition: all phase sums equal).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WHITE = 255.0  # levels of a white picture
VISIBLE = 0.2 / WHITE  # a ripple of 0.2 level at white: the limit in the verdict on a picture
BALANCED = 1e-6  # ripple of balanced kernels: float32 sums of many taps are no more exact
_ROUNDING = 1e-14  # relative rounding error of float64 sums


def ripple(phase_sums: NDArray[np.float64]) -> float:
    """Return the standard deviation of the phase sums over the absolute value of their mean.

    Args:
        phase_sums: Shape (s, s), the DC gain of each output phase.

    Returns:
        0 or more, without unit; infinity where the mean is 0 but not every sum.

    >>> sums = np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])  # uniform, 3x3 taps, stride 2
    >>> round(ripple(sums), 4)
    0.4843
    """
    # Divided by the largest, so that no square overflows or underflows.
    sums = phase_sums / (np.abs(phase_sums).max() or 1.0)
    return _relative(float(sums.std()), sums)


def peak_to_peak(phase_sums: NDArray[np.float64]) -> float:
    """Return the largest minus the least phase sum, over the absolute value of their mean.

    Args:
        phase_sums: Shape (s, s), the DC gain of each output phase.

    Returns:
        0 or more, without unit; infinity where the mean is 0 but not every sum.

    >>> round(peak_to_peak(np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])), 4)
    1.3333
    """
    return _relative(float(np.ptp(phase_sums)), phase_sums)


def lines(phase_sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitude of each line of the pattern's spectrum over the picture's brightness.

    Args:
        phase_sums: Shape (s1, s2), the DC gain of each output phase.

    Returns:
        Shape (s1, s2): entry (p, q) is the line at p/s1 cycles per pixel down and q/s2 across.
        Entry (0, 0) is 1; the squares of all others sum to the square of the ripple.

    >>> lines(np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])).round(4).tolist()
    [[1.0, 0.3333], [0.3333, 0.1111]]
    """
    amplitudes = np.abs(np.fft.fftn(phase_sums)) / phase_sums.size
    ratios = [_relative(float(amplitude), phase_sums) for amplitude in amplitudes.flat]
    return np.array(ratios).reshape(phase_sums.shape)


def ramp_error(phase_sums: NDArray[np.float64], moments: NDArray[np.float64]) -> float:
    """Return how far the values of a ramp are displaced, as RMS, in output pixels.

    A staircase of width s (nearest) is off by sqrt((s^2 - 1) / 12) along each axis.

    Args:
        phase_sums: Shape (s1, ..., sN).
        moments: Shape (N, s1, ..., sN), phase sums of taps times their place, in output pixels.

    Returns:
        The root of the sum of the axes' squares; NaN if even flat pictures get a pattern, because
        the error then grows with the distance from the ramp's zero.

    >>> corner = np.array([[-0.5, -0.5], [0.5, 0.5]])  # nearest, stride 2
    >>> round(ramp_error(np.ones((2, 2)), np.array([corner, corner.T])), 3)
    0.707
    """
    if not ripple(phase_sums) < BALANCED:
        return float("nan")
    means = np.abs(phase_sums.mean())
    if means == 0.0:
        return float("nan")
    axes = tuple(range(1, moments.ndim))
    return float(np.sqrt(np.square((moments / means).std(axis=axes)).sum()))


def noise_gain(taps: NDArray[np.float64], stride: int) -> float:
    """Return the power of white noise after a transposed convolution over its power before.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel.

    Returns:
        The mean over the phases of the sum of squared taps; 1 for nearest.

    >>> noise_gain(np.ones((2, 2)), 2)
    1.0
    """
    return float(np.square(taps).sum()) / stride**2


def overshoot(taps: NDArray[np.float64], stride: int) -> float:
    """Return how far beyond 1 the response to a step from 0 to 1 goes.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel.

    Returns:
        The larger value of both axes: 0 is no overshoot, 0.1 is 10 % of the step.
    """
    return max(_overshoot(taps.sum(axis=axis) / stride, stride) for axis in (0, 1))


class LayerRipple(NamedTuple):
    """How unequal the phases of a layer are; infinity where their mean is 0.

    Args:
        average: Ripple of all channels together.
        channels: Shape (Cout,), ripple of each output channel by itself.
        bias: RMS by which the phases' biases differ from their mean, relative to the gain.
        gain: RMS of the output for a flat input of 1 in each channel.
    """

    average: float
    channels: NDArray[np.float64]
    bias: float
    gain: float


def layer_ripple(
    gains: NDArray[np.float64], bias: NDArray[np.floating[Any]] | None = None
) -> LayerRipple:
    """Return the ripple of a layer.

    Args:
        gains: Shape (Cout, Cin, s1, ..., sN): phase sums for each pair of channels.
        bias: Shape (Cout, s1, ..., sN), if each phase has its own.

    >>> even = np.ones((3, 4, 2, 2))
    >>> layer_ripple(even).average
    0.0
    >>> uneven = even * np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])
    >>> round(layer_ripple(uneven).average, 4)
    0.4843
    """
    rows = gains.reshape(*gains.shape[:2], -1)
    mean = rows.mean(axis=2, keepdims=True)
    spread = _norm((rows - mean).reshape(len(rows), -1)) / np.sqrt(rows.shape[2])
    spread[spread <= _ROUNDING * np.abs(rows).max(axis=(1, 2), initial=0.0)] = 0.0
    size = _norm(mean[:, :, 0])
    gain = float(_norm(size) / np.sqrt(len(size)))
    uneven = 0.0
    if bias is not None:
        flat = np.asarray(bias, np.float64).reshape(len(bias), -1)
        deviation = flat - flat.mean(axis=1, keepdims=True)
        uneven = float(_norm(deviation.ravel()) / np.sqrt(deviation.size))
        uneven = 0.0 if uneven <= _ROUNDING * np.abs(flat).max() else uneven
    average = float(_norm(spread) / np.sqrt(len(spread)))
    ratios = [_ratio(float(part), float(whole)) for part, whole in zip(spread, size, strict=True)]
    return LayerRipple(_ratio(average, gain), np.array(ratios), _ratio(uneven, gain), gain)


def _relative(spread: float, phase_sums: NDArray[np.float64]) -> float:
    if spread <= _ROUNDING * np.abs(phase_sums).max():
        return 0.0
    return _ratio(spread, float(abs(phase_sums.mean())))


def _norm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean norm over the last axis, without overflow or underflow."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    unit = np.where(largest > 0.0, largest, 1.0)
    norm = unit[..., 0] * np.sqrt(np.square(values / unit).sum(axis=-1))
    return np.asarray(norm)


def _ratio(part: float, whole: float) -> float:
    if part == 0.0:
        return 0.0
    return part / whole if whole > 0.0 else float("inf")


def _overshoot(taps: NDArray[np.float64], stride: int) -> float:
    phases = np.zeros((-(-len(taps) // stride), stride))
    phases.reshape(-1)[: len(taps)] = taps
    return max(0.0, float(np.cumsum(phases, axis=0).max()) - 1.0)
