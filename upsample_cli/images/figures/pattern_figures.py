"""Show where a checkerboard is: as heat over a picture, and as lines in its spectrum.

Parts where the checkerboard cannot be measured are hatched; without hatches they would look clean.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import AxisLabels, Pixels, Sheet, framed, ramp_colours
from upsample_cli.planes import Size

HATCHED = "hatched: unknown, as where pixels are clipped"
"""What a heat map with hatches says of them."""

_LARGEST_SIDE = 2048  # pixels of a heat map
_DIM = 0.6  # brightness of the picture under the heat
_COVER = 0.85  # opacity of full heat
_FULL_QUANTILE = 0.99  # of the heat; hotter parts, such as beside clipped pixels, are at full heat
_LEAST_TOP = 1.0  # levels: the least strength of full heat, so that faint patterns look faint
_HATCHES = 64  # number of lines along the longer side
_HATCH_COLOUR = np.array([100.0, 140.0, 166.0])  # no colour of the heat
_SIDE = 768  # pixels: about the side of a spectrum
_BEYOND = 8  # bins drawn beyond half a cycle per pixel, so that lines there are drawn whole
_DARK, _BRIGHT = 2.0, 99.99  # percentiles of the power at the ends of the colour ramp
_MARK = (120, 220, 255)
_LEAST_RADIUS = 12  # pixels, of a ring around a line


def heat_figure(
    light: NDArray[np.float32],
    heat: NDArray[np.float64],
    tile: tuple[int, int],
    margin: tuple[int, int],
    title: str,
) -> Sheet:
    """Return a heat map of the checkerboard over the picture, with axes and a scale.

    Args:
        light: Shape (H, W), the grey picture in levels of 0..255.
        heat: Shape (tiles down, tiles across), RMS of the checkerboard in levels; NaN if unknown.
        tile: Rows and columns of a tile.
        margin: Rows and columns above and left of the first tile.
        title: One line.
    """
    grey, step = block_means(light, _LARGEST_SIDE)
    warm = spread(heat, tile, margin, (grey.shape[0], grey.shape[1]), step)
    top = heat_top([warm])
    ticks = [f"{share * top:.3g}" for share in np.linspace(0, 1, 5)]
    note = "" if np.isfinite(warm).all() else HATCHED
    down, across = (
        AxisLabels(f"pixels {word}", _pixel_labels(length, step, max(grey.shape)))
        for word, length in zip(("down", "across"), grey.shape, strict=True)
    )
    return framed(heat_pixels(grey, warm, top), (down, across), title, ticks, "levels, RMS", note)


def _pixel_labels(length: int, step: int, longest: int) -> dict[float, str]:
    """Return labels, round pixel numbers, by position along an axis; fewer for short axes."""
    count = max(1, min(6, length // max(60, longest // 16)))
    units = (digit * 10**power for power in range(9) for digit in (1, 2, 5))
    unit = next(unit for unit in units if length * step <= count * unit)
    return {i * unit / step: str(i * unit) for i in range(length * step // unit + 1)}


def block_means(plane: NDArray[np.float32], side: int) -> tuple[NDArray[np.float32], int]:
    """Return a plane reduced by block means to sides of at most `side`, and the blocks' side."""
    step = -(-max(plane.shape) // side)
    return np.asarray(PIL.Image.fromarray(plane).reduce(step)), step


def spread(
    heat: NDArray[np.float64], tile: tuple[int, int], margin: tuple[int, int], size: Size, step: int
) -> NDArray[np.float64]:
    """Return the heat at each pixel of a reduced picture; NaN where it is unknown.

    Args:
        heat: As for `heat_figure`.
        tile: Rows and columns of a tile.
        margin: Rows and columns above and left of the first tile.
        size: Height and width of the reduced picture.
        step: Pixels of the picture per pixel of the reduced picture, on each axis.
    """
    strength, known = np.nan_to_num(heat), np.isfinite(heat).astype(float)
    for axis in (0, 1):
        centres = margin[axis] + (np.arange(heat.shape[axis]) + 0.5) * tile[axis]
        places = (np.arange(size[axis]) + 0.5) * step
        along = partial(np.interp, places, centres)
        strength, known = (np.apply_along_axis(along, axis, tiles) for tiles in (strength, known))
    # Unknown tiles count as 0 here, which must not lower the heat beside them.
    return np.where(known >= 0.5, strength / np.maximum(known, 0.5), np.nan)


def heat_top(warm: Sequence[NDArray[np.floating[Any]]]) -> float:
    """Return the strength of full heat, in levels, for heat maps that share one scale."""
    highs = [np.quantile(hot, _FULL_QUANTILE) for heat in warm if (hot := heat[heat > 0.0]).size]
    return max(_LEAST_TOP, float(np.ceil(4 * max(highs, default=0.0)) / 4))


def heat_pixels(grey: NDArray[np.float32], warm: NDArray[np.float64], top: float) -> Pixels:
    """Return a grey picture with heat over it, shape (H, W, 3); unknown parts are hatched.

    Args:
        grey: Shape (H, W), levels of 0..255.
        warm: Same shape, strength of the pattern in levels; NaN where it is unknown.
        top: The strength of full heat, in levels.
    """
    share = np.minimum(np.nan_to_num(warm) / top, 1.0)[..., None]
    cover = _COVER * np.minimum(1.0, 2 * np.sqrt(share)) * (share > 0)
    dimmed = _DIM * np.clip(grey, 0, 255)[..., None]
    mixed = (1 - cover) * dimmed + cover * ramp_colours(0.15 + 0.85 * share[..., 0])
    hatches = _hatches(~np.isfinite(warm))
    mixed[hatches] = (mixed[hatches] + _HATCH_COLOUR) / 2
    return np.asarray(mixed, np.uint8)


def _hatches(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the part of an area that lies on slanting hatch lines."""
    down, across = np.indices(area.shape)
    period = max(4, max(area.shape) // _HATCHES)
    return np.asarray(area & ((down + across) % period < -(-period // 4)))


def spectrum_figure(power: NDArray[np.float64], stride: tuple[int, int], title: str) -> Sheet:
    """Return a figure of a spectrum, with axes and a scale.

    Args:
        power: Shape (n, n), power in squared levels, with frequency 0 in the middle.
        stride: Period in pixels, down and across, whose lines are marked; 1 or less for none.
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
    """Return labels by position: the frequencies of a stride's lines, or quarters for none."""
    step = max(1, _SIDE // bins)
    marked = _frequencies(stride if stride > 1 else 4)
    return {_place(frequency, bins) * step: str(frequency) for frequency in marked}


def _place(frequency: Fraction, bins: int) -> float:
    """Return the position of a frequency along a side of the figure, in bins."""
    return float((frequency + Fraction(1, 2)) * bins + _BEYOND + Fraction(1, 2))


def decibel_range(power: NDArray[np.float64]) -> tuple[float, float]:
    """Return the values at the ends of the colour ramp for a spectrum, in dB."""
    low, high = np.percentile(_decibels(power), (_DARK, _BRIGHT))
    return float(low), float(high)


def spectrum_pixels(
    power: NDArray[np.float64], stride: tuple[int, int], ends: tuple[float, float], side: int
) -> Pixels:
    """Return a spectrum as pixels, shape (h, w, 3).

    Args:
        power: As for `spectrum_figure`.
        stride: Period in pixels, down and across, whose lines are marked; 1 or less for none.
        ends: Values at the ends of the colour ramp, in dB.
        side: Approximate height and width, in pixels.
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
    """Draw a ring around each line of the stride except frequency 0, the mean."""
    draw = PIL.ImageDraw.Draw(sheet)
    radius = max(_LEAST_RADIUS, 2 * step)  # a line is three bins wide
    for line in product(*map(_frequencies, stride)):
        if any(line):
            y, x = (_place(frequency, bins) * step for frequency in line)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_MARK, width=2)


def _frequencies(stride: int) -> list[Fraction]:
    """Return the frequencies of a stride's lines, -1/2..1/2 cycles per pixel."""
    return [Fraction(i, stride) for i in range(-(stride // 2), stride // 2 + 1)]
