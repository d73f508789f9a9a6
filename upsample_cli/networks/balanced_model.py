"""A copy of an ONNX model whose transposed and sub-pixel convolutions are balanced.

The weights of each pair of channels become the nearest weights, in least squares, that keep a flat
picture flat. For transposed convolutions see `kernels.phases`. For a convolution before a pixel
shuffle (DepthToSpace), for its bias and for the slopes of a PRelu between, all phases of a channel
get the same sum; the least change that does this is the same for all taps. Between the two, each
number may go through any function that is the same for all channels. The rest of the network is
neither checked nor changed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto
from onnx.helper import get_attribute_value
from onnx.numpy_helper import from_array, to_array

from upsample_cli.errors import SettingError
from upsample_cli.networks.model_file import graphs_in, read_whole

Balance: TypeAlias = Callable[[NDArray[Any], tuple[int, ...]], NDArray[np.float64]]
"""Takes taps (..., k1, ..., kN) and the stride of each of the N axes; returns balanced taps."""

_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)  # of weights
# Operators that may stand between a convolution and its pixel shuffle, as in SiLU and GELU.
_POINTWISE = (
    "Abs", "Add", "Cast", "Celu", "Clip", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Log", "Max", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow",
    "QuickGelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub",
    "Sum", "Swish", "Tanh", "ThresholdedRelu",
)  # fmt: skip
_QUANTISED = frozenset(("DequantizeLinear", "QLinearConv", "ConvInteger"))


class BalancedModel(NamedTuple):
    """A model with balanced layers.

    Args:
        data: The bytes of its .onnx file.
        moved: By layer name, the relative change of its weights; 0 if they were even.
        unchanged: By name of each layer that was left as it is, the reason.
    """

    data: bytes
    moved: dict[str, float]
    unchanged: dict[str, str]


def balanced_model(
    path: str, layer: str | None, balanced: Balance, even: Collection[str] = ()
) -> BalancedModel:
    """Return a copy of a model with balanced upsampling layers.

    Args:
        path: A .onnx file.
        layer: A glob of the names of the nodes, or of their weights, to balance; None for all.
        balanced: Balances the taps of transposed convolutions, as `kernels.phases.balanced` does.
        even: Names of layers to leave as they are: they have no checkerboard, or a blur removes it.

    Raises:
        NetworkFileError: The file cannot be read, or is too large to be copied.
        SettingError: No layer matches `layer`, or none can be balanced.
    """
    model = read_whole(path)
    moved, left, tensors = dict[str, float](), dict[str, str](), _constants(model.graph)
    nodes = (node for graph in graphs_in(model.graph) for node in graph.node)
    uses = Counter(name for node in nodes for name in node.input)
    is_quantised = not _QUANTISED.isdisjoint(node.op_type for node in model.graph.node)
    for node, shuffle, places in _layers(model, tensors):
        titles = [item.name or item.output[0] for item in (node, shuffle) if item]
        weights = node.input[1] if node else titles[0]
        name = weights.removesuffix(".weight")
        if layer and not any(fnmatchcase(text, layer) for text in (name, weights, *titles)):
            continue
        is_known = node is not None and all(owner.input[at] in tensors for owner, at in places)
        if not {name, *titles}.isdisjoint(even):
            moved[name], left[name] = 0.0, "it has no checkerboard"
        elif is_quantised and not is_known:
            left[name] = "its weights are quantised; repair the float network"
        elif node is None:
            left[name] = "its channels are not made alike from one convolution; balance it by hand"
        elif not is_known:
            left[name] = "its weights are computed, or of another graph"
        elif uses[weights] > 1:
            left[name] = "its weights are shared with another layer"
        else:
            own = [_own(model.graph, tensors, uses, *place) for place in places]
            try:
                moved[name] = _balance(node, shuffle, own, balanced)
            except SettingError as error:
                left[name] = str(error)
            except (LookupError, TypeError, ValueError) as error:
                left[name] = f"it is damaged ({' '.join(str(error).split())})"
    if not moved:
        what = "layer of that name" if layer else "ConvTranspose and no DepthToSpace"
        reasons = [f"{name}: {reason}" for name, reason in left.items()]
        why = "; ".join(reasons or [f"it has no {what}; see upsample audit"])
        raise SettingError(f"no layer of {path} can be balanced: {why}")
    return BalancedModel(model.SerializeToString(), moved, left)


def _constants(graph: GraphProto) -> dict[str, TensorProto]:
    """Return the tensors of a graph's initializers and Constant nodes by name."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values = [entry.t for entry in node.attribute if entry.HasField("t")]
            tensors |= dict(zip(node.output, values, strict=False))
    return tensors


def _own(
    graph: GraphProto, tensors: Mapping[str, TensorProto], uses: Mapping[str, int],
    node: NodeProto, place: int,
) -> TensorProto:  # fmt: skip
    """Return a node's input tensor; if others use it too, first give the node its own copy."""
    tensor = tensors[node.input[place]]
    if uses[node.input[place]] > 1:
        node.input[place] += f" of {node.output[0]}"
        copy: TensorProto = graph.initializer.add()
        copy.CopyFrom(tensor)
        copy.name = node.input[place]
        return copy
    return tensor


def _layers(
    model: ModelProto, tensors: Mapping[str, TensorProto]
) -> Iterator[tuple[NodeProto | None, NodeProto | None, list[tuple[NodeProto, int]]]]:
    """Yield each layer's convolution, its DepthToSpace if it has one, and the inputs to balance.

    An input is a node and the index of its input: the weights, and for a DepthToSpace the bias and
    the slopes of each PRelu between, unless all channels share a slope. The convolution is None if
    the channels of a DepthToSpace do not all come in the same way from one convolution.
    """
    for node in model.graph.node:
        if node.op_type == "ConvTranspose" and len(node.input) > 1:
            yield node, None, [(node, 1)]
        if node.op_type == "DepthToSpace":
            convolution, places = _source(model.graph, tensors, node.input[0])
            yield convolution, node, places


def _source(
    graph: GraphProto, tensors: Mapping[str, TensorProto], name: str
) -> tuple[NodeProto | None, list[tuple[NodeProto, int]]]:
    """Return the convolution from which all channels of a value come in the same way.

    Also return the inputs to balance: its own, and those of nodes after it. None and [] if there is
    no such convolution.
    """
    waiting, slopes = {name}, list[tuple[NodeProto, int]]()
    for node in reversed(graph.node):  # a node stands after all that it draws on
        if waiting.isdisjoint(node.output):
            continue
        if node.op_type == "Conv" and len(waiting) == 1:
            places = [(node, place) for place, value in enumerate(node.input) if value]
            return node, [*places[1:], *slopes]
        if node.op_type not in _POINTWISE:
            break
        waiting.difference_update(node.output)
        varied = [value for value in node.input if value and not _is_one_value(tensors.get(value))]
        if node.op_type == "PRelu" and node.input[1] in varied:
            slopes.append((node, 1))
            varied.remove(node.input[1])
        waiting.update(varied)
    return None, []


def _is_one_value(tensor: TensorProto | None) -> bool:
    """Return whether a tensor is known and holds one value, once or repeated."""
    return tensor is not None and len(np.unique(to_array(tensor))) == 1


def _balance(
    node: NodeProto, shuffle: NodeProto | None, tensors: list[TensorProto], balanced: Balance
) -> float:
    """Balance a layer's tensors in place; return the relative change of the first, the weights."""
    if tensors[0].data_type not in _TYPES:
        kind = TensorProto.DataType.Name(tensors[0].data_type).lower()
        raise SettingError(f"its weights are of {kind}; export it in float32 or float16")
    old = [to_array(tensor) for tensor in tensors]
    if not all(np.isfinite(values).all() for values in old):
        raise SettingError("its weights hold NaN or infinity; export it again")
    settings = _attributes(node)
    if shuffle is None:
        new = [_balanced_taps(old[0], settings, balanced)]
    else:
        settings |= _attributes(shuffle)
        phases, is_crd = settings["blocksize"] ** 2, settings.get("mode") == b"CRD"
        groups, count = settings.get("group", 1), len(old[0])
        if groups > 1 and (not is_crd or count // groups % phases):
            raise SettingError("the pixels of its blocks are of several groups; use one group")
        if any(values.size != count for values in old[1:]):
            raise SettingError(
                "its bias or slopes are not one for each channel; balance it by hand"
            )
        shapes = [old[0].shape, *[(count,)] * len(old[1:])]
        new = [
            _same_sums(values.reshape(shape).astype(np.float64), phases, is_crd)
            for values, shape in zip(old, shapes, strict=True)
        ]
    for tensor, before, after in zip(tensors, old, new, strict=True):
        values = after.reshape(before.shape).astype(before.dtype)
        tensor.CopyFrom(from_array(values, tensor.name))
    norm = np.linalg.norm(old[0].astype(np.float64))  # a float16 would overflow
    return float(np.linalg.norm(new[0] - old[0]) / max(float(norm), 1e-30))


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {entry.name: get_attribute_value(entry) for entry in node.attribute}


def _balanced_taps(
    taps: NDArray[Any], settings: Mapping[str, Any], balanced: Balance
) -> NDArray[np.float64]:
    """Return the balanced taps of a transposed convolution with these attributes."""
    if set(settings.get("dilations", [1])) != {1}:
        raise SettingError("its taps are dilated; balance it by hand")
    stride = tuple(settings.get("strides", [1] * (taps.ndim - 2)))
    if len(stride) != taps.ndim - 2 or min(stride, default=0) < 1:
        raise SettingError(f"its strides {list(stride)} do not fit its weights; export it again")
    return balanced(taps, stride)


def _same_sums(weights: NDArray[np.float64], phases: int, is_crd: bool) -> NDArray[np.float64]:
    """Return the nearest weights or biases, shape (Cout phases, ...), with the same sum per phase.

    With `is_crd` the phases of a channel follow each other; else the channels of a phase do.
    """
    order = (-1, phases) if is_crd else (phases, -1)
    parts = weights.reshape(*order, *weights.shape[1:])
    sums = parts.mean(axis=tuple(range(3, parts.ndim)), keepdims=True)
    parts = parts + sums.mean(axis=1 if is_crd else 0, keepdims=True) - sums
    return np.asarray(parts.reshape(weights.shape), np.float64)
