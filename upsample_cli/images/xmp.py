"""Correct the values of XMP that turning or enlarging a picture makes wrong.

Source: Adobe, "XMP Specification", part 2; Metadata Working Group, "Guidelines for handling image
metadata", regions, as of faces.
"""

import re
from collections.abc import Mapping

from upsample_cli.images.exif import SIDEWAYS, STEPS
from upsample_cli.planes import Size

_AREA, _DIMENSIONS = (
    re.compile(rb"<mwg-rs:%b\b.*?(?:/>|</mwg-rs:%b>)" % (name, name), re.DOTALL)
    for name in (b"Area", b"AppliedToDimensions")
)
_NUMBER = rb"(%b(?:\s*=\s*[\"']|\s*>\s*))(\d*\.?\d+)"  # an attribute, or an element
_CENTRE_AND_SIDES = b"stArea:x", b"stArea:y", b"stArea:w", b"stArea:h"


def upright(packet: bytes, orientation: int = 1) -> bytes:
    """Return the XMP packet of a picture of this orientation after it has been turned upright.

    >>> upright(b"<x tiff:Orientation='6'/>", 6)
    b"<x tiff:Orientation='1'/>"
    """

    def turned(match: re.Match[bytes]) -> bytes:
        """Return a region turned: its centre and its sides, in widths and heights of a picture."""
        found = (re.search(_NUMBER % name, match[0]) for name in _CENTRE_AND_SIDES)
        x, y, *sides = (float(number[2]) if number else 0.0 for number in found)
        for step in STEPS[orientation].split():
            if step == "t":
                x, y = y, x
            else:
                x, y = (1 - x, y) if step == "lr" else (x, 1 - y)
        sides = sides[::-1] if orientation in SIDEWAYS else sides
        return _with_numbers(match[0], dict(zip(_CENTRE_AND_SIDES, (x, y, *sides), strict=True)))

    if orientation in STEPS:
        packet = _AREA.sub(turned, packet)
    return _with_numbers(packet, {b"tiff:Orientation": 1})


def resized(packet: bytes, size: Size) -> bytes:
    """Return an XMP packet with `size` in place of the height and width, wherever it states them.

    >>> resized(b"<x exif:PixelXDimension='9'/>", (40, 50))
    b"<x exif:PixelXDimension='50'/>"
    """
    height, width = size
    packet = _with_numbers(packet, {
        b"exif:PixelYDimension": height, b"exif:PixelXDimension": width,
        b"tiff:ImageLength": height, b"tiff:ImageWidth": width,
    })  # fmt: skip
    numbers = {b"stDim:h": height, b"stDim:w": width}
    return _DIMENSIONS.sub(lambda match: _with_numbers(match[0], numbers), packet)


def _with_numbers(packet: bytes, numbers: Mapping[bytes, float]) -> bytes:
    """Return a packet, or a part of one, in which `numbers` replace those of the same names."""
    for name, number in numbers.items():
        packet = re.sub(_NUMBER % name, rb"\g<1>%.10g" % number, packet)
    return packet
