"""A picture with a title above and a scale of colours below, for people to look at."""

from typing import BinaryIO, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures import lettering
from upsample_cli.images.figures.colour_ramp import colours

Pixels = NDArray[np.uint8]
Sheet: TypeAlias = PIL.Image.Image
_PAPER, _INK = (255, 255, 255), (30, 30, 34)
_LEAST_WIDTH = 420


def framed(pixels: Pixels, title: str, low: str, high: str, note: str = "") -> Sheet:
    """Return a picture with a title above and the ramp of colours below.

    Args:
        pixels: Shape (H, W, 3).
        title: What is seen, one line.
        low: What the first colour stands for.
        high: What the last colour stands for.
        note: What stands at the right below the picture.
    """
    height, width = pixels.shape[:2]
    wide = max(width, _LEAST_WIDTH)
    size = min(40, max(14, wide // 48))
    pad = size // 2 + 4
    band = size + 2 * pad
    sheet = PIL.Image.new("RGB", (wide + 2 * pad, height + 2 * band), _PAPER)
    sheet.paste(PIL.Image.fromarray(pixels), (pad + (wide - width) // 2, band))
    draw = PIL.ImageDraw.Draw(sheet)
    title = lettering.fitted(title, size, wide)
    lettering.write(draw, (pad, band // 2), title, size, "lm", _INK)
    middle = height + band + band // 2
    left = pad + lettering.width(low, size) + pad
    words = lettering.width(high, size) + (lettering.width(note, size) + 2 * pad if note else 0)
    right = min(sheet.width - pad - words - pad, left + wide / 2)
    shares = np.linspace(0, 1, max(2, int(right - left)))
    bar = np.broadcast_to(colours(shares), (size, len(shares), 3)).astype(np.uint8)
    sheet.paste(PIL.Image.fromarray(bar), (int(left), middle - size // 2))
    lettering.write(draw, (pad, middle), low, size, "lm", _INK)
    lettering.write(draw, (int(left) + len(shares) + pad, middle), high, size, "lm", _INK)
    lettering.write(draw, (sheet.width - pad, middle), note, size, "rm", _INK)
    return sheet


def save(sheet: Sheet, file: BinaryIO) -> None:
    """Write a figure as PNG."""
    sheet.save(file, "PNG")
