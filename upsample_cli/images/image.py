"""Pictures in memory as files hold them: samples, palettes and metadata.

If a method only copies pixels, the samples of a picture with a palette, or of 1 bit, remain indices
of colours, and its palette and transparency are kept.
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
_LARGEST_ART = 1 << 20  # pixels; the colours of larger pictures are not counted
_OPAQUE = {"TIFF", "BMP"}  # formats whose palettes hold no transparency
_WITH_PALETTE = {"PNG"} | _OPAQUE


def full_scale(dtype: DTypeLike) -> int:
    """Return the level of full scale: 255, 65535, or 1 for floating-point samples."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).max) if kind.kind == "u" else 1


class Palette(NamedTuple):
    """The colours that the samples of a picture stand for.

    Args:
        colours: Red, green and blue of each index in turn, 0..255.
        opacity: The opacity of each of the first indices, 0..255; later indices are opaque.
        is_bilevel: Whether the picture has 1 bit, black or white; its file needs no palette.
    """

    colours: bytes
    opacity: bytes = b""
    is_bilevel: bool = False

    @property
    def bits(self) -> int:
        """The fewest bits per sample, 1, 2, 4 or 8, that give every colour an index."""
        return next(bits for bits in (1, 2, 4, 8) if len(self.colours) <= 3 << bits)

    def fits(self, format: str) -> bool:
        """Return whether `format`, one of the values of `FORMATS`, can hold the palette."""
        if format == "GIF":
            return self.opacity.count(0) == len(self.opacity.replace(b"\xff", b"")) <= 1
        return format in _WITH_PALETTE and not (self.opacity and format in _OPAQUE)

    def table(self) -> NDArray[Any]:
        """Return the colours of the indices 0..255: shape (256, C), RGB or RGBA, uint8."""
        colours = np.frombuffer(self.colours.ljust(768, b"\0"), np.uint8).reshape(256, 3)
        if not self.opacity:
            return colours
        opacity = np.frombuffer(self.opacity.ljust(256, b"\xff"), np.uint8)
        return np.column_stack((colours, opacity))

    def expanded(self, samples: NDArray[Any]) -> tuple[NDArray[Any], str]:
        """Convert indices, shape (H, W, 1), to levels; return these and a note on the change."""
        if self.is_bilevel:
            return samples * 255, "1-bit becomes grey"
        table = self.table()
        return table[samples[..., 0]], f"palette becomes {'RGBA' if self.opacity else 'RGB'}"


class Image(NamedTuple):
    """A picture in memory, with what its file says beside the pixels.

    Args:
        samples: Levels of shape (H, W, C), uint8, uint16 or float32. C is 1 (grey) or 3 (RGB),
            plus 1 for opacity, which comes last; or 4 for CMYK.
        format: Pillow's name of the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What reading changed, a few words for each change.
        is_cmyk: Whether the four channels are CMYK, where 0 means no ink.
        palette: The colours, if samples are indices in one channel; None if they are levels.
        caveats: The notes that matter even if nothing is written: which parts of the file were
            not read, or are damaged.
        highest: The level of full scale in the file, if samples may be scaled up from it; else 0.
    """

    samples: Samples
    format: str
    metadata: Metadata = Metadata()
    notes: tuple[str, ...] = ()
    is_cmyk: bool = False
    palette: Palette | None = None
    caveats: tuple[str, ...] = ()
    highest: int = 0

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
        """Bits per sample."""
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
    """Return the palette of a loaded picture; None if its samples cannot be kept as indices.

    Raises:
        ValueError: The file has more than 256 opacities.
    """
    clear = picture.info.get("transparency")
    if picture.mode == "1" and clear is None:
        return Palette(_BLACK_AND_WHITE, is_bilevel=True)
    if picture.mode == "L" and (format == "GIF" or clear is not None):  # as a ramp of greys
        colours = bytes(level for level in range(256) for _ in range(3))
    elif picture.mode == "P":
        colours = bytes(picture.getpalette("RGB") or [])
        used = max(index for index, count in enumerate(picture.histogram()) if count) + 1
        colours = colours.ljust(3 * used, b"\0")  # a file may use indices that it does not define
    else:
        return None
    opacity = bytes([255] * clear + [0]) if isinstance(clear, int) else clear or b""
    if len(opacity) > 256:
        raise ValueError("palette index out of range")  # as Pillow says where it expands indices
    return Palette(colours, opacity)


def count_colours(samples: NDArray[Any], most: int) -> int | None:
    """Return the number of colours in samples, shape (H, W, C); None if over `most` or not counted.

    Pictures of more than 8 bits, or of over a megapixel, are not counted: they are no pixel art.
    """
    if samples.dtype != "u1" or samples.shape[0] * samples.shape[1] > _LARGEST_ART:
        return None
    picture = PIL.Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    colours = picture.getcolors(most)
    return None if colours is None else len(colours)


def packed(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return rows of indices packed into bytes, the first index in the highest bits.

    Args:
        samples: Shape (rows, W, 1), uint8, each below 2 ** bits.
        bits: Bits per sample: 1, 2, 4 or 8.

    Returns:
        Shape (rows, bytes per row), uint8.
    """
    count = 8 // bits
    short = -samples.shape[1] % count
    rows = np.pad(samples[..., 0], ((0, 0), (0, short))).reshape(len(samples), -1, count)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    return np.asarray((rows << shifts).sum(axis=2, dtype=np.uint8))


def with_visible_colours(samples: Samples) -> Samples:
    """Return samples in which hidden pixels have the colours of the nearest visible ones.

    Nearest means along the row or, if all pixels of the row are hidden, along the column.

    Args:
        samples: Shape (H, W, C), the last channel opacity; 0 is hidden.
    """
    hidden = samples[..., -1] == 0
    if not hidden.any():
        return samples
    colours = samples[..., :-1].copy()
    for axis in (1, 0):
        length = hidden.shape[axis]
        place = np.arange(length, dtype=np.int32).reshape((1, -1) if axis else (-1, 1))
        before = np.maximum.accumulate(np.where(hidden, -length, place), axis)
        after = np.where(hidden, 2 * length, place)
        after = np.flip(np.minimum.accumulate(np.flip(after, axis), axis), axis)
        nearest = np.where(place - before <= after - place, before, after)
        is_known = (nearest >= 0) & (nearest < length)
        nearest = np.clip(nearest, 0, length - 1)[..., None]
        colours = np.take_along_axis(colours, nearest, axis)
        hidden = hidden & ~is_known
    return np.concatenate([colours, samples[..., -1:]], axis=2)
