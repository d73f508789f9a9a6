"""Sub-pixel convolutions in ONNX models, as one node or spelled out, whole or damaged."""

from itertools import pairwise
from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, middles, normal, only, ripples, shuffle
from models import Array, model, node

from upsample_cli.jobs.audit.layer_figures import LayerFigures
from upsample_cli.networks.layer import sub_pixel

AS_IT_RUNS = "the blocks that its channels become are worked out as it runs"


def spelled(folder: Path, making: list[onnx.NodeProto], tensors: dict[str, Array]) -> LayerFigures:
    """Return what is told of a shuffle that is spelled out, by a shape that nodes make."""
    nodes = [
        node("Conv", "x w", "c"), *making, node("Reshape", "c shape", "six"),
        node("Transpose", "six", "turned", perm=[0, 1, 4, 2, 5, 3]),
        node("Reshape", "turned flat", "y"),
    ]  # fmt: skip
    known = {"w": np.ones((4, 1, 1, 1), np.float32), "flat": np.array([1, 1, 4, 4])}
    return only(model(nodes, known | tensors), folder)


def test_blocks_that_are_a_sum_are_unknown(tmp_path: Path) -> None:
    """RAFT weighs neighbours for each pixel of a block, and shuffles what they sum up to."""
    nodes, tensors = shuffle("CRD", "spelled")
    nodes[0] = node("ReduceSum", "x two", "six", keepdims=0)
    figure = only(model(nodes, tensors | {"two": np.array([2])}), tmp_path)
    assert (figure.verdict, figure.remedy) == ("unknown", AS_IT_RUNS)


@pytest.mark.parametrize(
    ("split", "made", "verdict"),
    [
        ([1, 12, 2, 2, 4, 4], [1, 12, 8, 8], "unknown"),
        ([1, 3, 2, 2, 8, 8], [1, 3, 16, 16], "checkerboard"),
        ([3, 1, 2, 2, 8, 8], [1, 3, 16, 16], "checkerboard"),
    ],
)
def test_blocks_of_which_there_are_too_many_are_no_channels(
    tmp_path: Path, split: list[int], made: list[int], verdict: str
) -> None:
    """Of 12 channels that stay 12 the pixels are put in another order, as of windows on a grid."""
    nodes = [
        node("Conv", "x w", "c"), node("Reshape", "c split", "many"),
        node("Transpose", "many", "few", perm=[0, 1, 4, 2, 5, 3]), node("Reshape", "few made", "y"),
    ]  # fmt: skip
    tensors = {"w": normal(12, 2, 1, 1), "split": np.array(split), "made": np.array(made)}
    assert only(model(nodes, tensors), tmp_path).verdict == verdict


def test_a_shape_that_is_joined_again_and_again_is_read_once(tmp_path: Path) -> None:
    """Five Concats of 100 parts each tell 10^10 lengths, of which no more than 9 matter."""
    names = pairwise(["x", "e", "d", "b", "a", "shape"])
    made = [node("Concat", f"{part} " * 100, name, axis=0) for part, name in names]
    assert spelled(tmp_path, made, {}).remedy == AS_IT_RUNS


@pytest.mark.parametrize("shape", [np.full(6, np.nan, np.float32), np.array(["a"] * 6, object)])
def test_a_shape_of_no_whole_numbers_is_unknown(tmp_path: Path, shape: Array) -> None:
    """Damage can make a shape of NaN or of text."""
    assert spelled(tmp_path, [], {"shape": shape}).remedy == AS_IT_RUNS


def test_groups_that_become_more_than_memory_are_unknown(tmp_path: Path) -> None:
    """Where each phase is of another group, a channel's weights are as many times as large."""
    nodes = [node("Conv", "x w", "c", group=4096), node("DepthToSpace", "c", "y", blocksize=64)]
    made = model(nodes, {"w": np.ones((1 << 16, 1, 1, 1), np.float32)})
    assert only(made, tmp_path).remedy == "its 4096 groups of weights are out of range"


@pytest.mark.parametrize("groups", [2, 3, 4, 12])
@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_groups_of_channels(tmp_path: Path, mode: str, groups: int) -> None:
    """A channel draws on the groups of its phases alone, which may be one or as many as phases."""
    nodes, tensors = shuffle(mode, "node")
    made = model([node("Conv", "x w", "c", group=groups), *nodes],
                 tensors | {"w": normal(12, 1, 3, 3)})  # fmt: skip
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, groups), (2, 2))


def test_groups_take_no_memory_for_weights_that_are_not_there() -> None:
    """Each of 1536 channels has its own 4, so of 1536 times 6144 kernels but 6144 are there."""
    layer = sub_pixel("up", normal(6144, 1, 3, 3), None, (2, 2), (1, 1), groups=1536)
    assert layer.taps is not None
    assert layer.taps.shape == (1536, 1, 6, 6)


@pytest.mark.parametrize(
    ("mode", "spelling"),
    [
        ("CRD", "node"), ("DCR", "node"), ("CRD", "spelled"), ("DCR", "spelled"),
        ("CRD", "unsqueezed"), ("CRD", "dynamic"), ("DCR", "dynamic"),
    ],
)  # fmt: skip
def test_sub_pixel_convolutions(tmp_path: Path, mode: str, spelling: str) -> None:
    """Both orders of channels, as one node or spelled out, with a bias a phase."""
    nodes, tensors = shuffle(mode, spelling)
    tensors |= {"up.weight": normal(12, 2, 3, 3), "b": normal(12)}
    conv = node("Conv", "x up.weight b", "c", pads=[1, 1, 1, 1])
    made = model([conv, *nodes], tensors)
    figure = only(made, tmp_path)
    assert (figure.name, figure.kind, figure.stride) == ("up", "sub-pixel", (2, 2))
    assert figure.shift == (0.0, 0.0)
    out = models.responses(made, 2)
    assert ripples(figure) == expected(out, (2, 2))
    dark = middles(models.run(made, np.zeros((2, 12, 12)))[None], (2, 2))
    spread = np.sqrt(dark.var(axis=(2, 3)).mean())
    gain = np.sqrt((middles(out, (2, 2)).mean(axis=(2, 3)) ** 2).sum() / 3)
    np.testing.assert_allclose(figure.bias_ripple, spread / gain, rtol=1e-4)


def test_a_shape_that_is_made_of_itself_is_unknown(tmp_path: Path) -> None:
    """Damage can turn the shape of a spelled-out shuffle into a circle."""
    nodes, tensors = shuffle("CRD", "spelled")
    circle = [node("Concat", "two", "shape", axis=0), node("Concat", "shape shape", "two", axis=0)]
    conv, _ = node("Conv", "x w", "c"), tensors.pop("shape")
    figure = only(model([conv, *circle, *nodes], tensors | {"w": normal(12, 2, 3, 3)}), tmp_path)
    assert figure.remedy == "the blocks that its channels become are worked out as it runs"
