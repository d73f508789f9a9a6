"""Drawing for all figures: text in Pillow's font, a colour ramp, a frame with title and axes."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Sheet: TypeAlias = PIL.Image.Image
Colour: TypeAlias = str | tuple[int, int, int]

INK, FAINT, PAPER = "#1e1e22", "#6a6a6a", "#ffffff"
_LEAST_WIDTH = 420  # pixels inside a frame
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
    ink: Colour = INK,
) -> None:
    """Write text in letters of `size` pixels; its anchor (see Pillow) lies at the point `at`."""
    font = _font(size)
    if not isinstance(font, PIL.ImageFont.FreeTypeFont):
        anchor = "la"  # the small font supports no other anchor
    draw.text(at, text, ink, font, anchor)


def text_width(text: str, size: int) -> float:
    """Return the width in pixels of a text in letters of `size` pixels."""
    return _font(size).getlength(text)


def shortened(text: str, size: int, room: float) -> str:
    """Return a text, its middle replaced by "..." if it is wider than `room` pixels."""
    short, kept = text, len(text)
    while text_width(short, size) > room and kept > 2:
        kept -= 1
        short = f"{text[: kept // 2]}...{text[kept // 2 - kept :]}"
    return short


@cache
def _font(size: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    try:
        return PIL.ImageFont.load_default(size)
    except ImportError:  # a Pillow without FreeType has one small font
        return PIL.ImageFont.load_default()


def ramp_colours(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the colours of values from 0 (the dark end) to 1, in levels of 0..255.

    The result has one more axis than the values, at the end, for red, green and blue.
    """
    places = np.clip(values, 0.0, 1.0) * (len(_RAMP) - 1)
    stops = np.arange(len(_RAMP))
    return np.stack([np.interp(places, stops, _RAMP[:, i]) for i in range(3)], axis=-1)


class AxisLabels(NamedTuple):
    """An axis along a side of a picture: its name, and its labels by their position in pixels."""

    name: str
    labels: Mapping[float, str]


def framed(
    pixels: Pixels,
    axes: tuple[AxisLabels, AxisLabels],
    title: str,
    ticks: Sequence[str],
    unit: str,
    note: str = "",
) -> Sheet:
    """Return a picture with a title above, axes at its left and bottom, and the ramp below.

    Args:
        pixels: Shape (H, W, 3).
        axes: The vertical axis, at the left, and the horizontal axis, below the picture.
        title: One line, shortened if it is too long.
        ticks: Numbers at evenly spaced positions of the ramp, from its dark end to its light end.
        unit: The unit of these numbers.
        note: A text at the right end of the ramp's line; may be empty.
    """
    height, width = pixels.shape[:2]
    inner = max(width, _LEAST_WIDTH)
    size = min(40, max(14, inner // 48))
    pad = size // 2 + 4
    band = size + 2 * pad
    names = _room_at_left(axes[0], size)
    left, bottom = pad + names + (inner - width) // 2, band + height
    sheet = PIL.Image.new("RGB", (names + inner + 3 * pad, bottom + 3 * band + pad), PAPER)
    sheet.paste(PIL.Image.fromarray(pixels), (left, band))
    draw = PIL.ImageDraw.Draw(sheet)
    write_text(draw, (pad, band // 2), shortened(title, size, inner), size, "lm")
    _draw_axes(sheet, axes, (left, band, left + width, bottom), size)
    _draw_ramp(sheet, bottom + 2 * band, ticks, (unit, note), size)
    return sheet


def _draw_axes(
    sheet: Sheet, axes: tuple[AxisLabels, AxisLabels], box: tuple[int, int, int, int], size: int
) -> None:
    """Draw axes at the left of a box and below it, in letters of `size` pixels."""
    draw, (down, across), (left, top, right, bottom) = PIL.ImageDraw.Draw(sheet), axes, box
    mark, gap = size // 3, size // 2
    for place, text in down.labels.items():
        draw.line((left - mark, top + place, left - 1, top + place), INK)
        write_text(draw, (left - gap, top + place), text, size, "rm")
    for place, text in across.labels.items():
        draw.line((left + place, bottom, left + place, bottom + mark), INK)
        x = min(left + place, sheet.width - gap - text_width(text, size) / 2)
        write_text(draw, (x, bottom + gap), text, size, "mt")
    name = PIL.Image.new("RGB", (int(text_width(down.name, size)) + 2, 2 * size), PAPER)
    write_text(PIL.ImageDraw.Draw(name), (1, size), down.name, size, "lm")
    name = name.rotate(90, expand=True)
    y = max(top, (top + bottom - name.height) // 2)  # below the title
    if y + name.height <= bottom + 4 * size:  # else it would cover the ramp
        sheet.paste(name, (left - _room_at_left(down, size), y))
    write_text(draw, ((left + right) / 2, bottom + 2 * size), across.name, size, "mt")


def _room_at_left(axis: AxisLabels, size: int) -> int:
    """Return the width in pixels of an axis at the left, in letters of `size` pixels."""
    return 3 * size + int(max(text_width(text, size) for text in axis.labels.values()))


def _draw_ramp(
    sheet: Sheet, top: int, ticks: Sequence[str], words: tuple[str, str], size: int
) -> None:
    """Draw the colour ramp with its ticks, and `words`: its unit and a note; see `framed`."""
    (unit, note), draw, pad = words, PIL.ImageDraw.Draw(sheet), size // 2 + 4
    words_width = text_width(unit, size) + (text_width(note, size) + 2 * pad if note else 0)
    length = int(min(sheet.width - words_width - 4 * pad, sheet.width * 0.6))
    values = np.linspace(0, 1, max(2, length))
    bar = np.broadcast_to(ramp_colours(values), (size, len(values), 3)).astype(np.uint8)
    sheet.paste(PIL.Image.fromarray(bar), (pad, top))
    for place, text in labels_that_fit(ticks, length, size).items():
        x = pad + place
        draw.line((x, top + size, x, top + size + pad // 2), INK)
        anchor = "mt" if place else "lt"
        write_text(draw, (x, top + size + pad * 3 // 4), text, size, anchor)
    write_text(draw, (length + 2 * pad, top + size // 2), unit, size, "lm")
    write_text(draw, (sheet.width - pad, top + size // 2), note, size, "rm")


def labels_that_fit(ticks: Sequence[str], length: int, size: int) -> dict[float, str]:
    """Return a ramp's labels by position: all, or both ends and evenly spaced ones that fit.

    Args:
        ticks: The labels, from one end of the ramp to the other.
        length: Length of the ramp in pixels.
        size: Height of the letters in pixels.
    """
    last = len(ticks) - 1
    spacing = (length - 1) / last

    def fits(step: int) -> bool:
        """Return whether there is a gap between labels if only each `step`-th is drawn."""
        widths = [text_width(text, size) for text in ticks[::step]]
        widths[0] *= 2  # it begins where the ramp does; the others are centred
        return all(sum(pair) / 2 + size // 3 <= step * spacing for pair in pairwise(widths))

    step = next((n for n in range(1, last) if last % n == 0 and fits(n)), last)
    return {i * spacing: ticks[i] for i in range(0, last + 1, step)}
