"""TIFFs that Pillow would take for other pictures than they are."""

from typing import Any

import PIL.Image
import PIL.ImageFile

from upsample_cli.errors import ImageFileError

_SUBFILE, _PARTS = 254, 330
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _EXTRA, _KIND = 258, 259, 262, 284, 338, 339
_WHITE_IS_ZERO, _CMYK = 0, 5
_UNSPECIFIED, _ASSOCIATED = 0, 1
_SIGNED, _APART, _REDUCED = 2, 2, 1
_SELDOM = {34925, 50000, 50001}  # LZMA, Zstandard, WebP


def righted(opened: PIL.Image.Image) -> PIL.Image.Image | None:
    """Return a TIFF, not yet loaded, as Pillow reads it rightly; None if it does not."""
    assert isinstance(opened, PIL.ImageFile.ImageFile)
    if _is_misread(getattr(opened, "tag_v2", {})):
        return None
    opened.tile = [_in_order(tile) for tile in opened.tile]
    return opened


def is_seldom_built(opened: PIL.Image.Image) -> bool:
    """Tell whether a TIFF's compression is one that Pillow may be built without."""
    return opened.format == "TIFF" and getattr(opened, "tag_v2", {}).get(_COMPRESSION) in _SELDOM


def check(opened: PIL.Image.Image, name: str) -> None:
    """Refuse previews, and whole numbers that are no levels of a picture, signed or of 32 bits.

    Args:
        opened: The picture.
        name: What to call it.

    Raises:
        ImageFileError: It is one of another picture in the file, or holds them.
    """
    tags: Any = getattr(opened, "tag_v2", {})
    if tags.get(_SUBFILE, 0) & _REDUCED and _PARTS in tags:
        raise ImageFileError(
            f"{name} shows but a preview of the picture in it, as raw files of cameras do; "
            "develop it into a TIFF or PNG"
        )
    if opened.mode == "I":
        signed = "signed " if _SIGNED in tags.get(_KIND, ()) else ""
        raise ImageFileError(
            f"{name} holds {signed}whole numbers of {max(tags.get(_BITS, (32,)))} bits; "
            "save it as grey or RGB of 8 or 16 bits or 32-bit floats"
        )


def _in_order(tile: Any) -> Any:
    """Return a tile whose floats libtiff has put in order: they must not be swapped again."""
    swapped = tile.codec_name == "libtiff" and tile.args[0] == "F;32BF"
    return tile._replace(args=("F;32NF", *tile.args[1:])) if swapped else tile


def _is_misread(tags: Any) -> bool:
    bits, extra = max(tags.get(_BITS, (1,))), tags.get(_EXTRA, ())
    # Samples beside colours and opacity are dropped.
    dropped = _UNSPECIFIED in extra or len(extra) > 1
    # Planes one after the other are taken for 8 bits, whatever their depth, and for straight.
    apart = tags.get(_PLANAR) == _APART and (bits > 8 or _ASSOCIATED in extra)
    # Above 8 bits white stays 0, and inks and opacity in the colours are cut; below 16, negative
    # levels become light ones.
    deep = tags.get(_PHOTOMETRIC) in (_WHITE_IS_ZERO, _CMYK) or _ASSOCIATED in extra
    negative = tags.get(_KIND) == (_SIGNED,) and bits == 8
    return dropped or apart or (deep and bits > 8) or negative
