"""A picture with the strength of its checkerboard laid over it as heat."""

from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.images.frame import framed
from upsample_cli.images.ramp import colours

_LARGEST = 2048  # pixels along a side: more would not be looked at
_DIM = 0.6  # of the picture's brightness under the heat
_COVER = 0.85  # of the picture at full heat
_LEAST_TOP = 1.0  # levels: fainter patterns do not fill the scale


def heat_figure(
    light: NDArray[np.float32],
    heat: NDArray[np.float64],
    tile: tuple[int, int],
    margin: tuple[int, int],
    title: str,
) -> PIL.Image.Image:
    """Return a figure of where the checkerboard is.

    Args:
        light: Shape (H, W), the picture in levels of 0..255.
        heat: Shape (tiles down, tiles across), strength in levels; NaN where nothing can be told.
        tile: Rows and columns of a tile.
        margin: Rows and columns above and left of the first tile.
        title: One line.
    """
    step = -(-max(light.shape) // _LARGEST)
    grey = np.asarray(PIL.Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).reduce(step))
    strength: NDArray[np.float64] = np.nan_to_num(heat)
    for axis in (0, 1):
        centres = margin[axis] + (np.arange(heat.shape[axis]) + 0.5) * tile[axis]
        places = (np.arange(grey.shape[axis]) + 0.5) * step
        strength = _interpolated(strength, centres, places, axis)
    top = max(_LEAST_TOP, float(np.ceil(4 * strength.max()) / 4))
    share = (strength / top)[..., None]
    cover = _COVER * np.minimum(1.0, 2 * np.sqrt(share)) * (share > 0)
    mixed = (1 - cover) * _DIM * grey[..., None] + cover * colours(0.15 + 0.85 * share[..., 0])
    return framed(mixed.astype(np.uint8), title, "0", f"{top:g} levels RMS")


def _interpolated(
    plane: NDArray[np.float64],
    centres: NDArray[np.floating[Any]],
    places: NDArray[np.floating[Any]],
    axis: int,
) -> NDArray[np.float64]:
    """Return values at places along an axis, linear between centres, the nearest beyond them."""
    index = np.interp(places, centres, np.arange(len(centres)))
    low = np.minimum(index.astype(int), max(0, len(centres) - 2))
    high = np.minimum(low + 1, len(centres) - 1)
    weight = (index - low)[:, None] if axis == 0 else index - low
    first, second = np.take(plane, low, axis), np.take(plane, high, axis)
    return np.asarray(first + (second - first) * weight)
