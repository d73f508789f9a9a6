"""CMYK pictures as sRGB, for formats that hold no CMYK."""

import io

import numpy as np
import PIL.Image
from PIL import ImageCms

from upsample_cli.images.image import Image


def to_srgb(image: Image) -> tuple[Image, str]:
    """Return a CMYK picture in sRGB, and how its colours were converted, in words.

    Its own profile is used where it has one that works, else Pillow's plain formula.
    """
    height, width = image.size
    cmyk = PIL.Image.frombuffer("CMYK", (width, height), image.samples, "raw", "CMYK", 0, 1)
    how = "through its profile"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.metadata.icc or b""))
        srgb = ImageCms.profileToProfile(
            cmyk, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        srgb, how = None, "without a profile"
    if srgb is None:
        srgb = cmyk.convert("RGB")
    metadata = image.metadata._replace(icc=None, coding=None)
    return image._replace(samples=np.asarray(srgb), metadata=metadata, is_cmyk=False), how
