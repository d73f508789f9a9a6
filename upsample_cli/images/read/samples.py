"""Samples of what Pillow has decoded, whose modes and copies are its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Samples
from upsample_cli.images.read.decode import Decoded

_PART = 1 << 20  # pixels


def samples_of(decoded: Decoded) -> Samples:
    """Return a picture's samples, shape (H, W, C), uint8, uint16 or float32.

    Raises:
        ImageFileError: They have more than 16 bits.
    """
    picture: Any = decoded.picture
    height, width = picture.height, picture.width
    # Pillow hands samples on through a copy of its own: in parts, that one stays small.
    step = max(1, _PART // width)
    first = _rows(decoded, range(min(step, height)))
    if len(first) == height:
        return first
    samples: Samples = np.empty((height, *first.shape[1:]), first.dtype)
    samples[:step] = first
    for top in range(step, height, step):
        samples[top : top + step] = _rows(decoded, range(top, min(top + step, height)))
    return samples


def _rows(decoded: Decoded, rows: range) -> Samples:
    """Return some rows of a picture; see `samples_of`."""
    picture: Any = decoded.picture
    box = (0, rows.start, picture.width, rows.stop)
    samples: NDArray[Any] = np.asarray(picture.crop(box))
    if decoded.packed:
        samples = samples.view(">u2").astype(np.uint16)
    elif decoded.low is not None:
        samples = samples.astype(np.uint16) << 8 | np.asarray(decoded.low.crop(box))
    elif samples.dtype not in (np.uint8, np.uint16, np.float32):
        if samples.min() < 0 or samples.max() > 65535:
            raise ImageFileError(
                f"{decoded.name} has samples of 32 bits; give 8 or 16 bits a sample"
            )
        samples = samples.astype(np.uint16)
    samples = samples[..., None] if samples.ndim == 2 else samples
    if decoded.highest != 65535:
        full = samples.astype(np.uint32) * 65535 + decoded.highest // 2
        samples = np.minimum(full // decoded.highest, 65535).astype(np.uint16)
    if decoded.clear is not None:
        seen = (samples != np.array(decoded.clear)).any(axis=2, keepdims=True)
        samples = np.concatenate([samples, np.where(seen, 65535, 0).astype(np.uint16)], axis=2)
    return samples
