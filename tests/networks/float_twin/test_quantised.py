"""Quantised and half networks: judged by what their weights mean."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import onnx
import pytest
from audits import WEIGHTS, expected, normal, only, ripples
from models import Array, model, node
from onnx import TensorProto, helper

SCALE = {"s": np.float32(0.05), "z": np.uint8(128), "ws": np.float32(1 / 30), "wz": np.int8(3)}
WHOLE = np.round(normal(12, 2, 3, 3) * 30).clip(-100, 100).astype(np.int8)
FLOATS = (WHOLE.astype(np.float32) - 3) / 30
END = node("DepthToSpace", "c", "y", blocksize=2)
Nodes = list[onnx.NodeProto]


def own(kind: str, inputs: str, out: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node of onnxruntime's own."""
    return helper.make_node(kind, inputs.split(), [out], domain="com.microsoft", **attributes)


QUANTISED: dict[str, tuple[Nodes, dict[str, Array]]] = {
    "pairs": (
        [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"),
         node("DequantizeLinear", "w ws wz", "f"), node("Conv", "d f", "e"),
         node("QuantizeLinear", "e s z", "g"), node("DequantizeLinear", "g s z", "c")],
        {"w": WHOLE},
    ),
    "operators": (
        [node("QuantizeLinear", "x s z", "q"), node("QLinearConv", "q s z w ws wz s z", "e"),
         node("DequantizeLinear", "e s z", "c")],
        {"w": WHOLE},
    ),
    "dynamic": (
        [node("DynamicQuantizeLinear", "x", "q qs qz"), node("ConvInteger", "q w qz wz", "i"),
         node("Cast", "i", "f", to=1), node("Mul", "qs ws", "both"), node("Mul", "f both", "c")],
        {"w": WHOLE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", QUANTISED)
def test_a_quantised_convolution_is_what_its_weights_mean(tmp_path: Path, kind: str) -> None:
    """What rounding adds to pictures is no checkerboard; the weights' own rounding counts."""
    nodes, tensors = QUANTISED[kind]
    figure = only(model([*nodes, END], tensors | SCALE), tmp_path)
    plain = model([node("Conv", "x w", "c"), END], {"w": FLOATS})
    assert ripples(figure) == expected(models.responses(plain, 2), (2, 2))
    assert figure.verdict == "checkerboard"


def test_a_quantised_blur_counts(tmp_path: Path) -> None:
    """It is recognised by what it does."""
    row = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.int8)
    nodes = [
        node("ConvTranspose", "x w", "u", strides=[2, 2]), node("QuantizeLinear", "u s z", "q"),
        node("QLinearConv", "q s z k ks kz s z", "v", group=3),
        node("DequantizeLinear", "v s z", "y"),
    ]  # fmt: skip
    tensors = SCALE | {
        "w": WEIGHTS, "k": np.tile(row, (3, 1, 1, 1)), "ks": np.float32(1 / 16), "kz": np.int8(0),
    }  # fmt: skip
    figure = only(model(nodes, tensors), tmp_path)
    assert (figure.verdict, figure.most) == ("none", 0.0)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_other_floats_are_widened(tmp_path: Path, kind: int) -> None:
    """Casts between them and float32 change nothing but rounding."""
    nodes = [
        node("Cast", "x", "h", to=kind), node("Cast", "w", "v", to=kind),
        node("ConvTranspose", "h v", "u", strides=[2, 2]), node("Cast", "u", "y", to=1),
    ]  # fmt: skip
    plain = model([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": WEIGHTS})
    figure, other = only(model(nodes, {"w": WEIGHTS}, 19), tmp_path), only(plain, tmp_path)
    assert figure.ripple == pytest.approx(other.ripple, rel=1e-5)
