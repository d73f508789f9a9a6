"""The formats that can be written: their words, their suffixes, and which one a target gets."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.target import STREAM

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size

FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "tif": "TIFF",
    "bmp": "BMP", "gif": "GIF", "ppm": "PPM", "pgm": "PGM", "pnm": "PPM", "tga": "TGA",
}  # fmt: skip
"""Words and suffixes of the formats that can be written, and their names: Pillow's, and PGM for an
anymap that is to be grey."""

DEFAULT_COMPRESSION = 2
"""Of a PNG, of 0..9."""

_LOSSY = {"JPEG", "WEBP"}
_LONGEST = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "TGA": 65535}


def format_of(target: str, word: str | None, source: str) -> str:
    """Return the format to write: by suffix, else by word, else the source's.

    Args:
        target: Where to write, or "-".
        word: What --format says, one of `FORMATS`.
        source: The format that was read.

    Raises:
        ImageFileError: The suffix is none of `FORMATS` and there is no word for it.
    """
    suffix = "" if target == STREAM else os.path.splitext(target)[1][1:].lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    if word is not None:
        return FORMATS[word]
    if suffix:
        raise ImageFileError(f"no format '.{suffix}' to write {target}; use .png or pass --format")
    return source if source in FORMATS.values() else "PNG"


def unused(
    target: str, word: str | None, quality: int | None, compression: int | None
) -> Iterator[str]:
    """Yield a few words on each setting that the format of a target has no use for.

    Args:
        target: Where to write, or "-".
        word: What --format says, one of `FORMATS`.
        quality: What --quality says.
        compression: What --compression says.

    Raises:
        ImageFileError: As `format_of` does.
    """
    if target == STREAM and word is None:
        return  # it becomes the source's
    format = format_of(target, word, "PNG")
    if word is not None and FORMATS.get(word) != format:
        yield f"--format is for names without a suffix; {target} becomes a {format}"
    if quality is not None and format not in _LOSSY:
        yield f"--quality is for JPEG and WebP; {format} has none"
    if compression is not None and format != "PNG":
        yield f"--compression is for PNG; {format} has none"


def check_size(format: str, size: "Size") -> None:
    """Refuse a size that a format cannot hold, before any work is done for it.

    Args:
        format: One of the values of `FORMATS`.
        size: Height and width of the output.

    Raises:
        ImageFileError: It is too long for its field.
    """
    height, width = size
    if max(size) > _LONGEST.get(format, max(size)):
        raise ImageFileError(f"{format} cannot hold {width}x{height} pixels; write a PNG or TIFF")
