"""Linear layers in ONNX models whose channels become pixels: patches that are put together."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, found, normal, only, ripples
from models import Array, model, node

SHUFFLE = [
    node("Reshape", "c split", "many"), node("Transpose", "many", "few", perm=[0, 1, 3, 2, 4, 5]),
    node("Reshape", "few made", "y"),
]  # fmt: skip
SHAPES = {"split": np.array([1, 6, 6, 2, 2, 3]), "made": np.array([1, 12, 12, 3])}


@pytest.mark.parametrize("turned", [0, 1])
def test_a_gemm_is_a_convolution_of_one_tap(tmp_path: Path, turned: int) -> None:
    """Its weights may lie either way, and are multiplied by alpha, its biases by beta."""
    gemm = node("Gemm", "rows up.weight b", "c", transB=turned, alpha=0.5, beta=4.0)
    weights = normal(12, 2) if turned else normal(2, 12)
    first = [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Reshape", "t two", "rows")]
    tensors = {"up.weight": weights, "b": normal(12), "two": np.array([-1, 2])}
    made = model([*first, gemm, *SHUFFLE], tensors | SHAPES)
    figure = only(made, tmp_path)
    out = np.moveaxis(models.responses(made, 2, 2, 6), -1, 1)
    assert (figure.name, figure.size, figure.stride) == ("up", (1, 1), (2, 2))
    assert ripples(figure) == expected(out, (2, 2))
    dark = models.run(made, np.zeros((2, 6, 6)))[:2, :2].reshape(4, 3)
    gain = np.sqrt((out[:, :, :2, :2].mean(axis=(2, 3)) ** 2).sum() / 3)
    spread = np.sqrt(dark.var(axis=0).mean())
    assert figure.bias_ripple == pytest.approx(spread / gain, rel=1e-4)


def test_a_linear_layer_without_weights_is_unknown(tmp_path: Path) -> None:
    """Where the shape of its weights tells a shuffle, it is told though they cannot be read."""
    weights = onnx.TensorProto(data_type=1, dims=[2, 12], data_location=1)
    weights.external_data.add(key="location", value="missing.data")
    made = model([node("MatMul", "x w", "c"), *SHUFFLE], SHAPES | {"w": weights})
    assert only(made, tmp_path).verdict == "unknown"


@pytest.mark.parametrize(
    ("gemm", "weights"),
    [
        (node("Gemm", "x w", "c", transA=1), normal(2, 12)),
    ],
)
def test_a_linear_layer_of_another_kind_is_unknown(
    tmp_path: Path, gemm: onnx.NodeProto, weights: Array
) -> None:
    """Channels that are rows, and weights of a batch of products, are no convolution's."""
    figure = only(model([gemm, *SHUFFLE], SHAPES | {"w": weights}), tmp_path)
    assert figure.verdict == "unknown"


@pytest.mark.parametrize(("divisor", "judged"), [(4, True), (3, False)])
def test_channels_that_are_divided_as_the_model_runs(
    tmp_path: Path, divisor: int, judged: bool
) -> None:
    """PyTorch's older exporter works C // 4 out of a shape where any axis is dynamic."""
    nodes = [
        node("MatMul", "x w", "c"), node("Shape", "c", "all"), node("Gather", "all three", "last"),
        node("Div", "last divisor", "part"), node("Cast", "part", "whole", to=7),
        node("Unsqueeze", "whole zero", "rest"), node("Concat", "blocks rest", "split", axis=0),
        node("Concat", "sides rest", "made", axis=0), *SHUFFLE,
    ]  # fmt: skip
    numbers = {"three": 3, "divisor": divisor, "zero": [0], "blocks": [1, 6, 6, 2, 2],
               "sides": [1, 12, 12]}  # fmt: skip
    tensors = {"w": normal(2, 12)} | {key: np.array(each) for key, each in numbers.items()}
    figures = found(model(nodes, tensors), tmp_path)
    assert [figure.stride for figure in figures] == [(2, 2)] * judged


LINEAR = [node("MatMul", "c0 w", "c"), *SHUFFLE]
PAD = node("Pad", "x pads", "p")
TENSORS = SHAPES | {
    "w": normal(2, 12), "pads": np.array([0, 0, 1, 0, 0, 0, 1, 0]), "one": np.array([1]),
    "end": np.array([99]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "shift"),
    [
        ([node("Identity", "x", "c0"), *LINEAR, node("Pad", "y pads", "z")], (0.0, 1.0)),
        ([node("Identity", "x", "c0"), *LINEAR, node("Slice", "y one end one", "z")], (-1.0, 0.0)),
        ([PAD, node("Relu", "p", "c0"), *LINEAR], (0.0, 2.0)),
    ],
)
def test_a_border_where_channels_come_last_moves_the_picture(
    tmp_path: Path, nodes: list[onnx.NodeProto], shift: tuple[float, float]
) -> None:
    """Its axes are others than those of a border where they come second."""
    figure = only(model(nodes, TENSORS, out="z"), tmp_path)
    assert (figure.ripple is None, figure.shift) == (False, shift)


def test_a_border_before_channels_are_turned_to_the_end_moves_the_picture(tmp_path: Path) -> None:
    """A Pad may stand before the Transpose that a linear layer needs."""
    turn = node("Transpose", "p", "c0", perm=[0, 2, 3, 1])
    made = model([PAD, turn, *LINEAR], TENSORS | {"pads": np.array([0, 0, 1, 0, 0, 0, 1, 0])})
    made.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x", 1, [1, 2, 4, 6]))
    assert only(made, tmp_path).shift == (2.0, 0.0)


def test_a_mean_over_channels_that_come_last_is_no_blur(tmp_path: Path) -> None:
    """It takes rows for channels, and evens out nothing along them."""
    first, mean = node("Identity", "x", "c0"), node("AveragePool", "y", "z", kernel_shape=[2, 2])
    bare, followed = (
        only(model([first, *LINEAR, *after], TENSORS, out="z"), tmp_path) for after in ([], [mean])
    )
    assert followed == bare
