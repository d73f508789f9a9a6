"""Keep as EXIF those tags of a TIFF that describe the picture, not the layout of its pixels.

Source: Adobe, "TIFF Revision 6.0"; OGC, "GeoTIFF standard", 19-008.
"""

import re
from collections.abc import Iterator

import PIL.Image

from upsample_cli.images.exif import EXIF_DIRECTORY, IPTC, SUB_DIRECTORIES

_INTEROPERABILITY = 0xA005  # points to another directory
_DESCRIPTION = 0x010E
# In these descriptions ImageJ, OME and tifffile state sizes, pages and units of their file alone.
_LAYOUT = re.compile(r'(ImageJ|SCIFIO)=|\{"shape": |shape=\(|.*<(\w+:)?OME[\s>]', re.DOTALL)
_SIZE_ALONE = re.compile(r'\{"shape": [^"]*\}|shape=\([^=]*')  # no pages or units
_LOST = {
    "georeference": {0x830E, 0x8482, 0x85D8, 0x87AF},  # right for one size only
    "position on the page": {0x011E, 0x011F},  # in the unit of the resolution
    "transfer function": {0x012D},  # has a number per level
}
# Names of document and page, description, maker, model, software, date, artist, host, white point,
# primaries, ratings, copyright; title, comment, author, keywords and subject, as Windows has them.
# The other tags lay out the pixels; the writer sets them.
_DESCRIPTIVE = {
    0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x013E, 0x013F, 0x4746,
    0x4749, 0x8298, *range(0x9C9B, 0x9CA0),
}  # fmt: skip
_UNDEFINED_GPS = {0x001B, 0x001C}  # texts of type UNDEFINED; other bytes there are of type BYTE


class _Text(str):
    """Text that Pillow writes with the same bytes that it read.

    Pillow decodes text as Latin-1, which has a character for every byte, but encodes it as ASCII.
    """

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        """Return the bytes that the text was read from, whatever the encoding."""
        return super().encode("latin-1", "replace")


def as_exif(tags: PIL.Image.Exif) -> bytes | None:
    """Return a TIFF's descriptive tags as EXIF; None if there are none."""
    kept = PIL.Image.Exif()
    kept.update(descriptive(tags))
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else None


def notes_on_losses(tags: PIL.Image.Exif, iptc: bytes | None) -> Iterator[str]:
    """Yield a note on each of a TIFF's tags that is not kept and may be missed.

    Args:
        tags: The TIFF's own tags.
        iptc: The IPTC that is kept, or None.
    """
    if IPTC in tags and iptc is None:
        yield "its IPTC is left out"
    yield from (f"its {name} is left out" for name, lost in _LOST.items() if lost & set(tags))
    description = str(tags.get(_DESCRIPTION, ""))
    if _LAYOUT.match(description) and not _SIZE_ALONE.fullmatch(description):
        yield "its ImageJ or OME description is left out"


def descriptive(tags: PIL.Image.Exif) -> dict[int, object]:
    """Return the descriptive tags of a TIFF, with its EXIF and GPS directories as dicts."""
    kept: dict[int, object] = {tag: _as_read(tags[tag]) for tag in _DESCRIPTIVE & set(tags)}
    for directory in SUB_DIRECTORIES:
        values = {
            tag: _as_read(value, directory == EXIF_DIRECTORY or tag in _UNDEFINED_GPS)
            for tag, value in tags.get_ifd(directory).items()
            if tag != _INTEROPERABILITY
        }
        if values:
            kept[directory] = values
    if _LAYOUT.match(str(kept.get(_DESCRIPTION, ""))):
        del kept[_DESCRIPTION]
    return kept


def _as_read(value: object, is_undefined: bool = False) -> object:
    """Return a tag's value in a form that Pillow writes with the bytes and type that it read."""
    if is_undefined and isinstance(value, bytes):
        return (bytearray(value),)  # Pillow gives bytes the type BYTE, and this the type UNDEFINED
    return _Text(value) if isinstance(value, str) else value
