"""A picture as it came out of its file: samples and all that must survive beside them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.metadata import Metadata
from upsample_cli.planes import Size

Samples = NDArray[np.unsignedinteger[Any]]
"""Whole levels of shape (H, W, C), uint8 or uint16, as files hold them."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A picture.

    Args:
        samples: Shape (H, W, C), uint8 or uint16; C is 1 or 3, and 1 more with alpha (the last).
        format: The word for the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What reading changed, each in a few words.
    """

    samples: Samples
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """Height and width, in pixels."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is opacity."""
        return self.samples.shape[2] in (2, 4)

    @property
    def peak(self) -> int:
        """The level of full scale: 255 or 65535."""
        return int(np.iinfo(self.samples.dtype).max)
