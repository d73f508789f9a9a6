"""Make Pillow read all bits of each sample, by choosing its raw mode (the layout in the file).

Pillow has no mode for 16-bit colours: it keeps the high byte of each sample, or, with the raw mode
of the other byte order, the low byte. So such pictures are decoded twice and the bytes are joined.
No light library reads every compression, filter and predictor that Pillow reads.
"""

import re
import sys
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Samples
from upsample_cli.images.read.opening import open_picture

_SWAPPED = {  # the same raw modes in the other byte order
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
}
_GREY_ALPHA = "LA;16B"
_FIVE_SIX_FIVE = "BGR;16"  # 16 bits per pixel, in a BMP
_LARGEST = 1e30  # limit of floating-point samples: sums of larger samples would overflow
_PART = 1 << 20  # pixels to convert at once
FULL = 65535
"""The level of full scale of 16-bit samples."""


class DeepSamples(NamedTuple):
    """How to turn what Pillow decoded into samples of more than 8 bits.

    Args:
        low: A picture of the samples' low bytes, if the decoded picture holds the high bytes.
        is_packed: Whether grey and opacity of 16 bits each come as the bytes of an RGBA pixel.
        highest: The full-scale level of the decoded 16-bit samples, which becomes 65535.
        transparent: The 16-bit levels, one per channel, of pixels that are fully transparent.
    """

    low: PIL.Image.Image | None = None
    is_packed: bool = False
    highest: int = FULL
    transparent: tuple[int, ...] | None = None

    @property
    def is_deep(self) -> bool:
        """Whether the picture has an 8-bit mode but holds samples of 16 bits."""
        return self.is_packed or self.low is not None

    def samples_of(self, picture: PIL.Image.Image, name: str) -> Samples:
        """Return a picture's samples, shape (H, W, C), uint8, uint16 or float32.

        Pillow copies the samples that it hands over; converting part by part keeps that copy small.

        Raises:
            ImageFileError: The samples need more than 16 bits.
        """
        height, width = picture.height, picture.width
        step = max(1, _PART // width)
        first = self._rows(picture, name, range(min(step, height)))
        if len(first) == height:
            return first
        samples: Samples = np.empty((height, *first.shape[1:]), first.dtype)
        samples[:step] = first
        for top in range(step, height, step):
            rows = range(top, min(top + step, height))
            samples[rows.start : rows.stop] = self._rows(picture, name, rows)
        return samples

    def _rows(self, picture: PIL.Image.Image, name: str, rows: range) -> Samples:
        """Return the samples of some rows of a picture, with opacity if it is needed."""
        box = (0, rows.start, picture.width, rows.stop)
        is_whole = len(rows) == picture.height  # cropping copies
        samples: NDArray[Any] = np.asarray(picture if is_whole else picture.crop(box))
        if samples.dtype == np.bool_:
            samples = samples.astype(np.uint8)
        if samples.dtype not in (np.uint8, np.uint16, np.float32):
            if samples.min() < 0 or samples.max() > FULL:
                raise ImageFileError(f"{name} has samples of 32 bits; give 8 or 16 bits a sample")
            samples = samples.astype(np.uint16)
        if self.is_packed:
            samples = samples.view(">u2").astype(np.uint16)
        elif self.low is not None:
            samples = samples.astype(np.uint16) << 8 | np.asarray(self.low.crop(box))
        samples = samples[..., None] if samples.ndim == 2 else samples
        if self.highest != FULL:
            samples = rescaled(samples, self.highest)
        if self.transparent is not None:
            is_opaque = (samples != np.array(self.transparent)).any(axis=2, keepdims=True)
            opacity = np.where(is_opaque, FULL, 0).astype(np.uint16)
            samples = np.concatenate([samples, opacity], axis=2)
        return samples


def check_finite(samples: Samples, name: str) -> None:
    """Refuse floating-point samples that are not finite or too large; by rows, to save memory.

    Raises:
        ImageFileError: A sample is NaN, infinite or beyond 1e30.
    """
    if samples.dtype.kind == "f" and not all(
        (np.abs(row) <= _LARGEST).all()  # false for NaN
        for row in samples
    ):
        raise ImageFileError(
            f"{name} holds samples that are NaN, infinite or beyond {_LARGEST:g}; "
            "replace them first"
        )


def rescaled(samples: NDArray[Any], highest: int, full: int = FULL) -> NDArray[Any]:
    """Return levels of 0..`highest`, scaled to 0..`full`, as uint16."""
    scaled = (samples.astype(np.uint32) * full + highest // 2) // highest
    return np.minimum(scaled, full).astype(np.uint16)


def would_be_cut(opened: PIL.Image.Image) -> bool:
    """Return whether Pillow would cut the colours of a picture, not yet loaded, to 8 bits."""
    return not opened.mode.startswith(("I", "F")) and any(
        (";16" in raw_mode_of(tile) and raw_mode_of(tile) != _FIVE_SIX_FIVE)
        or _ppm_level(tile) > 255
        for tile in getattr(opened, "tile", [])
    )


def prepare(opened: PIL.Image.Image, file: BinaryIO, name: str) -> DeepSamples:
    """Make Pillow keep all bits of a picture that is not yet loaded, and return how to join them.

    Args:
        opened: The picture.
        file: Its file, which is opened again to read the low bytes.
        name: What errors call the picture.

    Raises:
        ImageFileError: Its samples are laid out in a way that Pillow can only read as 8 bits.
    """
    tiles = getattr(opened, "tile", [])  # as they are before `_keep_bytes`
    if any(raw_mode_of(tile) == "I;12" for tile in tiles):  # of a grey TIFF
        return DeepSamples(highest=4095)
    if opened.format == "JPEG2000" and opened.mode.startswith("I"):  # levels shifted to 16 bits
        return DeepSamples(highest=FULL - (1 << 16 - opened.info["bits"]) + 1)
    if not would_be_cut(opened):
        return DeepSamples()
    highest = max(_ppm_level(tile) for tile in tiles) or FULL
    _keep_bytes(opened, name, low=False)
    if any(raw_mode_of(tile) == _GREY_ALPHA for tile in tiles):
        return DeepSamples(is_packed=True, highest=highest)
    low = open_picture(file)
    assert low is not None  # it was opened before
    _keep_bytes(low, name, low=True)
    return DeepSamples(low, highest=highest)


def _keep_bytes(opened: PIL.Image.Image, name: str, low: bool) -> None:
    """Make Pillow keep the low or the high byte of each sample, or both for grey with opacity."""
    assert isinstance(opened, PIL.ImageFile.ImageFile)  # `would_be_cut` has looked at its tiles
    tiles: list[Any] = []
    for tile in opened.tile:
        raw_mode = raw_mode_of(tile)
        if tile.codec_name == "ppm" and opened.mode == "RGB":
            tiles.append(tile._replace(codec_name="raw", args="RGB;16L" if low else "RGB;16B"))
        elif raw_mode == _GREY_ALPHA:
            tiles.append(with_raw_mode(tile, "RGBA"))  # four bytes are two samples of 16 bits
        elif raw_mode in _SWAPPED and opened.mode == raw_mode.partition(";")[0]:
            tiles.append(with_raw_mode(tile, _SWAPPED[raw_mode]) if low else tile)
        else:
            raise ImageFileError(
                f"{name} has 16 bits a colour in a form that is read as 8; save it as a 16-bit PNG"
            )
    opened.tile = tiles


def set_float_order(opened: PIL.Image.Image) -> None:
    """Keep Pillow from swapping the bytes of a TIFF's floats that libtiff has swapped already."""
    assert isinstance(opened, PIL.ImageFile.ImageFile)
    opened.tile = [
        with_raw_mode(tile, "F;32NF")
        if tile.codec_name == "libtiff" and raw_mode_of(tile) == "F;32BF"
        else tile
        for tile in opened.tile
    ]


def notes_on_cut(opened: PIL.Image.Image) -> tuple[str, ...]:
    """Return a note if a picture has more than 8 bits per colour, but only 8 are read."""
    bits = int(opened.info.get("bits", opened.info.get("bit_depth", 8)))  # bit_depth is HEIF's
    if any(tile.codec_name == "SGI16" for tile in getattr(opened, "tile", [])):
        bits = 16
    is_cut = bits > 8 and not opened.mode.startswith("I")
    return (f"its colours of {bits} bits are read as 8",) if is_cut else ()


def notes_on_shape(opened: PIL.Image.Image) -> tuple[str, ...]:
    """Return a note if the pixels of a PNG or JPEG are not square, as no output states that."""
    info = opened.info
    density = info.get("jfif_density") if info.get("jfif_unit") == 0 else None
    across, down = info.get("aspect") or density or (1, 1)
    is_square = across == down or not across or not down  # 0 is unknown
    return () if is_square else (f"the shape of its pixels ({across}:{down}) is left out",)


def notes_on_more(opened: PIL.Image.Image, file: BinaryIO) -> tuple[str, ...]:
    """Return a note if a binary anymap is followed by another, as in raw streams of video."""
    tiles, (width, height) = getattr(opened, "tile", []), opened.size
    if opened.format != "PPM" or not tiles:
        return ()
    row = -(-width // 8) if opened.mode == "1" else width * len(opened.getbands())
    for size in (row * height, 2 * row * height):  # of 8 or 16 bits a sample
        file.seek(tiles[0].offset + size)
        if re.match(rb"P[1-6]\s", file.read(3)):
            return ("only the first of its pictures is used",)
    return ()


def raw_mode_of(tile: Any) -> str:
    """Return the raw mode of a tile, a part of a file that Pillow decodes at once."""
    args = tile.args
    return str(args[0] if isinstance(args, tuple) and args else args)


def with_raw_mode(tile: Any, raw_mode: str) -> Any:
    """Return a tile with another raw mode."""
    args = tile.args
    return tile._replace(args=(raw_mode, *args[1:]) if isinstance(args, tuple) else raw_mode)


def stored_full_scale(opened: PIL.Image.Image) -> int:
    """Return the full-scale level of grey in a file if loading will rescale it, else 0.

    Pillow scales grey of 2 and 4 bits and anymaps, `DeepSamples` grey of 12 bits.
    """
    for tile in getattr(opened, "tile", [])[:1]:  # all are alike
        bits = re.match("[LI];(2|4|12)", raw_mode_of(tile))
        return 2 ** int(bits[1]) - 1 if bits else _ppm_level(tile)
    return 0


def _ppm_level(tile: Any) -> int:
    """Return the level of full scale of a portable anymap; 0 for bitmaps and other formats."""
    has_level = tile.codec_name in ("ppm", "ppm_plain") and isinstance(tile.args, tuple)
    return int(tile.args[1]) if has_level else 0
