"""Sums of two convolutions before a pixel shuffle in ONNX models."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, middles, normal, only, ripples
from models import model, node

END = node("DepthToSpace", "c", "y", blocksize=2, mode="CRD")
ADD = node("Add", "a b", "c")
FIRST = node("Conv", "x w u", "a", pads=[1] * 4)
TENSORS = {
    "w": normal(12, 4, 3, 3), "v": normal(12, 4, 1, 1, seed=1), "u": normal(12, seed=2),
    "k": normal(12, 1, 1, seed=3), "parts": np.array([3, 1]), "three": normal(12, 3, 3, 3, seed=4),
    "one": normal(12, 1, 1, 1, seed=5), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "groups": normal(12, 2, 1, 1), "few": normal(1, 4, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(
    "nodes",
    [
        [FIRST, node("Conv", "x v", "b"), ADD],
        [node("Conv", "x v u", "a"), node("Conv", "x w u", "b", pads=[1] * 4), ADD],
        [node("Pad", "x pads", "p", mode="reflect"), node("Conv", "p w", "a"),
         node("Conv", "x v u", "d"), node("Mul", "d k", "b"), ADD],
        [node("Split", "x parts", "f g", axis=1), node("Conv", "f three u", "a", pads=[1] * 4),
         node("Conv", "g one u", "b"), ADD],
    ],
    ids=["branch", "larger", "scaled", "apart"],
)  # fmt: skip
def test_sums_of_convolutions(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Branches that are trained apart, and a skip from elsewhere, are one convolution in sum."""
    made = model([*nodes, END], TENSORS)
    figure = only(made, tmp_path)
    assert ripples(figure) == expected(models.responses(made, 4), (2, 2))
    assert figure.shift == (0, 0)
    dark = middles(models.run(made, np.zeros((4, 12, 12)))[None], (2, 2))
    gain = np.sqrt((middles(models.responses(made, 4), (2, 2)).mean(axis=(2, 3)) ** 2).sum() / 3)
    spread = np.sqrt(dark.var(axis=(2, 3)).mean())
    np.testing.assert_allclose(figure.bias_ripple, spread / gain, rtol=1e-4)


def test_sums_of_convolutions_that_move_the_picture_apart(tmp_path: Path) -> None:
    """The middle of what a pixel spreads to, by both, counts."""
    other = node("Conv", "x w", "b", pads=[2, 2, 0, 0])
    assert only(model([FIRST, other, ADD, END], TENSORS), tmp_path).shift == (1.0, 1.0)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Conv", "x groups", "b", group=2), ADD],
        [node("Conv", "x few", "b"), ADD],
        [node("Conv", "x v", "d"), node("Sub", "a d", "c")],
        [node("Conv", "x v", "b"), node("Add", "a b", "d"), node("Add", "d k", "c")],
    ],
    ids=["groups", "few", "less", "offset"],
)
def test_other_sums(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Whatever is linear is measured as a whole: groups, differences and one channel for all."""
    made = model([FIRST, *nodes, END], TENSORS)
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, 4), (2, 2))


def test_an_activation_of_one_branch_is_unknown(tmp_path: Path) -> None:
    """What it makes of flat pictures depends on how bright they are."""
    nodes = [FIRST, node("Conv", "x v", "d"), node("Relu", "d", "b"), ADD, END]
    figure = only(model(nodes, TENSORS), tmp_path)
    assert (figure.verdict, figure.remedy) == (
        "unknown",
        "Relu (the_Relu) joins branches before it",
    )
