"""Read still pictures in colours that every output can hold."""

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read.decode import decode


def read(place: Place, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the still picture in a file; CMYK is converted to sRGB.

    Raises:
        ImageFileError: The file holds an animation, or `decode` refuses it.
    """
    image = decode(place, max_pixels)
    if not isinstance(image, Image):
        raise ImageFileError(f"{image.name} is animated; give a still picture")
    return in_srgb(image)


def in_srgb(image: Image) -> Image:
    """Return a picture, converted to sRGB if it is CMYK."""
    if not image.is_cmyk:
        return image
    from upsample_cli.images import profiles  # few pictures are CMYK

    return profiles.to_srgb(image)[0]
