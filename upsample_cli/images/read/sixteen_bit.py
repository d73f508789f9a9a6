"""16 bits a colour, in two goes: Pillow has no mode that holds them.

It reads such pictures as 8 bits, keeping the high byte of each sample. Told that the bytes stand
the other way round, it keeps the low ones; both together are all there is. So inflating, filters,
predictors and checksums stay Pillow's, and every compression that it reads is read.
"""

import sys
from typing import Any, BinaryIO

import PIL.Image
import PIL.ImageFile

from upsample_cli.errors import ImageFileError

_OTHER = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
}
_HEAD = 1 << 16  # bytes in which these tell their depth: what stands before it, and at which byte
_TOLD = {"JPEG2000": (b"\xff\x4f\xff\x51", 38), "AVIF": (b"av1C", 2)}
_OVER_8, _IS_12 = 0x40, 0x20  # bits of that of an AVIF
_FIVE_SIX_FIVE = "BGR;16"  # bits of all three colours of a BMP


def is_deep(opened: PIL.Image.Image) -> bool:
    """Tell whether Pillow would cut the colours of a picture, not yet loaded, to 8 bits."""
    return not opened.mode.startswith(("I", "F")) and any(
        (";16" in _layout(tile) and _layout(tile) != _FIVE_SIX_FIVE) or _levels(tile) > 255
        for tile in getattr(opened, "tile", [])
    )


def highest(opened: PIL.Image.Image) -> int:
    """Return the level of full scale in a picture of more than 8 bits, not yet loaded.

    It is 65535, 4095 in a TIFF of 12 bits, or what an anymap of colours says; the levels of grey
    anymaps Pillow spreads itself.
    """
    if any(_layout(tile) == "I;12" for tile in getattr(opened, "tile", [])):
        return 4095
    if not is_deep(opened):
        return 65535
    return max([_levels(tile) for tile in getattr(opened, "tile", [])], default=0) or 65535


def aim(opened: PIL.Image.Image, name: str, low: bool) -> None:
    """Make Pillow keep one half of each sample of a deep picture when it loads it.

    Grey with opacity is simpler: taken for RGBA it has both halves of both samples as bytes.

    Args:
        opened: The picture, not yet loaded.
        name: What to call it.
        low: Whether to keep the low bytes rather than the high ones.

    Raises:
        ImageFileError: It is laid out in a way that cannot be read so.
    """
    tiles: list[Any] = []
    assert isinstance(opened, PIL.ImageFile.ImageFile)  # `is_deep` has looked at its tiles
    for tile in opened.tile:
        layout = _layout(tile)
        if tile.codec_name == "ppm" and opened.mode == "RGB":
            tiles.append(tile._replace(codec_name="raw", args="RGB;16L" if low else "RGB;16B"))
        elif layout == "LA;16B":
            tiles.append(_laid(tile, "RGBA"))
        elif layout in _OTHER and opened.mode == layout.partition(";")[0]:
            tiles.append(_laid(tile, _OTHER[layout]) if low else tile)
        else:
            raise ImageFileError(
                f"{name} has 16 bits a colour in a way that would be cut to 8; "
                "save it as a PNG of 16 bits"
            )
    opened.tile = tiles


def cut(opened: PIL.Image.Image, file: BinaryIO) -> tuple[str, ...]:
    """Return a note where Pillow's decoder itself cuts colours to 8 bits.

    Args:
        opened: The picture.
        file: Anywhere in it.

    Source: ITU-T T.800 (JPEG 2000), marker SIZ; AV1 Codec ISO Media File Format Binding, av1C.
    """
    if opened.format not in _TOLD or opened.mode.startswith("I"):
        return ()
    mark, place = _TOLD[opened.format]
    file.seek(0)
    told = (file.read(_HEAD).partition(mark)[2][place : place + 1] or b"\0")[0]
    avif = 8 + 2 * bool(told & _OVER_8) + 2 * bool(told & _IS_12)
    bits = avif if opened.format == "AVIF" else told % 128 + 1
    return (f"its colours of {bits} bits are read as 8",) if bits > 8 else ()


def is_packed(opened: PIL.Image.Image) -> bool:
    """Tell whether one go gives both halves."""
    return any(_layout(tile) == "LA;16B" for tile in getattr(opened, "tile", []))


def _layout(tile: Any) -> str:
    """Return Pillow's word for how the samples of a tile lie."""
    args = tile.args
    return str(args[0] if isinstance(args, tuple) and args else args)


def _levels(tile: Any) -> int:
    """Return the highest level of an anymap; 0 for other formats."""
    # Of an anymap of bits there is a word for the layout and nothing else.
    anymap = tile.codec_name in ("ppm", "ppm_plain") and isinstance(tile.args, tuple)
    return int(tile.args[1]) if anymap else 0


def _laid(tile: Any, layout: str) -> Any:
    args = tile.args
    return tile._replace(args=(layout, *args[1:]) if isinstance(args, tuple) else layout)
