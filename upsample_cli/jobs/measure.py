"""Measure the checkerboard in a picture that any tool made."""

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images import files
from upsample_cli.images.colour import luma
from upsample_cli.images.decoding import MAX_PIXELS
from upsample_cli.metrics.checkerboard import Checkerboard, Meter

_ROWS = 64


def measure(source: str, stride: int, max_pixels: int = MAX_PIXELS) -> Checkerboard:
    """Return the checkerboard of a stride in a picture.

    Args:
        source: A file, or "-" for standard input.
        stride: Period to look for, in pixels, 2..16.
        max_pixels: The most pixels to read.

    Raises:
        SettingError: The stride is out of range.
        ImageFileError: The picture cannot be read.
    """
    if not 2 <= stride <= 16:
        raise SettingError(f"--stride {stride} is out of range; give 2..16")
    image = files.read(source, max_pixels)
    height, width = image.size
    meter = Meter((stride, stride), height, width)
    for top in range(0, height, _ROWS):
        levels = np.moveaxis(image.samples[top : top + _ROWS], 2, 0).astype(np.float32)
        levels *= np.float32(255 / image.peak)
        meter.feed(luma(levels), levels[-1] > 0 if image.has_alpha else None)
    return meter.result()
