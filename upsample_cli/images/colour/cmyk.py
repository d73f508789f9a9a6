"""Pictures of four inks (CMYK): kept in formats that hold them, else seen as sRGB."""

import io

import numpy as np
import PIL.Image
from PIL import ImageCms

from upsample_cli.images.image import Image


def seen(image: Image) -> tuple[Image, str]:
    """Return the colours that inks make on paper, as their profile says, and how they were found.

    Args:
        image: Of inks.
    """
    height, width = image.size
    inks = PIL.Image.frombuffer("CMYK", (width, height), image.samples, "raw", "CMYK", 0, 1)
    how = "through its profile"
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(image.metadata.icc or b""))
        made = ImageCms.profileToProfile(
            inks, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        made, how = None, "without a profile"
    if made is None:
        made = inks.convert("RGB")
    metadata = image.metadata._replace(icc=None, coding=None)
    return image._replace(samples=np.asarray(made), metadata=metadata, inks=False), how
