"""Pictures read from files as samples."""

import numpy as np
import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Samples
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
