"""ONNX files: read with limits on what a damaged or hostile one can cost."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
)
from onnx.external_data_helper import uses_external_data
from onnx.numpy_helper import from_array, to_array

from upsample_cli.errors import NetworkFileError

MOST_BYTES = 1 << 30  # of all weights of a model
_WIDTHS = {TensorProto.INT4: 0.5, TensorProto.UINT4: 0.5, TensorProto.FLOAT4E2M1: 0.5}  # bytes


def read(path: str) -> ModelProto:
    """Return the model of a file, with all weights that can be read.

    A weight that cannot be read has no data; its `doc_string` says why.

    Args:
        path: The .onnx file. External data are read from its folder and nowhere else.

    Raises:
        NetworkFileError: There is no such file, it is not a model, or it is too large.
    """
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except FileNotFoundError as error:
        raise NetworkFileError(f"no file {path}; check the path") from error
    except (OSError, ValueError, DecodeError) as error:
        raise NetworkFileError(f"{path} is no ONNX model; export it again") from error
    if not model.graph.node:
        raise NetworkFileError(f"{path} holds no network; export it again")
    graphs: list[GraphProto | FunctionProto] = [model.graph, *model.functions]
    graphs += [inner for graph in list(graphs) for inner in _inner(graph.node)]
    if not all(map(_is_text, graphs)):
        raise NetworkFileError(f"{path} is damaged; export it again")
    left = MOST_BYTES
    for tensor in (tensor for graph in graphs for tensor in _tensors(graph)):
        left -= _check(tensor, Path(path).parent)
        if left < 0:
            raise NetworkFileError(
                f"{path} has weights of more than {MOST_BYTES >> 20} MiB; audit its layers "
                "one by one as .npy or .safetensors"
            )
        _fill(tensor, Path(path).parent)
    for graph in graphs:
        _densify(graph)
    return model


def children(node: NodeProto) -> Iterator[tuple[AttributeProto, GraphProto]]:
    """Yield the graphs within a node, each with its attribute: branches and bodies."""
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else []
        for graph in [*graphs, *attribute.graphs]:
            yield attribute, graph


def _inner(nodes: object) -> list[GraphProto]:
    """Return the graphs within nodes, at any depth."""
    result: list[GraphProto] = []
    waiting = list(nodes)  # type: ignore[call-overload] # protobuf's repeated field
    while waiting:
        for _, graph in children(waiting.pop()):
            result.append(graph)
            waiting.extend(graph.node)
    return result


def _is_text(graph: GraphProto | FunctionProto) -> bool:
    """Tell whether all names are text: protobuf hands on what is no UTF-8 as bytes."""
    words: list[object] = [graph.name]
    if isinstance(graph, GraphProto):
        words += [tensor.name for tensor in graph.initializer]
        words += [tensor.values.name for tensor in graph.sparse_initializer]
        words += [value.name for value in (*graph.input, *graph.output)]
    else:
        words += [graph.domain, *graph.input, *graph.output]
    for node in graph.node:
        words += [*node.input, *node.output, node.name, node.op_type, node.domain]
        words += [attribute.name for attribute in node.attribute]
    return all(isinstance(word, str) for word in words)


def _tensors(graph: GraphProto | FunctionProto) -> Iterator[TensorProto]:
    """Yield the tensors of a graph and of its nodes' attributes."""
    if isinstance(graph, GraphProto):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _check(tensor: TensorProto, folder: Path) -> int:
    """Return how many bytes a tensor takes; mark it where they cannot be those of its shape."""
    if min(tensor.dims, default=0) < 0:
        _mark(tensor, f"the shape of '{tensor.name}' is damaged")
        return 0
    if not uses_external_data(tensor):
        return int(tensor.ByteSize())
    try:
        size = _size(tensor)
        if _place(tensor, folder)[2] != size:
            raise ValueError(f"its shape takes {size} bytes")
    except (OSError, OverflowError, TypeError, ValueError, KeyError) as error:
        _mark(tensor, f"the data of '{tensor.name}' cannot be read ({error})")
        return 0
    return size


def _size(tensor: TensorProto) -> int:
    if tensor.data_type in _WIDTHS:
        return int(-(-prod(tensor.dims) // 2))
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return int(prod(tensor.dims) * kind.itemsize)


def _place(tensor: TensorProto, folder: Path) -> tuple[Path, int, int]:
    """Return the file of a tensor's data, where they start there and how long they are.

    Links are followed: caches keep a model and its data as links to files elsewhere.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = Path(entries.get("location", ""))
    if location.anchor or ".." in location.parts:
        raise ValueError(f"{location} lies outside the model's folder")
    path = folder / location
    if not path.is_file():  # others may never end
        raise ValueError(f"no file {location} beside the model")
    start, size = int(entries.get("offset", 0)), path.stat().st_size
    length = int(entries.get("length", max(0, size - start)))
    if start < 0 or length < 0 or start + length > size:
        raise ValueError(f"{location} has only {size} bytes")
    return path, start, length


def _fill(tensor: TensorProto, folder: Path) -> None:
    """Read the external data of a tensor."""
    if not uses_external_data(tensor):
        return
    path, start, length = _place(tensor, folder)
    with path.open("rb") as file:
        file.seek(start)
        tensor.raw_data = file.read(length)
    tensor.ClearField("data_location")
    del tensor.external_data[:]


def _mark(tensor: TensorProto, reason: str) -> None:
    """Empty a tensor and say why."""
    tensor.CopyFrom(TensorProto(name=tensor.name, data_type=TensorProto.FLOAT, dims=[0]))
    tensor.doc_string = reason


def _densify(graph: GraphProto | FunctionProto) -> None:
    """Put dense tensors in the place of sparse ones."""
    if isinstance(graph, GraphProto):
        for sparse in graph.sparse_initializer:
            graph.initializer.append(_dense(sparse, sparse.values.name))
        del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "sparse_value":
                dense = _dense(attribute.sparse_tensor, node.output[0] if node.output else "")
                attribute.CopyFrom(onnx.helper.make_attribute("value", dense))


def _dense(sparse: SparseTensorProto, name: str) -> TensorProto:
    try:
        if prod(sparse.dims) * 4 > MOST_BYTES:
            raise ValueError("it takes too much memory")
        values, places = to_array(sparse.values).reshape(-1), to_array(sparse.indices)
        if places.ndim == 2:
            places = np.ravel_multi_index(tuple(places.T), tuple(sparse.dims))
        if places.shape != values.shape or places.min(initial=0) < 0:
            raise ValueError("its places are damaged")
        whole = np.zeros(prod(sparse.dims), values.dtype)
        whole[places] = values
        return from_array(whole.reshape(tuple(sparse.dims)), name)
    except (ValueError, IndexError, TypeError, KeyError) as error:
        dense = TensorProto(name=name)
        _mark(dense, f"the sparse tensor '{name}' cannot be read ({error})")
        return dense
