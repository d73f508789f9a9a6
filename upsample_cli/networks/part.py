"""A part of a network that upsamples, and how to run it by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from onnx import NodeProto
from onnx.helper import make_attribute, make_node

from upsample_cli.networks.model_graph import (
    Array,
    Network,
    RunError,
    in_order,
    numbers,
    weights_of,
)
from upsample_cli.networks.upsampling_layer import SUB_PIXEL

Feeds = dict[str, Array]


class Axis(NamedTuple):
    """An axis of the picture in a value.

    Args:
        place: Of the axis in the value's shape.
        stride: After how many pixels the coordinates of the map before rise.
        steps: By how much then, along each axis of the map before but that of its channels.
    """

    place: int
    stride: int
    steps: tuple[int, ...]


def pixel_axes(strides: Sequence[int]) -> tuple[Axis, ...]:
    """Return the axes of pixels in (N, C, ...), each with the stride of a node."""
    steps = np.eye(1 + len(strides), dtype=int)[1:].tolist()
    return tuple(
        Axis(2 + place, stride, tuple(step))
        for place, (stride, step) in enumerate(zip(strides, steps, strict=True))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a network that upsamples.

    Args:
        node: The node at its heart.
        kind: Of layer.
        nodes: Of the part.
        inputs: What it takes, and which axis of that holds the channels.
        output: The value that it makes.
        axes: Of the picture in the output.
        weighing: Nodes whose weights it has.
        unknown: Why it cannot be measured.
        core: The part without what comes after it, if anything does.
        empty: Share of the output that nothing feeds, before such weights.
    """

    node: NodeProto
    kind: str
    nodes: Sequence[NodeProto] = ()
    inputs: Mapping[str, int] = field(default_factory=dict)
    output: str = ""
    axes: tuple[Axis, ...] = ()
    weighing: tuple[NodeProto, ...] = ()
    unknown: str = ""
    core: "Part | None" = None
    empty: float = 0.0

    @property
    def stride(self) -> tuple[int, ...]:
        """Output pixels per input pixel along each axis."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Distance of neighbouring taps; 1 where it says none."""
        said = numbers(self.weighing[0], "dilations") if self.weighing else []
        known = self.kind != SUB_PIXEL and len(said) == len(self.axes)
        return tuple(said) if known else (1,) * len(self.axes)


def size_of(network: Network, part: Part) -> tuple[int, ...]:
    """Return the taps of a layer's own kernel, the largest where there are several."""
    weights = [weights_of(network, node) for node in part.weighing if "Conv" in node.op_type]
    sizes = [array.shape[2:] for array in weights if array is not None]
    if not sizes or {len(size) for size in sizes} != {len(part.axes)}:
        return (1,) * len(part.axes)
    return tuple(map(max, zip(*sizes, strict=True)))


class ReadyPart:
    """A part that is ready to run on maps of one size.

    Args:
        network: Which it is of.
        part: With its inputs and output.
        side: Pixels of the maps along each axis; 0 for the size of the whole network's run.

    Raises:
        RunError: It cannot run.
    """

    def __init__(self, network: Network, part: Part, side: int) -> None:
        self.part, self._network = part, network
        nodes = _with_shapes(network, part) if side else in_order(part.nodes)
        last, self._output = network.producers[part.output], part.output
        if "nchwc" in last.domain and last.op_type != "ReorderOutput":  # channels are in blocks
            shape = network.shapes.get(part.output, ())
            if len(shape) < 2:
                raise RunError(f"the channels of {part.output} are unknown")
            self._output = f"{part.output}:plain"
            reorder = make_node("ReorderOutput", [part.output], [self._output], domain=last.domain)
            reorder.attribute.append(make_attribute("channels", shape[1]))
            nodes.append(reorder)
        self._nodes = nodes
        self.shapes = {name: _shape(network, part, name, side) for name in part.inputs}
        self._session = network.part(self._nodes, part.inputs, [self._output])

    def run(self, feeds: Feeds) -> Array:
        """Return what comes out, in float64."""
        return self._session.run(feeds)[self._output].astype(np.float64)

    def flat(self, value: float) -> Feeds:
        """Return inputs that hold one value."""
        return {name: np.full(shape, value, np.float32) for name, shape in self.shapes.items()}

    def flat_channels(self) -> Iterator[Array]:
        """Yield what comes out of each flat channel of 1, biases and all.

        A convolution that comes first gets the weights for one channel after the other: that takes
        as many products for all channels as the whole convolution for one.
        """
        first = self._first_convolution()
        if first is None:
            for name, axis in self.part.inputs.items():
                for channel in range(self.shapes[name][axis]):
                    feeds = self.flat(0.0)
                    np.moveaxis(feeds[name], axis, 0)[channel] = 1.0
                    yield self.run(feeds)
            return
        weights = self._network.constants[first.input[1]]
        session = self._network.part(self._nodes, first.input[:2], [self._output])
        (shape,) = self.shapes.values()
        ones = np.ones((1, 1, *shape[2:]), np.float32)
        for piece in np.split(weights, shape[1], axis=_PLAIN[first.op_type]):
            feeds = {first.input[0]: ones, first.input[1]: np.ascontiguousarray(piece)}
            yield session.run(feeds)[self._output].astype(np.float64)

    def _first_convolution(self) -> NodeProto | None:
        """Return the convolution of all channels with which alone the part starts, if any does."""
        takers = [node for node in self._nodes if not self.shapes.keys().isdisjoint(node.input)]
        if len(takers) != 1 or len(self.shapes) != 1 or takers[0].op_type not in _PLAIN:
            return None
        (node,) = takers
        known = node.input[0] in self.shapes and node.input[1] in self._network.constants
        grouped = max([1, *numbers(node, "group")]) > 1
        return node if known and not grouped and not node.domain else None


_PLAIN = {"Conv": 1, "ConvTranspose": 0}  # and the axis of input channels in their weights


def _shape(network: Network, part: Part, name: str, side: int) -> tuple[int, ...]:
    """Return the shape of what a part takes; where it did not run, one that fits its weights."""
    shape = network.shapes.get(name, ())
    if not shape or part.node.name in network.faults:
        weights = [weights_of(network, node) for node in part.weighing if name in node.input]
        shape = next((array.shape for array in weights if array is not None), (1, 1, 8, 8))
        shape = (1, shape[0 if part.kind != SUB_PIXEL else 1], *(side or 8,) * (len(shape) - 2))
    keep = (0, part.inputs[name] % len(shape))
    return tuple(n if at in keep or not side else side for at, n in enumerate(shape))


def _with_shapes(network: Network, part: Part) -> list[NodeProto]:
    """Return nodes with those that work out shapes from theirs, so that any size will do."""
    inside = {*part.inputs, *(name for node in part.nodes for name in node.output)}
    more: list[NodeProto] = []
    for node in network.nodes:  # before which all that it takes is made
        if not inside.isdisjoint(node.input) and network.varying.isdisjoint(node.output):
            more.append(node)
            inside.update(node.output)
    needed = {name for node in part.nodes for name in node.input}
    kept = list(part.nodes)
    for node in reversed(more):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(node.input)
    return in_order(kept)
