"""Shuffles of channels in ONNX models whose shapes or groups are made to be endless."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from models import Array, model, node, saved

from upsample_cli.jobs.layer_figures import LayerFigures, figures
from upsample_cli.networks.onnx_model import layers

AS_IT_RUNS = "the blocks that its channels become are worked out as it runs"


def spelled(folder: Path, making: list[onnx.NodeProto], tensors: dict[str, Array]) -> LayerFigures:
    """Return what is told of a shuffle that is spelled out, by a shape that nodes make."""
    nodes = [
        node("Conv", "x w", "c"), *making, node("Reshape", "c shape", "six"),
        node("Transpose", "six", "turned", perm=[0, 1, 4, 2, 5, 3]),
        node("Reshape", "turned flat", "y"),
    ]  # fmt: skip
    known = {"w": np.ones((4, 1, 1, 1), np.float32), "flat": np.array([1, 1, 4, 4])}
    (figure,) = map(figures, layers(saved(model(nodes, known | tensors), folder)))
    return figure


def test_a_shape_that_is_joined_again_and_again_is_read_once(tmp_path: Path) -> None:
    """Five Concats of 100 parts each tell 10^10 lengths, of which no more than 7 matter."""
    names = pairwise(["x", "e", "d", "b", "a", "shape"])
    made = [node("Concat", f"{part} " * 100, name, axis=0) for part, name in names]
    assert spelled(tmp_path, made, {}).remedy == AS_IT_RUNS


@pytest.mark.parametrize("shape", [np.full(6, np.nan, np.float32), np.array(["a"] * 6, object)])
def test_a_shape_of_no_whole_numbers_is_unknown(tmp_path: Path, shape: Array) -> None:
    """Damage can make a shape of NaN or of text."""
    assert spelled(tmp_path, [], {"shape": shape}).remedy == AS_IT_RUNS


def test_groups_that_become_more_than_memory_are_unknown(tmp_path: Path) -> None:
    """A convolution of 4096 groups is 4096 times as large over all its input channels."""
    nodes = [node("Conv", "x w", "c", group=4096), node("DepthToSpace", "c", "y", blocksize=2)]
    made = model(nodes, {"w": np.ones((1 << 16, 1, 1, 1), np.float32)})
    (figure,) = map(figures, layers(saved(made, tmp_path)))
    assert figure.remedy == "its 4096 groups of weights are out of range"
