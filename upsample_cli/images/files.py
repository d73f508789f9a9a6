"""Pictures in and out of files as samples, by Pillow; large PNGs go out by `png.py`."""

import io
from typing import Any, BinaryIO

import numpy as np
import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.decoding import MAX_PIXELS, Decoded, decode
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.metadata import Metadata

_PART = 256  # rows
_DEEP = {"PNG", "TIFF", "PPM"}  # hold 16 bits a sample
_OPAQUE = {"JPEG", "BMP", "PPM"}  # hold no transparency


def read(path: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture in a file; see `decoding.decode`."""
    return image(decode(path, max_pixels))


def image(decoded: Decoded) -> Image:
    """Return a decoded picture as samples.

    Args:
        decoded: The picture as Pillow holds it.

    Raises:
        ImageFileError: Its samples have more than 16 bits.
    """
    picture = decoded.picture
    first = _rows(picture, 0)
    samples: Samples = np.empty((picture.height, *first.shape[1:]), first.dtype)
    # Pillow hands samples on through a copy of its own: in parts, that one stays small.
    for top in range(0, picture.height, _PART):
        samples[top : top + _PART] = _rows(picture, top)
    return Image(samples, decoded.format, decoded.metadata, decoded.notes)


def _rows(picture: PIL.Image.Image, top: int) -> Samples:
    """Return some rows of a picture, shape (rows, W, C), uint8 or uint16."""
    part = picture.crop((0, top, picture.width, min(top + _PART, picture.height)))
    samples = np.asarray(part)
    if samples.dtype not in (np.uint8, np.uint16):
        if samples.min() < 0 or samples.max() > 65535:
            raise ImageFileError("samples of 32 bits; give 8 or 16 bits a sample")
        samples = samples.astype(np.uint16)
    return samples[..., None] if samples.ndim == 2 else samples


def fitted(image: Image, format: str) -> tuple[Image, tuple[str, ...]]:
    """Return a picture as a format can hold it, and what that costs.

    Args:
        image: The picture.
        format: One of the values of `FORMATS`.

    Raises:
        ImageFileError: The picture is transparent and the format is not.
    """
    if image.has_alpha and format in _OPAQUE:
        raise ImageFileError(f"{format} holds no transparency; write a PNG, WebP or TIFF")
    deep = image.samples.dtype.itemsize == 2
    if deep and not (format in _DEEP and (format == "PNG" or image.samples.shape[2] == 1)):
        rounded = ((image.samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        made = Image(rounded, image.format, image.metadata, image.notes)
        return made, (f"{format} holds 8 bits a sample, so 16 were rounded",)
    return image, ()


def save(
    samples: Samples, format: str, metadata: Metadata, file: BinaryIO, quality: int | None
) -> None:
    """Write a picture in one go, in any format but a streamed PNG.

    Args:
        samples: Shape (H, W, C).
        format: One of the values of `FORMATS`.
        metadata: What to tell beside the pixels.
        file: Where to.
        quality: 1..100 for JPEG and WebP; the encoder's default if None.

    Raises:
        ImageFileError: The format cannot hold it.
    """
    shaped = samples[..., 0] if samples.shape[2] == 1 else samples
    options: dict[str, Any] = {"icc_profile": metadata.icc, "dpi": metadata.dpi}
    if metadata.exif and format in {"JPEG", "WEBP", "TIFF"}:
        options["exif"] = metadata.exif if format == "TIFF" else b"Exif\0\0" + metadata.exif
    if format in {"JPEG", "WEBP"} and quality is not None:
        options["quality"] = quality
    if metadata.xmp and format in {"JPEG", "WEBP"}:
        options["xmp"] = metadata.xmp
    whole = io.BytesIO()  # encoders seek; standard output cannot
    try:
        PIL.Image.fromarray(shaped).save(
            whole, format, **{key: value for key, value in options.items() if value is not None}
        )
    except (OSError, ValueError) as error:
        height, width = samples.shape[:2]
        raise ImageFileError(
            f"{format} cannot hold {width}x{height} pixels ({error}); write a PNG"
        ) from error
    file.write(whole.getbuffer())
