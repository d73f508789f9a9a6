"""Keep the regions that XMP states, as of faces, true to a turned or enlarged picture.

Source: Metadata Working Group, "Guidelines for handling image metadata", regions.
"""

import re

from upsample_cli.images.exif import SIDEWAYS, STEPS
from upsample_cli.planes import Size

_AREA, _DIMENSIONS = (
    re.compile(rb"<mwg-rs:%b\b.*?(?:/>|</mwg-rs:%b>)" % (name, name), re.DOTALL)
    for name in (b"Area", b"AppliedToDimensions")
)
_NUMBER = re.compile(rb"(st(?:Area|Dim):([xywh])(?:\s*=\s*[\"']|\s*>\s*))(\d*\.?\d+)")


def upright(packet: bytes, orientation: int) -> bytes:
    """Return an XMP packet whose regions are turned upright as their picture is."""

    def turned(match: re.Match[bytes]) -> bytes:
        """Return a region turned: its centre and its sides, in widths and heights of a picture."""
        numbers = {name: float(number) for _, name, number in _NUMBER.findall(match[0])}
        x, y, *sides = (numbers.get(name, 0.0) for name in (b"x", b"y", b"w", b"h"))
        for step in STEPS[orientation].split():
            if step == "t":
                x, y = y, x
            else:
                x, y = (1 - x, y) if step == "lr" else (x, 1 - y)
        width, height = sides[::-1] if orientation in SIDEWAYS else sides
        return _with_numbers(match[0], {b"x": x, b"y": y, b"w": width, b"h": height})

    return _AREA.sub(turned, packet) if orientation in STEPS else packet


def resized(packet: bytes, size: Size) -> bytes:
    """Return an XMP packet whose regions are said to be of a picture of this height and width."""
    numbers = {b"h": float(size[0]), b"w": float(size[1])}
    return _DIMENSIONS.sub(lambda match: _with_numbers(match[0], numbers), packet)


def _with_numbers(element: bytes, numbers: dict[bytes, float]) -> bytes:
    """Return an element with these numbers in place of its own, by the last letter of names."""

    def replaced(match: re.Match[bytes]) -> bytes:
        """Return an attribute or element with its new number, if there is one."""
        return match[1] + b"%.7g" % numbers[match[2]] if match[2] in numbers else match[0]

    return _NUMBER.sub(replaced, element)
