"""Fixed blurs right after a layer in ONNX models: what they leave of its checkerboard."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import onnx
import pytest
from audits import WEIGHTS, expected, found, middles, normal, only, ripples, shuffle
from models import model, node

UP = node("ConvTranspose", "x w b", "u", strides=[2, 3], dilations=[1, 2], pads=[1, 0, 0, 2])
TENSORS = {
    "w": WEIGHTS, "b": normal(3), "k": normal(3, 1, 3, 2), "l": normal(3, 1, 2, 2, seed=1),
    "tiny": 1e-9 * normal(3, 1, 3, 3), "full": normal(3, 3, 2, 2),
    "twice": normal(6, 1, 2, 2), "noise": normal(1, 1, 26, 41),
    "pads": np.array([0, 0, 3, 1, 0, 0, 0, 2]), "b3": normal(3, 1, 1), "two": np.float32(2),
    "j": normal(1, 1, 3, 2), "apart": np.array([-1, 1, 33, 50]), "back": np.array([1, 3, 31, 49]),
    "below": np.array([1, 1, 99, 50]),
    "cut": np.array([1, 2]), "end": np.array([99, 99]), "axes": np.array([2, 3]),
}  # fmt: skip


def blur(inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    """Return a convolution of three channels, each by itself."""
    return node("Conv", inputs, output, group=3, **attributes)


def mean(inputs: str, output: str, *size: int, **attributes: Any) -> onnx.NodeProto:
    """Return a mean of neighbours."""
    return node("AveragePool", inputs, output, kernel_shape=size, **attributes)


@pytest.mark.parametrize(
    "nodes",
    [
        [blur("u k", "y")],
        [blur("u tiny", "y")],
        [blur("u k", "y", dilations=[2, 1], pads=[1, 2, 0, 3])],
        [blur("u k b", "v", auto_pad="SAME_UPPER"), blur("v l", "y")],
        [mean("u", "y", 3, 2)],
        [mean("u", "y", 3, 2, strides=[1, 1], dilations=[1, 2], pads=[1] * 4)],
        [node("Pad", "u pads", "v", mode="edge"), node("Identity", "v", "t"), blur("t k", "y")],
        [node("Slice", "u cut end axes", "v"), blur("v k", "y"), node("Relu", "y", "z")],
        [node("Sub", "u b3", "v"), node("Mul", "two v", "t"), blur("t k", "y")],
        [
            node("Reshape", "u apart", "v"),
            node("Conv", "v j", "t"),
            node("Reshape", "t back", "s"),
            blur("s l", "y"),
        ],
    ],
)
def test_a_blur_is_part_of_the_layer(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """What it leaves of the pattern of flat pictures is told, whatever its dilation and place."""
    made = model([UP, *nodes], TENSORS, 19)
    figure = only(made, tmp_path)
    assert (figure.size, figure.stride, figure.dilation) == ((4, 4), (2, 3), (1, 2))
    assert ripples(figure) == expected(models.responses(made, 2, size=16), (2, 3))


@pytest.mark.parametrize("spelling", ["node", "spelled"])
def test_a_blur_after_a_shuffle(tmp_path: Path, spelling: str) -> None:
    """The biases of the phases go through it, too."""
    nodes, tensors = shuffle("CRD", spelling)
    nodes[-1].output[0] = "u"
    tensors |= TENSORS | {"w": normal(12, 2, 3, 3), "b": normal(12)}
    conv, after = node("Conv", "x w b", "c", pads=[1] * 4), blur("u k", "y")
    made = model([conv, *nodes, after], tensors)
    figure, out = only(made, tmp_path), models.responses(made, 2)
    assert ripples(figure) == expected(out, (2, 2))
    dark = middles(models.run(made, np.zeros((2, 12, 12)))[None], (2, 2))
    gain = np.sqrt((middles(out, (2, 2)).mean(axis=(2, 3)) ** 2).sum() / 3)
    spread = np.sqrt(dark.var(axis=(2, 3)).mean())
    assert figure.bias_ripple == pytest.approx(spread / gain, rel=1e-4)


def test_a_mean_of_a_block_leaves_nothing(tmp_path: Path) -> None:
    """Such is fastai's after a pixel shuffle and StyleGAN's after a transposed convolution."""
    shuffled = [
        node("Conv", "x w b", "c"), node("Relu", "c", "r"),
        node("DepthToSpace", "r", "u", blocksize=2, mode="CRD"),
        node("Pad", "u one", "v", mode="edge"), mean("v", "y", 2, 2),
    ]  # fmt: skip
    one = np.array([0, 0, 1, 1, 0, 0, 0, 0])
    tensors = {"w": normal(12, 2, 3, 3), "b": normal(12), "one": one}
    figure = only(model(shuffled, tensors), tmp_path)
    assert (figure.verdict, figure.remedy, figure.most) == ("none", "", pytest.approx(0.0))
    row = np.float32([1, 3, 3, 1])
    tensors = {"w": normal(2, 3, 3, 3), "k": np.tile(np.outer(row, row) / 16, (3, 1, 1, 1))}
    up = node("ConvTranspose", "x w", "u", strides=[2, 2])
    figure = only(model([up, blur("u k", "y", pads=[1] * 4)], tensors), tmp_path)
    assert (figure.verdict, figure.remedy, figure.most) == ("none", "", pytest.approx(0.0))
    assert (figure.size, figure.divides, figure.shift) == ((3, 3), False, (0.0, 0.0))


@pytest.mark.parametrize(
    "after",
    [
        [mean("u", "y", 2, 3)],
        [node("Pad", "u pads", "v", mode="edge"), mean("v", "y", 4, 2, pads=[1, 0, 0, 1])],
        [node("Slice", "u cut end axes", "v"), mean("v", "y", 1, 4, dilations=[1, 2])],
        [mean("u", "y", 2, 2, auto_pad="SAME_UPPER"), node("Relu", "y", "z")],
    ],
)
def test_a_blur_moves_the_picture(tmp_path: Path, after: list[onnx.NodeProto]) -> None:
    """A point of light goes as far as is told."""
    taps = np.outer([1, 2, 1], [1, 2, 1])[None, None].astype(np.float32)
    up = node("ConvTranspose", "x w", "u", strides=[2, 2])
    made = model([up, *after], TENSORS | {"w": taps}, 19)
    x = np.zeros((1, 12, 12))
    x[0, 5, 5] = 1
    out = models.run(made, x).sum(axis=0)
    place = [(out * each).sum() / out.sum() for each in np.indices(out.shape)]
    assert only(made, tmp_path).shift == pytest.approx(np.subtract(place, 10.5))


@pytest.mark.parametrize(("stride", "size"), [(4096, 2), (1024, 1000)])
def test_blurs_that_would_take_minutes_are_unknown(tmp_path: Path, stride: int, size: int) -> None:
    """Each goes through all phases."""
    up = node("ConvTranspose", "x o", "u0", strides=[stride, stride])
    blurs = [mean(f"u{each}", f"u{each + 1}", size, size) for each in range(4)]
    figure = only(model([up, *blurs], {"o": np.ones((1, 1, 1, 1), "f")}, out="u4"), tmp_path)
    assert figure.remedy == f"its {stride**2} phases are too many to judge"


@pytest.mark.parametrize(
    "after",
    [
        [node("Conv", "u full", "y")],
        [blur("u twice", "y")],
        [blur("u k", "y", strides=[1, 2])],
        [blur("u x", "y")],
        [node("Relu", "u", "v"), blur("v k", "y")],
        [node("Add", "u noise", "v"), blur("v k", "y")],
        [node("FusedConv", "u k", "y", group=3, activation="Relu")],
        [node("ConvTranspose", "u k", "y", group=3)],
        [mean("u", "y", 2, 2, strides=[2, 2])],
        [mean("u", "y", 0, 2)],
        [mean("u", "y", 1 << 20, 1 << 20)],
        [node("AveragePool", "u", "y")],
        [node("MaxPool", "u", "y", kernel_shape=[2, 2])],
        [blur("u k", "v"), node("Add", "u v", "y")],
        [node("Reshape", "u below", "v"), node("Conv", "v j", "y")],
        [node("Reshape", "u apart", "v"), blur("v k", "y")],
        [node("Reshape", "u x", "v"), node("Conv", "v j", "y")],
    ],
)
def test_what_is_no_blur(tmp_path: Path, after: list[onnx.NodeProto]) -> None:
    """Mixing channels, leaving out pixels, activations and damage leave a layer by itself."""
    alone = only(model([UP], TENSORS, out="u"), tmp_path)
    first, *_ = found(model([UP, *after], TENSORS, 19), tmp_path)
    assert first == alone
