"""Weights in ONNX models, in whatever type and however far behind other nodes."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import WEIGHTS, expected, normal, only, ripples
from models import Array, model, node
from onnx import helper, numpy_helper


@pytest.mark.parametrize(
    ("before", "tensors"),
    [
        ([node("Identity", "v", "w")], {"v": WEIGHTS}),
        ([node("Cast", "v", "w", to=1)], {"v": WEIGHTS.astype(np.float16)}),
        ([node("Transpose", "v", "w", perm=[2, 3, 1, 0])], {"v": WEIGHTS.transpose(3, 2, 0, 1)}),
        ([helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(WEIGHTS))], {}),
        (
            [node("DequantizeLinear", "v s z", "w", axis=0)],
            {"v": np.round(WEIGHTS * 30).astype(np.int8), "s": np.float32([1 / 30, 1 / 20]),
             "z": np.array([0, 5], np.int8)},
        ),
        (
            [node("Mul", "v v", "q"), node("ReduceSum", "q axes", "t"), node("Sqrt", "t", "n"),
             node("Div", "v n", "u"), node("Mul", "g u", "w")],
            {"v": WEIGHTS, "g": normal(2, 1, 1, 1), "axes": np.array([1, 2, 3])},
        ),
    ],
    ids=["identity", "half", "transposed", "constant", "quantised", "weight-norm"],
)  # fmt: skip
def test_weights_behind_other_nodes_are_worked_out(
    tmp_path: Path, before: list[onnx.NodeProto], tensors: dict[str, Array]
) -> None:
    """What counts is the effective weight, however the exporter left it in the graph."""
    nodes = [*before, node("ConvTranspose", "x w", "y", strides=[2, 2])]
    out = models.responses(model(nodes, tensors, 21), 2)  # the reference's least to quantise
    for opset in (13, 17, 21):
        figure = only(model(nodes, tensors, opset), tmp_path)
        assert ripples(figure) == expected(out, (2, 2))


ROWS, SIDE = normal(2, 5), np.array([2, 3, 4, 4])


@pytest.mark.parametrize(
    ("before", "tensors"),
    [
        (
            [node("MatMul", "v q", "n"), node("MatMul", "p n", "t"), node("Div", "v t", "u"),
             node("Reshape", "u s", "w")],
            {"v": WEIGHTS.reshape(2, 48), "p": normal(1, 2), "q": normal(48, 1), "s": SIDE},
        ),
        (
            [node("Gemm", "a b v", "u", transA=1, alpha=0.5), node("Reshape", "u s", "w")],
            {"a": ROWS.T, "b": normal(5, 48), "v": WEIGHTS.reshape(2, 48), "s": SIDE},
        ),
        (
            [node("Einsum", "a b", "u", equation="ir, rk -> ik"), node("Reshape", "u s", "w")],
            {"a": ROWS, "b": normal(5, 48), "s": SIDE},
        ),
        ([node("Expand", "k s", "w")], {"k": normal(1, 1, 4, 4), "s": np.array([2, 3, 1, 1])}),
        ([node("Tile", "k r", "w")], {"k": normal(1, 1, 4, 4), "r": np.array([2, 3, 1, 1])}),
        (
            [node("ConstantOfShape", "s", "n"), node("Range", "one four one", "r"),
             node("Unsqueeze", "r axes", "u"), node("Add", "u n", "w")],
            {"s": SIDE, "one": np.float32(1), "four": np.float32(4),
             "axes": np.array([1, 2])},
        ),
        ([node("Pad", "v p", "w")],
         {"v": WEIGHTS[:, :, 1:3, 1:3], "p": np.array([0, 0, 1, 1, 0, 0, 1, 0])}),
        (
            [node("Softmax", "v", "a", axis=3), node("Tanh", "v", "b"), node("Sigmoid", "v", "c"),
             node("Sum", "a b c", "w")],
            {"v": WEIGHTS},
        ),
        (
            [node("Exp", "v", "e"), node("Greater", "v nil", "p"), node("Where", "p e v", "a"),
             node("Min", "a one", "w")],
            {"v": WEIGHTS, "nil": np.float32(0), "one": np.float32(1)},
        ),
        ([node("ReduceMax", "v", "m", axes=[1, 2, 3]), node("Div", "v m", "w")], {"v": WEIGHTS}),
    ],
    ids=["spectral norm", "sum and product", "low rank", "expanded", "repeated", "filled",
         "padded", "functions", "chosen", "largest"],
)  # fmt: skip
def test_whatever_exporters_do_to_weights_is_worked_out(
    tmp_path: Path, before: list[onnx.NodeProto], tensors: dict[str, Array]
) -> None:
    """Spectral norms, low-rank updates and shared kernels are nodes, which need no picture."""
    made = model([*before, node("ConvTranspose", "x w", "y", strides=[2, 2])], tensors)
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 2), (2, 2))


def test_quantised_weights_keep_the_opset_of_other_nodes(tmp_path: Path) -> None:
    """Quantised weights are read as opset 19 does, all else as the model's own does."""
    nodes = [
        node("DequantizeLinear", "v s", "q"), node("Unsqueeze", "q", "w", axes=[0]),
        node("ConvTranspose", "x w", "y", strides=[2, 2]),
    ]  # fmt: skip
    whole = np.round(WEIGHTS[0] * 30).astype(np.int8)
    plain = only(model(nodes[2:], {"w": whole[None].astype(np.float32)}), tmp_path)
    assert only(model(nodes, {"v": whole, "s": np.float32(1)}, 12), tmp_path) == plain


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "double"])
def test_other_floats(tmp_path: Path, kind: str) -> None:
    """Half, brain and double floats are read as what they are."""
    import ml_dtypes

    rounded = WEIGHTS.astype(getattr(ml_dtypes, kind, kind))
    expected = model([node("ConvTranspose", "x w", "y", strides=[2, 2])],
                     {"w": rounded.astype(np.float32)})  # fmt: skip
    tensor = helper.make_tensor(
        "w", getattr(onnx.TensorProto, kind.upper()), rounded.shape, rounded.astype(float).ravel()
    )
    made = model([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": tensor})
    one, other = only(made, tmp_path), only(expected, tmp_path)
    assert one.ripple == pytest.approx(other.ripple, rel=1e-6)
