"""Find what Pillow overlooks in a JPEG: attachments after its picture, and a lost end marker.

Source: ITU-T T.81, annexes B (markers) and G (progression).
"""

import io
import os
import re
from itertools import product
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from struct import unpack_from
from typing import BinaryIO

import PIL.Image
from PIL.JpegImagePlugin import jpeg_factory

_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"
# Data to insert before the end marker: if it changes the decoded pixels, some are missing. It holds
# every restart marker, because the decoder may skip data until the marker that is due.
_TAILS = (
    b"", *(b"".join(fill * 64 + bytes([0xFF, 0xD0 + i]) for i in range(8)) for fill in (b"U", b"*"))
)  # fmt: skip
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")
_PROGRESSIVE, _SCAN = 0xC2, 0xDA
_HEAD, _TAIL = 64, 4096  # bytes to search for attachments: of each segment, at the end
_GAIN_MAP = b"hdrgm:", b"GainMap", b"urn:iso:std:iso:ts:21496"
_MOTION = b"MotionPhoto", b"MicroVideo"
_CLAIMS = re.compile(
    rb"""\s(hdrgm:\w+|G?Camera:(MotionPhoto|MicroVideo)\w*)\s*=\s*("[^"]*"|'[^']*')"""
    rb"|<(hdrgm:\w+|G?Camera:(?:MotionPhoto|MicroVideo)\w*|G?Container:Directory)\b.*?</\4>",
    re.DOTALL,
)


def without_attachments(
    xmp: bytes, opened: PIL.Image.Image, file: BinaryIO
) -> tuple[bytes, tuple[str, ...]]:
    """Return XMP without claims of a gain map or video after the picture, and notes on these."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
    segments = b"".join(data[:_HEAD] for _, data in getattr(opened, "applist", []))
    marks, notes = xmp + segments + file.read(), []
    if any(mark in marks for mark in _GAIN_MAP):
        notes.append("its gain map, which makes it HDR, is left out")
    if any(mark in marks for mark in _MOTION):
        notes.append("the video of its motion photo is left out")
    return (_CLAIMS.sub(b"", xmp) if notes else xmp), tuple(notes)


def with_end_marker(file: BinaryIO) -> io.BytesIO | None:
    """Return a JPEG with its end marker added; None if more is missing, or it is not a JPEG."""
    file.seek(0)
    if file.read(2) != _BEGIN:  # other files are not read whole: /dev/zero never ends
        return None
    data, pixels = (_BEGIN + file.read()).removesuffix(_END[:1]), None
    try:
        if not _has_all_scans(data):
            return None
        for tail in _TAILS:
            with jpeg_factory(io.BytesIO(data + tail + _END)) as opened:
                before, pixels = pixels, opened.tobytes()
            if before not in (None, pixels):
                return None
    except (OSError, SyntaxError, ValueError, IndexError, StructError):
        return None
    return io.BytesIO(data + _END)


def _has_all_scans(data: bytes) -> bool:
    """Return whether scans hold all bits of all coefficients; True if a JPEG is not progressive."""
    incomplete: set[tuple[int, int]] = set()
    at, is_progressive = 2, False
    while match := _MARKER.search(data, at):
        marker, start = data[match.start() + 1], match.end() + 2
        at = match.end() + unpack_from(">H", data, match.end())[0]
        if marker == _PROGRESSIVE:
            is_progressive = True
            components = data[start + 6 : at : 3]
            incomplete = set(product(components, range(64)))
        elif marker == _SCAN and at <= len(data):
            first, last, bits = data[at - 3 : at]
            parts = set(product(data[start + 1 : at - 3 : 2], range(first, last + 1)))
            incomplete = incomplete | parts if bits & 15 else incomplete - parts
    return not (is_progressive and incomplete)
