"""Open pictures without decoding pixels: which formats are read, and what a file's head says."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from types import ModuleType
from typing import BinaryIO

import PIL.Image

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError, UpsampleError
from upsample_cli.images import exif
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import png_chunks
from upsample_cli.images.write.formats import FORMATS, PNG_SIGNATURE
from upsample_cli.planes import Size

ALL_FRAMES_LIMIT = 64
"""The limit on the pixels of all frames of an animation together, in multiples of --max-pixels."""
NOT_A_PICTURE = "not a supported image file"
"""What errors call a file that is not a picture, or is in a format that is not read."""
# Common formats first: Pillow imports all its plugins when it comes to a rare one.
# TGA comes last: it has no signature, and its plugin would open icons as TGAs.
READABLE = [*(name for name in dict.fromkeys(FORMATS.values()) if name not in ("PGM", "TGA")),
            "QOI", "DDS", "SGI", "PCX", "TGA"]  # fmt: skip
_NOT_READ = "unsupported", "unimplemented", "cannot handle"  # how errors on intact files begin
_BIG_ENDIAN_BIG_TIFF = b"MM\0\x2b"  # Pillow mistakes it for a classic TIFF
_TIFF = (b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0")
_GIF_OR_ICO, _AVIF = (b"GIF8", b"\0\0\1\0"), (b"ftypavif", b"ftypavis")
ANIMATED = {"GIF": "GIF", "WEBP": "WebP", "PNG": "PNG", "AVIF": "AVIF"}
"""The formats that can hold an animation, and their names in messages."""
# The most bytes per pixel that decoding and holding a picture takes, measured by mode and format.
_BYTES, _HEAVY_BYTES = 16, 24
_LIGHT_BYTES = {"1": 3, "L": 3, "I;16": 5, "I;16B": 5}
_DECODED_WHOLE = {"WEBP", "AVIF", "JPEG2000", "HEIF"}  # the decoder keeps its own copy
_JPEG_LS = re.compile(rb"\xff\xf7\0[\x0b\x0e\x11\x14]")  # its frame header, of 1 to 4 colours
_LONGEST_HEAD = 1 << 20  # bytes of a JPEG that hold its frame header
_LONGEST_TEXT = 1 << 25  # bytes of one text in a PNG: editors write long histories

PIL.Image.MAX_IMAGE_PIXELS = None  # `check_size` enforces our own limit
# Pillow also raises errors for the damage that it logs.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def open_picture(file: BinaryIO) -> PIL.Image.Image | None:
    """Open a picture without loading its pixels; return None if `other_reader` reads it.

    Raises:
        PIL.UnidentifiedImageError: It is not a picture.
    """
    if (common := _open_common(file)) is not None:
        return common
    file.seek(0)
    head = file.read(12)
    from upsample_cli.images.read import bmp_pixels, containers, other_formats  # not for PNG

    kind = other_formats.kind_of(head)
    if kind == "HEIF":
        other_formats.library(kind, "pillow_heif").register_heif_opener()
        return containers.with_heif_colours(PIL.Image.open(file, formats=["HEIF"]))
    if kind is not None or head.startswith(_BIG_ENDIAN_BIG_TIFF):
        return None
    file, info = bmp_pixels.without_runs_and_masks(file)
    try:
        opened = PIL.Image.open(file, formats=_known_formats())
    except PIL.UnidentifiedImageError:
        if head.startswith(_TIFF):
            return None
        if head.startswith(_GIF_OR_ICO) or (head[4:] in _AVIF and "AVIF" in _known_formats()):
            raise OSError("it cannot be decoded") from None
        raise
    opened.info |= info
    if opened.format in ("JPEG2000", "AVIF", "WEBP"):
        containers.complete_info(opened, file)
    if opened.format == "TIFF":
        from upsample_cli.images.read import pillow_tiff  # few pictures are TIFFs

        return pillow_tiff.prepared(opened, file)
    return opened


def other_reader(file: BinaryIO) -> ModuleType:
    """Return the module whose functions `size` and `read` read a file that Pillow does not."""
    file.seek(0)
    if file.read(4) in (*_TIFF, _BIG_ENDIAN_BIG_TIFF):
        from upsample_cli.images.read import tiff_reader  # tifffile is slow to import

        return tiff_reader
    from upsample_cli.images.read import other_formats

    return other_formats


def is_animated(opened: PIL.Image.Image) -> bool:
    """Return whether a picture has frames that follow each other in time."""
    return opened.format in ANIMATED and bool(getattr(opened, "is_animated", False))


def frame_count(opened: PIL.Image.Image) -> int:
    """Return the number of frames or pages in a picture."""
    if opened.format == "TIFF":
        from upsample_cli.images.read import pillow_tiff

        return pillow_tiff.page_count(opened)
    return int(getattr(opened, "n_frames", 1))


def check_size(size: Size, name: str, max_pixels: int) -> None:
    """Refuse a picture without pixels or with too many.

    Raises:
        ImageFileError: It has no pixels.
        PictureTooLargeError: It has more than `max_pixels`.
    """
    height, width = size
    if width * height == 0:
        raise ImageFileError(f"{name} has no pixels ({width}x{height}); give another")
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{name} is {width}x{height}, more than {max_pixels} pixels; raise --max-pixels"
        )


def check(opened: PIL.Image.Image, name: str, max_pixels: int, must_fit: bool = True) -> None:
    """Refuse a picture with too many pixels or frames, too large for memory, or misread."""
    check_size((opened.height, opened.width), name, max_pixels)
    pixels, is_moving = opened.width * opened.height, is_animated(opened)
    if must_fit:
        is_heavy = is_moving or opened.format in _DECODED_WHOLE
        pixel = _HEAVY_BYTES if is_heavy else _LIGHT_BYTES.get(opened.mode, _BYTES)
        memory.check(pixels * pixel, name)
    if opened.format == "TIFF":
        from upsample_cli.images.read import pillow_tiff

        pillow_tiff.check(opened, name)
    frames = frame_count(opened) if is_moving else 1
    if frames * pixels > ALL_FRAMES_LIMIT * max_pixels:
        raise PictureTooLargeError(
            f"{name} has {frames} frames of {opened.width}x{opened.height}, more than "
            f"{ALL_FRAMES_LIMIT} times {max_pixels} pixels; raise --max-pixels"
        )


def read_size(place: Place, max_pixels: int = MAX_PIXELS, must_fit: bool = True) -> Size:
    """Return the upright height and width of the picture in a file, from its head if possible.

    Args:
        place: Where to read.
        max_pixels: The most pixels that it may have.
        must_fit: Whether to refuse a picture that would not fit in memory.

    Raises:
        ImageFileError: The file is missing, no picture, or one that `decode` refuses by its head.
    """
    name = place.label
    with place.open_head() as file, image_errors(name):
        try:
            opened = open_picture(file)
        except SyntaxError:  # of a PNG with a damaged chunk
            file, _ = png_chunks.safe_png(file)
            opened = open_picture(file)
        if opened is None:
            size: Size = other_reader(file).size(file, name, max_pixels)
            return size
        with opened:
            check(opened, name, max_pixels, must_fit)
            height, width = opened.height, opened.width
            if opened.format == "AVIF" and (box := opened.info["crop"]):  # Pillow ignores it
                height, width = box[3] - box[1], box[2] - box[0]
            if opened.format == "PNG" and not place.is_remote:  # a store would send all of it
                png_chunks.add_late_exif(opened, file)
            # Of a TIFF, Pillow already gives the upright size.
            swaps = opened.format != "TIFF" and exif.orientation_of(opened) in exif.SIDEWAYS
            return (width, height) if swaps else (height, width)


def is_picture(place: Place) -> bool:
    """Return whether a file, by its first bytes, is a picture in any format that is read."""
    try:
        with place.open_head() as file:
            if (opened := open_picture(file)) is not None:
                opened.close()
            return True
    except PIL.UnidentifiedImageError:
        return False
    except Exception:  # it claims to be a picture; reading it will say what is wrong
        return True


@contextmanager
def image_errors(name: str) -> Iterator[None]:
    """Turn any error of a decoder in the block into an `ImageFileError` that names the picture."""
    try:
        yield
    except (UpsampleError, MemoryError):
        raise
    except ImportError as error:  # of a library that is not installed
        raise ImageFileError(f"{name} {error}") from error
    except PIL.UnidentifiedImageError as error:
        is_page = name.startswith("http") and "." not in name.rpartition("/")[2]
        remedy = "end a folder's URL by a slash" if is_page else "give a PNG, JPEG, WebP, TIFF..."
        raise ImageFileError(f"{name} is {NOT_A_PICTURE}; {remedy}") from error
    except Exception as error:  # damaged bytes make decoders raise errors of any kind
        words = re.sub(r"^b'(.*)'$", r"\1", str(error))  # some of Pillow's errors hold bytes
        reason, cause = " ".join(words.split()) or type(error).__name__, error.__cause__ or error
        if reason.lower().startswith(_NOT_READ):
            raise ImageFileError(
                f"{name} is of a kind that is not read ({reason}); save it as a PNG"
            ) from error
        if "truncated" in reason or isinstance(cause, (StructError, IndexError)):
            reason = "truncated"
        elif isinstance(cause, (TypeError, AttributeError)):  # the message is about Python
            reason = "it holds a wrong value"
        raise ImageFileError(f"{name} is damaged ({reason}); get an intact copy") from error


def _known_formats() -> list[str]:
    """Return the readable formats that this Pillow has plugins for; others would raise errors."""
    return [name for name in READABLE if name != "AVIF" or find_spec("PIL.AvifImagePlugin")]


def _open_common(file: BinaryIO) -> PIL.Image.Image | None:
    """Return a PNG or JPEG without importing Pillow's plugins of other formats, else None."""
    file.seek(0)
    head = file.read(len(PNG_SIGNATURE))
    file.seek(0)
    if head == PNG_SIGNATURE:
        from PIL import PngImagePlugin

        PngImagePlugin.MAX_TEXT_CHUNK = _LONGEST_TEXT
        opened = PngImagePlugin.PngImageFile(file)
        png_chunks.scale_transparent_level(opened)
        return opened
    if head.startswith(b"\xff\xd8\xff"):
        from PIL.JpegImagePlugin import jpeg_factory

        try:
            return jpeg_factory(file)
        except SyntaxError:
            file.seek(0)
            if _JPEG_LS.search(file.read(_LONGEST_HEAD)):
                raise OSError("unsupported JPEG-LS") from None
            raise
    return None
