"""What follows an upsampling layer in an ONNX graph, as far as it is part of the upsampling.

A fixed blur evens out what a layer left uneven (StyleGAN's after its transposed convolution,
fastai's after its pixel shuffle), and a border that is added or cut off moves the picture. Both
count where nothing else sees the pixels of the layer. What treats all pixels alike is passed by.
"""

from collections.abc import Iterator
from dataclasses import replace

from onnx import NodeProto

from upsample_cli.networks.blurs import blur_of
from upsample_cli.networks.borders import Move, cropped, padded
from upsample_cli.networks.constants import floats
from upsample_cli.networks.graph import Graph, given, operator
from upsample_cli.networks.layer import Layer
from upsample_cli.networks.unreadable import UnreadableError

_MOST = 16  # nodes that are followed
# A border before them is theirs, not the layer's.
_WINDOWED = frozenset(("AveragePool", "Conv", "ConvTranspose", "FusedConv", "LpPool", "MaxPool"))
_ALIKE = frozenset((
    "BatchNormalization", "Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear",
))  # fmt: skip
_PAIRS = frozenset(("Add", "Div", "Mul", "Sub"))
_EITHER_WAY = frozenset(("Add", "Mul"))


def followed(graph: Graph, node: NodeProto, layer: Layer, end: NodeProto | None = None) -> Layer:
    """Return a layer with the blurs and borders that follow it.

    Args:
        graph: The layer's.
        node: The one whose pixels only the layer is to see.
        layer: By itself.
        end: The last of the layer, if that is another.
    """
    if layer.taps is None:
        return layer
    bordered, channels, axes = layer, len(layer.taps), len(layer.stride)
    for after in _line(graph, node, end or node):
        kind = operator(after)
        try:
            if kind == "Pad":
                bordered = _moved(bordered, padded(graph, after, axes))
            elif kind == "Slice":
                layer = bordered = _moved(bordered, cropped(graph, after, axes))
            elif kind in _WINDOWED:
                blur, move = blur_of(graph, after, channels, axes)
                layer = bordered = replace(_moved(bordered, move), blurs=(*bordered.blurs, blur))
            elif not _alike(graph, after, axes):
                return bordered
        except UnreadableError:
            return layer if kind in _WINDOWED else bordered
    return bordered


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
