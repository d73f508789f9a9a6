"""Separates a pattern of the stride's period from a picture's own content at the same frequencies.

B is the moving average over one stride along each axis, and r = (I - B)^2 y keeps a pattern of the
stride's period as it is (see `projection`). In the spectrum, such a pattern lies at the lines: the
multiples of 1 / stride. Smoothing r by [1 2 1] / 4 along each axis, over pixels one period apart,
then two, then four, keeps what lies nearer and nearer to the lines. The last result is the core;
the differences between successive results are the rings. Core and rings are the bands.

The picture's own content has power near the lines, too: the nearer to a line, the less. This power
is estimated from the picture's own changes. With P the power of a band and G that of the changes,
the band's ratio is the median of P / G over cells of the picture, weighted by G and kept within
limits that the outermost ring sets. In each cell, the part of P above ratio G counts as pattern:

    gain = max(0, 1 - ratio G / P)

A sharp texture has more power near the lines than ratio G and, unlike a pattern, as much further
from them. So 3 L T replaces ratio G where it is larger, except after a lossy codec, which spreads
patterns over the rings. L is the band's number in `_LEAST_RATIOS`. T is the least power of the
outermost ring in a cell and its neighbours; a pattern's border has power there, too, but is narrow.

The innermost ring gets the core's gain if that is greater; the gain of each ring further out is at
most that of the band inside it. All bands together have no more power than the metric may have seen
(`largest`).
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_RINGS = 3
# The least ratio of each band, from the core out, relative to the outermost ring's ratio.
_LEAST_RATIOS = np.array([1 / 40, 1 / 20, 1 / 8, 1.0])
_MORE = 2.0  # the greatest ratio over the least, without stairs
_STAIRS = 60.0  # added to `_MORE` per pixel of stairs: they have power near the lines, too
_GROWTH = 5.0  # of all ratios, relative, per pixel of stairs, whose power differs by place
_LEAST = np.float32(1e-3)  # squared levels, against division by 0
_MOST = np.float32(1e20)  # squared levels, against overflow
_WIDER = 3  # pixels: the step by which the brightness is smoothed again for stride 2
_TEXTURE = 3.0  # assumed power of a texture over its least power nearby: rather high than low
# Cells needed beyond each side: to find the least power, to smooth powers, to interpolate gains.
_AROUND = 3


def reach(stride: int, cell: int) -> int:
    """Return how many pixels beyond each side of a window `local_pattern` uses, along an axis."""
    return margin(stride) + stride // 2 + stride * ((1 << _RINGS) - 1) + _AROUND * cell


def margin(stride: int) -> int:
    """Return how many pixels `brightness_and_changes` loses on each side."""
    return stride // 2 + stride + (_WIDER if stride == 2 else 0) + 1


def brightness_and_changes(
    levels: Floats, stride: int
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return brightness and slopes, which a pattern may follow, B y, and the picture's own changes.

    Returns:
        The brightness around each pixel, averaged over about a kernel's width; its slopes down and
        across, in levels per pixel; B y; and the picture's own changes, B y less its smoothing. All
        are `margin` pixels smaller on each side than `levels`.
    """
    average = averaged(levels, stride)
    smooth = _smoothed(average, stride)
    bright = _smoothed(smooth, _WIDER) if stride == 2 else smooth
    down = (bright[2:, 1:-1] - bright[:-2, 1:-1]) * np.float32(0.5)
    across = (bright[1:-1, 2:] - bright[1:-1, :-2]) * np.float32(0.5)
    average, smooth = centre(average, down.shape), centre(smooth, down.shape)
    return bright[1:-1, 1:-1], down, across, average, average - smooth


def bands(residual: Floats, stride: int) -> list[Floats]:
    """Return the bands of a residual r, from the core out, 7 strides smaller on each side."""
    chain = [residual]
    for ring in range(_RINGS):
        chain.append(_smoothed(chain[-1], stride << ring))
    *chain, core = [centre(part, chain[-1].shape) for part in chain]
    return [core, *(a - b for a, b in zip(reversed(chain), [core, *reversed(chain)], strict=False))]


def ratios(windows: list[list[Floats]], cell: int, stairs: float) -> NDArray[np.float64]:
    """Return the ratio of each band, from the core out.

    Args:
        windows: For each window, the picture's own changes and the bands, in whole cells.
        cell: Pixels along a side of a cell.
        stairs: How far stairs, such as nearest-neighbour's, move an edge in the picture, in pixels.
    """
    powers = [np.stack([_power(part, cell).ravel() for part in parts]) for parts in windows]
    changes, *parts = np.hstack(powers)
    medians = np.array([_median(part / (changes + _LEAST), changes) for part in parts])
    medians *= 1 + _GROWTH * stairs
    least = medians[-1] * _LEAST_RATIOS
    most = np.minimum((_MORE + _STAIRS * stairs) * least, medians[-1])
    return np.asarray(np.clip(medians, least, most))


def local_pattern(window: list[Floats], ratios: NDArray[np.float64], care: Floats, largest: Floats,
                  cell: int, is_lossy: bool) -> Floats:  # fmt: skip
    """Return the pattern in a window of whole cells, in levels.

    Args:
        window: The picture's own changes and the bands, with three more cells on each side.
        ratios: The ratio of each band.
        care: Factor of the ratios in each cell, with one more cell on each side.
        largest: The greatest mean square of a pattern in each of these cells, in squared levels.
        cell: Pixels along a side of a cell.
        is_lossy: Whether the picture comes from a lossy codec, such as JPEG.
    """
    powers = [_power(part, cell) for part in window]
    texture = np.float32(0 if is_lossy else _TEXTURE) * _smooth(_least_around(powers[-1]))
    changes, *powers = (_smooth(power[1:-1, 1:-1]) for power in powers)
    down, across = (
        linear_weights((np.arange((count - 2) * cell) + 0.5) / cell + 0.5, count)
        for count in changes.shape
    )
    gains, gain, total = list[Floats](), np.ones_like(changes), np.zeros_like(changes)
    for index, power in enumerate(powers):
        own = changes * np.float32(ratios[index])
        expected = care * np.maximum(own, texture * np.float32(_LEAST_RATIOS[index]))
        own_gain = 1 - expected / np.maximum(power, expected + np.float32(1e-9))
        gain = np.maximum(gain, own_gain) if index == 1 else np.minimum(gain, own_gain)
        total += np.square(gain) * power
        gains.append(gain)
    scale = np.sqrt(np.minimum(1, largest / np.maximum(total, np.float32(1e-9))))
    pattern = np.zeros((len(down), len(across)), np.float32)
    for gain, band in zip(gains, window[1:], strict=True):
        pattern += down @ (gain * scale @ across.T) * centre(band, pattern.shape)
    return pattern


def _power(levels: Floats, cell: int) -> Floats:
    """Return the mean square of each cell, in squared levels."""
    height, width = levels.shape
    rows = levels.reshape(height // cell, cell, width)
    with np.errstate(over="ignore"):  # floating-point samples may be huge
        squares = np.einsum("aiw,aiw->aw", rows, rows)
        power = squares.reshape(len(squares), width // cell, cell).sum(axis=2)
    return np.asarray(np.minimum(power / np.float32(cell**2), _MOST))


def _smooth(powers: Floats) -> Floats:
    """Return powers smoothed by [1 2 1] / 4 down and across, without the outermost cells."""
    for _ in range(2):
        powers = (powers[:-2] + 2 * powers[1:-1] + powers[2:]).T
    return np.asarray(powers / np.float32(16))


def _least_around(powers: Floats) -> Floats:
    """Return the least power of each cell and its neighbours, without the outermost cells."""
    for _ in range(2):
        powers = np.minimum(np.minimum(powers[:-2], powers[1:-1]), powers[2:]).T
    return powers


def _median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order], dtype=np.float64)
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])


def averaged(levels: Floats, stride: int) -> Floats:
    """Return B y of levels y, half a stride smaller on each side."""
    if stride == 2:
        return _smoothed(levels, 1)
    taps = np.ones(stride) if stride % 2 else np.convolve(np.ones(stride), [0.5, 0.5])
    for _ in range(2):
        count = len(levels) - len(taps) + 1
        total = levels[:count] * np.float32(taps[0] / stride)
        for i, tap in enumerate(taps[1:], 1):
            total += levels[i : i + count] * np.float32(tap / stride)
        levels = total.T
    return levels


def centre(levels: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the part of a given shape in the middle of an array."""
    top, left = (levels.shape[0] - shape[0]) // 2, (levels.shape[1] - shape[1]) // 2
    return levels[top : top + shape[0], left : left + shape[1]]


def wrapped_indices(run: range, around: int, within: range, period: int) -> NDArray[np.intp]:
    """Return the indices of `run` and `around` more on each side, all moved to lie in `within`.

    Indices outside `within` become those of the same phase in its first or last period.

    >>> wrapped_indices(range(4), 3, range(5), 2).tolist()
    [1, 0, 1, 0, 1, 2, 3, 4, 3, 4]
    """
    place = np.arange(run.start - around, run.stop + around)
    first, last = within.start, within.stop - period
    place = np.where(place < first, first + (place - first) % period, place)
    return np.asarray(np.where(place >= last, last + (place - last) % period, place))


def linear_weights(places: NDArray[np.float64], count: int) -> Floats:
    """Return weights that interpolate `count` values at `places`, shape (len(places), count)."""
    apart = np.abs(np.clip(places, 0, count - 1)[:, None] - np.arange(count))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _smoothed(levels: Floats, step: int) -> Floats:
    """Return levels smoothed by [1 2 1] / 4 over rows, then columns, that are `step` apart."""
    height, width = levels.shape[0] - 2 * step, levels.shape[1] - 2 * step
    down = levels[:height] + levels[2 * step :]
    down *= np.float32(0.5)
    down += levels[step : step + height]
    across = down[:, :width] + down[:, 2 * step :]
    across *= np.float32(0.5)
    across += down[:, step : step + width]
    across *= np.float32(0.25)
    return across
