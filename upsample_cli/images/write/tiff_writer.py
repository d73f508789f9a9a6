"""The head of a TIFF whose rows follow as they are, so that it can be written strip by strip.

Pillow lays the tags out; it has no mode for 16-bit or floating-point colours, so the rows are ours.

Source: Adobe, "TIFF Revision 6.0"; BigTIFF beyond 4 GB.
"""

import io
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from PIL.TiffTags import BYTE, LONG8, UNDEFINED

from upsample_cli.images.metadata.exif import EXIF_ERRORS, IPTC, parse
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.metadata.tiff_tags import descriptive
from upsample_cli.planes import Size

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _ACROSS, _DOWN, _PLANAR = 273, 277, 278, 279, 282, 283, 284
_UNIT, _EXTRA, _KIND, _XMP, _ICC = 296, 338, 339, 700, 34675
_GREY, _RGB, _INKS = 1, 2, 5
_STRIP = 1 << 16  # bytes, as other writers have it
_CLASSIC = b"II\x2a\0\0\0\0\0"
_BIG = b"II\x2b\0\x08\0\0\0" + bytes(8)


def head(
    size: Size, channels: int, dtype: DTypeLike, metadata: Metadata, inks: bool = False
) -> bytes:
    """Return all that stands before the rows, which follow in little-endian order.

    Args:
        size: Height and width.
        channels: 1 grey, 2 with alpha, 3 RGB, 4 with alpha.
        dtype: uint8, uint16 or float32.
        metadata: What else to tell.
        inks: Whether the channels are four inks.
    """
    (height, width), kind = size, np.dtype(dtype)
    row = width * channels * kind.itemsize
    rows = max(1, _STRIP // row)
    starts = range(0, height, rows)
    big = height * row >= 1 << 32
    tags = ImageFileDirectory_v2(_BIG if big else _CLASSIC)
    pixels: dict[int, Any] = {
        _WIDTH: width, _HEIGHT: height, _BITS: (8 * kind.itemsize,) * channels, _COMPRESSION: 1,
        _PHOTOMETRIC: _INKS if inks else _RGB if channels > 2 else _GREY, _SAMPLES: channels,
        _ROWS: rows, _PLANAR: 1,
        _KIND: (3 if kind.kind == "f" else 1,) * channels,
        _OFFSETS: tuple(start * row for start in starts),
        _COUNTS: tuple(row * min(rows, height - start) for start in starts),
    }  # fmt: skip
    if channels in (2, 4) and not inks:
        pixels[_EXTRA] = 2  # opacity, not multiplied into the colours
    if big:
        tags.tagtype |= {_OFFSETS: LONG8, _COUNTS: LONG8}
    for tag, value in (pixels | _told(tags, metadata)).items():
        tags[tag] = value
    made = io.BytesIO()
    tags.save(made)
    return made.getvalue()


def _told(tags: ImageFileDirectory_v2, metadata: Metadata) -> dict[int, Any]:
    """Return the tags of metadata."""
    told: dict[int, Any] = {}
    if metadata.exif:
        told |= _writable(metadata.exif)
    if metadata.icc:
        tags.tagtype[_ICC] = UNDEFINED
        told[_ICC] = metadata.icc
    if metadata.xmp:
        tags.tagtype[_XMP] = BYTE
        told[_XMP] = metadata.xmp
    if metadata.iptc:
        tags.tagtype[IPTC] = UNDEFINED
        told[IPTC] = metadata.iptc
    if metadata.dpi:
        told |= {_UNIT: 2, _ACROSS: metadata.dpi[0], _DOWN: metadata.dpi[1]}
    return told


def _writable(exif: bytes) -> dict[int, Any]:
    """Return what EXIF says beside the pixels, without what is damaged."""
    found: dict[int, Any] = {}
    with suppress(*EXIF_ERRORS):
        for tag, value in descriptive(parse(exif)).items():
            with suppress(*EXIF_ERRORS):
                alone = ImageFileDirectory_v2()
                alone[tag] = value
                alone.tobytes()
                found[tag] = value
    return found
