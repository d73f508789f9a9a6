"""What Pillow reads of a JPEG and does not write: IPTC, and XMP longer than one segment.

Source: Adobe, "Photoshop File Formats Specification" (image resources) and "XMP Specification
Part 3: Storage in Files" (ExtendedXMP).
"""

from collections.abc import Iterator
from struct import pack
from typing import Any

import PIL.Image

_IPTC = 0x0404
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_MAX_IPTC = 65_500  # bytes that fit into a segment
_APP1, _APP13 = b"\xff\xe1", b"\xff\xed"


def iptc(opened: PIL.Image.Image) -> bytes | None:
    """Return the IPTC of a JPEG."""
    resources: Any = opened.info.get("photoshop", {})
    return resources.get(_IPTC) or None


def extended_xmp(opened: PIL.Image.Image) -> tuple[bytes, ...]:
    """Return the segments of a JPEG that hold the rest of its XMP packet."""
    segments = getattr(opened, "applist", [])
    return tuple(data for _, data in segments if data.startswith(_EXTENDED_XMP))


def encoded(iptc: bytes | None, extended_xmp: tuple[bytes, ...]) -> bytes:
    """Return the segments to write into another JPEG.

    Args:
        iptc: As `iptc` returns it; left out where a segment cannot hold it.
        extended_xmp: As `extended_xmp` returns it.
    """
    return b"".join(_segments(iptc, extended_xmp))


def _segments(iptc: bytes | None, extended_xmp: tuple[bytes, ...]) -> Iterator[bytes]:
    for data in extended_xmp:
        yield _segment(_APP1, data)
    if iptc and len(iptc) <= _MAX_IPTC:
        resource = b"8BIM" + pack(">HHL", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
        yield _segment(_APP13, b"Photoshop 3.0\0" + resource)


def _segment(marker: bytes, data: bytes) -> bytes:
    return marker + pack(">H", 2 + len(data)) + data
