"""What figures share: letters in Pillow's font, a ramp of colours, and a frame with a title."""

from bisect import bisect
from collections.abc import Sequence
from functools import cache
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Sheet: TypeAlias = PIL.Image.Image
Colour: TypeAlias = str | tuple[int, int, int]

_PAPER, _INK = (255, 255, 255), (30, 30, 34)
_LEAST_WIDTH = 420  # of a frame
# From dark through violet and orange to light. Brightness grows evenly, so the ramp reads the same
# to the colour-blind and in grey.
_RAMP = np.array(
    [(6, 4, 20), (68, 22, 110), (150, 40, 110), (224, 88, 62), (250, 164, 36), (252, 252, 180)]
)


def write_text(
    draw: PIL.ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    anchor: str,
    ink: Colour = _INK,
) -> None:
    """Write a line of letters of `size` pixels whose anchor, named as by Pillow, is at (x, y)."""
    font = _font(size)
    if not isinstance(font, PIL.ImageFont.FreeTypeFont):
        anchor = "la"  # the small font supports no other
    draw.text(at, text, ink, font, anchor)


def text_width(text: str, size: int) -> float:
    """Return the width in pixels of a text with letters of this height."""
    return _font(size).getlength(text)


def shortened(text: str, size: int, room: float) -> str:
    """Return a text without so much of its middle that its width is at most `room` pixels."""
    if text_width(text, size) <= room or len(text) < 3:
        return text

    def ends(kept: int) -> str:
        """Return so many letters, half of them from the end."""
        return f"{text[: kept // 2]}...{text[kept // 2 - kept :]}"

    counts = range(2, len(text))
    return ends(1 + max(1, bisect(counts, room, key=lambda kept: text_width(ends(kept), size))))


@cache
def _font(size: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    try:
        return PIL.ImageFont.load_default(size)
    except ImportError:  # a Pillow without FreeType has one small font
        return PIL.ImageFont.load_default()


def ramp_colours(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the colours of values from 0 (the dark end) to 1, in levels of 0..255.

    The result has one axis more than the values, for red, green and blue.
    """
    places = np.clip(values, 0.0, 1.0) * (len(_RAMP) - 1)
    stops = np.arange(len(_RAMP))
    return np.stack([np.interp(places, stops, _RAMP[:, i]) for i in range(3)], axis=-1)


def framed(pixels: Pixels, title: str, ticks: Sequence[str], unit: str, note: str = "") -> Sheet:
    """Return a picture with a title above and the ramp of colours below.

    Args:
        pixels: Shape (H, W, 3).
        title: One line.
        ticks: What the ramp stands for at evenly spaced places, from its dark end to its light one.
        unit: What they are numbers of.
        note: A text at the right below the picture.
    """
    height, width = pixels.shape[:2]
    inner = max(width, _LEAST_WIDTH)
    size = min(40, max(14, inner // 48))
    pad = size // 2 + 4
    band = size + 2 * pad
    sheet = PIL.Image.new("RGB", (inner + 2 * pad, height + 2 * band + size + pad), _PAPER)
    sheet.paste(PIL.Image.fromarray(pixels), (pad + (inner - width) // 2, band))
    draw = PIL.ImageDraw.Draw(sheet)
    write_text(draw, (pad, band // 2), shortened(title, size, inner), size, "lm")
    top, left = height + band + pad, pad
    words = text_width(unit, size) + (text_width(note, size) + 2 * pad if note else 0)
    length = int(min(sheet.width - left - words - 3 * pad, inner * 0.6))
    values = np.linspace(0, 1, max(2, length))
    bar = np.broadcast_to(ramp_colours(values), (size, len(values), 3)).astype(np.uint8)
    sheet.paste(PIL.Image.fromarray(bar), (left, top))
    for i, text in enumerate(ticks):
        x = left + i * (length - 1) / (len(ticks) - 1)
        draw.line((x, top + size, x, top + size + pad // 2), _INK)
        anchor = "lt" if i == 0 else "mt"
        write_text(draw, (x, top + size + pad * 3 // 4), text, size, anchor)
    write_text(draw, (left + length + pad, top + size // 2), unit, size, "lm")
    write_text(draw, (sheet.width - pad, top + size // 2), note, size, "rm")
    return sheet


def save(sheet: Sheet, file: BinaryIO) -> None:
    """Write a figure as PNG."""
    sheet.save(file, "PNG")
