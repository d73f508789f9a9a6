"""From a file to Pillow's picture, upright and in a plain mode.

Nothing here needs NumPy, so that decoding can begin while NumPy still loads.
"""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import PIL.Image

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.formats import FORMATS
from upsample_cli.images.metadata import Metadata, of
from upsample_cli.images.target import STREAM

MAX_PIXELS = 2**28
_READABLE = [*dict.fromkeys(FORMATS.values()), "JPEG2000", "ICO", "AVIF"]
_ORIENTATION = 0x0112

# The pixel limit is ours, told in our words, and checked before any pixel is decoded.
PIL.Image.MAX_IMAGE_PIXELS = None
# What Pillow logs of a fault it raises too, and that error is told.
logging.getLogger("PIL").addHandler(logging.NullHandler())
PIL.Image.preinit()  # the common formats, so that no thread has to import them


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded picture.

    Args:
        picture: Of mode L, LA, RGB or RGBA, or of a mode of Pillow's with 16 bits of grey.
        format: The word for the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What decoding changed, each in a few words.
    """

    picture: PIL.Image.Image
    format: str
    metadata: Metadata
    notes: tuple[str, ...]


def decode(path: str, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Return the picture in a file.

    Args:
        path: A file, or "-" for standard input.
        max_pixels: The most pixels to decode.

    Raises:
        ImageFileError: It is missing, cannot be read, is broken, or is no picture.
        PictureTooLargeError: It has more pixels.
    """
    with _opened(path, max_pixels) as opened:
        return _decoded(opened)


def size(path: str) -> tuple[int, int]:
    """Return height and width of the picture in a file, from its head alone.

    Raises:
        ImageFileError: It is missing, is no picture, or is one that `read` refuses by its head.
    """
    with _opened(path) as opened:
        return opened.height, opened.width


def is_picture(path: str) -> bool:
    """Tell by its first bytes whether a file is a picture of any format that is read."""
    try:
        with PIL.Image.open(path, formats=_READABLE):
            return True
    except PIL.UnidentifiedImageError:
        return False
    except Exception:  # it claims to be a picture; `read` says what is wrong with it
        return True


@contextmanager
def _opened(path: str, max_pixels: int = MAX_PIXELS) -> Iterator[PIL.Image.Image]:
    """Open a picture and check its head; whatever a decoder raises in the block is told as ours."""
    name = "the picture on stdin" if path == STREAM else path
    with _source(path) as file:
        try:
            with PIL.Image.open(file, formats=_READABLE) as opened:
                _check(opened, name, max_pixels)
                yield opened
        except (ImageFileError, MemoryError):
            raise
        except PIL.UnidentifiedImageError as error:
            raise ImageFileError(
                f"{name} is no picture; give a PNG, JPEG, WebP, TIFF..."
            ) from error
        # Decoders meet hostile bytes in every way a parser can fail; all mean the same here.
        except Exception as error:
            fault = " ".join(str(error).split()) or type(error).__name__
            raise ImageFileError(f"{name} is broken ({fault}); get a whole copy") from error


def _source(path: str) -> BinaryIO:
    if path == STREAM:
        if sys.stdin is None or sys.stdin.isatty():
            fault = "closed" if sys.stdin is None else "a terminal"
            raise ImageFileError(f"standard input is {fault}; pipe a picture in or name a file")
        data = sys.stdin.buffer.read()
        if not data:
            raise ImageFileError("standard input is empty; pipe a picture in or name a file")
        return io.BytesIO(data)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 # the caller's `with` closes it
    except FileNotFoundError as error:
        raise ImageFileError(f"no file {path}; check the path") from error
    except IsADirectoryError as error:
        raise ImageFileError(f"{path} is a folder; name a picture in it") from error
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror}; check the file") from error
    return file if file.seekable() else io.BytesIO(file.read())


def _check(opened: PIL.Image.Image, name: str, max_pixels: int) -> None:
    width, height = opened.size
    if width * height == 0:
        raise ImageFileError(f"{name} is {width}x{height}, without a pixel; give another")
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{name} is {width}x{height}, more than {max_pixels} pixels; raise --max-pixels"
        )
    if getattr(opened, "is_animated", False) and opened.format in {"GIF", "PNG", "WEBP", "AVIF"}:
        raise ImageFileError(f"{name} is animated; give a still picture")
    if opened.mode == "F":
        raise ImageFileError(f"{name} holds floating-point samples; give 8 or 16 bits a sample")
    if not opened.mode.startswith("I"):
        layouts = [str(getattr(tile, "args", tile[3])) for tile in getattr(opened, "tile", [])]
        if any(";16" in layout or "65535" in layout for layout in layouts):
            raise ImageFileError(
                f"{name} has 16 bits a colour, which would be cut to 8; give 16-bit grey or 8-bit"
            )


def _decoded(opened: PIL.Image.Image) -> Decoded:
    # MPO is a JPEG with more pictures behind the first, as phones write it.
    format, info = (opened.format or "PNG").replace("MPO", "JPEG"), opened.info
    exif, upright = _upright(opened)
    notes = []
    mode = upright.mode
    if (
        mode in {"1", "P", "PA", "La", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"}
        or "transparency" in info
    ):
        wanted = _plain_mode(upright)
        if mode not in {"La", "RGBa"}:
            words = {"1": "1-bit", "P": "palette", "PA": "palette"}.get(mode, mode)
            notes.append(f"{words} becomes {wanted}")
        upright = upright.convert(wanted)
    metadata = of(opened, exif)
    return Decoded(upright, format, metadata, tuple(notes))


def _plain_mode(picture: PIL.Image.Image) -> str:
    grey = picture.mode in {"1", "L", "La"}
    clear = picture.mode in {"PA", "La", "RGBa"} or "transparency" in picture.info
    return {(True, False): "L", (True, True): "LA", (False, False): "RGB", (False, True): "RGBA"}[
        grey, clear
    ]


def _upright(opened: PIL.Image.Image) -> tuple[bytes | None, PIL.Image.Image]:
    """Return EXIF with orientation 1, and the picture turned as the old orientation says."""
    opened.load()
    raw = opened.info.get("exif")
    if not raw:
        return None, opened
    exif = opened.getexif()
    if exif.get(_ORIENTATION, 1) == 1:
        return raw.removeprefix(b"Exif\0\0"), opened
    from PIL import ImageOps  # slow to import, and few pictures need it

    upright = ImageOps.exif_transpose(opened)
    exif[_ORIENTATION] = 1
    return exif.tobytes().removeprefix(b"Exif\0\0"), upright
