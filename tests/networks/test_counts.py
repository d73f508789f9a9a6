"""Shuffles in quantised ONNX models, told by how many channels their layers have."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from audits import found, normal, only
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


@pytest.mark.parametrize(("channels", "verdicts"), [(12, ["unknown"]), (3, [])])
@pytest.mark.parametrize("kind", [*LINEAR, "MatMulNBits"])
def test_a_shuffle_after_a_quantised_linear_layer_is_unknown(
    tmp_path: Path, kind: str, channels: int, verdicts: list[str]
) -> None:
    """A gate is not to pass it; windows, whose channels stay as many, are none."""
    weights = np.ones((2, channels), np.uint8)
    making = LINEAR.get(kind) or [whole(kind, "x packed s", "c", N=channels, K=2)]
    more = {"w": weights, "turned": weights.T, "packed": np.ones((channels, 1, 8), np.uint8)}
    told = found(model([*making, *PATCHES], TENSORS | more), tmp_path)
    assert [each.verdict for each in told] == verdicts


@pytest.mark.parametrize("making", [
    node("ConvInteger", "x w z z", "c"), node("QLinearConv", "x s z w s z s z", "c"),
])  # fmt: skip
def test_a_shuffle_after_a_quantised_convolution_is_unknown(
    tmp_path: Path, making: onnx.NodeProto
) -> None:
    """So where it runs along one axis, which heads of attention do too."""
    weights = {"w": np.ones((12, 2, 1, 1), np.uint8)}
    assert only(model([making, *COLUMNS], TENSORS | weights), tmp_path).verdict == "unknown"


def test_a_quantised_bias_is_no_way_back(tmp_path: Path) -> None:
    """What stands beside the picture may come first, and be worked out."""
    nodes = [
        node("MatMul", "x w", "m"), node("DequantizeLinear", "q s z", "o"), node("Add", "o m", "c"),
    ]  # fmt: skip
    figure = only(model([*nodes, *PATCHES], TENSORS | {"w": normal(2, 12)}), tmp_path)
    assert (figure.verdict, figure.bias_ripple) == ("checkerboard", 0.0)


def test_a_shuffle_after_convolutions_in_a_layout_of_their_own_is_unknown(tmp_path: Path) -> None:
    """So onnxruntime saves what it has optimised for a processor; it was left out in silence."""
    nchwc = "com.microsoft.nchwc"
    making = [
        helper.make_node("Conv", ["x", "w"], ["b"], domain=nchwc),
        helper.make_node("ReorderOutput", ["b"], ["c"], "out", domain=nchwc, channels=12),
    ]
    figure = only(model([*making, *COLUMNS], TENSORS | {"w": normal(16, 2, 1, 1)}), tmp_path)
    reason = f"no convolution stands before it, but {nchwc}.ReorderOutput (out)"
    assert (figure.verdict, figure.remedy) == ("unknown", reason)
