"""What Pillow reads of a JPEG and does not write: IPTC, and XMP longer than one segment.

Source: Adobe, "Photoshop File Formats Specification" (image resources) and "XMP Specification
Part 3: Storage in Files" (ExtendedXMP).
"""

import re
from struct import pack
from typing import Any

import PIL.Image

_IPTC = 0x0404
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_MAX_IPTC = 65_500  # bytes that fit into a segment
_GAIN_MAP = b"hdrgm:", b"GainMap", b"urn:iso:std:iso:ts:21496"
_MOTION = b"MotionPhoto", b"MicroVideo"
_CLAIMS = re.compile(
    rb"""\s(hdrgm:\w+|G?Camera:(MotionPhoto|MicroVideo)\w*)\s*=\s*("[^"]*"|'[^']*')"""
    rb"|<(hdrgm:\w+|G?Camera:(?:MotionPhoto|MicroVideo)\w*|G?Container:Directory)\b.*?</\4>",
    re.DOTALL,
)
_APP1, _APP13 = b"\xff\xe1", b"\xff\xed"


def iptc(opened: PIL.Image.Image) -> bytes | None:
    """Return the IPTC of a JPEG."""
    resources: Any = opened.info.get("photoshop", {})
    return resources.get(_IPTC) or None


def extended_xmp(opened: PIL.Image.Image) -> tuple[bytes, ...]:
    """Return the segments of a JPEG that hold the rest of its XMP packet."""
    segments = getattr(opened, "applist", [])
    return tuple(data for _, data in segments if data.startswith(_EXTENDED_XMP))


def without_attachments(xmp: bytes, rest: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return XMP that no longer claims what lies behind a JPEG's picture, and notes on what did.

    Args:
        xmp: An XMP packet.
        rest: Other segments, and the end of the file.
    """
    notes = []
    if any(mark in xmp + rest for mark in _GAIN_MAP):
        notes.append("its gain map, which makes it HDR, is left out")
    if any(mark in xmp + rest for mark in _MOTION):
        notes.append("the video of its motion photo is left out")
    return (_CLAIMS.sub(b"", xmp) if notes else xmp), tuple(notes)


def encoded(iptc: bytes | None, extended_xmp: tuple[bytes, ...]) -> bytes:
    """Return the segments to write into another JPEG.

    Args:
        iptc: As `iptc` returns it; left out where a segment cannot hold it.
        extended_xmp: As `extended_xmp` returns it.
    """
    segments = [(_APP1, data) for data in extended_xmp]
    if iptc and len(iptc) <= _MAX_IPTC:
        resource = b"8BIM" + pack(">HHL", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
        segments.append((_APP13, b"Photoshop 3.0\0" + resource))
    return b"".join(marker + pack(">H", 2 + len(data)) + data for marker, data in segments)
