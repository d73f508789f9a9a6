"""A picture as it is read from a file: its samples, and what the file says beside them.

Where pixels are only copied, a picture with a palette, or of 1 bit, stays what it is: its samples
are the indices of colours, and palette and transparency are kept.
"""

from typing import Any, NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.metadata import Metadata
from upsample_cli.planes import Size

Samples = NDArray[np.unsignedinteger[Any] | np.floating[Any]]
"""Levels of shape (H, W, C) as files hold them: uint8, uint16, or float32 with full scale 1."""

_BLACK_AND_WHITE = b"\0\0\0\xff\xff\xff"
_LARGEST_ART = 1 << 20  # pixels
_OPAQUE = {"TIFF", "BMP"}  # formats whose palettes hold no transparency
_HOLD = {"PNG"} | _OPAQUE


def full_scale(dtype: DTypeLike) -> int:
    """Return the level of full scale: 255 or 65535, and 1 for floating-point samples."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).max) if kind.kind == "u" else 1


class Palette(NamedTuple):
    """The colours that the samples of a picture stand for.

    Args:
        colours: Red, green and blue of each index in turn.
        opacity: Of the first indices, 0..255; the others are opaque.
        is_grey: Whether it is a picture of 1 bit, whose file needs no palette.
    """

    colours: bytes
    opacity: bytes = b""
    is_grey: bool = False

    @property
    def bits(self) -> int:
        """The least bits of a sample, 1, 2, 4 or 8, that have an index for each colour."""
        return next(bits for bits in (1, 2, 4, 8) if len(self.colours) <= 3 << bits)

    def fits(self, format: str) -> bool:
        """Return whether a format can hold it; the word is one of the values of `FORMATS`."""
        if format == "GIF":
            return self.opacity.count(0) == len(self.opacity.replace(b"\xff", b"")) <= 1
        return format in _HOLD and not (self.opacity and format in _OPAQUE)

    def table(self) -> NDArray[Any]:
        """Return the colour of each of 256 indices, shape (256, C): RGB or RGBA, uint8."""
        colours = np.frombuffer(self.colours.ljust(768, b"\0"), np.uint8).reshape(256, 3)
        if not self.opacity:
            return colours
        opacity = np.frombuffer(self.opacity.ljust(256, b"\xff"), np.uint8)
        return np.column_stack((colours, opacity))

    def filtered(self, samples: NDArray[Any]) -> tuple[NDArray[Any], str]:
        """Return indices, shape (H, W, 1), as samples that can be filtered, and a note on it."""
        if self.is_grey:
            return samples * 255, "1-bit becomes grey"
        table = self.table()
        return table[samples[..., 0]], f"palette becomes {'RGBA' if self.opacity else 'RGB'}"


class Image(NamedTuple):
    """A picture.

    Args:
        samples: Levels of shape (H, W, C), uint8, uint16 or float32. C is 1 (grey) or 3 (RGB),
            plus 1 for opacity, which comes last; or 4 for CMYK.
        format: Pillow's name of the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What reading changed, each in a few words.
        is_cmyk: Whether the four channels are CMYK, of which 0 is no ink.
        palette: The colours that samples of one channel are indices of; None for plain levels.
    """

    samples: Samples
    format: str
    metadata: Metadata = Metadata()
    notes: tuple[str, ...] = ()
    is_cmyk: bool = False
    palette: Palette | None = None

    @property
    def size(self) -> Size:
        """Height and width, in pixels."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def channels(self) -> int:
        """Samples per pixel."""
        return int(self.samples.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples."""
        return self.samples.dtype

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return self.palette.bits if self.palette else 8 * self.dtype.itemsize

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is opacity."""
        return self.channels in (2, 4) and not self.is_cmyk

    @property
    def peak(self) -> int:
        """The level of full scale: 255, 65535, or 1 for floating-point samples."""
        return full_scale(self.dtype)


def palette_of(picture: PIL.Image.Image, format: str) -> Palette | None:
    """Return the palette of a loaded picture; None where its samples are not indices."""
    clear = picture.info.get("transparency")
    if picture.mode == "1" and clear is None:
        return Palette(_BLACK_AND_WHITE, is_grey=True)
    if picture.mode == "L" and (format == "GIF" or clear is not None):  # a ramp of greys
        colours = bytes(level for level in range(256) for _ in range(3))
    elif picture.mode == "P":
        colours = bytes(picture.getpalette("RGB") or [])
        used = max(index for index, count in enumerate(picture.histogram()) if count) + 1
        colours = colours.ljust(3 * used, b"\0")  # a file may use more than it defines
    else:
        return None
    opacity = bytes([255] * clear + [0]) if isinstance(clear, int) else clear or b""
    return Palette(colours, opacity)


def count_colours(samples: NDArray[Any], most: int) -> int | None:
    """Return how many colours samples of 8 bits have, shape (H, W, C); None for more than `most`.

    A few rows tell of nearly every photograph that it has more; what has over a megapixel is no art
    of single pixels, and not counted.
    """
    if samples.dtype != "u1" or samples.shape[0] * samples.shape[1] > _LARGEST_ART:
        return None
    count = None
    for rows in (samples[:: max(1, len(samples) // 4)], samples):
        picture = PIL.Image.fromarray(rows[..., 0] if rows.shape[2] == 1 else rows)
        colours = picture.getcolors(most)
        if colours is None:
            return None
        count = len(colours)
    return count


def packed(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return rows of indices as bytes, the first index in the highest bits.

    Args:
        samples: Shape (rows, W, 1), uint8, each below 2 ** bits.
        bits: Of a sample: 1, 2, 4 or 8.

    Returns:
        Shape (rows, bytes of a row), uint8.
    """
    count = 8 // bits
    short = -samples.shape[1] % count
    rows = np.pad(samples[..., 0], ((0, 0), (0, short))).reshape(len(samples), -1, count)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    return np.asarray((rows << shifts).sum(axis=2, dtype=np.uint8))
