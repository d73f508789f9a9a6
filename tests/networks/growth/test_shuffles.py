"""Sub-pixel convolutions in ONNX models, as one node or spelled out, whole or damaged."""

from pathlib import Path

import models
import numpy as np
import pytest
from audits import expected, middles, normal, only, ripples, shuffle
from models import model, node


@pytest.mark.parametrize(
    ("split", "made", "verdict"),
    [
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


@pytest.mark.parametrize("groups", [2, 3, 4, 12])
@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_groups_of_channels(tmp_path: Path, mode: str, groups: int) -> None:
    """A channel draws on the groups of its phases alone, which may be one or as many as phases."""
    nodes, tensors = shuffle(mode, "node")
    made = model([node("Conv", "x w", "c", group=groups), *nodes],
                 tensors | {"w": normal(12, 1, 3, 3)})  # fmt: skip
    assert ripples(only(made, tmp_path)) == expected(models.responses(made, groups), (2, 2))


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
