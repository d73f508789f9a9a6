"""Shuffles in quantised ONNX models, told by how many channels their layers have."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from audits import normal, only
from models import Array, model, node
from onnx import helper

PATCHES = [
    node("Reshape", "c shape", "r"), node("Transpose", "r", "t", perm=[0, 1, 3, 2, 4, 5]),
    node("Reshape", "t flat", "y"),
]  # fmt: skip
COLUMNS = [
    node("Reshape", "c columns", "r"), node("Transpose", "r", "t", perm=[0, 1, 3, 4, 2]),
    node("Reshape", "t wide", "y"),
]  # fmt: skip
TENSORS: dict[str, Array] = {
    "shape": np.array([1, 8, 8, 2, 2, 3]), "flat": np.array([1, 16, 16, 3]),
    "columns": np.array([1, 6, 2, 8, 8]), "wide": np.array([1, 6, 8, 16]),
    "s": np.float32(0.1), "z": np.uint8(128), "b": normal(12), "q": np.zeros(12, np.uint8),
}  # fmt: skip


def whole(kind: str, inputs: str, out: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node of onnxruntime's own."""
    return helper.make_node(kind, inputs.split(), [out], domain="com.microsoft", **attributes)


LINEAR = {
    "MatMulInteger": [
        node("MatMulInteger", "x w", "i"), node("Cast", "i", "f", to=1), node("Mul", "f x", "g"),
        node("Add", "b g", "c"),
    ],
    "QLinearMatMul": [
        node("QLinearMatMul", "x s z w s z s z", "g"), whole("QLinearAdd", "g s z q s z s z", "c"),
    ],
    "FusedMatMul": [whole("FusedMatMul", "x turned", "c", transB=1)],
}  # fmt: skip


def test_a_quantised_bias_is_no_way_back(tmp_path: Path) -> None:
    """What stands beside the picture may come first, and be worked out."""
    nodes = [
        node("MatMul", "x w", "m"), node("DequantizeLinear", "q s z", "o"), node("Add", "o m", "c"),
    ]  # fmt: skip
    figure = only(model([*nodes, *PATCHES], TENSORS | {"w": normal(2, 12)}), tmp_path)
    assert (figure.verdict, figure.bias_ripple) == ("checkerboard", 0.0)
