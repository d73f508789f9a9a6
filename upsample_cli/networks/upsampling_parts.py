"""Finds the parts of a network that upsample, with the weights before and the blurs after."""

from dataclasses import replace
from math import prod

import numpy as np
from onnx import NodeProto

from upsample_cli.networks.growth import LAST_STEPS, block, growing_parts
from upsample_cli.networks.model_graph import (
    SHAPE_ONLY,
    Network,
    RunError,
    channel_axes,
    in_order,
    int_attribute,
    is_activated,
    is_linear,
    without_attributes,
)
from upsample_cli.networks.neighbours import before_activation, extended, identity_for
from upsample_cli.networks.part import Part, ReadyPart, pixel_axes
from upsample_cli.networks.probe import UnsteadyError, one_period
from upsample_cli.networks.upsampling_layer import RESIZE, SUB_PIXEL, TCONV

RESIZES = frozenset(("Resize", "Upsample"))
_KINDS = {"ConvTranspose": TCONV, "DepthToSpace": SUB_PIXEL, "Resize": RESIZE, "Upsample": RESIZE}
_UPSAMPLERS = frozenset((*_KINDS, "Col2Im", "ConvTransposeWithDynamicPads", "MaxUnpool"))
_LONGEST = 24  # nodes to follow, at most
_MOVES = frozenset((
    "Div", "Gather", "Mul", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
))  # fmt: skip # operators that cut a value into heads of attention, and scale them


def upsampling_parts(network: Network) -> list[Part]:
    """Return the parts of a network that upsample, in the order in which they run."""
    results = [part for grown in growing_parts(network) if (part := _of_growth(network, grown))]
    measured = {node.name for part in results for node in part.nodes}
    waiting = set[str]()
    for node in network.nodes:
        part = None
        if node.name in network.faults and node.op_type != "ConvTranspose":
            after = _after(network, node)
            waiting |= {other.name for other in after}
            if any(other.op_type in LAST_STEPS | _UPSAMPLERS for other in (node, *after)):
                more = "; what follows it is not audited" if after else ""
                part = _unknown(node, network.faults[node.name] + more, (node,))
        elif node.name not in measured:
            if node.op_type == "ConvTranspose":
                part = _of_transposed(network, node)
            elif node.name not in waiting:
                part = _of_node(network, node)
        results += [part] if part else []
    return sorted(results, key=lambda part: int(part.node.name))


def _unknown(node: NodeProto, reason: str, weighted: tuple[NodeProto, ...] = ()) -> Part:
    """Return a part that cannot be measured, with the reason."""
    kind = _KINDS.get(node.op_type, node.op_type)
    return Part(node, kind, weighted_nodes=weighted, unknown=reason)


def _after(network: Network, node: NodeProto) -> list[NodeProto]:
    """Return all nodes that depend on the outputs of a node."""
    missing, result = set(filter(None, node.output)), list[NodeProto]()
    for other in network.nodes:
        if not missing.isdisjoint(other.input):
            missing.update(filter(None, other.output))
            result.append(other)
    return result


def _of_node(network: Network, node: NodeProto) -> Part | None:
    """Return the part of a node whose operator itself upsamples; None if it does not upsample."""
    if node.op_type == "MaxUnpool" or _unpools(network, node):
        return _unknown(node, "where its values go depends on the picture")
    if node.op_type in _UPSAMPLERS and node.output[0] not in network.shapes:
        return _unknown(node, "it does not run")
    if node.op_type == "DepthToSpace":
        return _unknown(node, "its input is too small to be judged")
    return Part(node, RESIZE) if node.op_type in RESIZES else None


def _of_transposed(network: Network, node: NodeProto) -> Part:
    """Return the part of a transposed convolution, even where the trial run does not get to it."""
    fault = network.faults.get(node.name, "")
    weights = node.input[1] if len(node.input) > 1 else ""
    if weights in network.varying:
        maker = network.producers.get(weights)
        source = f"worked out of the model's input by {maker.op_type}" if maker else "its input"
        return _unknown(node, f"its weights are {source}", (node,))
    known = network.constants.get(weights)
    if known is None or known.ndim < 3 or "which is not ONNX's" in fault:
        return _unknown(node, fault or "it does not run", (node,))
    strides = int_attribute(node, "strides") or [1] * (known.ndim - 2)
    if len(strides) != known.ndim - 2 or min(strides) < 1:
        return _unknown(node, fault or f"its strides {strides} are impossible", (node,))
    return extended(network, Part(
        node, TCONV, (node,), {node.input[0]: 1}, node.output[0], pixel_axes(strides), (node,)
    ))  # fmt: skip


def _unpools(network: Network, node: NodeProto) -> bool:
    """Return whether a node puts values at the places that a MaxPool reports."""
    names = node.input[1:2] if node.op_type.startswith("Scatter") else []
    for _ in range(_LONGEST):
        maker = network.producers.get(names[0]) if names else None
        if maker is None or maker.op_type == "MaxPool":
            return maker is not None and names[0] in maker.output[1:]
        names = network.taken(maker)
    return False


def _of_growth(network: Network, part: Part) -> Part | None:
    """Return the complete layer of a part that enlarges; None if the part is attention."""
    if _attends(network, part.output):
        return None
    if part.unfed_share:
        return extended(network, part, stuffed=True)
    whole, activations = _with_weights(network, part)
    is_nonlinear = bool(activations) or any(map(is_activated, whole.weighted_nodes))
    size_before, reason = sum(prod(network.shapes[source]) for source in part.inputs), ""
    if activations and len(part.inputs) > 1:
        reason = f"{network.title(activations[0])} joins branches before it"
    elif not whole.weighted_nodes and prod(network.shapes[part.output]) <= size_before:
        # No numbers were copied to enlarge: only channels became pixels.
        makers = [network.producers[name] for name in part.inputs if name in network.producers]
        named = f", but {network.title(makers[0])}" if makers else ""
        reason = f"no convolution stands before it{named}"
    elif is_nonlinear and not _keeps_flat(network, part):
        title = network.title(part.nodes[0])
        reason = f"{title} after the activation treats channels differently"
    return replace(whole, unknown=reason) if reason else extended(network, whole)


def _with_weights(network: Network, part: Part) -> tuple[Part, list[NodeProto]]:
    """Return a part that includes the layers with weights before it, and the activations between.

    In the part, Identity nodes replace the activations.
    """
    nodes, inputs = list(part.nodes), dict[str, int]()
    weighted, activations = list[NodeProto](), list[NodeProto]()
    for source, axis in part.inputs.items():
        maker, starts = network.producers.get(source), [source]
        base = None if channel_axes(network, maker) else before_activation(network, source)
        if base is not None and maker is not None:
            before, starts = block(network, base)
            activations.append(maker)
            nodes += [identity_for(maker, base), *before]
        for name in starts:
            node = network.producers.get(name)
            axes = channel_axes(network, node)
            if node is None or axes is None:
                inputs[name] = axis
                continue
            weighted.append(node)
            nodes.append(without_attributes(node, "activation"))
            inputs[network.taken(node)[0]] = axes[0]
    inside = {output for node in nodes for output in node.output}
    inputs = {name: axis for name, axis in inputs.items() if name not in inside}
    whole = replace(part, nodes=in_order(nodes), inputs=inputs, weighted_nodes=tuple(weighted))
    return whole, activations


def _keeps_flat(network: Network, part: Part) -> bool:
    """Return whether a part's output for inputs of 1 is the same at every pixel."""
    for side in (8, 0):
        try:
            ready = ReadyPart(network, part, side)
            period = one_period(ready.run(ready.flat(1.0)), part.axes)
        except (RunError, UnsteadyError):
            continue
        spread = np.ptp(period.reshape(len(period), -1), axis=1)
        return bool(spread.max() <= 1e-5 * np.abs(period).max())
    return False


def _attends(network: Network, name: str, steps: int = _LONGEST) -> bool:
    """Return whether a value is only multiplied by values that vary, as in attention.

    Before that it may be moved and scaled, as queries, keys and values of several heads are.
    """
    takers = [node for node in network.consumers.get(name, []) if node.op_type not in SHAPE_ONLY]
    return bool(takers and steps) and name not in network.outputs and all(
        (node.op_type == "MatMul" and len(network.taken(node)) > 1)
        or (is_linear(network, node) and node.op_type in _MOVES
            and all(_attends(network, output, steps - 1) for output in filter(None, node.output)))
        for node in takers
    )  # fmt: skip
