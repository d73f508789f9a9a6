"""A picture converted to what the output's format can hold, and notes on what that costs."""

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.exif import without_thumbnail
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write.formats import Encoding

_16_BITS = {"PNG", "TIFF", "PPM", "PGM"}
_CMYK = {"JPEG", "TIFF"}
_NO_ALPHA = {"JPEG", "BMP", "PPM", "PGM"}
_LONGEST_EXIF, _LONGEST_XMP = 65_527, 65_504  # bytes in a segment of a JPEG


def fit(
    image: Image,
    format: str,
    encoding: Encoding = Encoding(),  # noqa: B008 # it is frozen
) -> tuple[Image, tuple[str, ...]]:
    """Return a picture as a format can hold it, laid on its background, and notes on what is lost.

    The colours that a GIF cannot hold are not known before it is written; see `gif.rounding_note`.

    Raises:
        ImageFileError: The picture has transparency, colours, or numbers beyond 0..1, and the
            format does not.
    """
    notes = []
    background = encoding.background
    is_hidden = background is not None and image.palette is not None and image.palette.opacity
    if image.palette and (is_hidden or not image.palette.fits(format)):
        samples, note = image.palette.filtered(image.samples)
        image = image._replace(samples=samples, palette=None)
        notes.append(note)
    if image.is_cmyk and format not in _CMYK:
        from upsample_cli.images import profiles  # seldom needed

        image, how = profiles.to_srgb(image)
        notes.append(f"{format} holds no inks, so CMYK became sRGB {how}")
    image = _fit_opacity(image, format, background)
    if image.channels > 2 and format == "PGM":
        raise ImageFileError("PGM holds no colour; write a .ppm or .pnm")
    if format == "JPEG":
        metadata, words = _fit_segments(image.metadata)
        image = image._replace(metadata=metadata)
        notes += words
    kind = format
    if format == "AVIF" and encoding.is_lossless(image.metadata.lossless):
        kind = "lossless AVIF"
    notes += [f"{kind} holds no {word}, so it was left out" for word in image.metadata.losses(kind)]
    image, words = _fit_depth(image, format)
    return image, (*notes, *words)


def _fit_opacity(image: Image, format: str, background: tuple[int, int, int] | None) -> Image:
    """Return a picture laid on its background, or without opacity that a format cannot hold."""
    if not image.has_alpha:
        return image
    if background is not None:
        return image._replace(samples=_laid_on(image.samples, background, image.peak))
    if format not in _NO_ALPHA:
        return image
    if (image.samples[..., -1] != image.peak).any():
        raise ImageFileError(
            f"{format} holds no transparency; write a PNG, WebP or TIFF, or pass --background"
        )
    return image._replace(samples=image.samples[..., :-1])


def _fit_depth(image: Image, format: str) -> tuple[Image, list[str]]:
    """Return a picture with samples that a format can hold, and a note if they were rounded."""
    bits = 16 if format in _16_BITS else 8
    if image.dtype.kind == "f" and format != "TIFF":
        note = f"{format} holds no floating-point samples, so they were rounded to {bits} bits"
        return image._replace(samples=_rounded(image.samples, format, bits)), [note]
    if image.dtype == np.uint16 and bits == 8:
        narrow = (image.samples.astype(np.uint32) * 255 + 32767) // 65535
        note = f"{format} holds 8 bits a sample, so 16 were rounded"
        return image._replace(samples=narrow.astype(np.uint8)), [note]
    return image, []


def _fit_segments(metadata: Metadata) -> tuple[Metadata, list[str]]:
    """Return metadata as the segments of a JPEG can hold it, and notes on what is lost."""
    exif, xmp, notes = metadata.exif, metadata.xmp, []
    if exif and len(exif) > _LONGEST_EXIF:
        exif, what = without_thumbnail(exif), "the thumbnail in it was left out"
        if len(exif) > _LONGEST_EXIF:
            exif, what = None, "it was left out"
        notes.append(f"its EXIF is too long for a JPEG, so {what}")
    if xmp and len(xmp) > _LONGEST_XMP:
        xmp = None
        notes.append("its XMP is too long for a JPEG, so it was left out")
    return metadata._replace(exif=exif, xmp=xmp), notes


def _laid_on(samples: Samples, background: tuple[int, int, int], peak: int) -> Samples:
    """Return samples of two or four channels laid on a colour, of one or three channels."""
    colours = samples.shape[2] - 1
    if colours == 1 and len(set(background)) > 1:
        colours = 3
    under = np.array(background[:colours], np.float32) * np.float32(peak / 255)
    out: Samples = np.empty((*samples.shape[:2], colours), samples.dtype)
    half = np.float32(0.5 if samples.dtype.kind == "u" else 0)
    for row, result in zip(samples, out, strict=True):
        opacity = row[:, -1:] * np.float32(1 / peak)
        result[...] = row[:, :-1] * opacity + under * (1 - opacity) + half
    return out


def _rounded(samples: Samples, format: str, bits: int) -> Samples:
    if samples.min() < 0 or samples.max() > 1:
        raise ImageFileError(f"{format} holds no numbers beyond 0..1, as these are; write a TIFF")
    full_scale = np.float32(2**bits - 1)
    rounded: Samples = np.floor(samples * full_scale + np.float32(0.5)).astype(f"u{bits // 8}")
    return rounded
