"""The parts of a network that upsample, from the weights before to the blurs after."""

from dataclasses import replace

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.growth import LAST_STEPS, Growth, block, growths, source_shapes
from upsample_cli.networks.model_graph import (
    FLOAT,
    Network,
    attribute,
    channel_axes,
    is_linear,
)
from upsample_cli.networks.neighbours import before_activation, extended, is_weighed
from upsample_cli.networks.session import RunError
from upsample_cli.networks.upsampling_layer import RESIZE, SUB_PIXEL, TCONV, Axis, UpsamplingPart

RESIZES = frozenset(("Resize", "Upsample"))
_UNPOOL = "where its values go depends on the picture"
_KINDS = {"ConvTranspose": TCONV, "DepthToSpace": SUB_PIXEL, "Resize": RESIZE, "Upsample": RESIZE}
_OPAQUE = frozenset((*_KINDS, "Col2Im", "ConvTransposeWithDynamicPads", "MaxUnpool"))
_LONGEST = 24  # nodes to follow


def places(network: Network) -> list[UpsamplingPart]:
    """Return the parts of a network that upsample, in the order in which they run."""
    results = []
    for growth in growths(network):
        place = _of_growth(network, growth)
        if place is not None:
            results.append(place)
    measured = {node.name for place in results for node in place.nodes}
    lost, waiting = _lost(network)
    for node in network.nodes:
        if node.name in lost:
            kind = _KINDS.get(node.op_type, node.op_type)
            results.append(UpsamplingPart(node, kind, weighing=(node,), unknown=lost[node.name]))
        elif node.name not in measured and (
            node.name not in waiting or node.op_type == "ConvTranspose"
        ):
            place = _of_node(network, node)
            results += [place] if place is not None else []
    return sorted(results, key=lambda place: int(place.node.name))


def _lost(network: Network) -> tuple[dict[str, str], set[str]]:
    """Return why nodes do not run that may upsample, or that others wait for; and those others."""
    lost, waiting_for = dict[str, str](), set[str]()
    for node in network.nodes:
        if node.name not in network.faults or node.op_type == "ConvTranspose":
            continue
        after, waiting = {node.name: node}, list(node.output)
        while waiting:
            for taker in network.consumers.get(waiting.pop(), []):
                if taker.name not in after:
                    after[taker.name] = taker
                    waiting += taker.output
        waiting_for |= after.keys() - {node.name}
        if any(other.op_type in LAST_STEPS | _OPAQUE for other in after.values()):
            more = "" if len(after) == 1 else "; what follows it is not audited"
            lost[node.name] = network.faults[node.name] + more
    return lost, waiting_for


def _of_node(network: Network, node: NodeProto) -> UpsamplingPart | None:
    """Return the part of a node that upsamples by what it is; None where it does not."""
    runs = node.output[0] in network.shapes
    if node.op_type == "MaxUnpool" or _unpools(network, node):
        return UpsamplingPart(node, node.op_type, unknown=_UNPOOL)
    if node.op_type == "ConvTranspose":
        return _of_transposed(network, node, network.faults.get(node.name, ""))
    kind = _KINDS.get(node.op_type, node.op_type)
    if node.op_type in _OPAQUE and not runs:
        return UpsamplingPart(node, kind, unknown="it does not run")
    if node.op_type in RESIZES:
        return UpsamplingPart(node, RESIZE)
    if node.op_type == "DepthToSpace":
        return UpsamplingPart(node, kind, unknown="what it takes is too small to see")
    return None


def _of_transposed(network: Network, node: NodeProto, fault: str) -> UpsamplingPart:
    weights = node.input[1] if len(node.input) > 1 else ""
    place = UpsamplingPart(node, TCONV, weighing=(node,))
    if any(value.name == weights for value in network.inputs):
        return replace(place, unknown=f"'{weights}' is an input of the model")
    if weights in network.varying:
        maker = network.producers[weights].op_type
        return replace(place, unknown=f"its weights are worked out of the model's input by {maker}")
    known = network.constants.get(weights)
    if known is None or known.ndim < 3 or "which is not ONNX's" in fault:
        return replace(place, unknown=fault or network.unread.get(weights, "it does not run"))
    count = known.ndim - 2
    strides = attribute(node, "strides") or [1] * count
    if len(strides) != count or min(strides) < 1:
        return replace(place, unknown=fault or f"its strides {strides} cannot be")
    steps = np.eye(count, dtype=int).tolist()
    axes = tuple(
        Axis(2 + index, stride, (0, *step))
        for index, (stride, step) in enumerate(zip(strides, steps, strict=True))
    )
    place = replace(
        place, nodes=(node,), inputs={node.input[0]: 1}, output=node.output[0], axes=axes
    )
    return extended(network, place)


def _unpools(network: Network, node: NodeProto) -> bool:
    """Tell whether a node puts values where the largest of a picture's were."""
    if not node.op_type.startswith("Scatter") or len(node.input) < 2:
        return False
    waiting, seen = [node.input[1]], set[str]()
    while waiting and len(seen) < _LONGEST:
        name = waiting.pop()
        maker = network.producers.get(name)
        if maker is None or maker.name in seen:
            continue
        if maker.op_type == "MaxPool":
            return len(maker.output) > 1 and name == maker.output[1]
        seen.add(maker.name)
        waiting += network.taken(maker)
    return False


def _of_growth(network: Network, growth: Growth) -> UpsamplingPart | None:
    """Return the part of a value that grows; None where that is no layer of a picture."""
    heart = network.producers[growth.output]
    for kind in ("Einsum", "Transpose", "DepthToSpace"):
        heart = next((node for node in growth.nodes[::-1] if node.op_type == kind), heart)
    place = UpsamplingPart(heart, SUB_PIXEL, growth.nodes, {}, growth.output, growth.axes)
    if _attends(network, growth.output):
        return None
    if growth.empty:
        shapes = source_shapes(network, growth.sources)
        inputs = {source: axis for source, (_, axis) in shapes.items()}
        return extended(network, replace(place, kind=TCONV, inputs=inputs), stuffed=True)
    part = _with_weights(network, growth, place)
    if part.instead and len(growth.sources) > 1:
        activation = network.producers[next(iter(part.instead))]
        why = f"{network.title(activation)} joins branches before it"
        return replace(place, unknown=why)
    return _checked(network, growth, extended(network, part))


def _with_weights(network: Network, growth: Growth, place: UpsamplingPart) -> UpsamplingPart:
    """Return a part with the layers with weights that make what it grows from.

    Activations between are left out: the part takes what comes before them instead.
    """
    shapes = source_shapes(network, growth.sources)
    nodes = {node.name: node for node in growth.nodes}
    inputs: dict[str, int] = {}
    weighing: list[NodeProto] = []
    instead: dict[str, str] = {}
    for source in growth.sources:
        starts = [source]
        base = None if is_weighed(network, source) else before_activation(network, source)
        before = None if base is None else block(network, base)
        if base is not None and before is not None:
            instead[source] = base
            nodes |= {node.name: node for node in before[0]}
            starts = before[1]
        for name in starts:
            node = network.producers.get(name)
            axes = None if node is None else channel_axes(network, node)
            if node is None or axes is None:
                inputs[name] = shapes[source][1]
                continue
            weighing.append(node)
            nodes[node.name] = node
            inputs[network.taken(node)[0]] = axes[0]
    ordered = tuple(sorted(nodes.values(), key=lambda node: int(node.name)))
    inside = {output for node in ordered for output in node.output}
    inputs = {name: axis for name, axis in inputs.items() if name not in inside}
    return replace(place, nodes=ordered, inputs=inputs, weighing=tuple(weighing), instead=instead)


def _checked(network: Network, growth: Growth, place: UpsamplingPart) -> UpsamplingPart:
    """Return a part, unknown where its pixels are of channels without weights before them."""
    if not place.weighing:
        makers = [network.producers.get(source) for source in growth.sources]
        named = [network.title(maker) for maker in makers if maker is not None]
        more = f", but {named[0]}" if named else ""
        copies = len(place.inputs) == len(growth.sources) and not _mixes(network, growth)
        if not copies:
            return replace(place, unknown=f"no convolution stands before it{more}")
    elif (place.instead or _is_fused(place)) and not _keeps_flat(network, growth):
        middle = network.title(growth.nodes[0])
        why = f"{middle} after the activation treats channels differently"
        return replace(place, unknown=why)
    return place


def _is_fused(place: UpsamplingPart) -> bool:
    """Tell whether a layer with weights has an activation of its own."""
    return any(entry.name == "activation" for node in place.weighing for entry in node.attribute)


def _mixes(network: Network, growth: Growth) -> bool:
    """Tell whether channels become pixels one by one, so that each feeds one phase alone."""
    shapes = source_shapes(network, growth.sources)
    total = sum(shape[axis] for shape, axis in shapes.values())
    outcome = network.shapes.get(growth.output, ())
    if not outcome:
        return True
    pixels = int(np.prod([outcome[axis.place] for axis in growth.axes]))
    before = next(iter(shapes.values()))
    low = int(np.prod(before[0])) // before[0][before[1]]
    return int(np.prod(outcome)) // pixels * (pixels // max(1, low)) <= total


def _keeps_flat(network: Network, growth: Growth) -> bool:
    """Tell whether what follows an activation makes the same of all ones at every pixel."""
    shapes = source_shapes(network, growth.sources)
    try:
        session = network.part(growth.nodes, dict.fromkeys(shapes, FLOAT), [growth.output])
        ones = {source: np.ones(shape, np.float32) for source, (shape, _) in shapes.items()}
        outcome = session.run(ones)[growth.output]
    except RunError:
        return False
    for axis in growth.axes:
        quarter = outcome.shape[axis.place] // 4
        middle = outcome.take(range(quarter, outcome.shape[axis.place] - quarter), axis.place)
        slack = 1e-5 * np.abs(outcome).max(initial=0.0)
        if np.ptp(middle, axis=axis.place).max(initial=0.0) > slack:
            return False
    return True


def _attends(network: Network, name: str) -> bool:
    """Tell whether a value is only multiplied by others of the picture, as in attention."""
    for _ in range(_LONGEST):
        takers = network.consumers.get(name, [])
        if len(takers) != 1 or name in network.outputs:
            return False
        node = takers[0]
        if node.op_type == "MatMul" and len(network.taken(node)) > 1:
            return True
        if not is_linear(network, node) or node.op_type not in ("Mul", "Div", "Transpose"):
            return False
        name = node.output[0]
    return False
