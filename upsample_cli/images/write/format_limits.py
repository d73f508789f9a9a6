"""A picture as the output's format can hold it, and what that costs."""

from dataclasses import replace

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image

_DEEP = {"PNG", "TIFF", "PPM", "PGM"}  # hold 16 bits a sample
_INKS = {"JPEG", "TIFF"}  # hold four inks
_OPAQUE = {"JPEG", "BMP", "PPM", "PGM"}  # hold no transparency


def fitted(image: Image, format: str) -> tuple[Image, tuple[str, ...]]:
    """Return a picture as a format can hold it, and what that costs.

    What a GIF costs is known when it is made; see `gif.losses`.

    Args:
        image: The picture.
        format: One of the values of `FORMATS`.

    Raises:
        ImageFileError: The picture is transparent and the format is not, or likewise with colour
            or with numbers beyond 0..1.
    """
    losses = []
    if image.is_cmyk and format not in _INKS:
        from upsample_cli.images.colour import cmyk  # few pictures have them

        image, how = cmyk.to_srgb(image)
        losses.append(f"{format} holds no inks, so CMYK became sRGB {how}")
    if image.has_alpha and format in _OPAQUE:
        raise ImageFileError(f"{format} holds no transparency; write a PNG, WebP or TIFF")
    if image.channels > 2 and format == "PGM":
        raise ImageFileError("PGM holds no colour; write a .ppm or .pnm")
    losses += [
        f"{format} holds no {word}, so it was left out" for word in image.metadata.losses(format)
    ]
    bits = 16 if format in _DEEP else 8
    if image.dtype.kind == "f" and format != "TIFF":
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
    if image.dtype == np.uint16 and bits == 8:
        losses.append(f"{format} holds 8 bits a sample, so 16 were rounded")
        rounded = ((image.samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        return replace(image, samples=rounded), tuple(losses)
    return image, tuple(losses)
