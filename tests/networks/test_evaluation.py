"""Weights that a model works out, and how many numbers that may take."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import WEIGHTS, only
from models import Array, model, node
from onnx import TensorProto

from upsample_cli.jobs.audit.layer_figures import LayerFigures
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
        ([node("Expand", "v s", "w")], {"v": WEIGHTS, "s": np.array([2**30, 1, 1, 1, 1])}),
        ([node("Tile", "v r", "w")], {"v": WEIGHTS, "r": np.array([2**30, 1, 1, 0])}),
        ([node("ConstantOfShape", "s", "w")], {"s": np.array([2**20, 3, 4, 4])}),
        ([node("Range", "a b c", "w")], {"a": LONG[0], "b": np.float32(2e9), "c": LONG[0]}),
        ([node("Pad", "v p", "w", pads=[0])], {"v": WEIGHTS, "p": np.array([0] * 7 + [2**30])}),
        (
            [node("Pad", "v p - a", "w")],
            {"v": WEIGHTS, "p": np.array([0, 2**30]), "a": np.array([0])},
        ),
        (
            [node("ScatterND", "v i u", "w")],
            {"v": WEIGHTS, "i": np.zeros((2**21, 4), int), "u": np.zeros(2**21, np.float32)},
        ),
        ([node("MatMul", "a b", "w")], {"a": LONG[:, None], "b": LONG[None]}),
        ([node("MatMul", "a a", "w")], {"a": np.ones((1024, 1024), np.int8)}),
        ([node("Gemm", "a b", "w", transA=1)], {"a": LONG[None], "b": LONG[None]}),
        ([node("Einsum", "a b c", "w", equation="i,j,k->k")], dict.fromkeys("abc", LONG)),
        ([node("Sum", "v " * 40_000, "w")], {"v": np.ones((40, 100), np.float32)}),
        (
            [node("ReduceSum", "v n", "w")],
            {"v": np.ones((0, 2**40), np.float32), "n": np.array([0])},
        ),
    ],
    ids=["joined", "outer", "gathered", "pieces", "blocks", "scales", "expanded", "repeated",
         "filled", "counted", "padded", "one axis", "scattered", "product", "products",
         "transposed", "threefold", "summed", "none"],
)  # fmt: skip
def test_weights_that_take_more_numbers_than_memory_are_unknown(
    tmp_path: Path, nodes: Nodes, tensors: Tensors
) -> None:
    """A small file can ask for any number of numbers; they are counted before they are made."""
    figure = judged(tmp_path, nodes, tensors)
    assert figure.verdict == "unknown"
    assert figure.remedy == "'w' takes too many numbers to work out; store it as a tensor"


def test_an_attribute_that_is_given_twice_is_damage(tmp_path: Path) -> None:
    """Of two equations the one that is counted need not be the one that is worked out."""
    twice = node("Einsum", "a a", "w", equation="i,i->i")
    twice.attribute.append(onnx.helper.make_attribute("equation", "i,j->ij"))
    assert "is given twice" in judged(tmp_path, [twice], {"a": LONG}).remedy


@pytest.mark.parametrize(
    ("nodes", "tensors", "numbers"),
    [
        ([node("Concat", "v v", "w", axis=0)], {"v": WEIGHTS}, 2 * 96),
        ([node("Mul", "v s", "w")], {"v": WEIGHTS, "s": LONG[:3].reshape(3, 1, 1)}, 96),
        ([node("Gather", "v i", "w", axis=-3)], {"v": WEIGHTS, "i": np.array([2, 0, 1])}, 96),
        ([node("Split", "v", "w u", axis=0, num_outputs=2)], {"v": WEIGHTS}, 96 + 2),
        ([node("DequantizeLinear", "v s", "w")], ROW | {"v": np.ones(WEIGHTS.shape, "i1")}, 96),
        ([node("Mul", "v v", "u"), node("Sqrt", "u", "w")], {"v": WEIGHTS}, 2 * 96),
        ([node("MatMul", "v m", "w")], {"v": WEIGHTS, "m": np.eye(4, dtype="f4")}, 96 + 48),
        (
            [node("ScatterND", "v i u", "w")],
            {"v": WEIGHTS, "i": np.array([[0, 1], [1, 2]]), "u": WEIGHTS[:, 0]},
            96 + 2 * (64 + 16),
        ),
        ([node("Min", "v s v", "w")], {"v": WEIGHTS, "s": WEIGHTS[0, 0, 0, 0]}, 2 * 96),
    ],
    ids=["joined", "scaled", "gathered", "split", "quantised", "chain", "product", "scattered",
         "least"],
)  # fmt: skip
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
        ([node("Expand", "v s", "w")], {"v": WEIGHTS, "s": np.array([-1])}, "cannot be worked out"),
        ([node("MatMul", "v s", "w")], {"v": WEIGHTS, "s": np.float32(1)}, "cannot be worked out"),
        ([node("Gemm", "v", "w")], {"v": WEIGHTS}, "cannot be worked out"),
        ([node("Einsum", "v", "w", equation="...->...")], {"v": WEIGHTS}, "without a name"),
        (
            [node("Pad", "v p", "w", mode="edge")],
            {"v": WEIGHTS, "p": np.ones(8, int)},
            "border",
        ),
        ([node("Range", "a a n", "w")], {"a": LONG[0], "n": LONG[0] * 0}, "cannot be worked out"),
    ],
)
def test_nodes_that_do_not_fit_leave_weights_unknown(
    tmp_path: Path, nodes: Nodes, tensors: Tensors, reason: str
) -> None:
    """Text is no weight, and inputs that are missing or of odd shape end in no traceback."""
    figure = judged(tmp_path, nodes, tensors)
    assert figure.verdict == "unknown"
    assert reason in figure.remedy
