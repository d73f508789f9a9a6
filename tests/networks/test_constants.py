"""Weights in ONNX models, in whatever type and however far behind other nodes."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import WEIGHTS, expected, normal, only, ripples
from models import Array, model, node
from onnx import helper, numpy_helper

from upsample_cli.jobs.layer_figures import figures
from upsample_cli.networks.onnx_model import layers


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


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_floats(tmp_path: Path, kind: str) -> None:
    """Half, brain and double floats are read as what they are."""
    import ml_dtypes

    rounded = WEIGHTS.astype(getattr(ml_dtypes, kind, kind))
    expected = model([node("ConvTranspose", "x w", "y", strides=[2, 2])],
                     {"w": rounded.astype(np.float32)})  # fmt: skip
    made = model([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": rounded})
    one, other = only(made, tmp_path), only(expected, tmp_path)
    assert one.ripple == pytest.approx(other.ripple, rel=1e-6)


def test_external_data_are_read_from_beside_the_model(tmp_path: Path) -> None:
    """Weights may lie in a file of their own; without it the layer is unknown, and says so."""
    made = model([node("ConvTranspose", "x up.weight", "y", strides=[2, 2])],
                 {"up.weight": WEIGHTS})  # fmt: skip
    inside = only(made, tmp_path)
    path = tmp_path / "outside.onnx"
    onnx.save(made, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (outside,) = map(figures, layers(str(path)))
    assert outside == inside
    (tmp_path / "weights.bin").unlink()
    (missing,) = map(figures, layers(str(path)))
    assert (missing.name, missing.verdict) == ("up", "unknown")
    assert "the data of 'up.weight' cannot be read" in missing.remedy
