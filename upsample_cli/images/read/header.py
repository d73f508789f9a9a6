"""What the head of a file tells of its picture, before anything is decoded."""

import PIL

from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import opening, upright
from upsample_cli.images.read.opening import check


def size(place: Place, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return height and width of the picture in a file, from its head alone.

    Raises:
        ImageFileError: It is missing, is no picture, or is one that `decode` refuses by its head.
    """
    name = place.label
    with place.open_head() as file, opening.image_errors(name):
        if (opened := opening.open_picture(file)) is None:
            from upsample_cli.images.read import tiff_reader

            return tiff_reader.size(file)
        with opened:
            check(opened, name, max_pixels)
            height, width = opened.height, opened.width
            # Some formats turn the picture as they load it, others say how to.
            return (width, height) if upright.swaps_axes(opened) else (height, width)


def is_picture(place: Place) -> bool:
    """Tell by its first bytes whether a file is a picture of any format that is read."""
    try:
        with place.open_head() as file:
            if (opened := opening.open_picture(file)) is not None:
                opened.close()
            return True
    except PIL.UnidentifiedImageError:
        return False
    except Exception:  # it claims to be a picture; `read` says what is wrong with it
        return True
