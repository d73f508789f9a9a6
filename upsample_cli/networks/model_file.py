"""Reading ONNX files: models, and their tensors as arrays."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import uses_external_data
from onnx.helper import tensor_dtype_to_np_dtype
from onnx.inliner import inline_local_functions
from onnx.numpy_helper import to_array

from upsample_cli.errors import NetworkFileError, no_file

_LARGEST = (1 << 31) - 1  # bytes that the file of one model can hold

READ_AS_FLOAT32 = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def read(path: str) -> ModelProto:
    """Return the model in a file, with calls to its local functions inlined.

    Args:
        path: The .onnx file. External data are not read yet.

    Raises:
        NetworkFileError: There is no such file, or it is not a model, or damaged.
    """
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except FileNotFoundError as error:
        raise NetworkFileError(no_file("model", path)) from error
    except (OSError, ValueError, DecodeError) as error:
        raise NetworkFileError(f"{path} is not an ONNX model; export it again") from error
    if not model.graph.node:
        raise NetworkFileError(f"{path} holds no layers; export it again")
    if not all(isinstance(text, str) for text in _texts(model)):
        raise NetworkFileError(f"{path} is damaged; export it again")
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for function in model.functions:  # onnx inlines no functions of other versions
        for entry in function.opset_import:
            entry.version = versions.get(entry.domain, entry.version)
    try:
        return inline_local_functions(model) if model.functions else model
    except (
        RuntimeError,
        TypeError,
        ValueError,
        DecodeError,
        onnx.checker.ValidationError,
    ) as error:
        raise NetworkFileError(f"{path} has damaged functions; export it again") from error


def _texts(message: Message) -> Iterator[object]:
    """Yield all strings in a message; protobuf returns those that are not UTF-8 as bytes."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            yield from [value] if isinstance(value, str | bytes) else value
        elif field.type == field.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                yield from _texts(inner)


def array_of(tensor: TensorProto, folder: Path) -> NDArray[Any]:
    """Return the array of a tensor; half floats and doubles become float32.

    Args:
        tensor: A tensor; its external data, if any, are read from `folder`.
        folder: The folder of the model.

    Raises:
        ValueError: The data cannot be read, or are text; the message says why.
    """
    try:
        if min(tensor.dims, default=0) < 0:
            raise ValueError("its shape is damaged")
        if uses_external_data(tensor):
            tensor = with_data(tensor, folder)
        array = to_array(tensor)
    except (OSError, OverflowError, TypeError, ValueError, KeyError, NotImplementedError) as error:
        raise ValueError(f"the data of '{tensor.name}' cannot be read ({error})") from error
    if array.dtype.kind in "OSU":
        raise ValueError(f"'{tensor.name}' holds text")
    with np.errstate(over="ignore"):
        return array.astype(np.float32) if tensor.data_type in READ_AS_FLOAT32 else array


def with_data(tensor: TensorProto, folder: Path) -> TensorProto:
    """Return a tensor with its external data read in; their length has to fit its shape.

    Symbolic links are followed: caches keep models and their data as links to files elsewhere.

    Args:
        tensor: It names the file, offset and length of its data.
        folder: The folder of the model; paths that lead out of it are refused.

    Raises:
        OSError: The file cannot be read.
        ValueError: The path or the length does not fit; the message says why.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = Path(entries.get("location", ""))
    if location.anchor or ".." in location.parts:
        raise ValueError(f"{location} lies outside the model's folder")
    path = folder / location
    if not path.is_file():  # reading a pipe or device may never end
        raise ValueError(f"no file {location} beside the model")
    start, size = int(entries.get("offset", 0)), path.stat().st_size
    length = int(entries.get("length", max(0, size - start)))
    if start < 0 or length < 0 or start + length > size:
        raise ValueError(f"{location} has only {size} bytes")
    needed = prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if length != needed:
        raise ValueError(f"it has {length} bytes, not the {needed} of its shape")
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(length)
    return TensorProto(
        name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, raw_data=data
    )


def read_whole(path: str) -> ModelProto:
    """Return the model in a file, with the data that lie in other files; see `read`.

    Raises:
        NetworkFileError: It cannot be read, or is too large for one file.
    """
    model = read(path)
    size = Path(path).stat().st_size
    try:
        for tensor in filter(uses_external_data, [*_tensors_in(model.graph)]):
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


def graphs_in(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and its inner graphs, those of If and Loop."""
    yield graph
    for node in graph.node:
        for entry in node.attribute:
            if entry.HasField("g"):
                yield from graphs_in(entry.g)


def _tensors_in(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield all tensors in a graph and in its inner graphs."""
    for part in graphs_in(graph):
        yield from part.initializer
        for node in part.node:
            yield from (entry.t for entry in node.attribute if entry.HasField("t"))
