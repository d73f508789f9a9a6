"""The spectrum of a picture as a figure, with the lines of a stride marked."""

from fractions import Fraction

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures import lettering
from upsample_cli.images.figures.colour_ramp import colours
from upsample_cli.images.figures.frame import framed

_SIDE = 768  # pixels, about
_BEYOND = 8  # bins shown beyond half a cycle a pixel, so that lines there are whole
_DARK, _BRIGHT = 2.0, 99.99  # percentiles of the bins that the ramp of colours spans
_MARK = (120, 220, 255)
_LEAST_RADIUS = 12  # pixels: of a ring around a line


def spectrum_figure(
    power: NDArray[np.float64], stride: tuple[int, int], title: str
) -> PIL.Image.Image:
    """Return a figure of a spectrum.

    Args:
        power: Shape (n, n), frequency 0 in the middle, in squared levels.
        stride: Period down and across whose lines are marked; 1 or less for none.
        title: One line.
    """
    decibels = 10 * np.log10(np.maximum(power, 1e-9))
    low, high = np.percentile(decibels, (_DARK, _BRIGHT))
    shares = np.pad((decibels - low) / max(1e-9, high - low), _BEYOND, mode="wrap")
    step = max(1, _SIDE // len(power))
    sheet = PIL.Image.fromarray(colours(shares.repeat(step, 0).repeat(step, 1)).astype(np.uint8))
    if min(stride) > 1:
        _mark(sheet, stride, step, len(power))
    ends = f"{low:.0f} dB", f"{high:.0f} dB re one level squared"
    return framed(np.asarray(sheet), title, *ends)


def _mark(sheet: PIL.Image.Image, stride: tuple[int, int], step: int, bins: int) -> None:
    """Draw a ring around each line but the mean, and name those on the axes, in cycles a pixel."""
    draw = PIL.ImageDraw.Draw(sheet)
    radius = max(_LEAST_RADIUS, 2 * step)  # a line is three bins wide
    for down in _frequencies(stride[0]):
        for across in _frequencies(stride[1]):
            if down == across == 0:
                continue
            y, x = (  # the middle of the line's bin
                float((each + Fraction(1, 2)) * bins + _BEYOND + Fraction(1, 2)) * step
                for each in (down, across)
            )
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_MARK, width=2)
            if down == 0 or across == 0:
                # Beside the ring, on the side of the middle.
                anchor, gap = ("rs", -radius) if across > 0 else ("ls", radius)
                at = (x + gap, y - abs(gap))
                lettering.write(draw, at, str(down or across), 15, anchor, _MARK)


def _frequencies(stride: int) -> list[Fraction]:
    """Return the frequencies of a stride's lines, -1/2 to 1/2."""
    return [Fraction(each, stride) for each in range(-(stride // 2), stride // 2 + 1)]
