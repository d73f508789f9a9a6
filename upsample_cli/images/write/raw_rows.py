"""Formats whose rows go out as they are, after a head: TIFF, and the portable anymap of old pipes.

Source: "pgm" and "ppm" of the Netpbm formats; see `tiff.py` for the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.image import Samples, full_scale
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.planes import Size

PLAIN = {"TIFF", "PPM", "PGM"}


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What a pixel is made of.

    Args:
        channels: 1 grey, 3 RGB; 1 more with alpha, or 4 inks, in a TIFF.
        dtype: uint8 or uint16; float32 in a TIFF.
        inks: Whether the channels are four inks.
    """

    channels: int
    dtype: DTypeLike
    inks: bool = False


def head(format: str, size: Size, layout: Layout, metadata: Metadata) -> bytes:
    """Return all that stands before the rows.

    Args:
        format: One of `PLAIN`.
        size: Height and width.
        layout: What a pixel is made of.
        metadata: What else to tell; an anymap tells nothing.
    """
    if format == "TIFF":
        from upsample_cli.images.write import (
            tiff_writer,  # its tags are slow to import, and few pictures' need
        )

        return tiff_writer.head(size, layout.channels, layout.dtype, metadata, layout.inks)
    height, width = size
    kind = 6 if layout.channels == 3 else 5
    return b"P%d\n%d %d\n%d\n" % (kind, width, height, full_scale(layout.dtype))


def rows(format: str, samples: Samples) -> NDArray[np.uint8]:
    """Return rows as bytes in the order of the format.

    Args:
        format: One of `PLAIN`.
        samples: Shape (rows, W, C).
    """
    ordered = samples.dtype.newbyteorder("<" if format == "TIFF" else ">")
    return np.ascontiguousarray(samples, ordered).reshape(-1).view(np.uint8)
