"""Find what Pillow overlooks in a JPEG: attachments, a lost end marker, and data that end early.

Source: ITU-T T.81, annexes B (markers) and G (progression).
"""

import io
import os
import re
from contextlib import suppress
from itertools import product
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from struct import unpack_from
from typing import BinaryIO, NamedTuple

import PIL.Image
from PIL.JpegImagePlugin import jpeg_factory

_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"
# Data to insert before the end marker: if they change the decoded pixels, pixels are missing. They
# hold every restart marker, because the decoder may skip data until the next expected marker.
_TAILS = (
    b"", *(b"".join(fill * 64 + bytes([0xFF, 0xD0 + i]) for i in range(8)) for fill in (b"U", b"*"))
)  # fmt: skip
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
_PROGRESSIVE, _SCAN, _ARITHMETIC = 0xC2, 0xDA, (0xC9, 0xCA)
_ERRORS = OSError, SyntaxError, ValueError, IndexError, StructError  # of damaged segments
_MID_GREY = {127, 128}  # what libjpeg puts where data are missing; 127 in CMYK
_HEAD, _TAIL = 64, 4096  # bytes to search for attachments: of each segment, at the end
_ZEROS = 64  # so many zero bytes at the end are space that an unfinished download reserved
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
    """Return XMP that claims no gain map or video after the picture, and notes on these."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
    segments = b"".join(data[:_HEAD] for _, data in getattr(opened, "applist", []))
    marks, notes = xmp + segments + file.read(), []
    if any(mark in marks for mark in _GAIN_MAP):
        notes.append("its gain map, which makes it HDR, is left out")
    if any(mark in marks for mark in _MOTION):
        notes.append("the video of its motion photo is left out")
    return (_CLAIMS.sub(b"", xmp) if notes else xmp), tuple(notes)


def check_pixels(file: BinaryIO, decoded: PIL.Image.Image) -> None:
    """Refuse a JPEG without an end marker, or whose data end early: Pillow fills gaps with grey.

    Only files whose last pixel is grey, or that lack scans, are decoded again. So data that are
    missing in the last block alone, or in the last progressive scan, are not noticed.

    Raises:
        OSError: Pixels or the end marker are missing.
    """
    if not _has_end_marker(file):
        raise OSError("its end is missing")
    corner = decoded.crop((decoded.width - 1, decoded.height - 1, *decoded.size)).tobytes()
    is_grey = set(corner) <= _MID_GREY
    if not is_grey and not decoded.info.get("progressive"):
        return
    file.seek(0)
    data, is_cut = file.read(), False
    with suppress(*_ERRORS):  # segments that only Pillow understands say nothing
        scans = _scans(data)
        # The end of arithmetic coding may be left out: more data could change an intact picture.
        is_suspicious = (is_grey or not scans.are_complete) and not scans.are_arithmetic
        is_cut = is_suspicious and _lacks_data(data[: scans.end])
    if is_cut:
        raise OSError("its pixels end early")


def with_end_marker(file: BinaryIO) -> io.BytesIO | None:
    """Return a JPEG with its end marker added; None if more is missing, or it is not a JPEG."""
    file.seek(0)
    if file.read(2) != _BEGIN:  # other files are not read whole: /dev/zero never ends
        return None
    data = _BEGIN + file.read()
    if data.endswith(bytes(_ZEROS)):
        data = data.rstrip(b"\0")
    data = data.removesuffix(_END[:1])
    try:
        if not _scans(data).are_complete or _lacks_data(data):
            return None
    except _ERRORS:
        return None
    return io.BytesIO(data + _END)


def _has_end_marker(file: BinaryIO) -> bool:
    """Return whether a JPEG has an end marker, in its last bytes or else found by a search."""
    file.seek(-len(_END), os.SEEK_END)
    if file.read() == _END:
        return True
    file.seek(0)
    data = file.read()
    try:
        return _scans(data).end < len(data)
    except _ERRORS:  # segments that only Pillow understands
        return True


def _lacks_data(data: bytes) -> bool:
    """Return whether more data at the end of a JPEG, without its end marker, change its pixels."""
    pixels = None
    for tail in _TAILS:
        with jpeg_factory(io.BytesIO(data + tail + _END)) as opened:
            before, pixels = pixels, opened.tobytes()
        if before not in (None, pixels):
            return True
    return False


class _Scans(NamedTuple):
    """The scans of a JPEG."""

    are_complete: bool  # they hold all bits of all coefficients; True if not progressive
    are_arithmetic: bool
    end: int  # the offset of the end marker, or of the end of the data


def _scans(data: bytes) -> _Scans:
    """Return what the markers of a JPEG say about its scans."""
    incomplete: set[tuple[int, int]] = set()
    at, end, is_progressive, is_arithmetic = 2, len(data), False, False
    while match := _MARKER.search(data, at):
        marker, start = data[match.start() + 1], match.end() + 2
        if marker == _END[1]:
            end = match.start()
            break
        at = match.end() + unpack_from(">H", data, match.end())[0]
        is_arithmetic = is_arithmetic or marker in _ARITHMETIC
        if marker == _PROGRESSIVE:
            is_progressive = True
            components = data[start + 6 : at : 3]
            incomplete = set(product(components, range(64)))
        elif marker == _SCAN and at <= len(data):
            first, last, bits = data[at - 3 : at]
            parts = set(product(data[start + 1 : at - 3 : 2], range(first, last + 1)))
            incomplete = incomplete | parts if bits & 15 else incomplete - parts
    return _Scans(not (is_progressive and incomplete), is_arithmetic, end)
