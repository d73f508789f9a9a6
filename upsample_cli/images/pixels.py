"""The samples of a picture of Pillow's, window by window: no copy of all of them is made."""

from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.images.arrival import Arrival


class Pixels:
    """Samples of 8 bits that are copied where they are asked for, once they have been decoded.

    Args:
        picture: Of mode L, LA, RGB, RGBA or CMYK.
        arrival: How far it has come; None for all of it.

    Attributes:
        shape: Height, width and channels.
        dtype: uint8.
    """

    def __init__(self, picture: PIL.Image.Image, arrival: Arrival | None) -> None:
        self._picture, self._arrival = picture, arrival
        self.shape = picture.height, picture.width, len(picture.getbands())
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[np.uint8]:
        """Return a window of rows and columns, both ends of each given; shape (h, w, C)."""
        rows, columns = window
        if self._arrival is not None:
            self._arrival.wait(rows.stop)
        box = (columns.start, rows.start, columns.stop, rows.stop)
        samples: NDArray[Any] = np.asarray(self._picture.crop(box))
        return samples[..., None] if samples.ndim == 2 else samples

    def give_up(self) -> None:
        """Let nobody wait any longer for what has not been decoded."""
        if self._arrival is not None:
            self._arrival.give_up()
