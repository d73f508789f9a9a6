"""Patterns that repeat with the stride and change within a few periods: rings around the lines.

r = (I - B)^2 y keeps a pattern of the stride's period as it is (see `projection`). A smoothing of r
that mixes only pixels of one phase, [1 2 1] / 4 along each axis, one period apart, then two, then
four, keeps what is ever nearer to the lines in the spectrum: the last result is the core, the
changes from one to the next are rings around it. A pattern is strongest at its lines and fades with
the distance; what else a picture shows does not, least of all one that was enlarged. So of all
rings the quietest tells the picture's own power near the lines. An edge is near a line along one
axis alone: so the same is asked of rings along each axis, of r smoothed along the other, and the
loudest of the three answers counts, n. Each band is kept as pattern as far as its power P is above
it (both in each cell, per unit of what white noise would leave in the band):

    gain = max(0, 1 - n / P), never more than that of the band inside it
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_RINGS = 3
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
    levels: Floats, stride: tuple[int, int], cell: tuple[int, int], most: Floats | float = np.inf
) -> Floats:
    """Return the pattern in some levels.

    Args:
        levels: Whole cells with what they draw on around, see `reach`.
        stride: Period down and across.
        cell: Rows and columns of a cell, multiples of the stride.
        most: The mean square that a pattern may have; of each cell and one around, or of all.
    """
    (tall, wide), parts = cell, _bands(levels, stride)
    m, n = parts[0].shape[0] // tall, parts[0].shape[1] // wide
    powers = np.empty((len(parts), m - 2, n - 2), np.float32)
    for index, (part, unit) in enumerate(zip(parts, _units(stride), strict=True)):
        power = np.square(part).reshape(m, tall, n, wide).mean(axis=(1, 3)) / np.float32(unit)
        for _ in range(2):
            power = ((power[:-2] + 2 * power[1:-1] + power[2:]) / 4).T
        powers[index] = power
    powers, *lines = np.split(powers, [_RINGS + 1, 2 * _RINGS + 1])
    own = np.max([one.min(axis=0) for one in (powers, *lines)], axis=0).clip(_ROUNDING)
    gains = np.minimum.accumulate(1 - own / np.maximum(powers, own))
    taken = np.tensordot(_units(stride)[: _RINGS + 1], np.square(gains) * powers, 1)
    gains *= np.sqrt(np.minimum(1, most / np.maximum(taken, 1e-9)))
    inside = np.s_[_AROUND * tall : (m - _AROUND) * tall, _AROUND * wide : (n - _AROUND) * wide]
    down, across = (
        between((np.arange(count * side) + 0.5) / side + 0.5, count + 2)
        for count, side in ((m - 2 * _AROUND, tall), (n - 2 * _AROUND, wide))
    )
    whole = np.zeros_like(parts[0][inside])
    for part, gain in zip(parts, gains.astype(np.float32), strict=False):
        whole += part[inside] * (down @ gain @ across.T)
    return whole


def _margin(stride: int) -> int:
    return 2 * (stride // 2) + stride * ((1 << _RINGS) - 1)


def _bands(levels: Floats, stride: tuple[int, int]) -> list[Floats]:
    """Return the core and the rings from the inside out, then the rings of lines down and across.

    All are without the margin.
    """
    residual = _without_average(_without_average(levels, stride), stride)
    chains = [[residual], [residual], [residual]]
    for ring in range(_RINGS):
        down, across = (length << ring for length in stride)
        chains[0].append(_same_phase(_same_phase(chains[0][-1], 0, down), 1, across))
        chains[1][0] = _same_phase(chains[1][0], 1, across)
        chains[2][0] = _same_phase(chains[2][0], 0, down)
    for axis in (0, 1):
        for ring in range(_RINGS):
            chain = chains[1 + axis]
            chain.append(_same_phase(chain[-1], axis, stride[axis] << ring))
    core = chains[0][-1]
    bands = [core]
    for chain in chains:
        same = [_inside(one, core) for one in chain]
        bands += [same[ring] - same[ring + 1] for ring in reversed(range(_RINGS))]
    return bands


def _inside(levels: Floats, smaller: Floats) -> Floats:
    """Return the middle of an array, as large as another."""
    (height, width), (tall, wide) = levels.shape, smaller.shape
    top, left = (height - tall) // 2, (width - wide) // 2
    return levels[top : top + tall, left : left + wide]


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


def _same_phase(levels: Floats, axis: int, step: int) -> Floats:
    """Return [1 2 1] / 4 of rows or columns that are a step apart."""
    count = levels.shape[axis] - 2 * step
    parts = [slice(start, start + count) for start in (0, step, 2 * step)]
    before, own, after = (levels[part] if axis == 0 else levels[:, part] for part in parts)
    mean = before + after
    mean *= np.float32(0.5)
    mean += own
    mean *= np.float32(0.5)
    return mean


@lru_cache(32)
def _units(stride: tuple[int, int]) -> list[float]:
    """Return the power that white noise of power 1 leaves in each band."""
    point = np.zeros([4 * _margin(s) + 1 for s in stride], np.float32)
    point[2 * _margin(stride[0]), 2 * _margin(stride[1])] = 1.0
    return [float(np.square(part).sum()) for part in _bands(point, stride)]
