"""How much an interpolation in an ONNX graph enlarges: by scales, or by sizes of a known input."""

from collections.abc import Sequence

from onnx import NodeProto

from upsample_cli.networks.constants import constant
from upsample_cli.networks.graph import Graph, attribute, given
from upsample_cli.networks.lengths import UNKNOWN, lengths, lengths_of
from upsample_cli.networks.unreadable import UnreadableError

_LARGEST = 4096  # scale: more is damage
_MOST_AXES = 3  # of a picture


def scale_of(graph: Graph, node: NodeProto) -> tuple[float, ...]:
    """Return the scale of each axis of the picture; nothing where it is worked out as it runs.

    Args:
        graph: The node's.
        node: A Resize or Upsample.
    """
    for scales in (_told(node), _given(graph, node), _by_sizes(graph, node)):
        if not scales or not _possible(scales):
            continue
        axes = [tuple(each.ints) for each in node.attribute if each.name == "axes"]
        if axes:
            return _of_axes(axes[0], scales)
        if len(scales) > 2:
            return scales[2:] if scales[1] == 1.0 else scales[1:-1]  # channels may come last
    return ()


def _told(node: NodeProto) -> tuple[float, ...]:
    """Return the scales that an Upsample has as attributes, before opset 9."""
    found = {each.name: each for each in node.attribute}
    if "height_scale" in found and "width_scale" in found:
        return 1.0, 1.0, found["height_scale"].f, found["width_scale"].f
    return tuple(found["scales"].floats) if "scales" in found else ()


def _given(graph: Graph, node: NodeProto) -> tuple[float, ...]:
    """Return the scales that a node takes."""
    place = 1 if node.op_type == "Upsample" or len(node.input) == 2 else 2
    try:
        found = constant(graph, given(node, place)).reshape(-1)
    except UnreadableError:
        return ()
    return tuple(map(float, found)) if found.dtype.kind == "f" else ()


def _by_sizes(graph: Graph, node: NodeProto) -> tuple[float, ...]:
    """Return the scales of the picture's axes, or of those named, that sizes come to."""
    if not given(node, 3) or attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        return ()
    before, sizes = lengths_of(graph, given(node, 0)), lengths(graph, given(node, 3))
    for each in node.attribute:
        if each.name == "axes":
            inside = all(-len(before) <= axis < len(before) for axis in each.ints)
            before = [before[axis] for axis in each.ints] if inside else []
            return _ratios(before, sizes) if len(before) == len(sizes) else ()
    unknown = len(before) - len(sizes)  # what is cut out of a shape is not counted one by one
    ratios = _ratios(before, [UNKNOWN] * unknown + sizes) if unknown >= 0 else ()
    if len(ratios) < 3 or ratios[1]:
        return (1.0, *ratios[1:])
    return (1.0, 1.0, *ratios[2:]) if ratios[-1] != 1.0 else ()  # channels may come last


def _ratios(before: list[int], after: list[int]) -> tuple[float, ...]:
    """Return by how much lengths grow, 0 where one is unknown."""
    pairs = zip(before, after, strict=True)
    return tuple(a / b if a > 0 and b > 0 else 0.0 for b, a in pairs)


def _of_axes(axes: tuple[int, ...], scales: tuple[float, ...]) -> tuple[float, ...]:
    """Return the scale of each axis of the picture where a Resize says which axes it scales.

    They are counted from the first after the channels or from the last; otherwise nothing is known.
    """
    if len(axes) != len(scales):
        return ()
    first, end = (2, max(axes) + 1) if min(axes) >= 2 else (min(axes), 0)
    if max(axes) >= end or not 0 < end - first <= _MOST_AXES:
        return ()
    found = dict(zip(axes, scales, strict=True))
    return tuple(found.get(axis, 1.0) for axis in range(first, end))


def _possible(scales: Sequence[float]) -> bool:
    return len(scales) <= 2 + _MOST_AXES and all(0.0 < each <= _LARGEST for each in scales)
