"""A picture as it is read from a file: its samples, and what the file says beside them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.metadata import Metadata
from upsample_cli.images.palette import Palette
from upsample_cli.planes import Size

Samples = NDArray[np.unsignedinteger[Any] | np.floating[Any]]
"""Levels of shape (H, W, C) as files hold them: uint8, uint16, or float32 with full scale 1."""


def full_scale(dtype: DTypeLike) -> int:
    """Return the level of full scale: 255 or 65535, and 1 for floating-point samples."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).max) if kind.kind == "u" else 1


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
