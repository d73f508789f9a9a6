"""Numbers of transposed convolutions in ONNX models: strides, dilations, padding, groups."""

from pathlib import Path
from typing import Any

import layers as oracle
import models
import numpy as np
import pytest
from audits import expected, normal, only, ripples
from models import model, node


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        ((4, 4), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ((3, 4), {"strides": [2, 3], "dilations": [2, 1], "pads": [0, 2, 1, 0]}),
        ((4, 4), {"strides": [2, 2], "dilations": [2, 2]}),
        ((2, 2), {"strides": [3, 3]}),
        ((5, 3), {"strides": [1, 4]}),
        ((3, 3), {}),
        ((4,), {"strides": [3]}),
        ((3, 2, 4), {"strides": [2, 2, 3]}),
    ],
)
def test_transposed_convolutions(
    tmp_path: Path, shape: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    """Any stride and dilation of each axis, in one, two and three dimensions, with a bias."""
    tensors = {"w": normal(2, 3, *shape), "b": normal(3)}
    made = model([node("ConvTranspose", "x w b", "y", **attributes)], tensors)
    figure = only(made, tmp_path)
    out = models.responses(made, 2, len(shape), 6 if len(shape) == 3 else 12)
    assert ripples(figure) == expected(out, figure.stride)
    assert (figure.name, figure.kind, figure.size) == ("the_ConvTranspose", "tconv", shape)
    assert figure.bias_ripple is None


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        ((4, 5), {"strides": [2, 3], "pads": [0, 2, 1, 0], "dilations": [2, 1]}),
        ((3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ((4, 4), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ((3, 4), {"strides": [2, 3], "auto_pad": "SAME_LOWER"}),
        ((5, 5), {"strides": [2, 2], "auto_pad": "VALID"}),
    ],
)
def test_the_shift_of_a_transposed_convolution(
    tmp_path: Path, shape: tuple[int, int], attributes: dict[str, Any]
) -> None:
    """A point of light comes out as far from its place as is told."""
    made = model([node("ConvTranspose", "x w", "y", **attributes)], {"w": np.ones((1, 1, *shape),
                 np.float32)})  # fmt: skip
    figure = only(made, tmp_path)
    x = np.zeros((1, 9, 9))
    x[0, 4, 4] = 1
    out = models.run(made, x)[0]
    assert figure.shift is not None
    for axis, stride in enumerate(attributes["strides"]):
        centre = (out.sum(axis=1 - axis) * np.arange(out.shape[axis])).sum() / out.sum()
        assert figure.shift[axis] == pytest.approx(centre - (stride * 4.5 - 0.5))


def test_an_output_shape_leaves_the_shift_unknown(tmp_path: Path) -> None:
    """What is cropped then follows from the size of the input."""
    attributes = {"strides": [2, 2], "output_shape": [24, 24]}
    made = model([node("ConvTranspose", "x w", "y", **attributes)], {"w": normal(1, 1, 4, 4)})
    assert only(made, tmp_path).shift is None


def test_weights_that_overflow_leave_the_shift_unknown(tmp_path: Path) -> None:
    """As a damaged file may have them; the other figures are unknown too."""
    up = node("ConvTranspose", "x w", "y", strides=[2, 2])
    figure = only(model([up], {"w": np.full((1, 1, 3, 3), 3e38, np.float32)}), tmp_path)
    assert figure.shift is None


def test_groups_of_channels(tmp_path: Path) -> None:
    """Channels of a group draw on those of the group alone."""
    weights = normal(4, 2, 3, 3)
    attributes = {"strides": [2, 2], "group": 2}
    made = model([node("ConvTranspose", "x w", "y", **attributes)], {"w": weights})
    outs = []
    for channel in range(4):
        x = np.zeros((4, 6, 6))
        x[channel] = 1
        outs.append(oracle.transposed(x, weights, (2, 2), (1, 1), 2))
    assert ripples(only(made, tmp_path)) == expected(np.array(outs), (2, 2))
