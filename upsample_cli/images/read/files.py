"""Pictures in and out of files as samples; what goes out strip by strip is not written here."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.metadata.exif import with_dpi
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.places.source import MAX_PIXELS
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.decode import Decoded, decode
from upsample_cli.images.read.samples import samples_of

_LARGEST = 1e30  # of a floating-point sample; sums of larger ones would overflow


def read(path: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture in a file, as it is seen: inks as colours; see `decoding.decode`."""
    found = image(decode(path, max_pixels))
    if not found.is_cmyk:
        return found
    from upsample_cli.images.colour import cmyk  # few pictures have them

    return cmyk.to_srgb(found)[0]


def image(decoded: Decoded) -> Image:
    """Return a decoded picture as samples, and free what it was decoded to.

    Raises:
        ImageFileError: Its samples have more than 16 bits, or are no finite numbers.
    """
    picture = decoded.picture
    if isinstance(picture, Animation):
        raise ImageFileError(f"{decoded.name} is animated; give a still picture")
    if isinstance(picture, np.ndarray):
        samples, inks = picture, False
    else:
        samples, inks = samples_of(decoded), picture.mode == "CMYK"
        picture.close()  # its memory: others may still refer to it
    _check_finite(samples, decoded.name)
    return Image(samples, decoded.format, decoded.metadata, decoded.notes, inks)


def _check_finite(samples: Samples, name: str) -> None:
    """Refuse floating-point samples that cannot be summed; row by row, to need no memory."""
    if samples.dtype.kind == "f" and not all(
        (np.abs(row) <= _LARGEST).all()  # NaN is not
        for row in samples
    ):
        raise ImageFileError(
            f"{name} holds samples that are NaN, infinite or beyond {_LARGEST:g}; "
            "replace them first"
        )


def image_of(picture: PIL.Image.Image, format: str, metadata: Metadata) -> Image:
    """Return a frame, of mode RGB or RGBA, as samples.

    Args:
        picture: The frame.
        format: The word for its file's format.
        metadata: What the file says beside its pixels.
    """
    return Image(np.asarray(picture), format, metadata)


def save(
    made: PIL.Image.Image, format: str, metadata: Metadata, file: BinaryIO, quality: int | None
) -> None:
    """Write a picture in one go, in a format that is neither PNG nor plain.

    Args:
        made: The picture.
        format: One of the values of `FORMATS`.
        metadata: What to tell beside the pixels.
        file: Where to.
        quality: 1..100 for JPEG and WebP; if None, the source's where it was a JPEG and so is
            this, none lost where both are WebP and it lost none, else the encoder's default.

    Raises:
        ImageFileError: The format cannot hold it, or Pillow was built without the format.
    """
    if format == "GIF":
        from upsample_cli.images.write import gif

        size = made.height, made.width
        file.write(gif.head(size, 1, metadata.comment) + gif.frame(made, 0) + gif.TAIL)
        return
    whole = io.BytesIO()  # encoders seek; standard output cannot
    with _encoding(format, f"{made.width}x{made.height} pixels"):
        made.save(whole, format, **_options(format, metadata, quality))
    file.write(whole.getbuffer())


def save_webp(
    frames: Iterator[Samples],
    animation: Animation,
    metadata: Metadata,
    file: BinaryIO,
    quality: int | None,
) -> None:
    """Write an animated WebP.

    Args:
        frames: Each of shape (H, W, C).
        animation: What else is known of them.
        metadata: What to tell beside the pixels.
        file: Where to.
        quality: 1..100; if None, as for `save`.

    Raises:
        ImageFileError: The format cannot hold it, or Pillow was built without the format.
    """
    from upsample_cli.images.write import webp

    options = _options("WEBP", metadata, quality)
    pictures = (picture(samples) for samples in frames)
    with _encoding("WEBP", "this animation"):
        made = webp.encoded(pictures, animation.durations, animation.plays, **options)
    file.write(made)


def picture(samples: Samples, inks: bool = False) -> PIL.Image.Image:
    """Return samples of 8 bits, shape (H, W, C), as Pillow's picture; inks as CMYK."""
    if inks:
        height, width = samples.shape[:2]
        return PIL.Image.frombuffer("CMYK", (width, height), samples, "raw", "CMYK", 0, 1)
    return PIL.Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


@contextmanager
def _encoding(format: str, what: str) -> Iterator[None]:
    """Turn what Pillow raises in the block into an error about a format, and what it is to hold."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ImageFileError(f"{format} cannot hold {what} ({error}); write a PNG") from error
    except KeyError as error:
        if format in PIL.Image.SAVE:
            raise
        raise ImageFileError(f"this Pillow was built without {format}; write a PNG") from error


def _options(format: str, metadata: Metadata, quality: int | None) -> dict[str, Any]:
    """Return what to tell Pillow's encoder."""
    options: dict[str, Any] = {"icc_profile": metadata.icc, "dpi": metadata.dpi}
    if format in {"JPEG", "WEBP"}:
        told = with_dpi(metadata.exif, metadata.dpi) if format == "WEBP" else metadata.exif
        options |= {"exif": told and b"Exif\0\0" + told, "xmp": metadata.xmp, "quality": quality}
    if format == "WEBP" and quality is None:
        options["lossless"] = metadata.lossless
    if format == "JPEG":
        options["comment"] = metadata.comment
        if metadata.iptc or metadata.extended_xmp:
            from upsample_cli.images.metadata import jpeg_segments  # few pictures have any

            options["extra"] = jpeg_segments.encoded(metadata.iptc, metadata.extended_xmp)
    if format == "JPEG" and metadata.coding is not None:
        options["progressive"] = metadata.coding.progressive or None
        if quality is None:
            options["qtables"] = [list(table) for table in metadata.coding.tables]
            options["subsampling"] = metadata.coding.subsampling
    return {name: value for name, value in options.items() if value is not None}
