"""Write formats of a header and uncompressed rows: TIFF, and the anymaps PPM and PGM.

tifffile cannot write EXIF or GPS directories, nor into a pipe, so we build the header of a TIFF;
Pillow encodes its tags. Pillow's own writer has no 16-bit or floating-point colours.

Source: Adobe, "TIFF Revision 6.0"; BigTIFF beyond 4 GB; "pgm" and "ppm" of the Netpbm formats.
"""

import io
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from upsample_cli.images.exif import EXIF_ERRORS, IPTC, parse
from upsample_cli.images.image import Image, Samples, packed
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.tiff_tags import descriptive
from upsample_cli.planes import Size

FORMATS_OF_ROWS = {"TIFF", "PPM", "PGM"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _ACROSS, _DOWN, _PLANAR = 273, 277, 278, 279, 282, 283, 284
_UNIT, _EXTRA, _SAMPLE_FORMAT, _XMP, _ICC = 296, 338, 339, 700, 34675
_BYTE, _UNDEFINED, _LONG8 = 1, 7, 16  # TIFF types of values
_COLOURS = 320  # tag of the colour table
_GREY, _RGB, _INDEXED, _CMYK = 1, 2, 3, 5
_UNSIGNED, _FLOAT = 1, 3
_STRAIGHT_ALPHA = 2
_STRIP_BYTES = 1 << 16  # bytes per strip in the file, as other writers choose
_MOST_CLASSIC = (1 << 32) - (1 << 26)  # bytes of pixels, with room for what precedes them
_CLASSIC = b"II\x2a\0\0\0\0\0"
_BIG = b"II\x2b\0\x08\0\0\0" + bytes(8)


def header(format: str, size: Size, image: Image) -> bytes:
    """Return everything before the rows.

    Args:
        format: One of `FORMATS_OF_ROWS`.
        size: Height and width.
        image: A picture like the output in type of samples, palette and metadata, but of any size.
    """
    if format == "TIFF":
        return _tiff_header(size, image)
    height, width = size
    kind = 6 if image.channels == 3 else 5
    return b"P%d\n%d %d\n%d\n" % (kind, width, height, image.peak)


def rows(format: str, samples: Samples, bits: int = 8) -> NDArray[np.uint8]:
    """Return rows as the bytes that follow the header.

    Args:
        format: One of `FORMATS_OF_ROWS`.
        samples: Shape (rows, W, C).
        bits: Bits per index of a palette; 8 or more for plain samples.
    """
    if bits < 8:
        return packed(samples, bits).reshape(-1)
    ordered = samples.dtype.newbyteorder("<" if format == "TIFF" else ">")
    return np.ascontiguousarray(samples, ordered).reshape(-1).view(np.uint8)


def _tiff_header(size: Size, image: Image) -> bytes:
    row = -(-size[1] * image.channels * image.bits // 8)
    is_big = size[0] * row > _MOST_CLASSIC
    tags = ImageFileDirectory_v2(_BIG if is_big else _CLASSIC)
    if is_big:
        tags.tagtype |= {_OFFSETS: _LONG8, _COUNTS: _LONG8}
    tags.tagtype |= {_ICC: _UNDEFINED, _XMP: _BYTE, IPTC: _UNDEFINED}
    tags.update(_pixel_tags(size, image, row) | _metadata_tags(image.metadata))
    file = io.BytesIO()
    tags.save(file)
    return file.getvalue()


def _pixel_tags(size: Size, image: Image, row: int) -> dict[int, Any]:
    """Return the tags that describe the pixels; `row` is the number of bytes per row."""
    (height, width), channels = size, image.channels
    rows = max(1, _STRIP_BYTES // row)
    starts = range(0, height, rows)
    colours = _CMYK if image.is_cmyk else _RGB if channels > 2 else _GREY
    palette = None if image.palette is None or image.palette.is_bilevel else image.palette
    colours = _INDEXED if palette else colours
    tags = {
        _WIDTH: width, _HEIGHT: height, _BITS: (image.bits,) * channels,
        _COMPRESSION: 1, _PHOTOMETRIC: colours, _SAMPLES: channels, _ROWS: rows, _PLANAR: 1,
        _SAMPLE_FORMAT: (_FLOAT if image.dtype.kind == "f" else _UNSIGNED,) * channels,
        _OFFSETS: tuple(start * row for start in starts),
        _COUNTS: tuple(row * min(rows, height - start) for start in starts),
    }  # fmt: skip
    if palette:
        table = palette.table()[: 1 << palette.bits, :3].astype(np.uint16) * 257
        tags[_COLOURS] = tuple(table.T.reshape(-1).tolist())
    if image.has_alpha:
        tags[_EXTRA] = _STRAIGHT_ALPHA
    return tags


def _metadata_tags(metadata: Metadata) -> dict[int, Any]:
    tags = _exif_tags(metadata.exif) if metadata.exif else {}
    binary = {_ICC: metadata.icc, _XMP: metadata.xmp, IPTC: metadata.iptc}
    tags |= {tag: value for tag, value in binary.items() if value}
    if metadata.dpi:
        tags |= {_UNIT: 2, _ACROSS: metadata.dpi[0], _DOWN: metadata.dpi[1]}
    return tags


def _exif_tags(exif: bytes) -> dict[int, Any]:
    """Return the descriptive tags of EXIF, except those that Pillow fails to write."""
    tags: dict[int, Any] = {}
    with suppress(*EXIF_ERRORS):
        for tag, value in descriptive(parse(exif)).items():
            with suppress(*EXIF_ERRORS):
                trial = ImageFileDirectory_v2()  # damage may show only when a tag is written
                trial[tag] = value
                trial.tobytes()
                tags[tag] = value
    return tags
