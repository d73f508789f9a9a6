"""Weights of ONNX models that are kept as sparse tensors."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import WEIGHTS, only
from models import Array, model, node
from onnx import SparseTensorProto, helper, numpy_helper

from upsample_cli.errors import NetworkFileError
from upsample_cli.networks.onnx_layers import layers_of as layers

UP = node("ConvTranspose", "x w", "y", strides=[2, 2])
THIN = np.where(WEIGHTS > 0.5, WEIGHTS, 0).astype(np.float32)
PLACES = np.argwhere(THIN)
FLAT = np.flatnonzero(THIN)
VALUES = THIN.ravel()[FLAT]


def sparse(places: Array, values: Array = VALUES, name: str = "w") -> SparseTensorProto:
    """Return a sparse tensor of the shape of the weights."""
    parts = numpy_helper.from_array(values, name), numpy_helper.from_array(places, "places")
    return helper.make_sparse_tensor(*parts, WEIGHTS.shape)


def held(tensor: SparseTensorProto, where: str) -> onnx.ModelProto:
    """Return a model with it, as a tensor of its own or within a Constant."""
    if where == "constant":
        return model([helper.make_node("Constant", [], ["w"], sparse_value=tensor), UP])
    made = model([UP])
    made.graph.sparse_initializer.append(tensor)
    return made


@pytest.mark.parametrize("where", ["constant", "tensor"])
@pytest.mark.parametrize("places", [PLACES, FLAT], ids=["axes", "flat"])
def test_sparse_weights_are_read(tmp_path: Path, where: str, places: Array) -> None:
    """What is not among the places is 0, whichever way they are numbered."""
    figure = only(held(sparse(places), where), tmp_path)
    assert figure == only(model([UP], {"w": THIN}), tmp_path)


def test_a_sparse_tensor_of_more_numbers_than_memory_is_unknown(tmp_path: Path) -> None:
    """One number can stand among any number of zeros; they are counted first."""
    tensor = sparse(FLAT[:1], VALUES[:1])
    tensor.dims[0] = 2**40
    figure = only(held(tensor, "tensor"), tmp_path)
    assert figure.remedy == ("the sparse tensor 'w' cannot be read (it takes too much memory)")


@pytest.mark.parametrize("places", [FLAT - 50, FLAT + 50, FLAT[1:], PLACES + 1, PLACES[:, 1:]])
def test_damaged_places_are_unknown(tmp_path: Path, places: Array) -> None:
    """Places before or beyond the tensor, or fewer than numbers, end in no traceback."""
    figure = only(held(sparse(places), "constant"), tmp_path)
    assert (figure.verdict, figure.remedy[:25]) == ("unknown", "the sparse tensor 'w' can")


def test_names_that_are_no_text_are_damage(tmp_path: Path) -> None:
    """Damage can strike the name of a sparse tensor, too."""
    made = held(sparse(FLAT, name="wwww"), "tensor")
    path = tmp_path / "damaged.onnx"
    path.write_bytes(made.SerializeToString().replace(b"wwww", b"\xff\xfe\xfdw"))
    with pytest.raises(NetworkFileError, match="is damaged; export it again"):
        layers(str(path))
