"""TIFFs that Pillow would take for other pictures than they are."""

from typing import Any

import PIL.Image
import PIL.ImageFile

_BITS, _PHOTOMETRIC, _PLANAR, _EXTRA, _KIND = 258, 262, 284, 338, 339
_WHITE_IS_ZERO, _ASSOCIATED, _SIGNED, _APART = 0, 1, 2, 2


def righted(opened: PIL.Image.Image) -> PIL.Image.Image | None:
    """Return a TIFF, not yet loaded, as Pillow reads it rightly; None if it does not."""
    assert isinstance(opened, PIL.ImageFile.ImageFile)
    if _is_misread(getattr(opened, "tag_v2", {})):
        return None
    opened.tile = [_in_order(tile) for tile in opened.tile]
    return opened


def _in_order(tile: Any) -> Any:
    """Return a tile whose floats libtiff has put in order: they must not be swapped again."""
    swapped = tile.codec_name == "libtiff" and tile.args[0] == "F;32BF"
    return tile._replace(args=("F;32NF", *tile.args[1:])) if swapped else tile


def _is_misread(tags: Any) -> bool:
    bits = max(tags.get(_BITS, (1,)))
    # Planes one after the other are taken for 8 bits, whatever their depth, and for straight.
    apart = tags.get(_PLANAR) == _APART and (bits > 8 or _ASSOCIATED in tags.get(_EXTRA, ()))
    # Above 8 bits white stays 0; below 16, negative levels become light ones.
    negative = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and bits > 8
    return apart or negative or (tags.get(_KIND) == (_SIGNED,) and bits == 8)
