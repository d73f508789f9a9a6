"""Patterns that repeat with the stride and change within a few periods: rings around the lines.

r = (I - B)^2 y keeps a pattern of the stride's period as it is (see `projection`). A smoothing of r
that mixes only pixels of one phase, [1 2 1] / 4 along each axis, one period apart, then two, then
four, keeps what is ever nearer to the lines in the spectrum: the last result is the core, the
changes from one to the next are rings around it. A pattern is strongest at its lines and fades with
the distance; a picture that was enlarged is not, for its spectrum is nearly empty there. So of all
rings the quietest tells the picture's own power there, n (in each cell, per unit of what white
noise would leave in the ring), and each band is kept as pattern as far as its power P is above it:

    gain = max(0, 1 - 1.5 n / P), never more than that of the band inside it
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_RINGS = 3
_CLEAR = 1.5  # times the power of the quietest band
_ROUNDING = 1 / 12  # variance of a rounded pixel: no picture is quieter
_AROUND = 2  # cells beyond each side that the gains draw on


def reach(stride: int, cell: int) -> int:
    """Return how many pixels beyond each side `pattern` draws on, along an axis."""
    return _margin(stride) + _AROUND * cell


def repeated(start: int, stop: int, length: int, period: int) -> NDArray[np.intp]:
    """Return indices of which those beyond the edges repeat the first or the last period.

    >>> repeated(-3, 7, 5, 2).tolist()
    [1, 0, 1, 0, 1, 2, 3, 4, 3, 4]
    """
    index = np.arange(start, stop)
    last = length - period
    index = np.where(index < 0, index % period, index)
    return np.asarray(np.where(index >= length, last + (index - last) % period, index))


def between(places: NDArray[np.float64], count: int) -> Floats:
    """Return weights that interpolate linearly between so many values, shape (places, count)."""
    apart = np.abs(np.clip(places, 0, count - 1)[:, None] - np.arange(count))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def pattern(
    before: Floats, levels: Floats, stride: tuple[int, int], cell: tuple[int, int]
) -> Floats:
    """Return the pattern that is left in some levels.

    Args:
        before: Whole cells with what they draw on around, see `reach`, as they were read: they tell
            how much of each band is pattern.
        levels: The same without a part of the pattern.
        stride: Period down and across.
        cell: Rows and columns of a cell, multiples of the stride.
    """
    (tall, wide), parts = cell, _bands(before, stride)
    m, n = parts[0].shape[0] // tall, parts[0].shape[1] // wide
    powers = []
    for part, unit in zip(parts, _units(stride), strict=True):
        power = np.square(part).reshape(m, tall, n, wide).mean(axis=(1, 3)) / np.float32(unit)
        for _ in range(2):
            power = ((power[:-2] + 2 * power[1:-1] + power[2:]) / 4).T
        powers.append(power)
    own = np.maximum(np.min(powers, axis=0), np.float32(_ROUNDING))
    gains = [np.maximum(0, 1 - _CLEAR * own / np.maximum(power, own)) for power in powers]
    inside = np.s_[_AROUND * tall : (m - _AROUND) * tall, _AROUND * wide : (n - _AROUND) * wide]
    down, across = (
        between((np.arange(count * side) + 0.5) / side + 0.5, count + 2)
        for count, side in ((m - 2 * _AROUND, tall), (n - 2 * _AROUND, wide))
    )
    whole = np.zeros_like(parts[0][inside])
    parts = _bands(levels, stride)
    for part, gain in zip(parts, np.minimum.accumulate(gains), strict=True):
        whole += part[inside] * (down @ gain @ across.T)
    return whole


def _margin(stride: int) -> int:
    return 2 * (stride // 2) + stride * ((1 << _RINGS) - 1)


def _bands(levels: Floats, stride: tuple[int, int]) -> list[Floats]:
    """Return the core and the rings, from the inside out, without the margin."""
    smooth = [_without_average(_without_average(levels, stride), stride)]
    for ring in range(_RINGS):
        smooth.append(
            _same_phase(_same_phase(smooth[-1], stride[0] << ring).T, stride[1] << ring).T
        )
    height, width = smooth[-1].shape
    for index, one in enumerate(smooth):
        top, left = (one.shape[0] - height) // 2, (one.shape[1] - width) // 2
        smooth[index] = one[top : top + height, left : left + width]
    rings = [smooth[i] - smooth[i + 1] for i in reversed(range(_RINGS))]
    return [smooth[-1], *rings]


def _without_average(levels: Floats, stride: tuple[int, int]) -> Floats:
    """Return levels less their average over one stride each way."""
    average = levels
    for length in stride:
        taps = np.ones(length) if length % 2 else np.convolve(np.ones(length), [0.5, 0.5])
        count = len(average) - len(taps) + 1
        parts = (average[i : i + count] * np.float32(tap / length) for i, tap in enumerate(taps))
        average = np.asarray(sum(parts)).T
    top, left = stride[0] // 2, stride[1] // 2
    return levels[top : top + average.shape[0], left : left + average.shape[1]] - average


def _same_phase(levels: Floats, step: int) -> Floats:
    """Return [1 2 1] / 4 of rows that are a step apart."""
    mean = levels[: -2 * step] + levels[2 * step :]
    mean *= np.float32(0.5)
    mean += levels[step:-step]
    mean *= np.float32(0.5)
    return mean


@lru_cache(32)
def _units(stride: tuple[int, int]) -> list[float]:
    """Return the power that white noise of power 1 leaves in each band."""
    point = np.zeros([4 * _margin(s) + 1 for s in stride], np.float32)
    point[2 * _margin(stride[0]), 2 * _margin(stride[1])] = 1.0
    return [float(np.square(part).sum()) for part in _bands(point, stride)]
