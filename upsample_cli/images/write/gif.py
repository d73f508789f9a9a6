"""A GIF written frame by frame, each frame whole and with colours of its own.

Pillow chooses the colours and packs the pixels; its own writer of animations keeps all frames in
memory and joins frames that are alike.

Source: CompuServe, "Graphics Interchange Format, version 89a"; Netscape's extension for loops.
"""

from struct import pack
from typing import Any

import PIL.Image
from PIL.GifImagePlugin import getdata

from upsample_cli.planes import Size

TRAILER = b";"
_LARGEST = 65535  # number of loops, and duration in hundredths of a second
_CLEAR_FRAME = 2  # disposal of a frame with transparency before the next
_CLEAR_INDEX = 255  # the colour that is transparent; those below it are seen
_WITH_ALPHA = {"LA", "RGBA"}


def header(size: Size, plays: int, comment: str | None = None) -> bytes:
    """Return everything before the first frame.

    Args:
        size: Height and width, up to 65535.
        plays: How often the animation is played; 0 for endlessly.
        comment: Text of any length.
    """
    height, width = size
    data = b"GIF89a" + pack("<HHBBB", width, height, 0x70, 0, 0)
    if plays != 1:
        loops = min(max(plays - 1, 0), _LARGEST)
        data += b"!\xff\x0bNETSCAPE2.0\x03\x01" + pack("<H", loops) + b"\0"
    if comment:
        text = comment.encode()
        blocks = (text[start : start + 255] for start in range(0, len(text), 255))
        data += b"!\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return data


def frame(picture: PIL.Image.Image, milliseconds: float) -> bytes:
    """Return the bytes of a GIF frame; pixels under half opacity become transparent.

    Args:
        picture: Of mode P, 1, L, LA, RGB or RGBA.
        milliseconds: Its duration, rounded to hundredths of a second; 0 for a still picture.
    """
    options: dict[str, int | bool] = {"include_color_table": True}
    if milliseconds:
        options["duration"] = 10 * min(_LARGEST, round(milliseconds / 10))
    if picture.mode == "P":
        clear = picture.info.get("transparency", b"").find(b"\0")
        if clear >= 0:
            options["transparency"] = clear
        return b"".join(getdata(picture, (0, 0), **options))
    if picture.mode not in _WITH_ALPHA:
        return b"".join(getdata(picture.convert("RGB").quantize(256), (0, 0), **options))
    indexed = picture.convert("RGB").quantize(_CLEAR_INDEX)
    hidden = picture.getchannel("A").point([255] * 128 + [0] * 128)
    indexed.paste(_CLEAR_INDEX, mask=hidden)
    palette = indexed.getpalette() or []
    indexed.putpalette(palette + [0] * (768 - len(palette)))
    options |= {"transparency": _CLEAR_INDEX, "disposal": _CLEAR_FRAME}
    return b"".join(getdata(indexed, (0, 0), **options))


def rounding_note(picture: PIL.Image.Image) -> tuple[str, ...]:
    """Return a note if `frame` cannot keep all colours of a picture exactly."""
    colours: list[Any] | None = picture.getcolors(256)
    is_exact = colours is not None
    if colours is not None and picture.mode in _WITH_ALPHA:
        opacities = {colour[-1] for _, colour in colours}
        seen = {colour[:-1] for _, colour in colours}
        is_exact = opacities <= {0, 255} and len(seen) <= _CLEAR_INDEX
    note = "GIF holds 256 colours and no partial opacity, so others were rounded"
    return () if is_exact else (note,)
