"""Formats whose rows go out as they are, after a head: TIFF, and the portable anymap of old pipes.

Source: "pgm" and "ppm" of the Netpbm formats; see `tiff.py` for the other.
"""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.image import Samples, full_scale
from upsample_cli.images.metadata import Metadata
from upsample_cli.planes import Size

PLAIN = {"TIFF", "PPM", "PGM"}


def head(format: str, size: Size, channels: int, dtype: DTypeLike, metadata: Metadata) -> bytes:
    """Return all that stands before the rows.

    Args:
        format: One of `PLAIN`.
        size: Height and width.
        channels: 1 grey, 3 RGB; 1 more with alpha in a TIFF.
        dtype: uint8 or uint16; float32 in a TIFF.
        metadata: What else to tell; an anymap tells nothing.
    """
    if format == "TIFF":
        from upsample_cli.images import tiff  # its tags are slow to import, and few pictures' need

        return tiff.head(size, channels, dtype, metadata)
    height, width = size
    return b"P%d\n%d %d\n%d\n" % (6 if channels == 3 else 5, width, height, full_scale(dtype))


def rows(format: str, samples: Samples) -> NDArray[np.uint8]:
    """Return rows as bytes in the order of the format.

    Args:
        format: One of `PLAIN`.
        samples: Shape (rows, W, C).
    """
    ordered = samples.dtype.newbyteorder("<" if format == "TIFF" else ">")
    return np.ascontiguousarray(samples, ordered).reshape(-1).view(np.uint8)
