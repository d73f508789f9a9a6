"""What follows an upsampling layer in an ONNX graph, as far as it is part of the upsampling.

A fixed blur evens out what a layer left uneven (StyleGAN's after its transposed convolution,
fastai's after its pixel shuffle), and a border that is added or cut off moves the picture. Both
count where nothing else sees the pixels of the layer. What treats all pixels alike is passed by.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod

from onnx import NodeProto

from upsample_cli.networks.blurs import blur_of
from upsample_cli.networks.borders import Move, cropped, padded
from upsample_cli.networks.constants import floats
from upsample_cli.networks.graph import Graph, given, operator
from upsample_cli.networks.layer import MOST_SUMS, Layer
from upsample_cli.networks.lengths import UNKNOWN, lengths
from upsample_cli.networks.pointwise import POINTWISE
from upsample_cli.networks.shuffles import Shuffle
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 16  # nodes that are followed
# A border before them is theirs, not the layer's.
_WINDOWED = frozenset(("AveragePool", "Conv", "ConvTranspose", "FusedConv", "LpPool", "MaxPool"))
_ALIKE = frozenset((
    "BatchNormalization", "Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear",
))  # fmt: skip
_PAIRS = frozenset(("Add", "Div", "Mul", "Sub"))
_EITHER_WAY = frozenset(("Add", "Mul"))


def followed(graph: Graph, node: NodeProto, layer: Layer, found: Shuffle | None = None) -> Layer:
    """Return a layer with the blurs and borders that follow it.

    Args:
        graph: The layer's.
        node: The one whose pixels only the layer is to see.
        layer: By itself.
        found: The shuffle that it ends with, if it does.

    Raises:
        UnreadableError: It has too many phases to judge after its blurs.
    """
    if layer.taps is None:
        return layer
    line = _line(graph, node, found.end if found else node)
    if found and found.stays_last:
        return _with_channels_last(line, layer)
    phases, pairs = prod(layer.stride), prod(layer.taps.shape[:2])
    layer = _with_channels_second(graph, line, layer, len(layer.taps))
    each = (phases * pairs + blur.taps.size * max(layer.stride) for blur in layer.blurs)
    if sum(each) > MOST_SUMS:
        raise UnreadableError(f"its {phases} phases are too many to judge after its blurs")
    return layer


def _with_channels_second(
    graph: Graph, line: Iterator[NodeProto], layer: Layer, channels: int
) -> Layer:
    """Return a layer of so many channels with the blurs and borders on the line after it."""
    bordered, axes, of_layer = layer, len(layer.stride), channels
    for after in line:
        kind = operator(after)
        try:
            if kind == "Reshape":
                channels = _regrouped(graph, after, of_layer, axes)
            elif kind == "Pad":
                bordered = _moved(bordered, padded(graph, after, axes))
            elif kind == "Slice":
                layer = bordered = _moved(bordered, cropped(graph, after, axes))
            elif kind in _WINDOWED:
                blur, move = blur_of(graph, after, channels, axes)
                layer = bordered = replace(_moved(bordered, move), blurs=(*bordered.blurs, blur))
            elif not _alike(graph, after, axes):
                return layer if _windowed([after, *line]) else bordered
        except UnreadableError:
            return layer if kind in _WINDOWED else bordered
    return bordered


def _regrouped(graph: Graph, node: NodeProto, channels: int, axes: int) -> int:
    """Return how many channels are in the pictures of a Reshape: all, or 1, each by itself.

    Raises:
        UnreadableError: It makes something else.
    """
    made = lengths(graph, given(node, 1))
    if len(made) == 2 + axes and min(made[2:]) >= UNKNOWN:
        batch, each = made[:2]
        if each == channels or (each == 1 and (batch < 1 or batch % channels == 0)):
            return each
    raise UnreadableError("a Reshape moves pixels")


def _with_channels_last(line: Iterable[NodeProto], layer: Layer) -> Layer:
    """Return a layer whose channels stay last; its shift is unknown where a border follows.

    Along which axes that lies, and a blur mixes pixels, is only known where channels come second.
    """
    for after in line:
        if operator(after) in ("Pad", "Slice"):
            return replace(layer, shift=None)
        if operator(after) not in _ALIKE | _PAIRS:
            break
    return layer


def _windowed(line: Iterable[NodeProto]) -> bool:
    """Tell whether a window takes what comes of a line, and the borders on it with that."""
    for after in line:
        if operator(after) not in POINTWISE | {"Pad"}:
            return operator(after) in _WINDOWED
    return False


def _line(graph: Graph, node: NodeProto, end: NodeProto) -> Iterator[NodeProto]:
    """Yield the nodes after an end that take what the one before makes, and nothing else does."""
    shown = {each.name for each in graph.proto.output}
    begun = False
    for _ in range(_MOST):
        made = [name for name in node.output if name]
        takers = graph.consumers.get(made[0], []) if len(made) == 1 else []
        if len(takers) != 1 or made[0] in shown:
            return
        begun = begun or node is end
        node = takers[0]
        if given(node, 0) != made[0] and operator(node) not in _EITHER_WAY:
            return
        if begun:
            yield node


def _moved(layer: Layer, move: Move) -> Layer:
    if layer.shift is None or move is None:
        return replace(layer, shift=None)
    return replace(layer, shift=tuple(a + b for a, b in zip(layer.shift, move, strict=True)))


def _alike(graph: Graph, node: NodeProto, axes: int) -> bool:
    """Tell whether a node does the same to all pixels of a channel: a scale and a shift."""
    if operator(node) not in _PAIRS:
        return operator(node) in _ALIKE
    for name in node.input:
        try:
            value = floats(graph, name)
        except UnreadableError:  # the picture
            continue
        return value.size == 1 or value.shape[-axes - 1 :] == (value.size, *(1,) * axes)
    return False
