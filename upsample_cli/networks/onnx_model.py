"""The upsampling layers of an ONNX model, in the order in which they run."""

from collections.abc import Iterator
from itertools import chain
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto

from upsample_cli.errors import NetworkFileError
from upsample_cli.networks.constants import floats
from upsample_cli.networks.conv_attributes import Spans, spans
from upsample_cli.networks.following import followed
from upsample_cli.networks.functions import inlined
from upsample_cli.networks.graph import Graph, given, operator, readable, title
from upsample_cli.networks.interleaving import interleaves
from upsample_cli.networks.layer import MOST_SUMS, RESIZE, SUB_PIXEL, TCONV, Layer, transposed
from upsample_cli.networks.pads import with_pads
from upsample_cli.networks.resizes import resize_layer
from upsample_cli.networks.shuffles import shuffle
from upsample_cli.networks.sub_pixels import sub_pixel_layer
from upsample_cli.networks.unpooling import unpools
from upsample_cli.networks.unreadable import UnreadableError

_KINDS = {
    "ConvTranspose": TCONV, "DepthToSpace": SUB_PIXEL, "Einsum": SUB_PIXEL, "Resize": RESIZE,
    "Transpose": SUB_PIXEL, "Upsample": RESIZE,
}  # fmt: skip
# Ways to upsample that no fixed weights describe.
_OPAQUE = {
    "ConvTransposeWithDynamicPads": "its padding is worked out as it runs",
    "Col2Im": "it adds up patches that overlap; spell it as a transposed convolution",
    "MaxUnpool": "where its values go depends on the picture",
    "QLinearConvTranspose": "its weights are whole numbers; audit the model before quantisation",
}


def layers(path: str) -> Iterator[Layer]:
    """Return every transposed convolution, pixel shuffle and interpolation of a model, one by one.

    Those within the branches of If and the bodies of Loop, Scan and local functions are among
    them. What cannot be read is there too, with the reason. The weights of each are read as it is
    asked for, so that those of one layer at a time take memory.

    Args:
        path: The .onnx file; external data are read from beside it, only what is needed.

    Raises:
        NetworkFileError: There is no such file, or it is no model.
    """
    model = _model(path)
    opsets = {each.domain: each.version for each in model.opset_import}
    if "ai.onnx" in opsets:  # another name of ONNX's own domain
        opsets[""] = opsets["ai.onnx"]
    graphs = list(Graph(model.graph, Path(path).parent, opsets).within())
    if not all(map(readable, graphs)):
        raise NetworkFileError(f"{path} is damaged; export it again")
    return chain.from_iterable(map(_of_graph, graphs))


def _model(path: str) -> ModelProto:
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except FileNotFoundError as error:
        raise NetworkFileError(f"no file {path}; check the path") from error
    except (OSError, ValueError, DecodeError) as error:
        raise NetworkFileError(f"{path} is no ONNX model; export it again") from error
    if not model.graph.node:
        raise NetworkFileError(f"{path} holds no network; export it again")
    return inlined(model, path) if model.functions else model


def _of_graph(graph: Graph) -> Iterator[Layer]:
    for node in graph.proto.node:
        name = title(graph, node)
        try:
            found = shuffle(graph, node)
            if found is not None:
                yield followed(graph, node, sub_pixel_layer(graph, node, found), found)
            elif operator(node) == "ConvTranspose":
                yield followed(graph, node, _transposed(graph, node, name))
            elif operator(node) in ("Resize", "Upsample"):
                layer = resize_layer(graph, node, name)
                if layer is not None:
                    yield layer
            elif operator(node) in _OPAQUE:
                raise UnreadableError(_OPAQUE[node.op_type])
            elif unpools(graph, node):
                raise UnreadableError(_OPAQUE["MaxUnpool"])
            elif interleaves(graph, node):
                raise UnreadableError("it puts maps between each other's pixels; shuffle channels")
            elif operator(node) != node.op_type in _KINDS.keys() - {"Einsum", "Transpose"}:
                raise UnreadableError(f"it is {operator(node)}, which is not ONNX's own")
        except UnreadableError as error:
            kind = _KINDS.get(node.op_type, node.op_type)
            yield Layer(name, kind, unknown=str(error))


def _transposed(graph: Graph, node: NodeProto, name: str) -> Layer:
    stored = graph.tensor(given(node, 1))
    if stored is not None:  # its shape is known without its data, which may be far too many
        _spans(node, tuple(stored.dims))
    weights = floats(graph, given(node, 1))
    found = with_pads(graph, node, _spans(node, weights.shape))
    return transposed(name, weights, found.stride, found.padding, found.dilation, found.groups)


def _spans(node: NodeProto, shape: tuple[int, ...]) -> Spans:
    """Return the numbers of a transposed convolution that fit the shape of its weights."""
    if len(shape) < 3 or min(shape) < 1:
        raise UnreadableError(f"its weights have shape {shape}")
    found = spans(node, shape[2:])
    if shape[0] % found.groups:
        raise UnreadableError(f"{shape[0]} channels do not fall into {found.groups} groups")
    phases = prod(found.stride)
    if phases * prod(shape[:2]) > MOST_SUMS:
        pairs = " x ".join(map(str, shape[:2]))
        raise UnreadableError(f"its {phases} phases of {pairs} channels are too many to judge")
    return found
