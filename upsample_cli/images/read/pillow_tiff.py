"""Decide which TIFFs Pillow can read, and prepare them so that it reads them correctly."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import Any, BinaryIO

import PIL.Image
from PIL import ImagePalette, TiffImagePlugin

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images import xmp
from upsample_cli.images.exif import ORIENTATION, upright_dpi
from upsample_cli.images.read.raw_modes import set_float_order

_SUBFILE, _SUBIFDS = 254, 330  # tags
_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _PLANAR, _COLOUR_MAP = 258, 259, 262, 266, 284, 320
_TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 338, 339
WHITE_IS_ZERO, CMYK, _YCBCR = 0, 5, 6  # photometric interpretations
UNSPECIFIED, ASSOCIATED = 0, 1  # kinds of extra samples
_SIGNED, _SEPARATE_PLANES, _REDUCED, _LOWEST_BIT_FIRST = 2, 2, 1, 2
_NOT_SEPARATE = {"LA", "PA", "LAB"}  # modes whose separate planes Pillow mixes up
_RARE_COMPRESSIONS = {34925, 50000, 50001}  # LZMA, Zstandard, WebP
_LIBTIFF_LOCK = Lock()


def prepared(opened: PIL.Image.Image, file: BinaryIO) -> PIL.Image.Image | None:
    """Return a TIFF prepared for loading; None if Pillow does not read it correctly."""
    tags: Any = getattr(opened, "tag_v2", {})
    bits, extra = max(tags.get(_BITS, (1,))), tags.get(_EXTRA_SAMPLES, ())
    # Pillow drops samples other than colours and opacity.
    drops = UNSPECIFIED in extra or len(extra) > 1
    # Pillow reads separate planes as 8 bits, whatever their depth, and their opacity as straight.
    separate = tags.get(_PLANAR) == _SEPARATE_PLANES and (
        bits > 8 or ASSOCIATED in extra or opened.mode in _NOT_SEPARATE
    )
    # Above 8 bits Pillow does not invert WhiteIsZero, and cuts CMYK and premultiplied colours.
    special = tags.get(_PHOTOMETRIC) in (WHITE_IS_ZERO, CMYK) or ASSOCIATED in extra
    # Pillow reads negative 8-bit levels as light levels.
    negative = tags.get(_SAMPLE_FORMAT) == (_SIGNED,) and bits == 8
    if drops or separate or (special and bits > 8) or negative:
        return None
    # Pillow's own decoder lacks subsampling, and this order of bits for some kinds of pixels.
    for_libtiff = tags.get(_PHOTOMETRIC) == _YCBCR or tags.get(_FILL_ORDER) == _LOWEST_BIT_FIRST
    if for_libtiff and opened.info.get("compression") == "raw":
        opened = _opened_by_libtiff(file)
    if opened.mode in ("P", "PA") and max(tags[_COLOUR_MAP]) < 256:  # of 8 bits, as in libtiff
        opened.palette = ImagePalette.raw("RGB;L", bytes(tags[_COLOUR_MAP]))
    if packet := opened.info.get("xmp"):  # Pillow would turn the picture by it, and fails at text
        packet = packet[0] if isinstance(packet, tuple) else packet  # text in Pillow 11 is a tuple
        packet = packet.encode("latin-1") if isinstance(packet, str) else packet
        opened.info["xmp"] = xmp.upright(packet, tags.get(ORIENTATION, 1))
    # Loading turns the picture and removes its orientation.
    opened.info["dpi"] = upright_dpi(opened.info.get("dpi"), tags.get(ORIENTATION, 1))
    set_float_order(opened)
    return opened


def page_count(opened: PIL.Image.Image) -> int:
    """Return the number of pictures in a TIFF; Pillow's count stops at one that it cannot read."""
    if not getattr(opened, "is_animated", False):
        return 1
    import tifffile

    assert isinstance(opened, TiffImagePlugin.TiffImageFile)
    assert opened.fp is not None
    opened.fp.seek(0)
    with tifffile.TiffFile(opened.fp) as file:
        return len(file.pages)


def _opened_by_libtiff(file: BinaryIO) -> PIL.Image.Image:
    """Open an uncompressed TIFF so that Pillow will load it through libtiff."""
    file.seek(0)
    with _LIBTIFF_LOCK:
        try:
            TiffImagePlugin.READ_LIBTIFF = True
            return PIL.Image.open(file, formats=["TIFF"])
        finally:
            TiffImagePlugin.READ_LIBTIFF = False


def check(opened: PIL.Image.Image, name: str) -> None:
    """Refuse previews of raw files, and signed or 32-bit integers, whose full scale is unknown.

    Raises:
        ImageFileError: Pillow would read one of these.
    """
    tags: Any = getattr(opened, "tag_v2", {})
    if tags.get(_SUBFILE, 0) & _REDUCED and _SUBIFDS in tags:
        raise ImageFileError(
            f"{name} is a raw file of a camera, of which only a preview can be read; "
            "develop it into a TIFF or PNG"
        )
    if opened.mode == "I":
        signed = "signed " if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) else ""
        raise ImageFileError(
            f"{name} holds {signed}integers of {max(tags.get(_BITS, (32,)))} bits; "
            "save it as grey or RGB of 8 or 16 bits or 32-bit floats"
        )


def check_tile(opened: PIL.Image.Image, name: str) -> None:
    """Refuse a TIFF whose tiles, which may be larger than the picture, do not fit in memory.

    Raises:
        PictureTooLargeError: It is too large.
    """
    tags: Any = getattr(opened, "tag_v2", {})
    pixels = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0)
    memory.check(pixels * sum(tags.get(_BITS, (1,))) / 8, f"a tile of {name}")


def can_decode(opened: PIL.Image.Image) -> bool:
    """Return whether every build of Pillow can decompress a TIFF."""
    return getattr(opened, "tag_v2", {}).get(_COMPRESSION) not in _RARE_COMPRESSIONS


@contextmanager
def quiet_libtiff() -> Iterator[None]:
    """Keep Pillow's libtiff from writing errors to stderr; Pillow raises them as well.

    libtiff writes to the file descriptor. What other threads write to stderr meanwhile is lost.

    Raises:
        OSError: libtiff has left out lines of a fax, which Pillow does not notice.
    """
    with _LIBTIFF_LOCK, ExitStack() as stack:
        messages = stack.enter_context(tempfile.TemporaryFile())
        with suppress(OSError):  # stderr may be closed
            stderr = os.dup(2)
            stack.callback(os.close, stderr)
            os.dup2(messages.fileno(), 2)
            stack.callback(os.dup2, stderr, 2)
        yield
        messages.seek(0)
        for line in messages:
            if line.startswith(b"Fax") and b"Warning" not in line:
                raise OSError(line.decode("ascii", "replace").strip(" .\n"))
