"""What a picture shows near the lines of a stride, and how much of that is a pattern.

B is the moving average over one stride along each axis, and r = (I - B)^2 y keeps a pattern of the
stride's period as it is (see `projection`). A smoothing of r that mixes only pixels of one phase,
[1 2 1] / 4 along each axis, one period apart, then two, then four, keeps what is ever nearer to the
lines in the spectrum: the last result is the core, the changes from one to the next are rings.

Near the lines a picture repeats its own changes, ever less towards the lines. So for each of these
bands it is asked how its power P goes with that of the picture's own changes, G: the median of
P / G over windows of the picture, by weight of G, within limits that the outermost ring sets. In
each neighbourhood the band is taken for a pattern as far as it is above that:

    gain = max(0, 1 - ratio G / P)

never more than that of the band inside it; of the two innermost bands the clearer one tells. All of
them together are never more than what the metric may have seen.
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_RINGS = 3
_OWN = np.array([1 / 40, 1 / 20, 1 / 8, 1.0])  # of the outermost ring's ratio, from the core out
_MORE = 2.0  # times that at most
_STAIRS = 60.0  # times that more for a pixel of stairs: they are near the lines, too
_SURE = 5.0  # for a pixel of stairs, how much more all of it may be: they differ by place
_LEAST = np.float32(1e-3)  # levels, squared
_MOST = np.float32(1e20)  # levels, squared
_WIDER = 3  # pixels: a brightness of stride 2 is smoothed once more, over about a kernel's width
_AROUND = 2  # cells beyond each side: gains draw on the powers of their neighbours, and on theirs


def reach(stride: int, cell: int) -> int:
    """Return how many pixels beyond each side are drawn on, along an axis."""
    return margin(stride) + stride // 2 + stride * ((1 << _RINGS) - 1) + _AROUND * cell


def margin(stride: int) -> int:
    """Return how many pixels `light` loses on each side."""
    return stride // 2 + stride + (_WIDER if stride == 2 else 0) + 1


def light(levels: Floats, stride: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return what a pattern may go with, and what it does not hold, all without a margin.

    Returns:
        The brightness of the pixels around, over about the width of a kernel; its slopes down and
        across, in levels a pixel; B y; and the picture's own changes: B y less its smoothing.
    """
    average = averaged(levels, stride)
    smooth = _smoothed(average, stride)
    bright = _smoothed(smooth, _WIDER) if stride == 2 else smooth
    down = (bright[2:, 1:-1] - bright[:-2, 1:-1]) * np.float32(0.5)
    across = (bright[1:-1, 2:] - bright[1:-1, :-2]) * np.float32(0.5)
    average, smooth = inside(average, down.shape), inside(smooth, down.shape)
    return bright[1:-1, 1:-1], down, across, average, average - smooth


def bands(residual: Floats, stride: int) -> list[Floats]:
    """Return the core and the rings from the inside out, of r; two cells are around."""
    chain = [residual]
    for ring in range(_RINGS):
        chain.append(_smoothed(chain[-1], stride << ring))
    *chain, core = [inside(one, chain[-1].shape) for one in chain]
    return [core, *(a - b for a, b in zip(reversed(chain), [core, *reversed(chain)], strict=False))]


def ratios(windows: list[list[Floats]], cell: int, stairs: float) -> NDArray[np.float64]:
    """Return the ratio of each band, from the core out.

    Args:
        windows: Of each the picture's own changes, and the bands.
        cell: Pixels along a side of the cells that windows consist of.
        stairs: How far stairs, as of nearest-neighbour, move an edge in the picture, in pixels.
    """
    powers = [np.stack([_power(one, cell).ravel() for one in window]) for window in windows]
    changes, *parts = np.hstack(powers)
    found = np.array([_median(part / (changes + _LEAST), changes) for part in parts])
    found *= 1 + _SURE * stairs
    least = found[-1] * _OWN
    most = np.minimum((_MORE + _STAIRS * stairs) * least, found[-1])
    return np.asarray(np.clip(found, least, most))


def excess(
    window: list[Floats], ratios: NDArray[np.float64], care: Floats, largest: Floats, cell: int
) -> Floats:
    """Return the pattern in whole cells.

    Args:
        window: The picture's own changes and the bands, with two cells more around.
        ratios: Of the bands.
        care: Times the ratios, of the cells and one more around.
        largest: The mean square of a pattern at most, of the same cells.
        cell: Pixels along a side of a cell.
    """
    changes, *powers = (_smooth(_power(one, cell)) for one in window)
    down, across = (
        linear_weights((np.arange((count - 2) * cell) + 0.5) / cell + 0.5, count)
        for count in changes.shape
    )
    gains, most, total = list[Floats](), np.ones_like(changes), np.zeros_like(changes)
    for index, power in enumerate(powers):
        own = changes * care * np.float32(ratios[index])
        gain = 1 - own / np.maximum(power, own + np.float32(1e-9))
        most = np.maximum(most, gain) if index == 1 else np.minimum(most, gain)
        total += np.square(most) * power
        gains.append(most)
    scale = np.sqrt(np.minimum(1, largest / np.maximum(total, np.float32(1e-9))))
    whole = np.zeros((len(down), len(across)), np.float32)
    for gain, band in zip(gains, window[1:], strict=True):
        whole += down @ (gain * scale @ across.T) * inside(band, whole.shape)
    return whole


def _power(levels: Floats, cell: int) -> Floats:
    """Return the mean square of each cell."""
    height, width = levels.shape
    rows = levels.reshape(height // cell, cell, width)
    with np.errstate(over="ignore"):  # floating-point samples may be of any size
        squares = np.einsum("aiw,aiw->aw", rows, rows)
        power = squares.reshape(len(squares), width // cell, cell).sum(axis=2)
    return np.asarray(np.minimum(power / np.float32(cell**2), _MOST))


def _smooth(powers: Floats) -> Floats:
    """Return [1 2 1] / 4 of neighbours down and across, without the outermost."""
    for _ in range(2):
        powers = (powers[:-2] + 2 * powers[1:-1] + powers[2:]).T
    return np.asarray(powers / np.float32(16))


def _median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order], dtype=np.float64)
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])


def averaged(levels: Floats, stride: int) -> Floats:
    """Return B y, without a margin of half a stride."""
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


def inside(levels: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the middle of an array, of some shape."""
    top, left = (levels.shape[0] - shape[0]) // 2, (levels.shape[1] - shape[1]) // 2
    return levels[top : top + shape[0], left : left + shape[1]]


def repeated(run: range, around: int, within: range, period: int) -> NDArray[np.intp]:
    """Return the places of a run and around it; outside a range its first or last period repeats.

    >>> repeated(range(4), 3, range(5), 2).tolist()
    [1, 0, 1, 0, 1, 2, 3, 4, 3, 4]
    """
    place = np.arange(run.start - around, run.stop + around)
    first, last = within.start, within.stop - period
    place = np.where(place < first, first + (place - first) % period, place)
    return np.asarray(np.where(place >= last, last + (place - last) % period, place))


def linear_weights(places: NDArray[np.float64], count: int) -> Floats:
    """Return the weights of `count` values at fractional indices, shape (len(places), count)."""
    apart = np.abs(np.clip(places, 0, count - 1)[:, None] - np.arange(count))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _smoothed(levels: Floats, step: int) -> Floats:
    """Return [1 2 1] / 4 of rows that are a step apart, and of columns."""
    height, width = levels.shape[0] - 2 * step, levels.shape[1] - 2 * step
    down = levels[:height] + levels[2 * step :]
    down *= np.float32(0.5)
    down += levels[step : step + height]
    across = down[:, :width] + down[:, 2 * step :]
    across *= np.float32(0.5)
    across += down[:, step : step + width]
    across *= np.float32(0.25)
    return across
