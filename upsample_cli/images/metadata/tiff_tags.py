"""The tags of a TIFF that say nothing of how its pixels lie: as EXIF, which other formats hold.

Source: Adobe, "TIFF Revision 6.0"; OGC, "GeoTIFF standard", 19-008.
"""

import re
from collections.abc import Iterator

import PIL.Image

from upsample_cli.images.metadata.exif import IPTC, PARTS, as_read

_LINKS = 0xA005
_DESCRIPTION = 0x010E
# By ImageJ, OME and tifffile: sizes, pages, units of one file, which another would be misread by.
_ARRANGED = re.compile(r'(ImageJ|SCIFIO)=|\{"shape": |shape=\(|.*<(\w+:)?OME[\s>]', re.DOTALL)
_SIZE_ALONE = re.compile(r'\{"shape": [^"]*\}|shape=\([^=]*')
_PLACE = {0x830E, 0x8482, 0x85D8, 0x87AF}  # of GeoTIFF: scale, tie points, transform, keys
# Description, maker, model, software, date, artist, host, rating, copyright: in a TIFF they stand
# among the tags that say how the pixels lie, which are the writer's business.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x8298}


def of_tiff(tags: PIL.Image.Exif) -> bytes | None:
    """Return what a TIFF's own tags tell beside the pixels, as EXIF; None if nothing.

    Args:
        tags: As Pillow reads them.
    """
    kept = PIL.Image.Exif()
    for tag, value in descriptive(tags).items():
        kept[tag] = value
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else None


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
    description = str(tags.get(_DESCRIPTION, ""))
    if _ARRANGED.match(description) and not _SIZE_ALONE.fullmatch(description):
        yield "its description of pages and units is left out"


def descriptive(tags: PIL.Image.Exif) -> dict[int, object]:
    """Return the tags that say nothing of how pixels lie; the parts of EXIF and GPS as dicts."""
    found: dict[int, object] = {tag: as_read(tags[tag]) for tag in _DESCRIPTIVE & set(tags)}
    for part in PARTS:
        inside = {tag: as_read(value) for tag, value in tags.get_ifd(part).items() if tag != _LINKS}
        if inside:
            found[part] = inside
    if _ARRANGED.match(str(found.get(_DESCRIPTION, ""))):
        del found[_DESCRIPTION]
    return found
