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
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto
from onnx.external_data_helper import uses_external_data
from onnx.helper import get_attribute_value
from onnx.numpy_helper import from_array, to_array

from upsample_cli.errors import NetworkFileError, SettingError
from upsample_cli.networks.model_file import read, with_data

Balance: TypeAlias = Callable[[NDArray[Any], tuple[int, ...]], NDArray[np.float64]]
"""Takes taps (..., k1, ..., kN) and the stride of each of the N axes; returns balanced taps."""

_LARGEST = (1 << 31) - 1  # bytes that the file of one model can hold
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
    model = _whole(path)
    moved: dict[str, float] = {}
    left: dict[str, str] = {}
    tensors = _constants(model.graph)
    uses = Counter(name for node in model.graph.node for name in node.input)
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
    if not moved:
        why = "; ".join(f"{name}: {reason}" for name, reason in left.items())
        what = "no layer of that name" if layer else "no ConvTranspose and no DepthToSpace"
        raise SettingError(f"{path} has {what} to balance; {why or 'see upsample audit'}")
    return BalancedModel(model.SerializeToString(), moved, left)


def _whole(path: str) -> ModelProto:
    """Return a model with the data that lie in other files."""
    model = read(path)
    size = Path(path).stat().st_size
    try:
        for tensor in filter(uses_external_data, [*_tensors(model.graph)]):
            tensor.CopyFrom(with_data(tensor, Path(path).parent))
            size += len(tensor.raw_data)
            if size > _LARGEST:
                raise NetworkFileError(
                    f"{path} takes more than 2 GiB, too much for one file; export it in float16"
                )
    except (OSError, ValueError) as error:
        raise NetworkFileError(
            f"{path} cannot be copied whole: {error}; export it again"
        ) from error
    return model


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield all tensors in a graph and in its inner graphs."""
    yield from graph.initializer
    for node in graph.node:
        for entry in node.attribute:
            yield from [entry.t] if entry.HasField("t") else []
            yield from _tensors(entry.g) if entry.HasField("g") else ()


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
        if node.op_type == "ConvTranspose":
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
    attributes = {entry.name: get_attribute_value(entry) for entry in node.attribute}
    old = to_array(tensors[0])
    if tensors[0].data_type not in _TYPES:
        kind = TensorProto.DataType.Name(tensors[0].data_type).lower()
        raise SettingError(f"its weights are of {kind}; export it in float32 or float16")
    if shuffle is None:
        if set(attributes.get("dilations", [1])) != {1}:
            raise SettingError("its taps are dilated; balance it by hand")
        stride = tuple(attributes.get("strides", [1] * (old.ndim - 2)))
        new = balanced(old, stride)
    else:
        settings = {entry.name: get_attribute_value(entry) for entry in shuffle.attribute}
        is_crd = settings.get("mode", b"DCR") == b"CRD"
        groups = attributes.get("group", 1)
        if groups > 1 and (not is_crd or len(old) // groups % settings["blocksize"] ** 2):
            raise SettingError("the pixels of its blocks are of several groups; use one group")
        for tensor in tensors[1:]:
            values = to_array(tensor)
            flat = values.ravel().astype(np.float64)
            even = _same_sums(flat, settings["blocksize"] ** 2, is_crd).reshape(values.shape)
            tensor.CopyFrom(from_array(even.astype(values.dtype), tensor.name))
        new = _same_sums(old.astype(np.float64), settings["blocksize"] ** 2, is_crd)
    tensors[0].CopyFrom(from_array(new.astype(old.dtype), tensors[0].name))
    return float(np.linalg.norm(new - old) / max(float(np.linalg.norm(old)), 1e-30))


def _same_sums(weights: NDArray[np.float64], phases: int, is_crd: bool) -> NDArray[np.float64]:
    """Return the nearest weights or biases, shape (Cout phases, ...), with the same sum per phase.

    With `is_crd` the phases of a channel follow each other; else the channels of a phase do.
    """
    order = (-1, phases) if is_crd else (phases, -1)
    parts = weights.reshape(*order, *weights.shape[1:])
    sums = parts.mean(axis=tuple(range(3, parts.ndim)), keepdims=True)
    parts = parts + sums.mean(axis=1 if is_crd else 0, keepdims=True) - sums
    return np.asarray(parts.reshape(weights.shape), np.float64)
