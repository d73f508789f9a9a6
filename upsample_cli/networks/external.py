"""Data of an ONNX model's tensors that lie in files of their own, beside the model.

Unlike onnx's own reader this follows links: hubs and caches keep a model and its data as links to
files elsewhere. What a model says itself leads to no place outside its folder.
"""

from collections.abc import Iterator
from pathlib import Path

from onnx import NodeProto, TensorProto
from onnx.external_data_helper import uses_external_data

from upsample_cli.networks.unreadable import UnreadableError


def loaded(tensor: TensorProto, folder: Path) -> TensorProto:
    """Return a tensor with its data.

    Args:
        tensor: Of which they may lie in a file of their own.
        folder: The model's.

    Raises:
        UnreadableError: They are not there, or are to lie outside the folder.
    """
    if not uses_external_data(tensor):
        return tensor
    whole = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    try:
        whole.raw_data = _read({each.key: each.value for each in tensor.external_data}, folder)
    except (OSError, OverflowError, TypeError, ValueError) as error:
        raise UnreadableError(f"the data of '{tensor.name}' cannot be read ({error})") from error
    return whole


def inside(node: NodeProto, folder: Path) -> NodeProto:
    """Return a node whose own tensors have their data.

    Args:
        node: Such as a Constant.
        folder: The model's.

    Raises:
        UnreadableError: As for `loaded`.
    """
    if not any(map(uses_external_data, _tensors(node))):
        return node
    whole = NodeProto()
    whole.CopyFrom(node)
    for tensor in _tensors(whole):
        tensor.CopyFrom(loaded(tensor, folder))
    return whole


def _tensors(node: NodeProto) -> Iterator[TensorProto]:
    """Yield the tensors of a node's attributes."""
    for each in node.attribute:
        yield from (each.t, each.sparse_tensor.values, each.sparse_tensor.indices)


def _read(entries: dict[str, str], folder: Path) -> bytes:
    """Return the bytes that the entries of a tensor tell of."""
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
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)
