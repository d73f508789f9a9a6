"""The order of the axes of feature maps: from any layout to planes and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.read import array_files

LAYOUTS = {"hw": 2, "chw": 3, "hwc": 3, "nchw": 4}
"""Words for the order of axes, and how many there are."""
_BY_COUNT = {2: "hw", 3: "chw", 4: "nchw"}


def planes(name: str, array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """Return a feature map as planes, shape (C, H, W); a view where that is possible.

    Args:
        name: What to call it.
        array: Of any layout.
        layout: One of `LAYOUTS`; by default hw, chw or nchw, by the number of axes.

    Raises:
        ImageFileError: It has another number of axes, none, or holds no real numbers.
    """
    called = "the array" if name == array_files.ONLY else f"array '{name}'"
    if array.dtype.kind not in "fiu":
        raise ImageFileError(f"{called} holds {array.dtype}, not real numbers; convert it first")
    word = layout or _BY_COUNT.get(array.ndim)
    if word is None or LAYOUTS[word] != array.ndim:
        told = f"--layout {word} has {LAYOUTS[word]}" if word else "2, 3 or 4 are needed"
        raise ImageFileError(
            f"{called} has {array.ndim} axes, but {told}; reshape it or pass another --layout"
        )
    if 0 in array.shape:
        raise ImageFileError(f"{called} has shape {array.shape}, without a value; give another")
    if word == "hwc":
        return np.moveaxis(array, 2, 0)
    return array.reshape(-1, *array.shape[-2:])


def like(made: NDArray[Any], array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """Return planes in the layout that an array has.

    Args:
        made: Shape (C, H, W).
        array: What they were made of.
        layout: As for `planes`.
    """
    if layout == "hwc":
        return np.moveaxis(made, 0, 2)
    return made.reshape(*array.shape[:-2], *made.shape[-2:])
