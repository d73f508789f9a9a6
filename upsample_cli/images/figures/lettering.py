"""Letters on a picture, in the font that Pillow brings."""

from functools import cache

import PIL.ImageDraw
import PIL.ImageFont

Colour = str | tuple[int, int, int]


def write(
    draw: PIL.ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    anchor: str,
    ink: Colour,
) -> None:
    """Write a text.

    Args:
        draw: On what.
        at: Where, x and y, in pixels.
        text: What.
        size: Height of the letters, in pixels.
        anchor: Which point of the text lies there, in Pillow's words.
        ink: Colour.
    """
    font = _font(size)
    if not isinstance(font, PIL.ImageFont.FreeTypeFont):
        anchor = "la"  # the only one that the small font knows
    draw.text(at, text, ink, font, anchor)


def width(text: str, size: int) -> float:
    """Return how many pixels a text of letters of this height is wide."""
    return _font(size).getlength(text)


def fitted(text: str, size: int, room: float) -> str:
    """Return a text, with as much of its middle left out as it takes to fit.

    Args:
        text: One line.
        size: Height of the letters, in pixels.
        room: How many pixels wide it may be.
    """
    shorter = text
    for kept in range(len(text) - 1, 1, -1):
        if width(shorter, size) <= room:
            break
        shorter = f"{text[: kept // 2]}...{text[kept // 2 - kept :]}"
    return shorter


@cache
def _font(size: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    try:
        return PIL.ImageFont.load_default(size)
    except ImportError:  # a Pillow without FreeType has but one small font
        return PIL.ImageFont.load_default()
