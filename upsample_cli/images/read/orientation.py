"""Which way up: a picture turned as its EXIF says."""

from typing import NamedTuple

import PIL.Image

from upsample_cli.images.metadata import exif


class Turned(NamedTuple):
    """A picture that is upright.

    Args:
        picture: The pixels.
        exif: Its EXIF, with orientation 1.
        turned: Whether it may have been turned: what told how, says nothing now.
    """

    picture: PIL.Image.Image
    exif: bytes | None
    turned: bool


def turned(opened: PIL.Image.Image) -> Turned:
    """Return a picture upright, loaded."""
    opened.load()
    if opened.format == "TIFF":  # Pillow turns these as it loads them
        from upsample_cli.images.metadata import tiff_tags

        return Turned(opened, tiff_tags.as_exif(opened.getexif()), True)
    found = exif.exif_bytes(opened)
    if found is None:
        return Turned(opened, None, False)
    if exif.read_tags(opened).get(exif.ORIENTATION, 1) == 1:
        return Turned(opened, found, False)
    from PIL import ImageOps  # slow to import, and few pictures need it

    return Turned(ImageOps.exif_transpose(opened), exif.upright(found), True)


def swaps(opened: PIL.Image.Image) -> bool:
    """Tell from the head of a picture whether turning it will swap its height and width."""
    if opened.format == "TIFF" or exif.exif_bytes(opened) is None:
        return False
    return exif.read_tags(opened).get(exif.ORIENTATION, 1) in (5, 6, 7, 8)
