"""Write still pictures that are encoded whole: JPEG 2000, WebP, AVIF, BMP, TGA, ICO, GIF, JPEG.

Only progressive JPEGs are encoded whole; `jpeg.py` writes the others. Pillow encodes all of
them except lossless AVIF: it would convert the colours to YCbCr, which rounds them.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from struct import pack
from typing import Any, BinaryIO

import numpy as np
import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.exif_directory import with_dpi, without_orientation
from upsample_cli.images.image import Palette, Samples
from upsample_cli.images.metadata import JPEG_IPTC, Metadata
from upsample_cli.images.write.formats import WITH_LOSSLESS, WITH_QUALITY, Encoding
from upsample_cli.planes import Size

_APP1, _APP13 = b"\xff\xe1", b"\xff\xed"
# Bytes per pixel that the encoder and the picture take: for opaque pictures, and for pictures with
# opacity, where Pillow holds even grey in 4 bytes. Measured on photographs and smooth ramps.
_BYTES = {"AVIF": (30, 40), "GIF": (20, 21), "WEBP": (12, 44)}
_LOSSLESS_WEBP, _INDEXED_GIF = 36, 6  # bytes per pixel
_FINE = 95  # a quality at which no loss is seen
_COPIES, _WIDE_COPIES = 4, 14  # bytes per sample: at least, in any format; in JPEG 2000


def to_pillow(
    samples: Samples, is_cmyk: bool = False, palette: Palette | None = None
) -> PIL.Image.Image:
    """Return 8-bit samples, shape (H, W, C), as a Pillow image."""
    if palette is not None:
        if palette.is_bilevel:
            return PIL.Image.fromarray(samples[..., 0].astype(bool))
        picture = PIL.Image.fromarray(samples[..., 0], "P")
        picture.putpalette(palette.colours)
        if palette.opacity:
            picture.info["transparency"] = palette.opacity
        return picture
    if is_cmyk:
        return PIL.Image.fromarray(samples, "CMYK")
    return PIL.Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def bytes_of_pixel(format: str, channels: int, is_lossless: bool, is_indexed: bool) -> int:
    """Return the memory, in bytes per pixel, that it takes to encode an 8-bit picture whole.

    Args:
        format: One of the values of `FORMATS`.
        channels: Samples per pixel.
        is_lossless: Whether a WebP is encoded without loss.
        is_indexed: Whether the samples are indices into a palette.
    """
    if format == "GIF" and is_indexed:
        return _INDEXED_GIF
    if format == "JPEG2000":
        return _WIDE_COPIES * channels
    measured = _BYTES.get(format, (0, 0))[channels in (2, 4)]
    lossless = _LOSSLESS_WEBP if format == "WEBP" and is_lossless else 0
    return max(measured, lossless, _COPIES * channels)


def joined_strips(
    strips: Iterable[Samples], size: Size, is_cmyk: bool, palette: Palette | None
) -> PIL.Image.Image:
    """Return 8-bit strips, from the top down, joined to one Pillow image without a second copy."""
    picture, top = None, 0
    for samples in strips:
        part = to_pillow(samples, is_cmyk, palette)
        if picture is None:
            picture = PIL.Image.new(part.mode, (size[1], size[0]))
            if palette and part.mode == "P":
                picture.putpalette(palette.colours)
                picture.info |= part.info
        picture.paste(part, (0, top))
        top += part.height
    assert picture is not None  # a picture has at least one row
    return picture


def save(
    picture: PIL.Image.Image,
    format: str,
    metadata: Metadata,
    file: BinaryIO,
    encoding: Encoding,
) -> None:
    """Encode a picture and write it to a file.

    Args:
        picture: The picture to encode.
        format: One of the values of `FORMATS`, but neither PNG nor one of `FORMATS_OF_ROWS`.
        metadata: What to write beside the pixels.
        file: The file to write to.
        encoding: Quality and losslessness. By default a JPEG keeps the quality of the JPEG it was
            read from, a lossless WebP or AVIF stays lossless, and the rest get Pillow's default.

    Raises:
        ImageFileError: The format cannot hold the picture, or Pillow was built without the format.
    """
    if format == "GIF":
        from upsample_cli.images.write import gif  # seldom needed

        size = picture.height, picture.width
        file.write(gif.header(size, 1, metadata) + gif.frame(picture, 0) + gif.TRAILER)
        return
    if format == "AVIF" and encoding.is_lossless(format, metadata.lossless):
        file.write(_lossless_avif(picture))
        return
    buffer = io.BytesIO()  # encoders seek, which standard output cannot
    with encoding_errors(format, f"{picture.width}x{picture.height} pixels"):
        sizes = {"sizes": [picture.size]} if format == "ICO" else {}
        picture.save(buffer, format, **options_for(format, metadata, encoding), **sizes)
    file.write(buffer.getbuffer())


def _lossless_avif(picture: PIL.Image.Image) -> bytes:
    """Return a picture as the bytes of a lossless AVIF."""
    try:
        import imagecodecs
    except ImportError as error:
        raise ImageFileError(
            "lossless AVIF needs imagecodecs; pip install 'upsample-cli[tiff]' or give --quality"
        ) from error
    # As RGB (matrix 0), which alone is stored unchanged; with the primaries and curve of sRGB.
    colours = picture.convert("RGBA" if picture.mode in ("LA", "RGBA") else "RGB")
    try:
        return bytes(
            imagecodecs.avif_encode(np.asarray(colours), primaries=1, transfer=13, matrix=0)
        )
    except imagecodecs.AvifError as error:
        raise ImageFileError(f"AVIF cannot hold this picture ({error}); write a PNG") from error


@contextmanager
def encoding_errors(format: str, content: str) -> Iterator[None]:
    """Turn Pillow's errors in the block into an `ImageFileError` about a format and its content."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ImageFileError(f"{format} cannot hold {content} ({error}); write a PNG") from error
    except KeyError as error:
        if format in PIL.Image.SAVE:
            raise
        raise ImageFileError(f"this Pillow was built without {format}; write a PNG") from error


def keeping_quality(encoding: Encoding, format: str, metadata: Metadata) -> Encoding:
    """Return an encoding that loses little: quality 95 where the input's own is not kept."""
    is_jpeg = format == "JPEG" and metadata.coding is not None
    is_kept = is_jpeg or encoding.is_lossless(format, metadata.lossless)
    return encoding if is_kept or encoding.quality else encoding._replace(quality=_FINE)


def options_for(format: str, metadata: Metadata, encoding: Encoding) -> dict[str, Any]:
    """Return the options for Pillow's encoder; see `save`."""
    if encoding.lossless and format == "JPEG":
        raise ImageFileError("JPEG cannot be lossless; leave --lossless out or write a PNG")
    quality = encoding.quality
    options: dict[str, Any] = {"icc_profile": metadata.icc, "dpi": metadata.dpi}
    exif = metadata.exif
    if format == "AVIF" and exif:  # Pillow would write an EXIF with an orientation anew
        exif = without_orientation(exif)
    if format in WITH_LOSSLESS:
        exif = with_dpi(exif, metadata.dpi)
        options["lossless"] = encoding.is_lossless(format, metadata.lossless)
    if format == "JPEG2000":  # lossless, as Pillow writes it by default
        options["comment"] = metadata.comment
    if format in WITH_QUALITY:
        options |= {"exif": exif and b"Exif\0\0" + exif, "xmp": metadata.xmp, "quality": quality}
    if format == "JPEG":
        options |= _jpeg_options(metadata, quality)
    return {name: value for name, value in options.items() if value is not None}


def _jpeg_options(metadata: Metadata, quality: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"comment": metadata.comment}
    if metadata.iptc or metadata.extended_xmp:
        options["extra"] = _segments(metadata.iptc or b"", metadata.extended_xmp)
    if metadata.coding is not None:
        options["progressive"] = metadata.coding.progressive or None
        if quality is None:
            options["qtables"] = [list(table) for table in metadata.coding.tables]
            options["subsampling"] = metadata.coding.subsampling
    return options


def _segments(iptc: bytes, extended_xmp: tuple[bytes, ...]) -> bytes:
    """Return JPEG segments with IPTC and extended XMP, which Pillow reads but does not write.

    Source: Adobe, "Photoshop File Formats Specification" (image resources) and "XMP Specification
    Part 3: Storage in Files" (ExtendedXMP).
    """
    segments = [(_APP1, data) for data in extended_xmp]
    if iptc:
        resource = b"8BIM" + pack(">HHL", JPEG_IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
        segments.append((_APP13, b"Photoshop 3.0\0" + resource))
    return b"".join(marker + pack(">H", 2 + len(data)) + data for marker, data in segments)
