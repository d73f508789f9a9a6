"""Which pixels of a picture equal their neighbours, and which are clipped.

A block of one stride each way whose pixels are all equal holds no pattern of that period.
"""

from typing import NamedTuple

from upsample_cli.metrics.rows import Floats, Mask


class Marks(NamedTuple):
    """Which pixels of some rows equal their neighbours, and which are at an end of the range.

    Args:
        across: Shape (h, w - 1), whether a pixel equals the next one of its row.
        down: Shape (h - 1, w), whether it equals the one below.
        ends: Shape (h, w), whether it is at 0 or 255.
    """

    across: Mask
    down: Mask
    ends: Mask

    @classmethod
    def of(cls, levels: Floats) -> "Marks":
        """Return the marks of levels of 0..255, shape (h, w)."""
        ends = (levels <= 0.0) | (levels >= 255.0)
        return cls(levels[:, 1:] == levels[:, :-1], levels[1:] == levels[:-1], ends)

    def window(self, rows: slice) -> "Marks":
        """Return the marks of some of the rows."""
        return Marks(self.across[rows], self.down[rows.start : rows.stop - 1], self.ends[rows])

    def equal_blocks(self, stride: tuple[int, int]) -> Mask:
        """Return where blocks of one stride each way begin whose pixels are all equal.

        Returns:
            Shape (h - s + 1, w - t + 1), for a stride of (s, t).
        """
        s, t = stride
        across = _all_of(_all_of(self.across, t - 1, axis=1), s, axis=0)
        down = _all_of(self.down, s - 1, axis=0)
        if s == 1:
            return across
        return down if t == 1 else across & down[:, : across.shape[1]]


def _all_of(mask: Mask, count: int, axis: int) -> Mask:
    """Return which runs of neighbours along an axis are all true, each at its first place."""
    length = 1
    while length < count and mask.any():
        step = min(length, count - length)
        mask = mask[step:] & mask[:-step] if axis == 0 else mask[:, step:] & mask[:, :-step]
        length += step
    lost = count - length
    return mask[: len(mask) - lost] if axis == 0 else mask[:, : mask.shape[1] - lost]
