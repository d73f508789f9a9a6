"""Copies of channels that are added to a convolution before its pixel shuffle."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, found, normal, only, ripples
from models import Array, model, node
from onnx import TensorProto, helper

END = node("DepthToSpace", "c", "y", blocksize=2, mode="CRD")
SPELLED = {
    "concat": [node("Concat", "x x x x", "a", axis=1)],
    "tile": [node("Tile", "x four", "a")],
    "gather": [node("Gather", "x each", "a", axis=1)],
    "expand": [
        node("Unsqueeze", "x two", "u"), node("Expand", "u within", "v"),
        node("Reshape", "v whole", "a"),
    ],
    "tile within": [
        node("Unsqueeze", "x two", "u"), node("Tile", "u within", "v"),
        node("Reshape", "v whole", "a"),
    ],
    "stack": [
        node("Unsqueeze", "x two", "u"), node("Unsqueeze", "x two", "w2"),
        node("Concat", "u w2 u w2", "v", axis=2), node("Reshape", "v whole", "a"),
    ],
    "before": [
        node("Unsqueeze", "x one", "u"), node("Tile", "u without", "v"),
        node("Reshape", "v whole", "a"),
    ],
}  # fmt: skip
TENSORS = {
    "four": np.array([1, 4, 1, 1]), "each": np.arange(12) // 4 - 3, "two": np.array([2]),
    "within": np.array([1, 1, 4, 1, 1]), "one": np.array([1]), "without": np.array([1, 4, 1, 1, 1]),
    "whole": np.array([1, 12, 12, 12]), "w": normal(12, 3, 3, 3), "b": normal(12, seed=1),
    "k": normal(12, 1, 1, seed=2), "few": normal(12, 2, 3, 3), "parts": np.array([2, 1]),
    "starts": np.array([0]), "groups": normal(12, 1, 3, 3),
}  # fmt: skip


def known(name: str, *shape: int | None) -> onnx.ValueInfoProto:
    """Return what a model tells of the shape of a value."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def anchored(
    copies: list[onnx.NodeProto], rest: list[onnx.NodeProto] | None = None, **tensors: Array
) -> onnx.ModelProto:
    """Return a convolution to "l", copies to "a", by default their sum to "c", and a shuffle."""
    nodes = [
        node("Conv", "x w b", "l", pads=[1] * 4), *copies,
        *(rest or [node("Add", "l a", "c")]), END,
    ]  # fmt: skip
    made = model(nodes, TENSORS | tensors)
    made.graph.input[0].CopyFrom(known("x", 1, 3, None, None))
    return made


@pytest.mark.parametrize("spelling", SPELLED)
def test_copies_of_what_the_convolution_takes(tmp_path: Path, spelling: str) -> None:
    """However they are spelled, their sum with the convolution is judged: the layer's own."""
    made = anchored(SPELLED[spelling])
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 3), (2, 2))


def test_copies_of_other_channels_count_as_inputs_of_their_own(tmp_path: Path) -> None:
    """The picture itself, added to what was made of it, is no input of the last convolution."""
    nodes = [
        node("Split", "x parts", "f o", axis=1), node("Conv", "f few b", "m", pads=[1] * 4),
        node("Add", "o m", "c"),
    ]  # fmt: skip
    made = anchored([], nodes)
    made.graph.value_info.append(known("o", 1, 1, None, None))
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 3), (2, 2))


@pytest.mark.parametrize("spelling", ["expand", "concat"])
def test_even_weights_stay_even(tmp_path: Path, spelling: str) -> None:
    """Copies that are the same within a block add nothing uneven; those of others do."""
    even = np.repeat(normal(3, 3, 3, 3), 4, axis=0)
    figure = only(anchored(SPELLED[spelling], w=even, b=np.zeros(12, "f")), tmp_path)
    assert figure.verdict == ("none" if spelling == "expand" else "checkerboard")


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ([node("Relu", "l", "m"), node("Add", "m a", "c")], "Relu (the_Relu) joins branches"),
        ([node("Mul", "l a", "c")], "but Mul (the_Mul)"),
        ([node("Add", "l a", "s"), node("Mul", "s l", "c")], "but Mul (the_Mul)"),
    ],
    ids=["bent", "product", "beside"],
)  # fmt: skip
def test_what_is_no_plain_sum_is_unknown(
    tmp_path: Path, rest: list[onnx.NodeProto], reason: str
) -> None:
    """Neither is one that follows a function of the convolution: the parts of both depend on it."""
    figure = only(anchored(SPELLED["expand"], rest), tmp_path)
    assert figure.verdict == "unknown"
    assert reason in figure.remedy


@pytest.mark.parametrize(
    "copies",
    [
        [node("Tile", "x each", "a")],
        [node("Gather", "x far", "a", axis=1)],
        [node("Unsqueeze", "x two", "u"), node("Reshape", "u whole", "a")],
    ],
)  # fmt: skip
def test_what_only_looks_like_copies(tmp_path: Path, copies: list[onnx.NodeProto]) -> None:
    """Repeats along other axes, and channels that are not there, stay unknown."""
    told = found(anchored(copies, far=np.arange(12)), tmp_path)
    assert "unknown" in [figure.verdict for figure in told]


@pytest.mark.parametrize("spelling", ["gather", "expand", "concat"])
def test_a_shuffle_of_nothing_but_copies(tmp_path: Path, spelling: str) -> None:
    """It copies pixels, as nearest does; copies that differ within a block are uneven."""
    made = model([*SPELLED[spelling], node("Identity", "a", "c"), END], TENSORS)
    made.graph.input[0].CopyFrom(known("x", 1, 3, None, None))
    made.graph.value_info.append(known("a", 1, 12, None, None))
    figure = only(made, tmp_path)
    out = models.responses(made, 3)
    assert (figure.ripple, figure.worst_ripple) == expected(out, (2, 2))
    assert (figure.verdict == "none") == (spelling != "concat")


def test_the_one_channel_of_a_picture_is_added_to_all(tmp_path: Path) -> None:
    """So networks for luma have it, without a node that copies."""
    made = anchored([], [node("Conv", "x grey b", "m"), node("Add", "m x", "c")],
                    w=normal(12, 1, 3, 3), grey=normal(12, 1, 1, 1))  # fmt: skip
    made.graph.input[0].CopyFrom(known("x", 1, 1, None, None))
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 1), (2, 2))


def test_a_number_a_channel_that_is_made_as_it_runs_is_no_picture(tmp_path: Path) -> None:
    """It has fewer axes, of which the second is 1 as that of a luma picture's channels is."""
    made = anchored([], [node("Add", "l z", "c")])
    made.graph.input.append(known("z", 12, 1, 1))
    assert only(made, tmp_path).verdict == "unknown"


def test_branches_that_both_come_of_nothing_are_sought_once(tmp_path: Path) -> None:
    """A chain of sums without a convolution takes no time either; by turns it would never end."""
    sums = [node("Add", f"v{each} v{each}", f"v{each + 1}") for each in range(60)]
    nodes = [node("Identity", "x", "v0"), *sums, node("Identity", "v60", "c"), END]
    assert only(model(nodes), tmp_path).remedy == "no convolution stands before it"


@pytest.mark.parametrize(
    "copies",
    [
        [node("Concat", "h h h h", "a", axis=-1)],
        [node("Unsqueeze", "h end", "u"), node("Tile", "u last", "v"),
         node("Reshape", "v flat", "a")],
    ],
    ids=["phases", "channels"],
)  # fmt: skip
def test_copies_where_channels_come_last(tmp_path: Path, copies: list[onnx.NodeProto]) -> None:
    """TensorFlow has channels last, and its pixel shuffle numbers them phase by phase."""
    nodes = [
        node("Transpose", "x", "h", perm=[0, 2, 3, 1]), node("MatMul", "h l", "m"), *copies,
        node("Add", "m a", "c"), node("Reshape", "c six", "s"),
        node("Transpose", "s", "t", perm=[0, 1, 3, 2, 4, 5]), node("Reshape", "t out", "z"),
        node("Transpose", "z", "y", perm=[0, 3, 1, 2]),
    ]  # fmt: skip
    tensors = {
        "l": normal(3, 12), "end": np.array([4]), "last": np.array([1, 1, 1, 1, 4]),
        "flat": np.array([0, 0, 0, 12]), "six": np.array([1, 12, 12, 2, 2, 3]),
        "out": np.array([1, 24, 24, 3]),
    }  # fmt: skip
    made = model(nodes, tensors)
    made.graph.input[0].CopyFrom(known("x", 1, 3, None, None))
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 3), (2, 2))
