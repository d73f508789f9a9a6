"""Opening a picture: who decodes it, and whether its head is acceptable. No pixel is decoded."""

import ctypes
import logging
from contextlib import suppress
from importlib.util import find_spec
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from typing import BinaryIO

import PIL.Image

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.read import animation, png_chunks
from upsample_cli.images.write.formats import FORMATS

ALL_FRAMES = 64  # times as many pixels in all frames of an animation
# In this order: Pillow imports all it has when it comes to a format that is not among the common.
READABLE = [*(name for name in dict.fromkeys(FORMATS.values()) if name != "PGM"), "JPEG2000",
             "ICO", "AVIF"]  # fmt: skip
_TIFF = (b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"MM\0\x2b")

# The pixel limit is ours, told in our words, and checked before any pixel is decoded.
PIL.Image.MAX_IMAGE_PIXELS = None
# What Pillow logs of a fault it raises too, and that error is told.
logging.getLogger("PIL").addHandler(logging.NullHandler())
_MOST_TEXT = 1 << 25  # bytes of one text in a PNG: editors write long histories


def picture(file: BinaryIO) -> PIL.Image.Image | None:
    """Return a picture that is not yet loaded; None for a TIFF that Pillow has no mode for.

    Args:
        file: Anywhere in it.

    Raises:
        PIL.UnidentifiedImageError: It is no picture.
    """
    if (common := _common(file)) is not None:
        return common
    file.seek(0)
    try:
        opened = PIL.Image.open(file, formats=_readable())
    except PIL.UnidentifiedImageError:
        file.seek(0)
        if file.read(4) in _TIFF:
            return None
        raise
    if opened.format == "WEBP":
        from upsample_cli.images.write import webp

        opened.info["lossless"] = webp.is_lossless(file)
    if opened.format != "TIFF":
        return opened
    _hush()
    from upsample_cli.images.read import tiff_checks  # few pictures are TIFFs

    return tiff_checks.righted(opened)


def _readable() -> list[str]:
    """Return the formats that Pillow may try; one that it does not know, it would fail at."""
    known = find_spec("PIL.AvifImagePlugin")
    return READABLE if known else [name for name in READABLE if name != "AVIF"]


def _common(file: BinaryIO) -> PIL.Image.Image | None:
    """Return a PNG or JPEG; Pillow would load its plugins of other formats to look for these."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if head == b"\x89PNG\r\n\x1a\n":
        import PIL.PngImagePlugin

        from upsample_cli.images.read import texts

        PIL.PngImagePlugin.MAX_TEXT_CHUNK = _MOST_TEXT
        PIL.PngImagePlugin.PngStream = texts.Stream  # type: ignore[misc] # a class is a name too
        found = PIL.PngImagePlugin.PngImageFile(file)
        _spread_clear_level(found)
        found.info["colours"] = png_chunks.colours(file)
        return found
    with suppress(SyntaxError, IndexError, TypeError, StructError):  # and Pillow says what it is
        if head.startswith(b"\xff\xd8\xff"):
            from PIL.JpegImagePlugin import jpeg_factory

            return jpeg_factory(file)
    return None


def _spread_clear_level(opened: PIL.Image.Image) -> None:
    """Tell the level that is transparent in a grey PNG as its pixels are: spread over 8 bits."""
    clear, step = opened.info.get("transparency"), {"1": 255, "L;2": 85, "L;4": 17}
    for tile in getattr(opened, "tile", []):
        if tile.args in step and isinstance(clear, int):
            opened.info["transparency"] = min(255, clear * step[tile.args])


def _hush() -> None:
    """Keep libtiff from writing to stderr itself; what it finds is raised as well."""
    decoder = find_spec("PIL._imaging")
    with suppress(AttributeError, OSError, TypeError):  # not every build lets it be found
        ctypes.CDLL(decoder.origin if decoder else None).TIFFSetErrorHandler(None)


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Refuse a picture without pixels or with too many.

    Args:
        size: Height and width.
        name: What to call it.
        max_pixels: The most pixels.

    Raises:
        ImageFileError: It is empty.
        PictureTooLargeError: It is too large.
    """
    height, width = size
    if width * height == 0:
        raise ImageFileError(f"{name} is {width}x{height}, without a pixel; give another")
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{name} is {width}x{height}, more than {max_pixels} pixels; raise --max-pixels"
        )


def check(opened: PIL.Image.Image, name: str, max_pixels: int) -> None:
    """Refuse an opened picture by its size, its frames, or what it holds; see `check_size`."""
    check_size((opened.height, opened.width), name, max_pixels)
    if opened.format == "TIFF":
        from upsample_cli.images.read import tiff_checks

        tiff_checks.check(opened, name)
    frames = animation.count(opened) if animation.is_animated(opened) else 1
    if frames * opened.width * opened.height > ALL_FRAMES * max_pixels:
        raise PictureTooLargeError(
            f"{name} has {frames} frames of {opened.width}x{opened.height}, more than {ALL_FRAMES} "
            f"times {max_pixels} pixels; raise --max-pixels"
        )
