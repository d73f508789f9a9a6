"""Weights that a model works out, and how many numbers that may take."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import WEIGHTS, only
from models import Array, model, node
from onnx import TensorProto

from upsample_cli.jobs.layer_figures import LayerFigures
from upsample_cli.networks import evaluation

DAMAGED = TensorProto(data_type=TensorProto.FLOAT, dims=[-2, 3, 4, 4], raw_data=bytes(384))
TEXT = TensorProto(data_type=TensorProto.STRING, dims=[1], string_data=[b"9" * 100])
LONG = np.ones(40_000, np.float32)
ROW = {"s": np.float32([1, 2, 3])}
OPSET = 21
Nodes = list[onnx.NodeProto]
Tensors = dict[str, Array | TensorProto]


def judged(folder: Path, nodes: Nodes, tensors: Tensors) -> LayerFigures:
    """Return what is told of a transposed convolution by "w"."""
    made = model([*nodes, node("ConvTranspose", "x w", "y", strides=[2, 2])], tensors, OPSET)
    return only(made, folder)


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        (
            [node("Concat", "v " * 3000, "u", axis=0), node("Concat", "u " * 3000, "w", axis=0)],
            {"v": WEIGHTS},
        ),
        (
            [node("Mul", "a b", "w")],
            {"a": LONG[:, None, None, None], "b": LONG[:, None, None]},
        ),
        (
            [node("Gather", "v i", "u", axis=2), node("Gather", "u i", "w", axis=3)],
            {"v": WEIGHTS[:1, :1], "i": LONG.astype(int) * 0},
        ),
        ([node("Split", "v", "w u", num_outputs=2**29)], {"v": WEIGHTS}),
        (
            [node("DequantizeLinear", "v s", "w", axis=0, block_size=2**29)],
            {"v": np.ones((2, 3), np.int8), "s": np.ones((1, 3), np.float32)},
        ),
        (
            [node("DequantizeLinear", "v s", "w", axis=0)],
            {"v": np.ones((1, 40_000), np.int8), "s": LONG},
        ),
        ([node("ConstantOfShape", "n", "w")], {"n": np.array([2, -(2**50)])}),
    ],
    ids=["joined", "outer product", "gathered", "pieces", "blocks", "scales", "zeros"],
)
def test_weights_that_take_more_numbers_than_memory_are_unknown(
    tmp_path: Path, nodes: Nodes, tensors: Tensors
) -> None:
    """A small file can ask for any number of numbers; they are counted before they are made."""
    figure = judged(tmp_path, nodes, tensors)
    assert figure.verdict == "unknown"
    assert figure.remedy == "'w' takes too many numbers to work out; store it as a tensor"


@pytest.mark.parametrize(
    ("nodes", "tensors", "numbers"),
    [
        ([node("Concat", "v v", "w", axis=0)], {"v": WEIGHTS}, 2 * 96),
        ([node("Mul", "v s", "w")], {"v": WEIGHTS, "s": LONG[:3].reshape(3, 1, 1)}, 96),
        ([node("Gather", "v i", "w", axis=-3)], {"v": WEIGHTS, "i": np.array([2, 0, 1])}, 96),
        ([node("Split", "v", "w u", axis=0, num_outputs=2)], {"v": WEIGHTS}, 96 + 2),
        ([node("DequantizeLinear", "v s", "w")], ROW | {"v": np.ones(WEIGHTS.shape, "i1")}, 96),
        ([node("Mul", "v v", "u"), node("Sqrt", "u", "w")], {"v": WEIGHTS}, 2 * 96),
        ([node("ConstantOfShape", "n", "w")], {"n": np.array(WEIGHTS.shape)}, 96),
    ],
    ids=["joined", "scaled", "gathered", "split", "quantised", "chain", "zeros"],
)
def test_no_more_numbers_are_counted_than_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: Nodes, tensors: Tensors,
    numbers: int,
) -> None:  # fmt: skip
    """What exporters do to large weights is far from the bound: each number counts once a node."""
    monkeypatch.setattr(evaluation, "MOST_NUMBERS", numbers)
    assert judged(tmp_path, nodes, tensors).ripple is not None
    monkeypatch.setattr(evaluation, "MOST_NUMBERS", numbers - 1)
    assert judged(tmp_path, nodes, tensors).verdict == "unknown"


@pytest.mark.parametrize(
    ("nodes", "tensors", "reason"),
    [
        ([node("Cast", "v", "w", to=TensorProto.STRING)], {"v": WEIGHTS}, "out of text"),
        ([node("Identity", "v", "w")], {"v": np.array(["1"], object)}, "out of text"),
        ([node("ConstantOfShape", "v", "w", value=TEXT)], {"v": np.array([2])}, "out of text"),
        ([node("Gather", "v", "w")], {"v": WEIGHTS}, "cannot be worked out"),
        ([node("Identity", "v", "w")], {"v": DAMAGED}, "the shape of 'v' is damaged"),
        (
            [node("DequantizeLinear", "v s", "w")],
            {"v": np.ones((2, 2), np.int8), "s": np.ones((2, 2), np.float32)},
            "cannot be worked out",
        ),
    ],
)
def test_nodes_that_do_not_fit_leave_weights_unknown(
    tmp_path: Path, nodes: Nodes, tensors: Tensors, reason: str
) -> None:
    """Text is no weight, and inputs that are missing or of odd shape end in no traceback."""
    figure = judged(tmp_path, nodes, tensors)
    assert figure.verdict == "unknown"
    assert reason in figure.remedy
