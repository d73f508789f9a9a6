"""XMP: what a picture's turning and enlarging change in it.

Source: ISO 16684-1 (XMP) and the schemas "tiff" and "exif" of its part 2.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size


_VALUE = rb"(\s*=\s*[\"']|\s*>)\d+"


def upright(packet: bytes) -> bytes:
    """Return a packet whose picture has been turned as it said."""
    return _with(packet, b"tiff:Orientation", 1)


def resized(packet: bytes, size: "Size") -> bytes:
    """Return a packet that tells another size, where it tells one.

    Args:
        packet: The packet.
        size: Height and width.

    >>> resized(b"<x exif:PixelXDimension='9'/>", (40, 50))
    b"<x exif:PixelXDimension='50'/>"
    """
    for axis, length in zip((b"Y", b"X"), size, strict=True):
        packet = _with(packet, b"exif:Pixel" + axis + b"Dimension", length)
    for name, length in zip((b"tiff:ImageLength", b"tiff:ImageWidth"), size, strict=True):
        packet = _with(packet, name, length)
    return packet


def _with(packet: bytes, name: bytes, value: int) -> bytes:
    return re.sub(name + _VALUE, lambda found: name + found[1] + b"%d" % value, packet)
