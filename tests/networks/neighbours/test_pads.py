"""Pads before a convolution in ONNX models: how far they move the picture."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import onnx
import pytest
from audits import only
from models import model, node

TAPS = np.outer([1, 2, 1], [1, 2, 1])[None, None].astype(np.float32)
KINDS = ["tconv", "sub-pixel", "resize-conv"]


def padded(
    kind: str, pad: onnx.NodeProto, tensors: dict[str, Any], opset: int = 18
) -> onnx.ModelProto:
    """Return a layer of stride 2 whose convolution takes "c" that a Pad makes of "p"."""
    made: dict[str, list[onnx.NodeProto]] = {
        "tconv": [
            node("Relu", "x", "p"), pad,
            node("ConvTranspose", "c w", "y", strides=[2, 2], pads=[1, 1, 0, 0]),
        ],
        "sub-pixel": [
            node("Identity", "x", "p"), pad, node("Relu", "c", "r"),
            node("Conv", "r w4", "v", pads=[1, 0, 0, 0]),
            node("DepthToSpace", "v", "y", blocksize=2),
        ],
        "resize-conv": [
            node("Resize", "x s" if opset < 11 else "x - s", "p"), pad,
            node("Relu", "c", "r"), node("Conv", "r w", "y"),
        ],
    }  # fmt: skip
    known = {"w": TAPS, "w4": TAPS.repeat(4, axis=0), "s": np.float32([1, 1, 2, 2])}
    return model(made[kind], known | tensors, opset)


def moved(made: onnx.ModelProto) -> tuple[float, ...]:
    """Return how far a point of light comes out from its place."""
    x = np.zeros((1, 12, 12))
    x[0, 5, 5] = 1
    out = models.run(made, x).sum(axis=0)
    return tuple((out * each).sum() / out.sum() - 10.5 for each in np.indices(out.shape))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("inputs", "amounts", "mode"),
    [
        ("p pads", [0, 0, 1, 1, 0, 0, 1, 1], "reflect"),
        ("p pads", [0, 0, 2, 0, 0, 0, 0, 1], "edge"),
        ("p pads - axes", [2, 1, 0, 1], "wrap"),
    ],
)
def test_a_pad_moves_the_picture(
    tmp_path: Path, kind: str, inputs: str, amounts: list[int], mode: str
) -> None:
    """What any Pad puts before the first row and column is part of the padding, or cut from it."""
    tensors = {"pads": np.array(amounts), "axes": np.array([-1, 2])}
    made = padded(kind, node("Pad", inputs, "c", mode=mode), tensors, 19)
    assert only(made, tmp_path).shift == pytest.approx(moved(made))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pad_of_less_than_nothing_cuts(tmp_path: Path, kind: str) -> None:
    """It moves the picture as a Slice does, which onnx's reference knows."""
    tensors = {"pads": np.array([0, 0, -1, -2, 0, 0, 0, 0]), "end": np.array([99, 99]),
               "start": np.array([1, 2]), "axes": np.array([2, 3])}  # fmt: skip
    figure = only(padded(kind, node("Pad", "p pads", "c"), tensors), tmp_path)
    cut = padded(kind, node("Slice", "p start end axes", "c"), tensors)
    assert figure.shift == pytest.approx(moved(cut))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pad_of_before_opset_11(tmp_path: Path, kind: str) -> None:
    """Its amounts were an attribute."""
    told = padded(kind, node("Pad", "p", "c", pads=[0, 0, 2, 1, 0, 0, 0, 0]), {}, 10)
    tensors = {"pads": np.array([0, 0, 2, 1, 0, 0, 0, 0])}
    assert (
        only(told, tmp_path).shift
        == only(padded(kind, node("Pad", "p pads", "c"), tensors, 11), tmp_path).shift
    )


def test_a_pad_as_an_exporter_makes_it(tmp_path: Path) -> None:
    """Its amounts may be those of the last axes, filled up with zeros and turned around."""
    pad = [
        node("ConstantOfShape", "four", "zeros"), node("Concat", "last zeros", "all", axis=0),
        node("Reshape", "all pairs", "two"), node("Slice", "two end begin first end", "turned"),
        node("Transpose", "turned", "rows", perm=[1, 0]), node("Reshape", "rows end", "pads"),
        node("Pad", "x pads", "c", mode="edge"), node("ConvTranspose", "c w", "y", strides=[2, 2]),
    ]  # fmt: skip
    numbers = {"four": [4], "last": [1, 0, 2, 0], "pairs": [-1, 2], "end": [-1], "first": [0],
               "begin": [-(2**63) + 1]}  # fmt: skip
    zero = onnx.numpy_helper.from_array(np.array([0]))
    pad[0].attribute.append(onnx.helper.make_attribute("value", zero))
    made = model(pad, {"w": TAPS, **{key: np.array(each) for key, each in numbers.items()}})
    assert only(made, tmp_path).shift == pytest.approx(moved(made))
