"""XMP: changing the values that turning and enlarging make wrong.

Source: ISO 16684-1 (XMP) and the schemas "tiff" and "exif" of its part 2.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size

_VALUE = rb"(\s*=\s*[\"']|\s*>)\d+"


def upright(packet: bytes) -> bytes:
    """Return a packet for a picture that has been turned as it said: orientation 1."""
    return _with_number(packet, b"tiff:Orientation", 1)


def resized(packet: bytes, size: "Size") -> bytes:
    """Return a packet with another height and width, wherever it states them.

    >>> resized(b"<x exif:PixelXDimension='9'/>", (40, 50))
    b"<x exif:PixelXDimension='50'/>"
    """
    height, width = size
    numbers = {
        b"exif:PixelYDimension": height, b"exif:PixelXDimension": width,
        b"tiff:ImageLength": height, b"tiff:ImageWidth": width,
    }  # fmt: skip
    for name, number in numbers.items():
        packet = _with_number(packet, name, number)
    return packet


def _with_number(packet: bytes, name: bytes, number: int) -> bytes:
    return re.sub(name + _VALUE, lambda match: name + match[1] + b"%d" % number, packet)
