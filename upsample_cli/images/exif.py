"""Read EXIF, and correct the values that turning or enlarging a picture makes wrong.

Numbers are changed in place and all other bytes stay where they are: makers' notes hold offsets,
which rewriting the EXIF would break. Everywhere in this package EXIF is passed as its TIFF
structure, without the "Exif" mark before it.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras"; TIFF 6.0.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from struct import pack_into, unpack_from
from typing import Any

import PIL.Image
from numpy.typing import NDArray
from PIL.Image import Transpose

from upsample_cli.planes import Size

ORIENTATION, IPTC = 0x0112, 0x83BB
EXIF_ERRORS = (
    ArithmeticError, AttributeError, LookupError, OSError, SyntaxError, TypeError, ValueError,
    struct.error,
)  # fmt: skip
"""What Pillow raises for damaged EXIF."""
RAW_PROFILE = "Raw profile type exif"
"""The keyword of the PNG text in which ImageMagick stored EXIF before PNG had a chunk for it."""
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # of bytes, by how EXIF begins
EXIF_DIRECTORY = 0x8769
SUB_DIRECTORIES = EXIF_DIRECTORY, 0x8825  # of EXIF and of GPS
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202
INCH, _CENTIMETRE = 2, 3
_JFIF_UNITS = 1, 2  # inch and centimetre; else its numbers are no resolution
SHORT, LONG = 3, 4  # types of a value: 16 and 32 bits
_ACROSS_AND_DOWN = (X_RESOLUTION, Y_RESOLUTION), (0xA20E, 0xA20F)  # of the page; of the sensor
SIDEWAYS = 5, 6, 7, 8
"""The orientations of pictures that lie on their side: rows become columns."""
_UNKNOWN = 0  # an orientation that is no number
# What undoes each orientation.
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}  # fmt: skip
STEPS = {2: "lr", 3: "lr ud", 4: "ud", 5: "t", 6: "t lr", 7: "t lr ud", 8: "t ud"}
"""What undoes each orientation: "t" transposes, "lr" and "ud" flip left-right and up-down."""


def exif_bytes(opened: PIL.Image.Image) -> bytes | None:
    """Return the EXIF of a picture as its file holds it; None if it has none."""
    data: Any = opened.info.get("exif")
    if not data and RAW_PROFILE in opened.info:
        try:
            data = bytes.fromhex("".join(str(opened.info[RAW_PROFILE]).split("\n")[3:]))
        except ValueError:
            return None
    return data.removeprefix(b"Exif\0\0") if data else None


def orientation_of(opened: PIL.Image.Image) -> int:
    """Return the orientation in a picture's EXIF: 1..8, or any invalid value; 1 is upright."""
    try:  # Pillow's own tags have the orientation of XMP if EXIF has none
        orientation: int = parse(exif_bytes(opened) or b"").get(ORIENTATION, 1)
    except EXIF_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) else _UNKNOWN


def upright(picture: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Return a picture turned upright as its EXIF orientation says."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def upright_samples(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return samples, shape (H, W, C), turned upright as their EXIF orientation says."""
    for step in STEPS.get(orientation, "").split():
        if step == "t":
            samples = samples.transpose(1, 0, 2)
        else:
            samples = samples[:, ::-1] if step == "lr" else samples[::-1]
    return samples


def parse(exif: bytes) -> PIL.Image.Exif:
    """Return EXIF as Pillow's tags.

    Raises:
        EXIF_ERRORS: It is damaged; some damage shows only when the tags are read or written.
    """
    tags = PIL.Image.Exif()
    tags.load(exif)
    return tags


def with_upright_orientation(exif: bytes, orientation: int = 1) -> bytes:
    """Return EXIF for a picture that has been turned upright: orientation 1, no thumbnail.

    Args:
        exif: EXIF of the picture before it was turned.
        orientation: Its orientation then; if sideways, its two resolutions are exchanged.
    """
    changed = _with_numbers(exif, {ORIENTATION: 1})
    if orientation in SIDEWAYS:
        at = {tag: slice(offset + 2, offset + 12) for _, offset, tag in _main_entries(changed)}
        for across, down in _ACROSS_AND_DOWN:
            if across in at and down in at:
                changed[at[across]], changed[at[down]] = changed[at[down]], changed[at[across]]
    with suppress(struct.error):  # the EXIF is cut short and has no thumbnail
        order, pointer = _thumbnail_pointer(changed)
        pack_into(f"{order}L", changed, pointer, 0)
    return bytes(changed)


def without_thumbnail(exif: bytes) -> bytes:
    """Return EXIF without its thumbnail if that comes last, else unchanged."""
    try:
        order, pointer = _thumbnail_pointer(exif)
        (second,) = unpack_from(f"{order}L", exif, pointer)
        numbers = {
            tag: unpack_from(f"{order}L", exif, offset + 8)[0]
            for offset, tag, _, _ in entries_of(exif, order, second)
        }
        start, length = numbers[_THUMBNAIL], numbers[_THUMBNAIL_LENGTH]
    except (struct.error, KeyError):
        return exif
    if not second or start + length + 1 < len(exif):
        return exif
    return exif[:pointer] + bytes(4) + exif[pointer + 4 : start]


def resized(exif: bytes, size: Size) -> bytes:
    """Return EXIF with `size` in place of the height and width, wherever it states them."""
    height, width = size
    numbers = dict.fromkeys(_WIDTHS, width) | dict.fromkeys(_HEIGHTS, height)
    return bytes(_with_numbers(exif, numbers))


def tags_dpi(tags: Any) -> tuple[float, float] | None:
    """Return the resolution that EXIF or TIFF tags state, in dots per inch; None without one."""
    unit = tags.get(RESOLUTION_UNIT, INCH)
    if unit not in (INCH, _CENTIMETRE):
        return None
    dpi = valid_dpi((tags.get(X_RESOLUTION), tags.get(Y_RESOLUTION)))
    return (dpi[0] * 2.54, dpi[1] * 2.54) if dpi and unit == _CENTIMETRE else dpi


def dpi_of(opened: PIL.Image.Image) -> tuple[float, float] | None:
    """Return the resolution of a picture before it is turned, in dots per inch; None if unknown."""
    tags: Any = {}
    if opened.format == "TIFF" or exif_bytes(opened):
        with suppress(*EXIF_ERRORS):  # it is damaged
            tags = opened.getexif()
    # If a JPEG has its resolution in EXIF alone, Pillow takes the horizontal one for both.
    if opened.format in ("JPEG", "MPO") and opened.info.get("jfif_unit") not in _JFIF_UNITS:
        return tags_dpi(tags)
    return valid_dpi(opened.info.get("dpi")) or tags_dpi(tags)


def upright_dpi(dpi: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Return the resolution of a picture that has been turned upright as its orientation says."""
    return (dpi[1], dpi[0]) if dpi and orientation in SIDEWAYS else dpi


def valid_dpi(dpi: Any) -> tuple[float, float] | None:
    """Return a resolution as two numbers; None if it is missing, damaged or implausible."""
    try:
        horizontal, vertical = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    # Some programs write 1 for an unknown resolution.
    return (horizontal, vertical) if 1 < horizontal < 1e6 and 1 < vertical < 1e6 else None


def _with_numbers(exif: bytes, numbers: dict[int, int]) -> bytearray:
    """Return EXIF with the tags in `numbers` set, if the first or EXIF directory has them.

    Entries of any type are set, because Pillow obeys an orientation that is any kind of integer.
    """
    changed = bytearray(exif)
    for order, offset, tag in _main_entries(changed):
        if tag in numbers:
            number = numbers[tag]
            if number < 1 << 16:
                pack_into(f"{order}HHLHH", changed, offset, tag, SHORT, 1, number, 0)
            else:
                pack_into(f"{order}HHLL", changed, offset, tag, LONG, 1, number)
    return changed


def _main_entries(exif: bytes | bytearray) -> Iterator[tuple[str, int, int]]:
    """Yield byte order, offset and tag of each entry of the first and the EXIF directory."""
    with suppress(struct.error):  # the EXIF is cut short: later entries are missing
        order, first = header(exif)
        directories = [first]
        for directory in directories:
            for offset, tag, _, _ in entries_of(exif, order, directory):
                if tag == EXIF_DIRECTORY and len(directories) == 1:
                    directories += unpack_from(f"{order}L", exif, offset + 8)
                yield order, offset, tag


def header(exif: bytes | bytearray) -> tuple[str, int]:
    """Return the byte order and the offset of the first directory of EXIF.

    Raises:
        struct.error: It does not begin as EXIF does.
    """
    if (order := _ORDERS.get(bytes(exif[:4]))) is None:
        raise struct.error("no EXIF")
    return order, unpack_from(f"{order}L", exif, 4)[0]


def _thumbnail_pointer(exif: bytes | bytearray) -> tuple[str, int]:
    """Return the byte order, and the offset of the pointer to the thumbnail's directory."""
    order, first = header(exif)
    return order, first + 2 + 12 * unpack_from(f"{order}H", exif, first)[0]


def entries_of(
    exif: bytes | bytearray, order: str, directory: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the offset, tag, type and count of each entry of a directory.

    Raises:
        struct.error: It is cut short.
    """
    (count,) = unpack_from(f"{order}H", exif, directory)
    for index in range(count):
        offset = directory + 2 + 12 * index
        yield offset, *unpack_from(f"{order}HHL4x", exif, offset)
