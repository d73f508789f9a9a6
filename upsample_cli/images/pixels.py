"""The samples of a picture window by window, where they need not all be there at once."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # to import it takes as long as to read this
    import numpy as np
    from numpy.typing import NDArray


class Pixels(ABC):
    """Samples that are had where they are asked for.

    Attributes:
        shape: Height, width and channels.
        dtype: Type of the samples.
    """

    shape: tuple[int, int, int]
    dtype: "np.dtype[np.uint8]"

    @abstractmethod
    def __getitem__(self, window: tuple[slice, slice]) -> "NDArray[np.uint8]":
        """Return a window of rows and columns, both ends of each given; shape (h, w, C)."""

    @abstractmethod
    def give_up(self) -> None:
        """Let nobody wait any longer for what has not come."""
