"""Borders of a picture in an ONNX graph: how far a Pad or a Slice moves what lies within.

A row that is added before the first moves the picture by one, a row that is cut off moves it back.
"""

from typing import TypeAlias

from onnx import NodeProto

from upsample_cli.networks.constants import constant
from upsample_cli.networks.graph import Graph, given
from upsample_cli.networks.unreadable import UnreadableError

Move: TypeAlias = tuple[float, ...] | None  # pixels along each axis; None if unknown
_TO_THE_END = 2**31 - 1  # what exporters write, or more
_MOST = 16  # numbers of a list: more tell no axes
_LARGEST = 1 << 16  # of a border: more is damage


def padded(graph: Graph, node: NodeProto, axes: int) -> Move:
    """Return how far a Pad moves the picture; None where that is worked out as the model runs.

    Args:
        graph: The node's.
        node: A Pad of any mode; negative amounts cut off.
        axes: Of the picture, after those of batch and channels.

    Raises:
        UnreadableError: It adds channels, or its numbers do not fit.
    """
    amounts, along = _numbers(graph, node, "pads", 1), _along(graph, node, axes, 3)
    if amounts is None or along is None:
        return None
    if not along:
        along = tuple(range(2 + axes))
    if len(amounts) != 2 * len(along):
        raise UnreadableError("the amounts of a Pad do not fit")
    first = dict(zip(along, amounts, strict=False))
    last = dict(zip(along, amounts[len(along) :], strict=True))
    if any(first.get(axis) or last.get(axis) for axis in (0, 1)):
        raise UnreadableError("a Pad adds channels")
    return _move([first.get(2 + axis, 0) for axis in range(axes)])


def cropped(graph: Graph, node: NodeProto, axes: int) -> Move:
    """Return how far a Slice moves the picture; None where that depends on the picture's size.

    It is None, too, where channels may be left out beside.

    Args:
        graph: The node's.
        node: A Slice.
        axes: Of the picture, after those of batch and channels.

    Raises:
        UnreadableError: It leaves out channels or pixels in between, or its numbers do not fit.
    """
    steps, along = _numbers(graph, node, "steps", 4), _along(graph, node, axes, 3)
    if steps is None or set(steps) - {1}:
        raise UnreadableError("a Slice leaves out pixels in between")
    starts, ends = _numbers(graph, node, "starts", 1), _numbers(graph, node, "ends", 2)
    if starts is None or along is None:
        return None
    if not along:
        along = tuple(range(len(starts)))
    if len(along) != len(starts):
        raise UnreadableError("the starts of a Slice do not fit")
    first = dict(zip(along, starts, strict=True))
    last = dict(zip(along, ends or (), strict=False))
    found = [first.get(2 + axis, 0) for axis in range(axes)]
    for axis in {0, 1} & first.keys():
        if first[axis] or last.get(axis, 0) < _TO_THE_END:
            if any(found):
                return None
            raise UnreadableError("a Slice leaves out channels")
    return None if min(found) < 0 else _move([-each for each in found])


def _move(found: list[int]) -> Move:
    return None if max(map(abs, found)) > _LARGEST else tuple(map(float, found))


def _along(graph: Graph, node: NodeProto, axes: int, place: int) -> tuple[int, ...] | None:
    """Return the axes that a node names, counted from the first."""
    found = _numbers(graph, node, "axes", place)
    rank = 2 + axes
    if found and not all(-rank <= axis < rank for axis in found):
        raise UnreadableError(f"there is no axis {max(found)}")
    return found and tuple(axis % rank for axis in found)


def _numbers(graph: Graph, node: NodeProto, name: str, place: int) -> tuple[int, ...] | None:
    """Return a node's whole numbers, an attribute once and an input since; none if not given."""
    for each in node.attribute:
        if each.name == name:
            return tuple(each.ints)
    if not given(node, place):
        return ()
    try:
        found = constant(graph, given(node, place)).reshape(-1)[:_MOST]
    except UnreadableError:
        return None
    return tuple(map(int, found)) if found.dtype.kind in "iu" else None
