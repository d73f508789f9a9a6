"""Write GIFs frame by frame, split GIFs into blocks, and enlarge GIFs by copying their pixels.

Pillow chooses the colours and packs the pixels; its own writer of animations holds all frames in
memory and merges equal frames. Where pixels are only copied, only the size of the canvas and the
position, size and indices of each frame change: palettes, transparency, disposal, durations, loops
and comments stay the same, byte for byte.

Source: CompuServe, "Graphics Interchange Format, version 89a"; Netscape's extension for loops;
ICC.1:2022, annex B; Adobe, "XMP Specification", part 3.
"""

import io
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.GifImagePlugin import GifImageFile, getdata

from upsample_cli.images.metadata import Metadata
from upsample_cli.planes import Size

Index: TypeAlias = NDArray[np.int64]

TRAILER = b";"
FRAME, CONTROL, APPLICATION = 0x2C, 0xF9, 0xFF
"""The first byte of a frame; the second byte of a control and of an application extension."""
PROFILE, XMP = b"ICCRGBG1012", b"XMP DataXMP"
"""The names of the application extensions that hold a profile and an XMP packet."""
XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""What ends an XMP packet, which is not cut into blocks, for programs that read blocks."""

_EXTENSION, _COMMENT, _IS_INTERLACED = 0x21, 0xFE, 0x40
_NEEDED = (b"NETSCAPE2.0", b"ANIMEXTS1.0", PROFILE)  # extensions that change what is seen
_NO_METADATA = Metadata()
# Flags and table for 256 colours: any table except a ramp of greys, which Pillow would ignore.
_TABLE_OF_256 = 0x87, bytes(768)
_CLEAR_FRAME = 2  # disposal of frames with transparency: cleared before the next frame
_CLEAR_INDEX = 255  # index of the transparent colour; lower indices are visible
_WITH_ALPHA = {"LA", "RGBA"}


def header(size: Size, plays: int, metadata: Metadata = _NO_METADATA) -> bytes:
    """Return everything before the first frame.

    Args:
        size: Height and width, up to 65535.
        plays: Number of times the animation is played, up to 65536; 0 for endlessly.
        metadata: Where profile, XMP and comment come from.
    """
    height, width = size
    data = b"GIF89a" + pack("<HHBBB", width, height, 0x70, 0, 0)
    if plays != 1:
        data += b"!\xff\x0bNETSCAPE2.0\x03\x01" + pack("<H", max(plays - 1, 0)) + b"\0"
    if metadata.icc:
        data += b"!\xff\x0b" + PROFILE + _sub_blocks(metadata.icc)
    if metadata.xmp and b"\0" not in metadata.xmp:
        data += b"!\xff\x0b" + XMP + metadata.xmp + XMP_TRAILER
    if metadata.comment:
        data += b"!\xfe" + _sub_blocks(metadata.comment.encode())
    return data


def _sub_blocks(data: bytes) -> bytes:
    """Return data as blocks of at most 255 bytes, each after its length, and their end mark."""
    blocks = (data[start : start + 255] for start in range(0, len(data), 255))
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def frame(picture: PIL.Image.Image, milliseconds: float) -> bytes:
    """Return the bytes of a GIF frame; pixels below half opacity become transparent.

    Args:
        picture: A picture of mode P, 1, L, LA, RGB or RGBA.
        milliseconds: Its duration, up to 655350, which is rounded to hundredths of a second; 0 for
            a still picture.
    """
    options: dict[str, int | bool] = {"include_color_table": True}
    if milliseconds:
        options["duration"] = 10 * round(milliseconds / 10)
    if picture.mode == "P":
        clear = picture.info.get("transparency", b"").find(b"\0")
        if clear >= 0:
            options["transparency"] = clear
    elif picture.mode not in _WITH_ALPHA:
        picture = picture.convert("RGB").quantize(256)
    else:
        hidden = picture.getchannel("A").point([255] * 128 + [0] * 128)
        picture = picture.convert("RGB").quantize(_CLEAR_INDEX)
        picture.paste(_CLEAR_INDEX, mask=hidden)
        palette = picture.getpalette() or []
        picture.putpalette(palette + [0] * (768 - len(palette)))
        options |= {"transparency": _CLEAR_INDEX, "disposal": _CLEAR_FRAME}
    return b"".join(getdata(picture, (0, 0), **options))


def rounding_note(picture: PIL.Image.Image) -> tuple[str, ...]:
    """Return one note if `frame` cannot keep all colours of a picture exactly, else none."""
    colours: list[Any] | None = picture.getcolors(256)
    is_exact = colours is not None
    if colours is not None and picture.mode in _WITH_ALPHA:
        opacities = {colour[-1] for _, colour in colours}
        seen = {colour[:-1] for _, colour in colours}
        is_exact = opacities <= {0, 255} and len(seen) <= _CLEAR_INDEX
    note = "GIF holds 256 colours and no partial opacity, so pixels were rounded"
    return () if is_exact else (note,)


def head_length(data: bytes) -> int:
    """Return the number of bytes before the first block of a GIF."""
    return 13 + _table_length(data[10])


def blocks(data: bytes) -> Iterator[bytes]:
    """Yield the bytes of each frame and of each extension of a GIF.

    Raises:
        IndexError: The GIF ends too early.
    """
    at = head_length(data)
    while at < len(data) and data[at] != TRAILER[0]:
        begin = at
        if data[at] in (FRAME, _EXTENSION):
            is_frame = data[at] == FRAME
            at = _end(data, at + 11 + _table_length(data[at + 9]) if is_frame else at + 2)
            yield data[begin:at]
        else:
            at += 1


def enlarged(data: bytes, rows: Index, columns: Index, strip: bool) -> Iterator[bytes]:
    """Yield the parts of an enlarged GIF, whose pixels are copies of the input's pixels.

    Args:
        data: The bytes of the input, which has been read without an error.
        rows: For each output row, the index of the input row that it copies; never decreasing.
        columns: The same for each output column.
        strip: Whether to leave out comments and all other metadata but the profile.
    """
    yield data[:6] + pack("<HH", len(columns), len(rows)) + data[10 : head_length(data)]
    for block in blocks(data):
        if block[0] == FRAME:
            yield _enlarged_frame(block, rows, columns)
        elif not strip or not (
            block[1] == _COMMENT or (block[1] == APPLICATION and block[3:14] not in _NEEDED)
        ):
            yield block
    yield TRAILER


def _enlarged_frame(block: bytes, rows: Index, columns: Index) -> bytes:
    """Return a whole frame enlarged: its descriptor, its colour table and its pixels."""
    left, top, width, height, flags = unpack_from("<4HB", block, 1)
    start = 10 + _table_length(flags)
    table_flags, table = _TABLE_OF_256
    screen = b"GIF89a" + pack("<HHBBB", width, height, table_flags, 0, 0) + table
    descriptor = pack("<B4HB", FRAME, 0, 0, width, height, flags & _IS_INTERLACED)
    with GifImageFile(io.BytesIO(screen + descriptor + block[start:] + TRAILER)) as opened:
        indices = np.asarray(opened)
    down = rows[(rows >= top) & (rows < top + height)] - top
    across = columns[(columns >= left) & (columns < left + width)] - left
    picture = PIL.Image.fromarray(indices[np.ix_(down, across)])
    corner = int(np.searchsorted(columns, left)), int(np.searchsorted(rows, top))
    head, *encoded = getdata(picture, corner)
    return head[:9] + bytes([flags & ~_IS_INTERLACED]) + block[10:start] + b"".join(encoded)


def _table_length(flags: int) -> int:
    """Return the length, in bytes, of the colour table that `flags` announces; 0 for none."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """Return the end of the sub-blocks that begin at an offset; their final 0 may be missing."""
    begin = at
    while (at == begin or at != len(data)) and data[at]:
        at += data[at] + 1
    return at + 1
