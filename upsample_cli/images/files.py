"""Pictures in and out of files as samples; what goes out strip by strip is not written here."""

import io
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.decoding import MAX_PIXELS, Decoded, decode
from upsample_cli.images.exif import with_dpi
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.metadata import Metadata

_PART = 256  # rows
_DEEP = {"PNG", "TIFF", "PPM", "PGM"}  # hold 16 bits a sample
_OPAQUE = {"JPEG", "BMP", "PPM", "PGM"}  # hold no transparency


def read(path: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture in a file; see `decoding.decode`."""
    return image(decode(path, max_pixels))


def image(decoded: Decoded) -> Image:
    """Return a decoded picture as samples.

    Args:
        decoded: The picture as it was decoded.

    Raises:
        ImageFileError: Its samples have more than 16 bits, or are no finite numbers.
    """
    picture = decoded.picture
    if isinstance(picture, np.ndarray):
        samples: Samples = picture
    else:
        first = _rows(decoded, 0)
        samples = np.empty((picture.height, *first.shape[1:]), first.dtype)
        # Pillow hands samples on through a copy of its own: in parts, that one stays small.
        for top in range(0, picture.height, _PART):
            samples[top : top + _PART] = _rows(decoded, top)
    if samples.dtype.kind == "f" and not all(
        np.isfinite(samples[top : top + _PART]).all() for top in range(0, len(samples), _PART)
    ):
        raise ImageFileError(
            f"{decoded.name} holds samples that are NaN or infinite; replace them by numbers"
        )
    return Image(samples, decoded.format, decoded.metadata, decoded.notes)


def _rows(decoded: Decoded, top: int) -> Samples:
    """Return some rows of a picture, shape (rows, W, C), uint8, uint16 or float32."""
    box = (0, top, decoded.picture.width, min(top + _PART, decoded.picture.height))
    samples: NDArray[Any] = np.asarray(decoded.picture.crop(box))
    if decoded.packed:
        samples = samples.view(">u2").astype(np.uint16)
    elif decoded.low is not None:
        samples = samples.astype(np.uint16) << 8 | np.asarray(decoded.low.crop(box))
    elif samples.dtype not in (np.uint8, np.uint16, np.float32):
        if samples.min() < 0 or samples.max() > 65535:
            raise ImageFileError(
                f"{decoded.name} has samples of 32 bits; give 8 or 16 bits a sample"
            )
        samples = samples.astype(np.uint16)
    samples = samples[..., None] if samples.ndim == 2 else samples
    if decoded.highest != 65535:
        full = samples.astype(np.uint32) * 65535 + decoded.highest // 2
        samples = np.minimum(full // decoded.highest, 65535).astype(np.uint16)
    if decoded.clear is not None:
        seen = (samples != np.array(decoded.clear)).any(axis=2, keepdims=True)
        samples = np.concatenate([samples, np.where(seen, 65535, 0).astype(np.uint16)], axis=2)
    return samples


def fitted(image: Image, format: str) -> tuple[Image, tuple[str, ...]]:
    """Return a picture as a format can hold it, and what that costs.

    Args:
        image: The picture.
        format: One of the values of `FORMATS`.

    Raises:
        ImageFileError: The picture is transparent and the format is not, or likewise with colour
            or with numbers beyond 0..1.
    """
    if image.has_alpha and format in _OPAQUE:
        raise ImageFileError(f"{format} holds no transparency; write a PNG, WebP or TIFF")
    if image.samples.shape[2] > 2 and format == "PGM":
        raise ImageFileError("PGM holds no colour; write a .ppm or .pnm")
    losses = [
        f"{format} holds no {word}, so it was left out" for word in image.metadata.lost(format)
    ]
    bits = 16 if format in _DEEP else 8
    if image.samples.dtype.kind == "f" and format != "TIFF":
        if image.samples.min() < 0 or image.samples.max() > 1:
            raise ImageFileError(
                f"{format} holds no numbers beyond 0..1, as these are; write a TIFF"
            )
        losses.append(
            f"{format} holds no floating-point samples, so they were rounded to {bits} bits"
        )
        full = np.float32(65535 if bits == 16 else 255)
        rounded = np.floor(image.samples * full + np.float32(0.5)).astype(f"u{bits // 8}")
        return replace(image, samples=rounded), tuple(losses)
    if image.samples.dtype == np.uint16 and bits == 8:
        losses.append(f"{format} holds 8 bits a sample, so 16 were rounded")
        rounded = ((image.samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        return replace(image, samples=rounded), tuple(losses)
    return image, tuple(losses)


def save(
    samples: Samples, format: str, metadata: Metadata, file: BinaryIO, quality: int | None
) -> None:
    """Write a picture in one go, in a format that is neither PNG nor plain.

    Args:
        samples: Shape (H, W, C).
        format: One of the values of `FORMATS`.
        metadata: What to tell beside the pixels.
        file: Where to.
        quality: 1..100 for JPEG and WebP; if None, the source's where it was a JPEG and so is
            this, else the encoder's default.

    Raises:
        ImageFileError: The format cannot hold it.
    """
    shaped = samples[..., 0] if samples.shape[2] == 1 else samples
    options = _options(format, metadata, quality)
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


def _options(format: str, metadata: Metadata, quality: int | None) -> dict[str, Any]:
    """Return what to tell Pillow's encoder."""
    options: dict[str, Any] = {"icc_profile": metadata.icc, "dpi": metadata.dpi}
    if format in {"JPEG", "WEBP"}:
        told = with_dpi(metadata.exif, metadata.dpi) if format == "WEBP" else metadata.exif
        options |= {"exif": told and b"Exif\0\0" + told, "xmp": metadata.xmp, "quality": quality}
    if format in {"JPEG", "GIF"}:
        options["comment"] = metadata.comment
    if format == "JPEG" and metadata.coding is not None:
        options["progressive"] = metadata.coding.progressive or None
        if quality is None:
            options["qtables"] = [list(table) for table in metadata.coding.tables]
            options["subsampling"] = metadata.coding.subsampling
    return options
