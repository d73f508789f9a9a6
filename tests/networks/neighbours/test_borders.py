"""Borders that are added or cut off right after a layer in ONNX models."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import normal, only, shuffle
from models import model, node

TAPS = np.outer([1, 2, 1], [1, 2, 1])[None, None].astype(np.float32)
UP = node("ConvTranspose", "x w", "u", strides=[2, 2])
BY_ITSELF = (0.5, 0.5)
ENDS = np.array([2**63 - 1] * 4)
TENSORS = {
    "w": TAPS, "full": TAPS.repeat(2, axis=0), "half": np.float32([0.5]),
    "zero": np.array([0]), "one": np.array([1]),
    "row": np.ones(25, np.float32), "axes": np.array([-2, 3]),
    "ones": np.array([1, 1]), "end": ENDS[:2],
    "cut": np.array([1, 2]), "whole_cut": np.array([0, 0, 1, 2]), "ends": ENDS,
    "exact": np.array([1, 1, 25, 25]),
    "from_end": np.array([-20, 1]), "far": np.array([2**40, 0]), "floats": np.float32([1, 2]),
    "pads": np.array([0, 0, 3, 1, 0, 0, 0, 2]), "two": np.array([3, 1, 0, 2]),
    "less": np.array([0, 0, -1, -2, 0, 0, 0, 0]), "wide": np.array([0, 1, 1, 1, 0, 0, 0, 0]),
}  # fmt: skip


def told(folder: Path, *nodes: onnx.NodeProto, opset: int = 18) -> tuple[float, ...] | None:
    """Return the shift that is told of a layer to "u" and what follows it."""
    return only(model([UP, *nodes], TENSORS, opset), folder).shift


def moved(made: onnx.ModelProto) -> tuple[float, ...]:
    """Return how far a point of light comes out from its place."""
    x = np.zeros((1, 12, 12))
    x[0, 5, 5] = 1
    out = (models.run(made, x) - models.run(made, 0 * x)).sum(axis=0)
    return tuple((out * each).sum() / out.sum() - 10.5 for each in np.indices(out.shape))


@pytest.mark.parametrize(
    ("opset", "nodes"),
    [
        (18, [node("Slice", "u cut end axes", "y")]),
        (18, [node("Slice", "u whole_cut ends", "y")]),
        (18, [node("Slice", "u cut end axes ones", "v"), node("Identity", "v", "y")]),
        (9, [node("Slice", "u", "y", starts=[1, 2], ends=[99, 99], axes=[2, 3])]),
        (18, [node("Pad", "u pads", "y", mode="reflect")]),
        (18, [node("Pad", "u two - axes", "y", mode="edge")]),
        (9, [node("Pad", "u", "y", pads=[0, 0, 3, 1, 0, 0, 0, 0])]),
        (18, [node("Pad", "u pads", "v"), node("Slice", "v cut end axes", "y")]),
        (18, [node("Add", "half u", "v"), node("Slice", "v cut end axes", "y")]),
        (18, [node("Pad", "u pads", "v"), node("Relu", "v", "y")]),
        (18, [node("Shape", "u", "q"), node("Size", "u", "z"),
              node("Slice", "u cut end axes", "y")]),
    ],
)  # fmt: skip
def test_a_border_moves_the_picture(
    tmp_path: Path, opset: int, nodes: list[onnx.NodeProto]
) -> None:
    """Rows that are cut off move it back, and those that are added move it forth."""
    made = model([UP, *nodes], TENSORS, opset)
    assert told(tmp_path, *nodes, opset=opset) == pytest.approx(moved(made))


def test_a_pad_of_less_than_nothing_cuts(tmp_path: Path) -> None:
    """It moves the picture as a Slice does, which onnx's reference knows."""
    cut = model([UP, node("Slice", "u cut end axes", "y")], TENSORS)
    assert told(tmp_path, node("Pad", "u less", "y")) == pytest.approx(moved(cut))


@pytest.mark.parametrize("between", [[], [1, 3, 12, 2, 24]])
def test_a_crop_after_a_shuffle_in_nodes(tmp_path: Path, between: list[int]) -> None:
    """The Reshapes at its end, of which each may join two axes, are part of it."""
    nodes, tensors = shuffle("CRD", "spelled")
    nodes[-1] = node("Reshape", "joined flat", "u")
    one_by_one = node("Reshape", "turned between", "joined")
    nodes.insert(-1, one_by_one if between else node("Identity", "turned", "joined"))
    tensors |= TENSORS | {"k": normal(12, 2, 3, 3), "between": np.array(between)}
    conv, crop = node("Conv", "x k", "c", pads=[1] * 4), node("Slice", "u cut end axes", "y")
    assert only(model([conv, *nodes, crop], tensors), tmp_path).shift == (-1.0, -2.0)


@pytest.mark.parametrize(
    "nodes",
    [[node("Slice", "u from_end end axes", "y")]],
)
def test_a_border_that_is_not_known_leaves_the_shift_unknown(
    tmp_path: Path, nodes: list[onnx.NodeProto]
) -> None:
    """Counted from the end it depends on the size of the picture."""
    assert told(tmp_path, *nodes) is None


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Slice", "u cut end axes", "v"), node("Add", "u v", "y")],
        [node("Relu", "u", "v"), node("Slice", "v cut end axes", "y")],
        [node("Slice", "u cut end axes axes", "y")],
        [node("Slice", "u cut end ones", "y")],
        [node("Slice", "u cut end far", "y")], [node("Slice", "u whole_cut end axes", "y")],
        [node("Pad", "u wide", "y")], [node("Pad", "u two", "y")],
        [node("Slice", "pads u end", "y")],
        [node("Add", "u row", "v"), node("Slice", "v cut end axes", "y")],
        [node("Add", "u x", "v"), node("Slice", "v cut end axes", "y")],
        [node("Split", "u", "v z", axis=2), node("Slice", "v cut end axes", "y")],
        [node("Pad", "u pads", "v"), node("Conv", "v full", "y")],
        [node("Pad", "u pads", "v"), node("Relu", "v", "t"), node("Conv", "t full", "y")],
        [node("Pad", "u x", "v"), node("Conv", "v w", "y", strides=[2, 2])],
    ],
)  # fmt: skip
def test_what_is_no_border_of_the_layer(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Of another branch, beyond an activation, of channels, or a convolution's padding."""
    assert told(tmp_path, *nodes) == BY_ITSELF


def test_what_is_shown_is_not_cropped(tmp_path: Path) -> None:
    """A layer whose pixels are an output of the model too is judged by itself."""
    made = model([UP, node("Slice", "u cut end axes", "y")], TENSORS)
    made.graph.output.append(onnx.helper.make_tensor_value_info("u", 1, None))
    assert only(made, tmp_path).shift == BY_ITSELF


def test_a_circle_of_borders_ends(tmp_path: Path) -> None:
    """In a damaged model a crop can be its own source."""
    circle = [node("Identity", "u", "u"), node("Slice", "u cut end axes", "y")]
    assert told(tmp_path, *circle) == BY_ITSELF
