"""A GIF written frame by frame: each whole, with colours of its own.

Pillow chooses the colours and packs the pixels; its own writer of animations keeps all frames in
memory and joins those that are alike.

Source: CompuServe, "Graphics Interchange Format, version 89a"; Netscape's extension for loops.
"""

from struct import pack
from typing import Any

import PIL.Image
from PIL.GifImagePlugin import getdata

from upsample_cli.planes import Size

LONGEST = 65535  # of width, height, and duration in hundredths of a second
_BACKGROUND = 2  # what a frame with transparency leaves behind is cleared
_CLEAR = 255
_WITH_OPACITY = {"LA", "RGBA"}


def head(size: Size, plays: int, comment: str | None = None) -> bytes:
    """Return all that stands before the frames.

    Args:
        size: Height and width, up to `LONGEST`.
        plays: How often it is played; 0 for endlessly.
        comment: Words for people.
    """
    height, width = size
    made = b"GIF89a" + pack("<HHBBB", width, height, 0x70, 0, 0)
    if plays != 1:
        loop = min(max(plays - 1, 0), LONGEST)
        made += b"!\xff\x0bNETSCAPE2.0\x03\x01" + pack("<H", loop) + b"\0"
    if comment:
        data = comment.encode()
        parts = (data[at : at + 255] for at in range(0, len(data), 255))
        made += b"!\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    return made


def frame(picture: PIL.Image.Image, milliseconds: float) -> bytes:
    """Return a frame.

    Args:
        picture: Of mode L, LA, RGB or RGBA; a pixel of less than half opacity becomes clear.
        milliseconds: How long it is shown; rounded to hundredths of a second.
    """
    options: dict[str, int | bool] = {"include_color_table": True}
    if milliseconds:
        options["duration"] = 10 * min(LONGEST, round(milliseconds / 10))
    if picture.mode not in _WITH_OPACITY:
        return b"".join(getdata(picture.convert("RGB").quantize(256), (0, 0), **options))
    indexed = picture.convert("RGB").quantize(_CLEAR)
    hidden = picture.getchannel("A").point([255] * 128 + [0] * 128)
    indexed.paste(_CLEAR, mask=hidden)
    colours = indexed.getpalette() or []
    indexed.putpalette(colours + [0] * (768 - len(colours)))
    options |= {"transparency": _CLEAR, "disposal": _BACKGROUND}
    return b"".join(getdata(indexed, (0, 0), **options))


def losses(picture: PIL.Image.Image) -> tuple[str, ...]:
    """Return a note where a frame does not have all colours of a picture, as many as they are.

    Args:
        picture: As for `frame`.
    """
    colours: list[Any] | None = picture.getcolors(256)
    kept = colours is not None
    if colours is not None and picture.mode in _WITH_OPACITY:
        opacities = {colour[-1] for _, colour in colours}
        kept = opacities <= {0, 255} and len({colour[:-1] for _, colour in colours}) <= _CLEAR
    note = "GIF holds 256 colours and no partial opacity, so others were rounded"
    return () if kept else (note,)


TAIL = b";"
