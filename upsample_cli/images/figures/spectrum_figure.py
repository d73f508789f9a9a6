"""The spectrum of a picture as a figure, with the lines of a stride marked."""

from fractions import Fraction

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import AxisLabels, Pixels, Sheet, framed, ramp_colours

_SIDE = 768  # pixels: about the side of the figure
_BEYOND = 8  # bins drawn beyond half a cycle a pixel, so that lines there are whole
_DARK, _BRIGHT = 2.0, 99.99  # percentiles of the bins that the ramp of colours spans
_MARK = (120, 220, 255)
_LEAST_RADIUS = 12  # pixels, of a ring around a line


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
        AxisLabels(f"cycles per pixel, {word}", _labels(period, len(power)))
        for word, period in zip(("down", "across"), stride, strict=True)
    )
    return framed(pixels, (down, across), title, ticks, "dB re one level squared")


def _labels(stride: int, bins: int) -> dict[float, str]:
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
