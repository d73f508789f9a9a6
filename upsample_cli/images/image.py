"""A picture as it came out of its file: samples and all that must survive beside them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.metadata.metadata import Metadata
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
        samples: Levels of shape (H, W, C), uint8, uint16 or float32; C is 1 or 3, and 1 more with
            alpha (the last).
        format: The word for the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What reading changed, each in a few words.
        inks: Whether the channels are four inks, CMYK, of which 0 is none.
    """

    samples: Samples
    format: str
    metadata: Metadata = Metadata()
    notes: tuple[str, ...] = ()
    inks: bool = False

    @property
    def size(self) -> Size:
        """Height and width, in pixels."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def channels(self) -> int:
        """Samples a pixel."""
        return int(self.samples.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples."""
        return self.samples.dtype

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is opacity."""
        return self.channels in (2, 4) and not self.inks

    @property
    def peak(self) -> int:
        """The level of full scale: 255, 65535, or 1 for floating-point samples."""
        return full_scale(self.dtype)
