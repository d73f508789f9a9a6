"""The transpositions that make pixels of channels, for pictures of one to three axes.

A value's axes are those of batches, channels and pictures; channels come second or last. Those to
be shuffled are split into a block and what remains, which may come in either order. Afterwards each
axis of the picture is followed by its side of the block, to become one with it. So of (N, C, s1,
s2, H, W), as PyTorch has it, the transposition (0, 1, 4, 2, 5, 3) makes (N, C, H, s1, W, s2). Where
channels come second, axes may be without a side, and sides be in any order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, permutations, product


@dataclass(frozen=True, slots=True)
class Order:
    """Where things stand in a value that is transposed so.

    Args:
        block: The places of the sides of a block before it; None along axes that stay.
        channels: The place of the channels that remain, before it.
        picture: The places of the picture's axes, before it.
        parts: In which order channels are numbered, as for `layer.sub_pixel`.
        last: Whether channels came last in the value that was split; otherwise second.
        stays_last: Whether they come last after it.
    """

    block: tuple[int | None, ...]
    channels: int
    picture: tuple[int, ...]
    parts: tuple[int, ...]
    last: bool
    stays_last: bool

    @property
    def plain(self) -> bool:
        """Whether nothing but a shuffle has it: the heads and windows of attention have others."""
        sides = [place for place in self.block if place is not None]
        return len(sides) > 1 and not self.last and not self.stays_last


def orders(permutation: tuple[int, ...]) -> list[Order]:
    """Return the orders that a transposition has, none where it makes no pixels of channels.

    Args:
        permutation: For each axis afterwards its place before.
    """
    return _ORDERS.get(permutation, [])


def _orders(axes: int) -> Iterator[tuple[tuple[int, ...], Order]]:
    """Yield transpositions and their orders, the commonest first."""
    whole = tuple(range(axes))
    kinds = list(product((False, True), repeat=3))
    for count in range(axes, 0, -1):
        for split, (last, stays_last, depth_first) in product(permutations(whole, count), kinds):
            # Heads of attention, too, come last and are moved along one axis, or in other orders.
            if not (last or stays_last) or (split == whole and axes > 1):
                yield _order(axes, split, last, stays_last, depth_first)


def _order(
    axes: int, split: tuple[int, ...], last: bool, stays_last: bool, depth_first: bool
) -> tuple[tuple[int, ...], Order]:
    """Return the transposition, and the order, of a block with sides along some of the axes."""
    names = range(axes)
    batch, channels, picture = (-2,), (-1,), tuple(each + axes for each in names)
    parts = split + channels if depth_first else channels + split
    before = batch + (picture + parts if last else parts + picture)
    pixels = tuple(chain(*((each + axes, each)[: 1 + (each in split)] for each in names)))
    after = batch + (pixels + channels if stays_last else channels + pixels)
    place = {each: before.index(each) for each in before}
    rest = tuple(each for each in names if each not in split)  # sides of 1, wherever
    found = Order(
        tuple(map(place.get, names)), place[-1], tuple(place[each] for each in picture),
        tuple(1 + each for each in parts + rest), last, stays_last,
    )  # fmt: skip
    return tuple(place[each] for each in after), found


_ORDERS: dict[tuple[int, ...], list[Order]] = {}
for _axes in (1, 2, 3):
    for _permutation, _found in _orders(_axes):
        _ORDERS.setdefault(_permutation, []).append(_found)
