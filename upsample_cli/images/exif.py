"""EXIF: what a picture's turning and enlarging change in it.

Numbers are changed where they stand, so that all else stays byte for byte: makers' notes hold
offsets of their own, which a rewritten EXIF would break.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras"; TIFF 6.0.
"""

import struct
from collections.abc import Iterator
from struct import pack_into, unpack_from
from typing import TYPE_CHECKING, Any

import PIL.Image

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size


ORIENTATION, IPTC = 0x0112, 0x83BB
RAW = "Raw profile type exif"  # how ImageMagick wrote it before PNG knew EXIF
_EXIF_PART, _GPS_PART, _LINKS = 0x8769, 0x8825, 0xA005
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_ACROSS, _DOWN, _UNIT = 0x011A, 0x011B, 0x0128
_BYTE, _SHORT, _LONG, _UNDEFINED = 1, 3, 4, 7
_PLACE = {0x830E, 0x8482, 0x85D8, 0x87AF}  # of GeoTIFF: scale, tie points, transform, keys
# Description, maker, model, software, date, artist, host, rating, copyright: in a TIFF they stand
# among the tags that say how the pixels lie, which are the writer's business.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x8298}


class _Text(str):
    """Text that is written byte for byte as it was read, whatever script that is in.

    Pillow reads bytes as Latin-1, in which each is a letter, and would write ASCII.
    """

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        """Return the bytes that it was read from."""
        return super().encode("latin-1", "replace")


def raw(opened: PIL.Image.Image) -> bytes | None:
    """Return the EXIF of a picture as its file holds it, without the mark before it."""
    found: Any = opened.info.get("exif")
    if not found and RAW in opened.info:
        try:
            found = bytes.fromhex("".join(str(opened.info[RAW]).split("\n")[3:]))
        except ValueError:
            return None
    return found.removeprefix(b"Exif\0\0") if found else None


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
    tags = PIL.Image.Exif()
    if exif:
        tags.load(exif)
    if dpi is None or _ACROSS in tags:
        return exif
    for tag, value in [*tags.items()]:
        tags[tag] = _as_read(value)
    for part in (_EXIF_PART, _GPS_PART):
        inside = tags.get_ifd(part)
        inside |= {tag: _as_read(value) for tag, value in inside.items()}
    for tag, value in {_ACROSS: dpi[0], _DOWN: dpi[1], _UNIT: 2}.items():
        tags[tag] = value
    return tags.tobytes().removeprefix(b"Exif\0\0")


def of_tiff(tags: PIL.Image.Exif) -> bytes | None:
    """Return what a TIFF's own tags tell beside the pixels, as EXIF; None if nothing.

    Args:
        tags: As Pillow reads them.
    """
    kept = PIL.Image.Exif()
    for tag, value in descriptive(tags).items():
        kept[tag] = value
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else None


def iptc(tags: Any) -> bytes | None:
    """Return the IPTC among a TIFF's own tags; None where it is said to be other than bytes.

    Args:
        tags: Pillow's directory of them; None for another format.
    """
    return tags[IPTC] if tags and tags.tagtype.get(IPTC) in (_BYTE, _UNDEFINED) else None


def left_out(tags: PIL.Image.Exif, iptc: bytes | None) -> Iterator[str]:
    """Yield a few words on each of a TIFF's own tags that is not kept, but should be missed.

    Args:
        tags: As Pillow reads them.
        iptc: What is kept of IPTC.
    """
    if IPTC in tags and iptc is None:
        yield "its IPTC is left out"
    if not _PLACE.isdisjoint(tags):  # it holds for one size alone
        yield "its georeference is left out"


def descriptive(tags: PIL.Image.Exif) -> dict[int, object]:
    """Return the tags that say nothing of how pixels lie; the parts of EXIF and GPS as dicts."""
    found: dict[int, object] = {tag: _as_read(tags[tag]) for tag in _DESCRIPTIVE & set(tags)}
    for part in (_EXIF_PART, _GPS_PART):
        inside = {
            tag: _as_read(value) for tag, value in tags.get_ifd(part).items() if tag != _LINKS
        }
        if inside:
            found[part] = inside
    return found


def _as_read(value: object) -> object:
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
