"""A part of a network that is ready to run on maps of one size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np
from onnx import NodeProto, helper

from upsample_cli.networks.model_graph import FLOAT, Network, attribute, weights_of
from upsample_cli.networks.session import Array, Session
from upsample_cli.networks.upsampling_layer import SUB_PIXEL, UpsamplingPart

SIDES = (8, 14, 28, 56)  # of the maps that are tried
MOST_NUMBERS = 1 << 24  # of a map that is made


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part that is ready to run.

    Args:
        session: Of its weights as they are.
        shapes: Of what it takes.
        place: What it is of.
        network: Which it is of.
        nodes: What runs.
    """

    session: Session
    shapes: Mapping[str, tuple[int, ...]]
    place: UpsamplingPart
    network: Network
    nodes: Sequence[NodeProto]

    def run(self, feeds: Mapping[str, Array]) -> Array:
        """Return what comes out, in float64."""
        return self.session.run(feeds)[self.place.output].astype(np.float64)

    def zeros(self) -> dict[str, Array]:
        """Return inputs of zeros."""
        return {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}

    def flat_channels(self) -> Iterator[Array]:
        """Yield what comes out of each flat channel of 1, biases and all."""
        thin = self._thin()
        if thin is not None:
            yield from thin
            return
        for name, axis in self.place.inputs.items():
            for channel in range(self.shapes[name][axis]):
                feeds = self.zeros()
                np.moveaxis(feeds[name], axis, 0)[channel] = 1.0
                yield self.run(feeds)

    def _thin(self) -> Iterator[Array] | None:
        """Return likewise, by a convolution of one channel with the weights for each in turn.

        It takes as many products for all channels as the whole convolution for one; None where the
        part does not start with a convolution alone.
        """
        if len(self.place.inputs) != 1 or len(self.place.weighing) != 1:
            return None
        (node,), (name, axis) = self.place.weighing, *self.place.inputs.items()
        weights = self.network.constants.get(node.input[1])
        groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
        if node.op_type not in ("Conv", "ConvTranspose") or node.domain or groups != 1:
            return None
        takers = [other for other in self.nodes if name in other.input]
        if weights is None or node.input[0] != name or axis != 1 or len(takers) > 1:
            return None
        kinds = {name: FLOAT, node.input[1]: FLOAT}
        session = self.network.part(self.nodes, kinds, [self.place.output])
        ones = np.ones((1, 1, *self.shapes[name][2:]), np.float32)
        place = 0 if node.op_type == "ConvTranspose" else 1
        slices = np.split(weights, weights.shape[place], axis=place)
        return (
            session.run({name: ones, node.input[1]: np.ascontiguousarray(part)})[
                self.place.output
            ].astype(np.float64)
            for part in slices
        )

    def with_weights(self, seed: int | None) -> "Part":
        """Return the part with the sizes of its weights, or with random ones above 0."""
        instead = {}
        for node in self.nodes:
            for name in node.input:
                array = self.network.constants.get(name)
                if array is None or array.dtype != np.float32 or array.ndim < 2:
                    continue
                random = np.random.default_rng(seed).uniform(0.5, 1.5, array.shape)
                instead[name] = np.abs(array) if seed is None else random.astype(np.float32)
        return replace(self, session=_session(self.network, self.nodes, self.place, instead))


def parts(network: Network, place: UpsamplingPart) -> Iterator[Callable[[], Part]]:
    """Yield a part on larger and larger maps, then on one of the trial run's size."""
    place, nodes = _unblocked(network, place, _without_activations(place))
    free = _with_shapes(network, nodes, place)
    least = max((4 * d * k for d, k in zip(dilation_of(place) or (1,) * 9, size_of(network, place),
                                           strict=False)), default=0)  # fmt: skip
    sides = [side for side in SIDES if side >= min(least // 2, SIDES[-1])]
    for side, inner in [*((side, free) for side in sides if free), (0, nodes)]:
        shapes = _shapes(network, place, side)
        if shapes is None:
            continue
        steps = [axis.stride * max(side, 1) for axis in place.axes]
        if prod(steps) > MOST_NUMBERS:
            continue
        yield partial(_part, network, inner, place, shapes)


def _part(
    network: Network, nodes: Sequence[NodeProto], place: UpsamplingPart,
    shapes: Mapping[str, tuple[int, ...]],
) -> Part:  # fmt: skip
    return Part(_session(network, nodes, place), shapes, place, network, nodes)


def _without_activations(place: UpsamplingPart) -> list[NodeProto]:
    """Return the nodes of a part that take what comes before activations in the place of it."""
    nodes = []
    for original in place.nodes:
        node = NodeProto()
        node.CopyFrom(original)
        node.ClearField("input")
        node.input.extend(place.instead.get(name, name) for name in original.input)
        if original in place.weighing:
            node.ClearField("attribute")
            node.attribute.extend(
                entry for entry in original.attribute if not entry.name.startswith("activation")
            )
        nodes.append(node)
    return nodes


def _unblocked(
    network: Network, place: UpsamplingPart, nodes: list[NodeProto]
) -> tuple[UpsamplingPart, list[NodeProto]]:
    """Return a part whose output is in the common order: onnxruntime has one in blocks, too."""
    last = network.producers[place.output]
    shape = network.shapes.get(place.output)
    if "nchwc" not in last.domain or last.op_type == "ReorderOutput" or shape is None:
        return place, nodes
    plain = f"{place.output}:plain"
    reorder = helper.make_node(
        "ReorderOutput", [place.output], [plain], f"{last.name}0", domain=last.domain,
        channels=shape[1],
    )  # fmt: skip
    return replace(place, output=plain), [*nodes, reorder]


def _with_shapes(
    network: Network, nodes: Sequence[NodeProto], place: UpsamplingPart
) -> list[NodeProto] | None:
    """Return nodes with those that work out shapes from theirs, so that any size will do."""
    inside = {name for node in nodes for name in node.output} | set(place.inputs)
    more: dict[str, NodeProto] = {}

    def follows(name: str) -> bool:
        """Tell whether a value follows from the part's shapes; keep the nodes by which it does."""
        node = network.producers.get(name)
        if name in inside:
            return True
        if node is None or name in network.varying:
            return False
        results = [follows(other) for other in node.input]
        if any(results):
            more[node.name] = node
        return node.name in more

    try:
        for name in [name for node in nodes for name in node.input]:
            follows(name)
    except RecursionError:
        return None
    return sorted([*nodes, *more.values()], key=lambda node: int(node.name))


def _shapes(
    network: Network, place: UpsamplingPart, side: int
) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes of what a part takes, of maps of some pixels; 0 is as in the trial run."""
    result = {}
    for name, axis in place.inputs.items():
        shape = network.shapes.get(name)
        if side or shape is None:
            shape = _by_weights(network, place, name) or shape
        if shape is None:
            return None
        if side:
            keep = (0, axis % len(shape))
            shape = tuple(n if at in keep else side for at, n in enumerate(shape))
        result[name] = shape
    return result


def _by_weights(network: Network, place: UpsamplingPart, name: str) -> tuple[int, ...] | None:
    """Return a shape that fits the weights of the layer that takes a value."""
    for node in place.weighing:
        weights = weights_of(network, node)
        if node.input[0] != name or weights is None or weights.ndim < 3:
            continue
        groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
        turned = "Transpose" in node.op_type
        channels = len(weights) if turned else weights.shape[1] * groups
        return (1, channels, *(SIDES[0],) * (weights.ndim - 2))
    return None


def _session(
    network: Network, nodes: Sequence[NodeProto], place: UpsamplingPart,
    instead: Mapping[str, Array] | None = None,
) -> Session:  # fmt: skip
    return network.part(nodes, dict.fromkeys(place.inputs, FLOAT), [place.output], instead)


def size_of(network: Network, place: UpsamplingPart) -> tuple[int, ...]:
    """Return the taps of a layer's own kernel, the largest where there are several."""
    sizes = []
    for node in place.weighing:
        weights = weights_of(network, node)
        if "Conv" in node.op_type and weights is not None:
            sizes.append(weights.shape[2:])
    if not sizes or len({len(size) for size in sizes}) > 1:
        return ()
    return tuple(int(max(lengths)) for lengths in zip(*sizes, strict=True))


def dilation_of(place: UpsamplingPart) -> tuple[int, ...]:
    """Return the distance of a layer's neighbouring taps; nothing where it says none."""
    if place.kind == SUB_PIXEL or not place.weighing:
        return ()
    return tuple(attribute(place.weighing[0], "dilations"))
