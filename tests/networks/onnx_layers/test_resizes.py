"""Interpolations in ONNX models: their scale, and how far they move the picture."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import layers, only
from models import model, node, run, saved
from onnx import helper, numpy_helper


@pytest.mark.parametrize("scale", [0.0, -2.0, float("nan"), float("inf")])
def test_scales_that_cannot_be_are_unknown(tmp_path: Path, scale: float) -> None:
    """A damaged scale is none, as an input and as an attribute."""
    attributes = {"coordinate_transformation_mode": "asymmetric", "mode": "linear"}
    resize = node("Resize", "x - s", "y", **attributes)
    made = model([resize], {"s": np.float32([1, 1, scale, 2])})
    assert only(made, tmp_path).stride == ()
    made = model([node("Upsample", "x", "y", scales=[1.0, 1.0, scale, 2.0])], {}, 7)
    assert only(made, tmp_path).stride == ()


@pytest.mark.parametrize("axes", [3, 4, 10_000])
def test_scales_of_more_axes_than_a_picture_has_are_unknown(tmp_path: Path, axes: int) -> None:
    """Damage can name thousands, each as fine as a scale can be."""
    made = model([node("Upsample", "x", "y", scales=[1.0, 1.0] + [4095.984375] * axes)], {}, 7)
    assert only(made, tmp_path).verdict == "unknown"
    made = model([node("Resize", "x - s", "y")], {"s": np.float32([1, 1] + [4095.984375] * axes)})
    assert only(made, tmp_path).verdict == "unknown"


@pytest.mark.parametrize(
    ("axes", "scales", "expected"),
    [
        ([2, 3], [2, 3], (2, 3)), ([3, 2], [3, 2], (2, 3)), ([-2, -1], [2, 3], (2, 3)),
        ([2, 3, 4], [2, 3, 4], (2, 3, 4)), ([3], [2], (1, 2)), ([-1], [2], (1, 2)),
        ([1, 2], [2, 2], (2, 2)), ([0, 1, 2, 3], [1, 1, 2, 2], (2, 2)), ([2, -1], [2, 2], (2, 2)),
        ([2, 3], [2], ()), ([-(2**60), -1], [2, 2], ()), ([2, 2**60], [2, 2], ()),
    ],
)  # fmt: skip
def test_scales_of_some_axes(
    tmp_path: Path, axes: list[int], scales: list[float], expected: tuple[float, ...]
) -> None:
    """From opset 18 on a Resize may say which axes its scales are for, in any order."""
    made = model([node("Resize", "x - s", "y", axes=axes)], {"s": np.float32(scales)}, 18)
    assert only(made, tmp_path).stride == expected


def test_some_axes_made_smaller_are_no_upsampling(tmp_path: Path) -> None:
    """A Resize that shrinks is left out, however it says its scales."""
    resize = node("Resize", "x - s", "y", axes=[2, 3])
    made = model([resize], {"s": np.float32([0.5, 0.5])}, 18)
    assert list(layers(saved(made, tmp_path))) == []


def test_a_convolution_whose_weights_are_worked_out(tmp_path: Path) -> None:
    """A Conv that does not say its kernel's shape has that of its effective weights, if any."""
    nodes = [node("Resize", "x - s", "r"), node("Conv", "r w", "y", pads=[1] * 4, strides=[1, 1])]
    cast, tensors = node("Cast", "v", "w", to=1), {"s": np.float32([1, 1, 2, 2])}
    weights = {"v": np.ones((2, 2, 3, 5), np.float16)}
    figure = only(model([cast, *nodes], tensors | weights), tmp_path)
    assert (figure.kind, figure.size, figure.shift) == ("resize-conv", (3, 5), (0.0, -1.0))
    figure = only(model(nodes, tensors), tmp_path)
    assert (figure.kind, figure.size, figure.shift) == ("resize-conv", (), None)
    assert figure.verdict == "none"


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("convention", ["asymmetric", "half_pixel"])
@pytest.mark.parametrize("scale", [1.25, 1.5, 2.0, 2.5, 3.0])
def test_the_mean_shift_of_nearest(
    tmp_path: Path, scale: float, convention: str, rounding: str
) -> None:
    """It is that of a ramp over whole periods, whatever the scale and the rounding."""
    attributes = {"coordinate_transformation_mode": convention, "nearest_mode": rounding}
    made = model([node("Resize", "x - s", "y", **attributes)], {"s": np.float32([1, 1, 1, scale])})
    out = run(made, np.arange(32.0)[None, None])[0, 0]
    place = np.arange(20, 20 + 4 * scale)  # whole periods, far from both ends
    shift = (place + 0.5 - scale * (out[20 : 20 + len(place)] + 0.5)).mean()
    assert only(made, tmp_path).shift == pytest.approx((0.0, shift))


def test_the_shift_of_an_odd_scale_is_unknown(tmp_path: Path) -> None:
    """Nearest repeats itself at no short distance there; linear needs none."""
    resize = node("Resize", "x - s", "y", coordinate_transformation_mode="asymmetric")
    made = model([resize], {"s": np.float32([1, 1, np.pi, 1])})
    assert only(made, tmp_path).shift is None
    made.graph.node[0].attribute.append(onnx.helper.make_attribute("mode", "linear"))
    assert only(made, tmp_path).shift == pytest.approx((0.5 - np.pi / 2, 0.0), abs=1e-4)


RESIZES = [
    ("nearest", "asymmetric", "floor", 2), ("nearest", "half_pixel", "round_prefer_floor", 2),
    ("nearest", "half_pixel", "round_prefer_ceil", 3), ("nearest", "asymmetric", "ceil", 2),
    ("nearest", "asymmetric", "round_prefer_floor", 3), ("linear", "half_pixel", "floor", 3),
    ("linear", "asymmetric", "floor", 2), ("cubic", "half_pixel", "floor", 2),
    ("linear", "align_corners", "floor", 2), ("linear", "pytorch_half_pixel", "floor", 1.5),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "convention", "rounding", "scale"), RESIZES)
def test_resize_convolutions_have_no_ripple(
    tmp_path: Path, mode: str, convention: str, rounding: str, scale: float
) -> None:
    """Flat pictures stay flat whatever the interpolation and the weights; the shift is told."""
    attributes = {"mode": mode, "coordinate_transformation_mode": convention}
    resize = node("Resize", "x - s", "r", nearest_mode=rounding, **attributes)
    conv = node("Conv", "r w", "y", pads=[1, 1, 0, 2])
    tensors = {"s": np.float32([1, 1, scale, scale]), "w": np.ones((1, 1, 3, 4), np.float32)}
    made = model([resize, conv], tensors)
    figure = only(made, tmp_path)
    assert (figure.name, figure.kind, figure.size) == ("the_Resize", "resize-conv", (3, 4))
    assert (figure.ripple, figure.verdict, figure.stride) == (0.0, "none", (scale, scale))
    flat = models.run(made, np.ones((1, 12, 12)))[0]
    assert np.ptp(flat[4:-4, 4:-4]) < 1e-4
    if convention == "align_corners":
        assert figure.shift is None
        return
    assert figure.shift is not None
    for axis in (0, 1):
        out = models.run(made, np.indices((12, 12))[axis][None])[0] / 12
        place = np.indices(out.shape)[axis]
        shift = (place + 0.5 - scale * (out + 0.5))[6:12, 6:12].mean()
        assert figure.shift[axis] == pytest.approx(shift, abs=1e-4)


def test_resizes_of_every_opset(tmp_path: Path) -> None:
    """Scales may be an input or an attribute, of floats or from a Constant."""
    scales = np.float32([1, 1, 2, 2])
    constant = helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(scales))
    for nodes, tensors, opset in [
        ([node("Upsample", "x", "y", scales=[1.0, 1.0, 2.0, 2.0])], {}, 7),
        ([constant, node("Upsample", "x s", "y")], {}, 9),
        ([node("Resize", "x s", "y")], {"s": scales}, 10),
        ([node("Resize", "x - s", "y")], {"s": scales}, 11),
    ]:
        figure = only(model(nodes, tensors, opset), tmp_path)
        assert (figure.kind, figure.stride, figure.shift) == ("resize", (2.0, 2.0), (0.0, 0.0))
