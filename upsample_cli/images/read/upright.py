"""What is done to every decoded picture: turned upright, and converted to a plain mode."""

from dataclasses import dataclass

import PIL.Image

from upsample_cli.images.metadata import exif

_PLAIN = {"L", "LA", "RGB", "RGBA", "CMYK", "F"}
_LOSSLESS = {"La", "RGBa", "RGBX"}  # hold what a plain mode holds, in another way
_NAMES = {"1": "1-bit", "P": "palette", "PA": "palette"}


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """A picture that is upright.

    Args:
        picture: The pixels, loaded.
        exif: Its EXIF, with orientation 1.
        is_turned: Whether the picture may have been turned, so that orientations in its metadata
            are out of date.
    """

    picture: PIL.Image.Image
    exif: bytes | None
    is_turned: bool


def turned(opened: PIL.Image.Image) -> Upright:
    """Load a picture and turn it as its EXIF says."""
    opened.load()
    if opened.format == "TIFF":  # Pillow turns these as it loads them
        from upsample_cli.images.metadata import tiff_tags

        return Upright(opened, tiff_tags.as_exif(opened.getexif()), True)
    data = exif.exif_bytes(opened)
    if data is None or exif.read_tags(opened).get(exif.ORIENTATION, 1) == 1:
        return Upright(opened, data, False)
    from PIL import ImageOps  # slow to import, and few pictures need it

    return Upright(ImageOps.exif_transpose(opened), exif.upright(data), True)


def swaps_axes(opened: PIL.Image.Image) -> bool:
    """Tell from the head of a picture whether turning it will swap its height and width."""
    if opened.format == "TIFF" or exif.exif_bytes(opened) is None:
        return False
    return exif.read_tags(opened).get(exif.ORIENTATION, 1) in (5, 6, 7, 8)


def plain(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Return a picture in a mode that can be filtered, and a note if that changes it.

    Args:
        picture: Of any mode with at most 8 bits a sample.
    """
    is_transparent = picture.mode in {"PA", "La", "RGBa"} or "transparency" in picture.info
    if picture.mode in _PLAIN and not is_transparent:
        return picture, ()
    is_grey = picture.mode in {"1", "L", "La"}
    mode = ("L" if is_grey else "RGB") + ("A" if is_transparent else "")
    name = _NAMES.get(picture.mode, picture.mode)
    notes = () if picture.mode in _LOSSLESS else (f"{name} becomes {mode}",)
    return picture.convert(mode), notes
