"""Unpooling that is spelled out in ONNX models."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import found, only
from models import model, node

SHAPES = {
    "flat": np.array([-1]), "size": np.array([144]), "one": np.array([1]), "whole":
    np.array([1, 1, 12, 12]), "zeros": np.zeros((1, 1, 144), np.float32), "rows":
    np.array([1, 1, 36]), "z": np.zeros(144, np.float32),
}  # fmt: skip
POOL = node("MaxPool", "x", "m i", kernel_shape=[2, 2], strides=[2, 2])
END = node("Reshape", "s whole", "y")
BY_PLACE = [
    node("ConstantOfShape", "size", "z"), node("Reshape", "m flat", "v"),
    node("Sub", "one i", "k"), node("Sub", "one k", "l"), node("Reshape", "l flat", "n"),
    node("Unsqueeze", "n one", "p"), node("ScatterND", "z p v", "s"),
]  # fmt: skip
BY_ROW = [
    node("Reshape", "m rows", "v"), node("Reshape", "i rows", "p"),
    node("ScatterElements", "zeros p v", "s", axis=2),
]  # fmt: skip


@pytest.mark.parametrize("spelled", [BY_PLACE, BY_ROW], ids=["ScatterND", "ScatterElements"])
def test_unpooling_is_unknown(tmp_path: Path, spelled: list[onnx.NodeProto]) -> None:
    """PyTorch exports max_unpool2d so; it was left out in silence, as nothing that upsamples."""
    made = model([POOL, *spelled, END], SHAPES)
    made.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x", 1, [1, 1, 12, 12]))
    figure = only(made, tmp_path)
    assert (figure.kind, figure.verdict) == (spelled[-1].op_type, "unknown")
    assert figure.remedy == "where its values go depends on the picture"


def test_other_scatters_are_no_upsampling(tmp_path: Path) -> None:
    """The largest of a map are kept so."""
    kept = [node("Reshape", "x rows", "r"), node("TopK", "r one", "v p"), BY_ROW[-1], END]
    assert found(model(kept, SHAPES), tmp_path) == []
