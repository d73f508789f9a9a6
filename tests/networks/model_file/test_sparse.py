"""Weights of ONNX models that are kept as sparse tensors, and names that are no text."""

from pathlib import Path

import numpy as np
import pytest
from audits import WEIGHTS, layers, only
from models import model, node
from onnx import helper, numpy_helper

from upsample_cli.errors import NetworkFileError

UP = node("ConvTranspose", "x wwww", "y", strides=[2, 2])
PARTS = (
    numpy_helper.from_array(WEIGHTS.ravel()[:9], "wwww"),
    numpy_helper.from_array(np.arange(9), "places"),
)
SPARSE = helper.make_sparse_tensor(*PARTS, WEIGHTS.shape)


@pytest.mark.parametrize("where", ["constant", "tensor"])
def test_sparse_weights_are_unknown(tmp_path: Path, where: str) -> None:
    """No exporter writes them, and the reason says what to do."""
    made = model([UP])
    if where == "constant":
        constant = helper.make_node("Constant", [], ["wwww"], sparse_value=SPARSE)
        made.graph.node.insert(0, constant)
    else:
        made.graph.sparse_initializer.append(SPARSE)
    figure = only(made, tmp_path)
    assert figure.remedy == "its numbers are text, or a sparse tensor; save it dense"


def test_names_that_are_no_text_are_damage(tmp_path: Path) -> None:
    """Damage can strike any name in a model."""
    made = model([UP])
    made.graph.sparse_initializer.append(SPARSE)
    for place in range(made.SerializeToString().count(b"wwww")):
        pieces = made.SerializeToString().split(b"wwww")
        data = (
            b"wwww".join(pieces[: place + 1]) + b"\xff\xfe\xfdw" + b"wwww".join(pieces[place + 1 :])
        )
        path = tmp_path / "damaged.onnx"
        path.write_bytes(data)
        with pytest.raises(NetworkFileError, match="is damaged; export it again"):
            layers(str(path))
