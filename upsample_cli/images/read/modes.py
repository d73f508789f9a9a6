"""From Pillow's many modes to the few that can be filtered."""

import PIL.Image

_PLAIN = {"L", "LA", "RGB", "RGBA", "CMYK", "F"}
_SAME = {"La", "RGBa", "RGBX"}  # hold what a plain mode holds, in another way
_WORDS = {"1": "1-bit", "P": "palette", "PA": "palette"}


def plain(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Return a picture of 8 bits in a plain mode, and a note where that changes it.

    Args:
        picture: Of any mode but those with more than 8 bits a sample.
    """
    if picture.mode in _PLAIN and "transparency" not in picture.info:
        return picture, ()
    wanted = _plain_mode(picture)
    word = _WORDS.get(picture.mode, picture.mode)
    notes = () if picture.mode in _SAME else (f"{word} becomes {wanted}",)
    return picture.convert(wanted), notes


def _plain_mode(picture: PIL.Image.Image) -> str:
    grey = picture.mode in {"1", "L", "La"}
    clear = picture.mode in {"PA", "La", "RGBa"} or "transparency" in picture.info
    return {(True, False): "L", (True, True): "LA", (False, False): "RGB", (False, True): "RGBA"}[
        grey, clear
    ]
