"""Where a checkerboard is: laid over a picture as heat, and as lines of its spectrum.

Parts where the checkerboard cannot be measured are hatched; left bare they would look clean.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import AxisLabels, Pixels, Sheet, framed, ramp_colours
from upsample_cli.planes import Size

_LARGEST_SIDE = 2048  # pixels of a heat map
_DIM = 0.6  # brightness of the picture under the heat
_COVER = 0.85  # opacity of full heat
_FULL_QUANTILE = 0.99  # hot parts above it, such as beside clipped ones, are at full heat too
_LEAST_TOP = 1.0  # levels; fainter patterns do not fill the scale
_HATCHES = 64  # along the longer side
_HATCH_COLOUR = np.array([100.0, 140.0, 166.0])  # no colour of the ramp
_SIDE = 768  # pixels: about the side of a spectrum
_BEYOND = 8  # bins drawn beyond half a cycle a pixel, so that lines there are whole
_DARK, _BRIGHT = 2.0, 99.99  # percentiles of the bins that the ramp of colours spans
_MARK = (120, 220, 255)
_LEAST_RADIUS = 12  # pixels, of a ring around a line


def heat_figure(
    light: NDArray[np.float32],
    heat: NDArray[np.float64],
    tile: tuple[int, int],
    margin: tuple[int, int],
    title: str,
) -> Sheet:
    """Return a figure of where the checkerboard is.

    Args:
        light: Shape (H, W), the picture in levels of 0..255.
        heat: Shape (tiles down, tiles across), strength in levels; NaN where it is unknown.
        tile: Rows and columns of a tile.
        margin: Rows and columns above and left of the first tile.
        title: One line.
    """
    grey, step = reduced(light, _LARGEST_SIDE)
    warm = spread(heat, tile, margin, (grey.shape[0], grey.shape[1]), step)
    top = heat_top([warm])
    ticks = [f"{share * top:.3g}" for share in np.linspace(0, 1, 5)]
    note = "" if np.isfinite(warm).all() else "hatched: unknown, as where pixels are clipped"
    down, across = (
        AxisLabels(f"pixels {word}", _pixel_labels(length, step, max(grey.shape)))
        for word, length in zip(("down", "across"), grey.shape, strict=True)
    )
    return framed(heat_pixels(grey, warm, top), (down, across), title, ticks, "levels, RMS", note)


def _pixel_labels(length: int, step: int, longest: int) -> dict[float, str]:
    """Return round numbers of pixels by their place along a side; few along a short one."""
    count = max(1, min(6, length // max(60, longest // 16)))
    units = (digit * 10**power for power in range(9) for digit in (1, 2, 5))
    unit = next(unit for unit in units if length * step <= count * unit)
    return {i * unit / step: str(i * unit) for i in range(length * step // unit + 1)}


def reduced(plane: NDArray[np.float32], side: int) -> tuple[NDArray[np.float32], int]:
    """Return the means of square blocks of pixels, so many that no side is longer, and theirs."""
    step = -(-max(plane.shape) // side)
    return np.asarray(PIL.Image.fromarray(plane).reduce(step)), step


def spread(
    heat: NDArray[np.float64], tile: tuple[int, int], margin: tuple[int, int], size: Size, step: int
) -> NDArray[np.float64]:
    """Return the strength at each pixel of a reduced picture; NaN where it is unknown.

    Args:
        heat: As in `heat_figure`, like tile and margin.
        tile: Rows and columns of a tile.
        margin: Rows and columns above and left of the first tile.
        size: Height and width of the reduced picture.
        step: Pixels of the picture for one of the reduced ones, on each axis.
    """
    strength, known = np.nan_to_num(heat), np.isfinite(heat).astype(float)
    for axis in (0, 1):
        centres = margin[axis] + (np.arange(heat.shape[axis]) + 0.5) * tile[axis]
        places = (np.arange(size[axis]) + 0.5) * step
        strength = _interpolated(strength, centres, places, axis)
        known = _interpolated(known, centres, places, axis)
    # Unknown tiles, which are 0 here, must not lower the strength beside them.
    return np.where(known >= 0.5, strength / np.maximum(known, 0.5), np.nan)


def heat_top(warm: Sequence[NDArray[np.floating[Any]]]) -> float:
    """Return the strength of full heat, in levels, for pictures that share one scale."""
    highs = [np.quantile(hot, _FULL_QUANTILE) for one in warm if (hot := one[one > 0.0]).size]
    return max(_LEAST_TOP, float(np.ceil(4 * max(highs, default=0.0)) / 4))


def heat_pixels(grey: NDArray[np.float32], warm: NDArray[np.float64], top: float) -> Pixels:
    """Return a grey picture under heat, shape (H, W, 3); unknown parts are hatched.

    Args:
        grey: Shape (H, W), levels of 0..255.
        warm: Same shape, strength in levels; NaN where it is unknown.
        top: The strength of full heat.
    """
    share = np.minimum(np.nan_to_num(warm) / top, 1.0)[..., None]
    cover = _COVER * np.minimum(1.0, 2 * np.sqrt(share)) * (share > 0)
    dimmed = _DIM * np.clip(grey, 0, 255)[..., None]
    mixed = (1 - cover) * dimmed + cover * ramp_colours(0.15 + 0.85 * share[..., 0])
    hatches = _hatches(~np.isfinite(warm))
    mixed[hatches] = (mixed[hatches] + _HATCH_COLOUR) / 2
    return np.asarray(mixed, np.uint8)


def _hatches(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of slanting lines over an area."""
    down, across = np.indices(area.shape)
    period = max(4, max(area.shape) // _HATCHES)
    return np.asarray(area & ((down + across) % period < -(-period // 4)))


def _interpolated(
    plane: NDArray[np.float64],
    centres: NDArray[np.floating[Any]],
    places: NDArray[np.floating[Any]],
    axis: int,
) -> NDArray[np.float64]:
    """Return values at places along an axis, linear between centres, the nearest beyond them."""
    index = np.interp(places, centres, np.arange(len(centres)))
    low = np.minimum(index.astype(int), max(0, len(centres) - 2))
    high = np.minimum(low + 1, len(centres) - 1)
    weight = (index - low)[:, None] if axis == 0 else index - low
    first, second = np.take(plane, low, axis), np.take(plane, high, axis)
    return np.asarray(first + (second - first) * weight)


def spectrum_figure(power: NDArray[np.float64], stride: tuple[int, int], title: str) -> Sheet:
    """Return a figure of a spectrum.

    Args:
        power: Shape (n, n), frequency 0 in the middle, in squared levels.
        stride: Period down and across whose lines are marked; 1 or less for none.
        title: One line.
    """
    ends = decibel_range(power)
    ticks = [f"{value:.0f}" for value in np.linspace(*ends, 5)]
    pixels = spectrum_pixels(power, stride, ends, _SIDE)
    down, across = (
        AxisLabels(f"cycles per pixel, {word}", _frequency_labels(period, len(power)))
        for word, period in zip(("down", "across"), stride, strict=True)
    )
    return framed(pixels, (down, across), title, ticks, "dB (0 dB: one level squared)")


def _frequency_labels(stride: int, bins: int) -> dict[float, str]:
    """Return the frequencies of a stride's lines by their place; quarters where there is none."""
    step = max(1, _SIDE // bins)
    marked = _frequencies(stride if stride > 1 else 4)
    return {_place(frequency, bins) * step: str(frequency) for frequency in marked}


def _place(frequency: Fraction, bins: int) -> float:
    """Return the middle of a frequency's bin, in bins of the figure."""
    return float((frequency + Fraction(1, 2)) * bins + _BEYOND + Fraction(1, 2))


def decibel_range(power: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the ramp of colours for a spectrum, in dB."""
    low, high = np.percentile(_decibels(power), (_DARK, _BRIGHT))
    return float(low), float(high)


def spectrum_pixels(
    power: NDArray[np.float64], stride: tuple[int, int], ends: tuple[float, float], side: int
) -> Pixels:
    """Return a spectrum as pixels, shape (h, w, 3).

    Args:
        power: As in `spectrum_figure`, like stride.
        stride: Period down and across whose lines are marked; 1 or less for none.
        ends: Of the ramp of colours, in dB.
        side: About the height and width in pixels.
    """
    low, high = ends
    values = np.pad((_decibels(power) - low) / max(1e-9, high - low), _BEYOND, mode="wrap")
    step = max(1, side // len(power))
    pixels = ramp_colours(values.repeat(step, 0).repeat(step, 1)).astype(np.uint8)
    sheet = PIL.Image.fromarray(pixels)
    if min(stride) > 1:
        _draw_rings(sheet, stride, step, len(power))
    return np.asarray(sheet)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-9)))


def _draw_rings(sheet: Sheet, stride: tuple[int, int], step: int, bins: int) -> None:
    """Draw a ring around each line but the mean."""
    draw = PIL.ImageDraw.Draw(sheet)
    radius = max(_LEAST_RADIUS, 2 * step)  # a line is three bins wide
    for down in _frequencies(stride[0]):
        for across in _frequencies(stride[1]):
            if down == across == 0:
                continue
            y, x = (_place(frequency, bins) * step for frequency in (down, across))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_MARK, width=2)


def _frequencies(stride: int) -> list[Fraction]:
    """Return the frequencies of a stride's lines, -1/2 to 1/2."""
    return [Fraction(i, stride) for i in range(-(stride // 2), stride // 2 + 1)]
