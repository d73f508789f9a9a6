"""The transpositions that make pixels of channels, for pictures of one to three axes.

A value's axes are those of batches, channels and pictures; channels come second or last. Those to
be shuffled are split into a block and what remains, which may come in either order. Afterwards each
axis of the picture is followed by its side of the block, to become one with it. So of (N, C, s1,
s2, H, W), as PyTorch has it, the transposition (0, 1, 4, 2, 5, 3) makes (N, C, H, s1, W, s2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, product


@dataclass(frozen=True, slots=True)
class Order:
    """Where things stand in a value that is transposed so.

    Args:
        block: The places of the sides of a block before it.
        channels: The place of the channels that remain, before it.
        last: Whether channels came last in the value that was split; otherwise second.
        stays_last: Whether they come last after it.
        depth_first: Whether channels are numbered phase by phase.
    """

    block: tuple[int, ...]
    channels: int
    last: bool
    stays_last: bool
    depth_first: bool

    @property
    def plain(self) -> bool:
        """Whether nothing but a shuffle has it: the heads and windows of attention have others."""
        return len(self.block) > 1 and not self.last and not self.stays_last


def order(permutation: tuple[int, ...]) -> Order | None:
    """Return the order that a transposition has, None where it makes no pixels of channels.

    Args:
        permutation: For each axis afterwards its place before.
    """
    return _ORDERS.get(permutation)


def _orders(axes: int) -> Iterator[tuple[tuple[int, ...], Order]]:
    batch, channels = (0,), (1,)  # as names
    block, picture = tuple(range(2, axes + 2)), tuple(range(axes + 2, 2 * axes + 2))
    pixels = tuple(chain(*zip(picture, block, strict=True)))
    for last, stays_last, depth_first in product((False, True), repeat=3):
        split = block + channels if depth_first else channels + block
        before = batch + (picture + split if last else split + picture)
        after = batch + (pixels + channels if stays_last else channels + pixels)
        places = tuple(map(before.index, block))
        found = Order(places, before.index(1), last, stays_last, depth_first)
        yield tuple(map(before.index, after)), found


# Of orders that are transposed alike the commoner one, whose channels come second, is meant. Those
# of one axis beside it are what attention does to its heads.
_ORDERS = {
    permutation: found
    for axes in (3, 2, 1)
    for permutation, found in reversed(list(_orders(axes)))
    if axes > 1 or not (found.last or found.stays_last)
}
