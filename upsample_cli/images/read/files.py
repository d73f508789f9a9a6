"""Read still pictures, and turn what was decoded from a file into samples."""

from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read.decode import Decoded, decode

_LARGEST = 1e30  # limit of floating-point samples: sums of larger samples would overflow
_PART = 1 << 20  # pixels to convert at once


def read(place: Place, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the still picture in a file; CMYK is converted to sRGB.

    Raises:
        ImageFileError: The file holds an animation, or `decode` or `to_image` refuses it.
    """
    decoded = decode(place, max_pixels)
    if not isinstance(decoded, Decoded):
        raise ImageFileError(f"{decoded.name} is animated; give a still picture")
    return to_still(decoded)


def to_still(decoded: Decoded) -> Image:
    """Return a decoded picture as an `Image`, CMYK converted to sRGB; see `to_image`."""
    image = to_image(decoded)
    if not image.is_cmyk:
        return image
    from upsample_cli.images import profiles  # few pictures are CMYK

    return profiles.to_srgb(image)[0]


def to_image(decoded: Decoded) -> Image:
    """Return a decoded picture as an `Image`, and free the memory of Pillow's picture.

    Raises:
        ImageFileError: Its samples need more than 16 bits, or are NaN, infinite or beyond 1e30.
    """
    picture = decoded.picture
    if isinstance(picture, PIL.Image.Image):
        samples, is_cmyk = _samples(decoded, picture), picture.mode == "CMYK"
        picture.close()  # frees its pixels even where others still refer to it
    else:
        samples, is_cmyk = picture, False
    _check_finite(samples, decoded.name)
    return Image(
        samples, decoded.format, decoded.metadata, decoded.notes, is_cmyk, decoded.palette,
        decoded.caveats,
    )  # fmt: skip


def _samples(decoded: Decoded, picture: PIL.Image.Image) -> Samples:
    """Return a picture's samples, shape (H, W, C), uint8, uint16 or float32.

    Pillow copies the samples that it hands over; converting part by part keeps that copy small.
    """
    height, width = picture.height, picture.width
    step = max(1, _PART // width)
    first = _rows(decoded, picture, range(min(step, height)))
    if len(first) == height:
        return first
    samples: Samples = np.empty((height, *first.shape[1:]), first.dtype)
    samples[:step] = first
    for top in range(step, height, step):
        rows = range(top, min(top + step, height))
        samples[rows.start : rows.stop] = _rows(decoded, picture, rows)
    return samples


def _rows(decoded: Decoded, picture: PIL.Image.Image, rows: range) -> Samples:
    """Return the samples of some rows of a picture; see `_samples`."""
    box = (0, rows.start, picture.width, rows.stop)
    is_whole = len(rows) == picture.height  # cropping copies
    samples: NDArray[Any] = np.asarray(picture if is_whole else picture.crop(box))
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if samples.dtype not in (np.uint8, np.uint16, np.float32):
        if samples.min() < 0 or samples.max() > 65535:
            raise ImageFileError(
                f"{decoded.name} has samples of 32 bits; give 8 or 16 bits a sample"
            )
        samples = samples.astype(np.uint16)
    return decoded.depth.join(samples, box)


def _check_finite(samples: Samples, name: str) -> None:
    """Refuse floating-point samples that are not finite or too large; by rows, to save memory."""
    if samples.dtype.kind == "f" and not all(
        (np.abs(row) <= _LARGEST).all()  # false for NaN
        for row in samples
    ):
        raise ImageFileError(
            f"{name} holds samples that are NaN, infinite or beyond {_LARGEST:g}; "
            "replace them first"
        )
