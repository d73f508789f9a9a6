"""Pictures in an ONNX graph whose channels are copies of another's.

Networks for phones add the picture itself to what they make, before the channels become pixels:
each channel as many times as a block has pixels (an anchor). Exporters spell that Tile, Concat,
Gather, or an axis of copies (Expand, Tile, Concat) that a Reshape joins with the channels.

Source: Z. Du et al., "Anchor-based plain net for mobile image super-resolution", CVPR workshops
2021.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from upsample_cli.networks.channels import check_alike
from upsample_cli.networks.constants import constant, is_constant
from upsample_cli.networks.counts import channels_of
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.lengths import UNKNOWN, lengths, lengths_of
from upsample_cli.networks.pointwise import SAME
from upsample_cli.networks.unreadable import UnreadableError

_MOST_KEPT = 8  # nodes between
_MOST = 1 << 24  # pairs of channels: more is damage


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """What channels are copies of.

    Args:
        source: The value whose channels they are copies of.
        places: Of each, its number in the source.
        channels: Of the source.
    """

    source: str
    places: NDArray[np.intp]
    channels: int

    @property
    def weights(self) -> NDArray[np.float32]:
        """Those of the convolution that makes them: shape (channels, channels of the source)."""
        return np.eye(self.channels, dtype=np.float32)[self.places]


def copies(graph: Graph, name: str, rank: int, last: bool, whole: int = UNKNOWN) -> Copies | None:
    """Return of what the channels of a value are copies; None if of nothing that is known.

    Args:
        graph: The value's.
        name: The value's.
        rank: How many axes it has, those of batches and channels included.
        last: Whether that of channels is the last instead of the second.
        whole: How many channels it has, or what it is added to, if that is known.
    """
    try:
        found = _copies(graph, name, rank, last, whole)
    except UnreadableError:  # in what way they are copied
        return None
    return found if found is None or whole in (UNKNOWN, found.places.size) else None


def widened(graph: Graph, name: str) -> tuple[str, int] | None:
    """Return the value that an Unsqueeze gives one more axis, and which; None if none does.

    Args:
        graph: The value's.
        name: Of what it makes.
    """
    node = graph.producer(name)
    if node is None or operator(node) != "Unsqueeze":
        return None
    axes = [np.array(each.ints, int) for each in node.attribute if each.name == "axes"]
    if not axes and not is_constant(graph, given(node, 1)):  # an input since opset 13
        return None
    found: NDArray[Any] = axes[0] if axes else constant(graph, given(node, 1)).reshape(-1)
    return (given(node, 0), int(found[0])) if found.size == 1 and found.dtype.kind == "i" else None


def _copies(graph: Graph, name: str, rank: int, last: bool, whole: int) -> Copies | None:
    axis, node = rank - 1 if last else 1, _maker(graph, name)
    if node is not None and operator(node) == "Gather":
        return _gathered(graph, node, rank, axis)
    if node is not None and operator(node) == "Reshape":
        return _joined(graph, node, rank, axis, whole or channels_of(graph, name, last))
    source, times = _repeated(graph, node, rank, axis) if node is not None else ("", 0)
    return _made(graph, source, times, last) if times else _single(graph, name, rank, axis, whole)


def _single(graph: Graph, name: str, rank: int, axis: int, whole: int) -> Copies | None:
    """Return copies of the one channel of a picture, which is added to however many there are."""
    shape = lengths_of(graph, name)
    if len(shape) != rank or shape[axis] != 1:  # of fewer axes, it may hold a number a channel
        return None
    return Copies(name, np.zeros(max(1, whole), np.intp), 1)


def _joined(graph: Graph, node: NodeProto, rank: int, axis: int, whole: int) -> Copies | None:
    """Return the copies that a Reshape makes of an axis of them beside that of channels."""
    within = _maker(graph, given(node, 0))
    if within is None:
        return None
    for place in (axis, axis + 1):  # of the copies, before the channels or after them
        source, times = _repeated(graph, within, rank + 1, place)
        one = widened(graph, source)
        if times > 1 and one is not None and one[1] % (rank + 1) == place:
            found = _made(graph, one[0], times, axis > 1, inner=place > axis)
            return found if found is not None and found.places.size == whole else None
    return None


def _made(graph: Graph, source: str, times: int, last: bool, inner: bool = False) -> Copies | None:
    """Return the copies of a value that is there so many times, whole or channel by channel."""
    source = _plain(graph, source)
    channels = channels_of(graph, source, last)
    if not 1 <= channels * channels * times <= _MOST:
        return None
    place = np.arange(channels * times)
    return Copies(source, place // times if inner else place % channels, channels)


def _repeated(graph: Graph, node: NodeProto, rank: int, axis: int) -> tuple[str, int]:
    """Return the value that a node repeats along an axis of so many, and how many times."""
    kind = operator(node)
    if kind == "Concat" and attribute(node, "axis", 0) in (axis, axis - rank):
        parts = {widened(graph, each) or each for each in node.input}
        return given(node, 0), len(node.input) if len(parts) == 1 else 0
    if kind in ("Expand", "Tile"):
        times, source = lengths(graph, given(node, 1)), given(node, 0)
        if kind == "Expand":  # what is longer than 1 stays as long
            one = widened(graph, source)
            alone = one is not None and one[1] % rank == axis
        else:
            alone = set(times[:axis] + times[axis + 1 :]) == {1}
        if len(times) == rank and alone and times[axis] > 1:
            return source, times[axis]
    return "", 0


def _gathered(graph: Graph, node: NodeProto, rank: int, axis: int) -> Copies | None:
    """Return the copies of channels that are taken by their numbers."""
    channels = channels_of(graph, given(node, 0), axis > 1)
    places: NDArray[Any] = constant(graph, given(node, 1))
    along = attribute(node, "axis", 0) in (axis, axis - rank)
    if not along or places.ndim != 1 or places.dtype.kind not in "iu" or not places.size:
        return None
    if not -channels <= places.min() <= places.max() < channels:
        return None
    if channels * places.size > _MOST:
        return None
    return Copies(given(node, 0), places.astype(np.intp) % channels, channels)


def _plain(graph: Graph, name: str) -> str:
    """Return a value that an Expand to ones alone leaves as it is, as PyTorch's `repeat` has it."""
    node = graph.producer(name)
    if node is None or operator(node) != "Expand" or set(lengths(graph, given(node, 1))) != {1}:
        return name
    return given(node, 0)


def _maker(graph: Graph, name: str) -> NodeProto | None:
    """Return the node that a value comes of with every number in its place."""
    for _ in range(_MOST_KEPT):
        node = graph.producer(name)
        if node is None or operator(node) not in SAME:
            return node
        check_alike(graph, node)
        name = given(node, 0)
    return None
