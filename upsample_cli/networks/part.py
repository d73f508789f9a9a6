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
    int_attribute,
    weights_of,
)
from upsample_cli.networks.upsampling_layer import SUB_PIXEL

Feeds = dict[str, Array]


class Axis(NamedTuple):
    """A picture axis of a value.

    Args:
        place: Index of the axis in the value's shape.
        stride: Pixels along it after which the coordinates of the input map rise.
        steps: Input pixels by which they rise, for each axis of the input map except channels.
    """

    place: int
    stride: int
    steps: tuple[int, ...]


def pixel_axes(strides: Sequence[int]) -> tuple[Axis, ...]:
    """Return the picture axes of a value of shape (N, C, ...), with their strides."""
    steps = np.eye(1 + len(strides), dtype=int)[1:].tolist()
    return tuple(
        Axis(2 + place, stride, tuple(step))
        for place, (stride, step) in enumerate(zip(strides, steps, strict=True))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a network that upsamples.

    Args:
        node: Its main node, the node that upsamples.
        kind: The kind of the layer; see `Layer`.
        nodes: All nodes of the part.
        inputs: By name of each value that it takes, the channel axis of that value.
        output: Name of its output.
        axes: The picture axes of its output.
        weighted_nodes: The nodes that hold the layer's weights.
        unknown: Why it cannot be measured; empty if it can.
        core: The part before `extended` added nodes after it; None if it added none.
        unfed_share: Share of the output that no input reaches: zeros, before a convolution.
    """

    node: NodeProto
    kind: str
    nodes: Sequence[NodeProto] = ()
    inputs: Mapping[str, int] = field(default_factory=dict)
    output: str = ""
    axes: tuple[Axis, ...] = ()
    weighted_nodes: tuple[NodeProto, ...] = ()
    unknown: str = ""
    core: "Part | None" = None
    unfed_share: float = 0.0

    @property
    def stride(self) -> tuple[int, ...]:
        """Output pixels per input pixel along each axis."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Output pixels from one tap to the next along each axis; 1 if no node states it."""
        stated = int_attribute(self.weighted_nodes[0], "dilations") if self.weighted_nodes else []
        known = self.kind != SUB_PIXEL and len(stated) == len(self.axes)
        return tuple(stated) if known else (1,) * len(self.axes)


def size_of(network: Network, part: Part) -> tuple[int, ...]:
    """Return the taps of a part's kernel along each axis, the largest of its convolutions'."""
    weights = [weights_of(network, node) for node in part.weighted_nodes if "Conv" in node.op_type]
    sizes = [array.shape[2:] for array in weights if array is not None]
    if not sizes or {len(size) for size in sizes} != {len(part.axes)}:
        return (1,) * len(part.axes)
    return tuple(map(max, zip(*sizes, strict=True)))


class ReadyPart:
    """A part that is ready to run on maps of one size.

    Args:
        network: The network that the part belongs to.
        part: A part with inputs and an output.
        side: Pixels of the input maps along each axis; 0 for their size in the trial run.

    Raises:
        RunError: The part cannot run.
    """

    def __init__(self, network: Network, part: Part, side: int) -> None:
        self.part, self._network = part, network
        nodes = _with_shapes(network, part) if side else in_order(part.nodes)
        last, self._output = network.producers[part.output], part.output
        if "nchwc" in last.domain and last.op_type != "ReorderOutput":  # channels in blocks
            shape = network.shapes.get(part.output, ())
            if len(shape) < 2:
                raise RunError(f"the channels of {part.output} are unknown")
            self._output = f"{part.output}:plain"
            reorder = make_node("ReorderOutput", [part.output], [self._output], domain=last.domain)
            reorder.attribute.append(make_attribute("channels", shape[1]))
            nodes.append(reorder)
        self._nodes = nodes
        self.shapes = {name: _shape(network, part, name, side) for name in part.inputs}
        self._session = network.session_of(self._nodes, part.inputs, [self._output])

    def run(self, feeds: Feeds) -> Array:
        """Return the output, as float64."""
        return self._session.run(feeds)[self._output].astype(np.float64)

    def flat(self, value: float) -> Feeds:
        """Return inputs that hold `value` everywhere."""
        return {name: np.full(shape, value, np.float32) for name, shape in self.shapes.items()}

    def flat_channels(self) -> Iterator[Array]:
        """Yield the output for each input channel set to 1, all others to 0; it includes biases.

        If the part begins with a convolution, only the weights of one channel are used at a time:
        all channels together then cost as much as one run of the whole convolution.
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
        session = self._network.session_of(self._nodes, first.input[:2], [self._output])
        (shape,) = self.shapes.values()
        ones = np.ones((1, 1, *shape[2:]), np.float32)
        for piece in np.split(weights, shape[1], axis=_PLAIN[first.op_type]):
            feeds = {first.input[0]: ones, first.input[1]: np.ascontiguousarray(piece)}
            yield session.run(feeds)[self._output].astype(np.float64)

    def _first_convolution(self) -> NodeProto | None:
        """Return the ungrouped convolution that alone takes the part's input; None if none does."""
        takers = [node for node in self._nodes if not self.shapes.keys().isdisjoint(node.input)]
        if len(takers) != 1 or len(self.shapes) != 1 or takers[0].op_type not in _PLAIN:
            return None
        (node,) = takers
        known = node.input[0] in self.shapes and node.input[1] in self._network.constants
        grouped = max([1, *int_attribute(node, "group")]) > 1
        return node if known and not grouped and not node.domain else None


_PLAIN = {"Conv": 1, "ConvTranspose": 0}  # by operator, the axis of input channels in its weights


def _shape(network: Network, part: Part, name: str, side: int) -> tuple[int, ...]:
    """Return the shape of a part's input; if it did not run, a shape that fits its weights."""
    shape = network.shapes.get(name, ())
    if not shape or part.node.name in network.faults:
        weights = [weights_of(network, node) for node in part.weighted_nodes if name in node.input]
        shape = next((array.shape for array in weights if array is not None), (1, 1, 8, 8))
        shape = (1, shape[0 if part.kind != SUB_PIXEL else 1], *(side or 8,) * (len(shape) - 2))
    keep = (0, part.inputs[name] % len(shape))
    return tuple(n if at in keep or not side else side for at, n in enumerate(shape))


def _with_shapes(network: Network, part: Part) -> list[NodeProto]:
    """Return a part's nodes and those that compute shapes from its values, for any size."""
    inside = {*part.inputs, *(name for node in part.nodes for name in node.output)}
    shape_nodes: list[NodeProto] = []
    for node in network.nodes:  # in running order: a node comes after those that it takes from
        if not inside.isdisjoint(node.input) and network.varying.isdisjoint(node.output):
            shape_nodes.append(node)
            inside.update(node.output)
    needed = {name for node in part.nodes for name in node.input}
    kept = list(part.nodes)
    for node in reversed(shape_nodes):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(node.input)
    return in_order(kept)
