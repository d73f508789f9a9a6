"""Where methods differ most in a picture, and how large a part of it to show."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.planes import Size

BLOCK = 16
"""Output pixels along a side of the blocks in which differences are counted."""

Blocks = NDArray[np.float32]


class Box(NamedTuple):
    """A part of a picture, in pixels.

    Args:
        left: Columns before it.
        top: Rows above it.
        width: Its columns.
        height: Its rows.
    """

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def parsed(cls, text: str) -> "Box":
        """Return the box of "X,Y,W,H".

        Raises:
            SettingError: The text is none.
        """
        words = text.split(",")
        if len(words) != 4 or not all(word.strip().isdecimal() for word in words):
            raise SettingError(f"--crop {text} is no box; give X,Y,WIDTH,HEIGHT in pixels")
        box = cls(*map(int, words))
        if 0 in (box.width, box.height):
            raise SettingError(f"--crop {text} is empty; give a width and a height of 1 or more")
        return box

    def enlarged(self, scale: float, size: Size) -> "Box":
        """Return the same part of a picture that is `scale` times as large, of height and width.

        Raises:
            SettingError: The part lies beyond the picture.
        """
        right = min(round((self.left + self.width) * scale), size[1])
        bottom = min(round((self.top + self.height) * scale), size[0])
        left, top = round(self.left * scale), round(self.top * scale)
        if left >= right or top >= bottom:
            wide, tall = (round(n / scale) for n in size[::-1])
            raise SettingError(f"--crop {','.join(map(str, self))} lies outside of {wide}x{tall}")
        return Box(left, top, right - left, bottom - top)


def block_rms(plane: NDArray[np.float32]) -> Blocks:
    """Return the RMS of each block of a plane; pixels that fill no block belong to none.

    A picture with a side below one block is one block along it.
    """
    down, across = (min(BLOCK, n) for n in plane.shape)
    rows, columns = plane.shape[0] // down, plane.shape[1] // across
    cut = plane[: rows * down, : columns * across].reshape(rows, down, columns, across)
    return np.asarray(np.sqrt(np.einsum("abcd,abcd->ac", cut, cut) / np.float32(down * across)))


def most_different(differences: Blocks, size: Size, side: int, count: int) -> list[Box]:
    """Return where differences are greatest: boxes of one size that do not overlap.

    Args:
        differences: The differences in each block of the picture.
        size: Its height and width.
        side: The greatest height and width of a box, in pixels.
        count: The most boxes.

    Returns:
        At least one, the greatest difference first.
    """
    height, width = (min(side, n) for n in size)
    cells = [max(1, min(length // BLOCK, n)) for length, n in
             zip((height, width), differences.shape, strict=True)]  # fmt: skip
    sums = np.pad(differences.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    (tall, wide), boxes = cells, list[Box]()
    means = sums[tall:, wide:] - sums[:-tall, wide:] - sums[tall:, :-wide] + sums[:-tall, :-wide]
    while len(boxes) < count:
        i, j = np.unravel_index(np.argmax(means), means.shape)
        if boxes and means[i, j] < 0:
            break
        top, left = min(int(i) * BLOCK, size[0] - height), min(int(j) * BLOCK, size[1] - width)
        boxes.append(Box(left, top, width, height))
        # Boxes may lie up to one block off their blocks, at the edges of the picture.
        means[max(0, i - tall) : i + tall + 1, max(0, j - wide) : j + wide + 1] = -1.0
    return boxes
