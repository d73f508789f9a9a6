"""EXIF: what a picture's turning and enlarging change in it.

Numbers are changed where they stand, so that all else stays byte for byte: makers' notes hold
offsets of their own, which a rewritten EXIF would break.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras"; TIFF 6.0.
"""

import struct
from collections.abc import Iterator
from struct import pack_into, unpack_from
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # decoding begins before NumPy has loaded, and samples come without Pillow
    import PIL.Image

    from upsample_cli.planes import Size


ORIENTATION, IPTC = 0x0112, 0x83BB
FAULTS = (
    ArithmeticError, AttributeError, LookupError, OSError, SyntaxError, TypeError, ValueError,
    struct.error,
)  # fmt: skip
"""What Pillow raises for EXIF that is damaged."""
RAW = "Raw profile type exif"  # how ImageMagick wrote it before PNG knew EXIF
PARTS = _EXIF_PART, _GPS_PART = 0x8769, 0x8825
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_ACROSS, _DOWN, _UNIT = 0x011A, 0x011B, 0x0128
_BYTE, _SHORT, _LONG, _UNDEFINED = 1, 3, 4, 7


class _Text(str):
    """Text that is written byte for byte as it was read, whatever script that is in.

    Pillow reads bytes as Latin-1, in which each is a letter, and would write ASCII.
    """

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        """Return the bytes that it was read from."""
        return super().encode("latin-1", "replace")


def raw(opened: "PIL.Image.Image") -> bytes | None:
    """Return the EXIF of a picture as its file holds it, without the mark before it."""
    found: Any = opened.info.get("exif")
    if not found and RAW in opened.info:
        try:
            found = bytes.fromhex("".join(str(opened.info[RAW]).split("\n")[3:]))
        except ValueError:
            return None
    return found.removeprefix(b"Exif\0\0") if found else None


def tags(opened: "PIL.Image.Image") -> "PIL.Image.Exif":
    """Return the EXIF of a picture as Pillow reads it; nothing where it is damaged."""
    try:
        return opened.getexif()
    except FAULTS:
        return _none()


def upright(exif: bytes) -> bytes:
    """Return EXIF of a picture that has been turned as it said: no more turn, no thumbnail.

    Args:
        exif: A TIFF structure, without the "Exif" mark before it.
    """
    made = _changed(exif, {ORIENTATION: 1})
    try:
        order, first = _start(made)
        (count,) = unpack_from(f"{order}H", made, first)
        pack_into(f"{order}L", made, first + 2 + 12 * count, 0)  # the thumbnail lies as before
    except struct.error:
        pass  # cut short: there is none
    return bytes(made)


def resized(exif: bytes, size: "Size") -> bytes:
    """Return EXIF that tells another size, where it tells one.

    Args:
        exif: A TIFF structure, without the "Exif" mark before it.
        size: Height and width.
    """
    height, width = size
    return bytes(_changed(exif, dict.fromkeys(_WIDTHS, width) | dict.fromkeys(_HEIGHTS, height)))


def with_dpi(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return EXIF that tells the resolution, for formats that tell it in no other way.

    Args:
        exif: A TIFF structure, or None.
        dpi: Dots per inch along and down, or None.
    """
    if dpi is None:
        return exif
    try:
        tags = parsed(exif) if exif else _none()
        if _ACROSS in tags:
            return exif
        for tag, value in [*tags.items()]:
            tags[tag] = as_read(value)
        for part in set(PARTS) & set(tags):  # to look for one makes it
            inside = tags.get_ifd(part)
            inside |= {tag: as_read(value) for tag, value in inside.items()}
        for tag, value in {_ACROSS: dpi[0], _DOWN: dpi[1], _UNIT: 2}.items():
            tags[tag] = value
        return tags.tobytes().removeprefix(b"Exif\0\0")
    except FAULTS:  # it stays what it is
        return exif


def parsed(exif: bytes) -> "PIL.Image.Exif":
    """Return EXIF as Pillow reads it.

    Args:
        exif: A TIFF structure, without the "Exif" mark before it.

    Raises:
        FAULTS: It is damaged; some of that is found as its parts are read or written.
    """
    tags = _none()
    tags.load(exif)
    return tags


def _none() -> "PIL.Image.Exif":
    import PIL.Image  # whoever reads tags has it already

    return PIL.Image.Exif()


def iptc(tags: Any) -> bytes | None:
    """Return the IPTC among a TIFF's own tags; None where it is said to be other than bytes.

    Args:
        tags: Pillow's directory of them; None for another format.
    """
    return tags[IPTC] if tags and tags.tagtype.get(IPTC) in (_BYTE, _UNDEFINED) else None


def as_read(value: object) -> object:
    """Return a value so that text is written as it was read."""
    return _Text(value) if isinstance(value, str) else value


def _changed(exif: bytes, wanted: dict[int, int]) -> bytearray:
    made = bytearray(exif)
    try:
        order, first = _start(made)
        for directory in [first, *_within(made, order, first)]:
            for place, tag, kind, count in _entries(made, order, directory):
                if tag in wanted and count == 1 and kind in (_SHORT, _LONG):
                    pack_into(f"{order}HHLL", made, place, tag, _LONG, 1, wanted[tag])
                    if wanted[tag] < 1 << 16:
                        pack_into(f"{order}HHLHH", made, place, tag, _SHORT, 1, wanted[tag], 0)
    except struct.error:
        pass  # cut short: what is there has been changed
    return made


def _start(exif: bytes | bytearray) -> tuple[str, int]:
    order = ">" if exif[:2] == b"MM" else "<"
    return order, unpack_from(f"{order}L", exif, 4)[0]


def _within(exif: bytes | bytearray, order: str, first: int) -> list[int]:
    return [
        unpack_from(f"{order}L", exif, place + 8)[0]
        for place, tag, _, _ in _entries(exif, order, first)
        if tag == _EXIF_PART
    ]


def _entries(
    exif: bytes | bytearray, order: str, directory: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield where each entry of a directory stands, its tag, kind and count."""
    (count,) = unpack_from(f"{order}H", exif, directory)
    for index in range(count):
        place = directory + 2 + 12 * index
        yield place, *unpack_from(f"{order}HHL", exif, place)
