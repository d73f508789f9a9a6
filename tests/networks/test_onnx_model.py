"""Layers found in ONNX models, judged by onnx's own reference on flat pictures."""

from pathlib import Path
from typing import Any

import layers as oracle
import models
import numpy as np
import onnx
import pytest
from models import Array, model, node, saved
from onnx import helper, numpy_helper

from upsample_cli.errors import NetworkFileError
from upsample_cli.jobs.layer_figures import LayerFigures, figures
from upsample_cli.networks.onnx_model import layers


def found(made: onnx.ModelProto, folder: Path) -> list[LayerFigures]:
    return [figures(layer) for layer in layers(saved(made, folder))]


def only(made: onnx.ModelProto, folder: Path) -> LayerFigures:
    (figure,) = found(made, folder)
    return figure


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def middles(out: Array, stride: tuple[int, ...]) -> Array:
    """Return one period out of the middle of (Cin, Cout, ...)."""
    for axis, s in enumerate(stride):
        first = out.shape[2 + axis] // 2 // s * s
        out = out.take(range(first, first + s), axis=2 + axis)
    return out


def ripples(figure: LayerFigures) -> tuple[float | None, float | None]:
    """Return a layer's ripple and its worst channel's."""
    return figure.ripple, figure.worst_ripple


def expected(out: Array, stride: tuple[float, ...]) -> tuple[Any, Any]:
    """Return what they must be, of what flat channels become."""
    periods = middles(out, tuple(int(each) for each in stride))
    periods = periods.reshape(*periods.shape[:2], -1, 1)
    each = [oracle.ripple_of(periods[:, o : o + 1]) for o in range(periods.shape[1])]
    return (
        pytest.approx(oracle.ripple_of(periods), rel=1e-5, abs=1e-6),
        pytest.approx(max(each), rel=1e-4, abs=1e-6),
    )


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


def shuffle(mode: str, spelling: str) -> tuple[list[onnx.NodeProto], dict[str, Array]]:
    """Return the nodes from "c" to "y" that shuffle 12 channels to 3, and their tensors."""
    if spelling == "node":
        return [node("DepthToSpace", "c", "y", blocksize=2, mode=mode)], {}
    perm = [0, 1, 4, 2, 5, 3] if mode == "CRD" else [0, 3, 4, 1, 5, 2]
    shape = [1, 3, 2, 2, 12, 12] if mode == "CRD" else [1, 2, 2, 3, 12, 12]
    nodes = [
        node("Reshape", "c shape", "six"),
        node("Transpose", "six", "turned", perm=perm),
        node("Reshape", "turned flat", "y"),
    ]
    tensors = {"flat": np.array([1, 3, 24, 24])}
    if spelling == "unsqueezed":
        nodes[0] = node("Reshape", "wide shape", "six")
        nodes.insert(0, node("Unsqueeze", "c axes", "wide"))
        return nodes, tensors | {"axes": np.array([2, 3]), "shape": np.array([0, 3, 2, 2, 0, 0])}
    if spelling == "dynamic":  # heights and widths worked out as it runs
        pieces = "n m s s h w" if mode == "CRD" else "n s s m h w"
        nodes = [
            node("Shape", "c", "all"),
            node("Slice", "all two four", "h_w"),
            node("Split", "h_w", "h w"),
            node("Concat", pieces, "shape", axis=0),
            *nodes,
        ]
        one, three, two = np.array([1]), np.array([3]), np.array([2])
        return nodes, tensors | {
            "two": two, "four": np.array([4]), "n": one, "m": three, "s": two,
        }  # fmt: skip
    return nodes, tensors | {"shape": np.array(shape)}


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


NORM = {"g": normal(12), "o": normal(12, seed=1), "m": normal(12, seed=2), "v": np.float32(2) +
        np.abs(normal(12))}  # fmt: skip
CHANNELS = normal(1, 12, 1, 1, seed=3)


@pytest.mark.parametrize(
    ("between", "tensors"),
    [
        ([node("BatchNormalization", "a g o m v", "c", epsilon=0.1)], NORM),
        ([node("Add", "a k", "c")], {"k": CHANNELS}),
        ([node("Sub", "k a", "c")], {"k": CHANNELS}),
        ([node("Sub", "a k", "c")], {"k": CHANNELS[0]}),
        ([node("Mul", "k a", "c")], {"k": CHANNELS}),
        ([node("Div", "a k", "c")], {"k": CHANNELS}),
        ([node("Mul", "a k", "b1"), node("Add", "b1 k", "c")], {"k": CHANNELS}),
        ([node("Add", "a k", "b1"), node("Mul", "b1 k", "c")], {"k": CHANNELS}),
        ([node("Identity", "a", "b1"), node("Cast", "b1", "c", to=1)], {}),
    ],
    ids=["norm", "add", "from", "less", "times", "over", "both", "other", "same"],
)
def test_what_follows_the_convolution_is_taken_in(
    tmp_path: Path, between: list[onnx.NodeProto], tensors: dict[str, Array]
) -> None:
    """A scale and a shift for each channel before the shuffle are part of the layer."""
    conv = node("Conv", "x w b", "a", auto_pad="SAME_UPPER")
    nodes, more = shuffle("CRD", "node")
    known = {"w": normal(12, 2, 3, 3), "b": normal(12, seed=4), **tensors, **more}
    made = model([conv, *between, *nodes], known)
    figure = only(made, tmp_path)
    assert ripples(figure) == expected(models.responses(made, 2), (2, 2))
    dark = middles(models.run(made, np.zeros((2, 12, 12)))[None], (2, 2))
    gain = np.sqrt((middles(models.responses(made, 2), (2, 2)).mean(axis=(2, 3)) ** 2).sum() / 3)
    spread = np.sqrt(dark.var(axis=(2, 3)).mean())
    np.testing.assert_allclose(figure.bias_ripple, spread / gain, rtol=1e-4)


@pytest.mark.parametrize(
    "between",
    [
        [node("Relu", "a", "c")],
        [node("Sigmoid", "a", "s"), node("Mul", "a s", "c")],
        [node("PRelu", "a one", "c")],
        [node("Div", "a two", "d"), node("Erf", "d", "e"), node("Add", "e one", "f"),
         node("Mul", "a f", "g"), node("Mul", "g two", "c")],
    ],
    ids=["relu", "silu", "prelu", "gelu"],
)  # fmt: skip
def test_activations_are_passed_by(tmp_path: Path, between: list[onnx.NodeProto]) -> None:
    """One function of every channel does not unbalance: ICNR weights stay without ripple."""
    weights = np.repeat(normal(3, 2, 3, 3), 4, axis=0)
    constants = {"w": weights, "one": np.float32([0.25]), "two": np.float32(1.5)}
    nodes, _ = shuffle("CRD", "node")
    made = model([node("Conv", "x w", "a", pads=[1] * 4), *between, *nodes], constants)
    figure = only(made, tmp_path)
    assert (figure.ripple, figure.bias_ripple, figure.verdict) == (0.0, 0.0, "none")
    out = middles(models.run(made, np.ones((2, 12, 12)))[None], (2, 2))
    assert np.ptp(out, axis=(2, 3)).max() < 1e-6


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        ([node("PRelu", "a k", "c")], "PRelu (the_PRelu) after the convolution treats channels"),
        ([node("Relu", "a", "r"), node("Mul", "r k", "c")], "Mul (the_Mul) after the convolution"),
        ([node("Add", "a x2", "c")], "no convolution stands before it"),
        ([node("Conv", "x w", "a2"), node("Add", "a a2", "c")], "joins two branches before it"),
        ([node("Softmax", "a", "c", axis=1)], "but Softmax (the_Softmax)"),
        ([node("Mul", "a plane", "c")], "Mul (the_Mul) after the convolution treats channels"),
    ],
)
def test_what_unbalances_in_other_ways_is_unknown(
    tmp_path: Path, between: list[onnx.NodeProto], reason: str
) -> None:
    """Where weights alone do not tell, no figure is given but the reason."""
    tensors = {"w": normal(12, 2, 3, 3), "k": np.abs(normal(12, 1, 1)), "plane": normal(1, 1, 9, 9)}
    nodes, _ = shuffle("CRD", "node")
    made = model([node("Conv", "x w", "a"), *between, *nodes], tensors, inputs=("x", "x2"))
    figure = only(made, tmp_path)
    assert (figure.ripple, figure.verdict, figure.kind) == (None, "unknown", "sub-pixel")
    assert reason in figure.remedy


def test_a_shape_that_is_made_of_itself_is_unknown(tmp_path: Path) -> None:
    """Damage can turn the shape of a spelled-out shuffle into a circle."""
    nodes, tensors = shuffle("CRD", "spelled")
    circle = [node("Concat", "two", "shape", axis=0), node("Concat", "shape shape", "two", axis=0)]
    conv, _ = node("Conv", "x w", "c"), tensors.pop("shape")
    figure = only(model([conv, *circle, *nodes], tensors | {"w": normal(12, 2, 3, 3)}), tmp_path)
    assert figure.remedy == "the blocks that its channels become are worked out as it runs"


WEIGHTS = normal(2, 3, 4, 4)


@pytest.mark.parametrize(
    ("before", "tensors"),
    [
        ([node("Identity", "v", "w")], {"v": WEIGHTS}),
        ([node("Cast", "v", "w", to=1)], {"v": WEIGHTS.astype(np.float16)}),
        ([node("Transpose", "v", "w", perm=[2, 3, 1, 0])], {"v": WEIGHTS.transpose(3, 2, 0, 1)}),
        ([helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(WEIGHTS))], {}),
        (
            [node("DequantizeLinear", "v s z", "w", axis=0)],
            {"v": np.round(WEIGHTS * 30).astype(np.int8), "s": np.float32([1 / 30, 1 / 20]),
             "z": np.array([0, 5], np.int8)},
        ),
        (
            [node("Mul", "v v", "q"), node("ReduceSum", "q axes", "t"), node("Sqrt", "t", "n"),
             node("Div", "v n", "u"), node("Mul", "g u", "w")],
            {"v": WEIGHTS, "g": normal(2, 1, 1, 1), "axes": np.array([1, 2, 3])},
        ),
    ],
    ids=["identity", "half", "transposed", "constant", "quantised", "weight-norm"],
)  # fmt: skip
def test_weights_behind_other_nodes_are_worked_out(
    tmp_path: Path, before: list[onnx.NodeProto], tensors: dict[str, Array]
) -> None:
    """What counts is the effective weight, however the exporter left it in the graph."""
    nodes = [*before, node("ConvTranspose", "x w", "y", strides=[2, 2])]
    out = models.responses(model(nodes, tensors, 21), 2)  # the reference's least to quantise
    for opset in (13, 17, 21):
        figure = only(model(nodes, tensors, opset), tmp_path)
        assert ripples(figure) == expected(out, (2, 2))


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_floats(tmp_path: Path, kind: str) -> None:
    """Half, brain and double floats are read as what they are."""
    import ml_dtypes

    rounded = WEIGHTS.astype(getattr(ml_dtypes, kind, kind))
    expected = model([node("ConvTranspose", "x w", "y", strides=[2, 2])],
                     {"w": rounded.astype(np.float32)})  # fmt: skip
    made = model([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": rounded})
    one, other = only(made, tmp_path), only(expected, tmp_path)
    assert one.ripple == pytest.approx(other.ripple, rel=1e-6)


def test_external_data_are_read_from_beside_the_model(tmp_path: Path) -> None:
    """Weights may lie in a file of their own; without it the layer is unknown, and says so."""
    made = model([node("ConvTranspose", "x up.weight", "y", strides=[2, 2])],
                 {"up.weight": WEIGHTS})  # fmt: skip
    inside = only(made, tmp_path)
    path = tmp_path / "outside.onnx"
    onnx.save(made, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (outside,) = map(figures, layers(str(path)))
    assert outside == inside
    (tmp_path / "weights.bin").unlink()
    (missing,) = map(figures, layers(str(path)))
    assert (missing.name, missing.verdict) == ("up", "unknown")
    assert "the data of 'up.weight' cannot be read" in missing.remedy


@pytest.mark.parametrize(
    ("nodes", "tensors", "reason"),
    [
        ([node("ConvTranspose", "x w", "y")], {}, "'w' is an input of the model"),
        ([node("ConvTranspose", "x", "y")], {}, "it is not given"),
        ([node("Relu", "x", "w"), node("ConvTranspose", "x w", "y")], {}, "worked out by Relu"),
        ([node("ConvTranspose", "x w", "y")], {"w": normal(2, 2)}, "its weights have shape (2, 2)"),
        ([node("ConvTranspose", "x w", "y", strides=[2])], {"w": WEIGHTS}, "its strides has 1"),
        ([node("ConvTranspose", "x w", "y", strides=[0, 2])], {"w": WEIGHTS}, "are out of range"),
        ([node("ConvTranspose", "x w", "y", strides=[4096, 4096])], {"w": WEIGHTS}, "out of range"),
        ([node("ConvTranspose", "x w", "y", group=3)], {"w": WEIGHTS}, "do not fall into 3 groups"),
        ([node("ConvTranspose", "x w", "y", group="a")], {"w": WEIGHTS}, "its group is no int"),
        ([node("ConvTranspose", "x w", "y")], {"w": WEIGHTS * np.inf}, "holds NaN or infinity"),
        ([node("DepthToSpace", "x", "y", blocksize=2)], {}, "no convolution stands before it"),
        ([node("Conv", "x w", "c"), node("DepthToSpace", "c", "y")], {"w": WEIGHTS}, "worked out"),
        (
            [node("Conv", "x w", "c"), node("DepthToSpace", "c", "y", blocksize=2)],
            {"w": normal(6, 3, 3, 3)}, "6 channels make no blocks of (2, 2)",
        ),
        ([node("MatMul", "x w", "c"), node("DepthToSpace", "c", "y", blocksize=2)],
         {"w": WEIGHTS}, "no convolution stands before it, but MatMul"),
        ([node("MaxUnpool", "x i", "y", kernel_shape=[2, 2])], {}, "depends on the picture"),
        (
            [node("Identity", "b", "a"), node("Identity", "a", "b"),
             node("ConvTranspose", "x a", "y")],
            {}, "worked out by too many nodes",
        ),
        ([node("Reshape", "v s", "w"), node("ConvTranspose", "x w", "y")],
         {"v": WEIGHTS, "s": np.array([7, 7])}, "'w' cannot be worked out"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(
    tmp_path: Path, nodes: list[onnx.NodeProto], tensors: dict[str, Array], reason: str
) -> None:
    """A layer without figures is told with its reason, never left out."""
    figure = only(model(nodes, tensors), tmp_path)
    assert (figure.verdict, figure.ripple, figure.worst_channel) == ("unknown", None, None)
    assert figure.kind in ("tconv", "sub-pixel", "MaxUnpool")
    assert reason in figure.remedy


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
    """Scales may be an input or an attribute, of floats or from a Constant; sizes tell no scale."""
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
    made = model([node("Resize", "x - s", "y")], {"s": np.float32([1, 1, 1e38, 2])})
    assert only(made, tmp_path).stride == ()
    made = model([node("Resize", "x - - size", "y")], {"size": np.array([1, 3, 64, 64])})
    figure = only(made, tmp_path)
    assert (figure.kind, figure.stride, figure.shift, figure.ripple) == ("resize", (), None, 0.0)


def test_reductions_are_no_upsampling(tmp_path: Path) -> None:
    """A Resize that shrinks is left out, and so are plain convolutions and transpositions."""
    nodes = [
        node("Conv", "x w", "c", strides=[2, 2]),
        node("Transpose", "c", "t", perm=[0, 2, 3, 1]),
        node("Transpose", "t", "u", perm=[0, 3, 1, 2]),
        node("Resize", "u - s", "y"),
    ]
    tensors = {"s": np.float32([1, 1, 0.5, 0.5]), "w": normal(3, 2, 3, 3)}
    assert found(model(nodes, tensors), tmp_path) == []


def test_layers_within_nodes_are_found(tmp_path: Path) -> None:
    """Branches of If and bodies of Loop are walked, and see the weights around them."""
    value = helper.make_tensor_value_info("b", 1, None)
    up = helper.make_graph(
        [node("ConvTranspose", "x up.weight", "b", strides=[2, 2])], "up", [], [value]
    )
    own = helper.make_graph(
        [node("Identity", "v", "w2"), node("ConvTranspose", "x w2", "b", strides=[4, 4])], "own",
        [], [value], [numpy_helper.from_array(WEIGHTS, "v")],
    )  # fmt: skip
    choice = helper.make_node("If", ["p"], ["y"], "which", then_branch=up, else_branch=own)
    made = model([choice], {"up.weight": WEIGHTS}, inputs=("x", "p"))
    one, other = found(made, tmp_path)
    assert {one.name, other.name} == {"which/then_branch/up", "which/else_branch/the_ConvTranspose"}
    assert {one.stride, other.stride} == {(2, 2), (4, 4)}
    assert {one.verdict, other.verdict} == {"checkerboard"}


def calling(body: list[onnx.NodeProto], opset: int = models.OPSET) -> onnx.ModelProto:
    """Return a model whose one node is a function of its own."""
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Up", ["a", "k"], ["b"], body, opsets)
    made = model([helper.make_node("Up", ["x", "w"], ["y"], domain="own")], {"w": WEIGHTS},
                 functions=[function])  # fmt: skip
    made.opset_import.append(helper.make_opsetid("own", 1))
    return made


@pytest.mark.parametrize("opset", [11, 17, 18, 21])
def test_layers_of_local_functions_are_found(tmp_path: Path, opset: int) -> None:
    """A function of the model's own is put in the place of its call, whatever its version."""
    made = calling([node("ConvTranspose", "a k", "b", strides=[2, 2])], opset)
    figure = only(made, tmp_path)
    assert (figure.stride, figure.verdict) == ((2, 2), "checkerboard")


@pytest.mark.parametrize("kind", ["ConvTranspose", "DepthToSpace", "Resize", "Upsample"])
def test_operators_of_other_domains_are_unknown(tmp_path: Path, kind: str) -> None:
    """What is only called like an operator of ONNX's may do anything."""
    figure = only(model([helper.make_node(kind, ["x", "w"], ["y"], domain="my")], {"w": WEIGHTS}),
                  tmp_path)  # fmt: skip
    assert (figure.verdict, figure.ripple) == ("unknown", None)
    assert figure.remedy == f"it is my.{kind}, which is not ONNX's own"


def test_both_names_of_the_standard_domain(tmp_path: Path) -> None:
    """Models may import ai.onnx by its name; weights are worked out all the same."""
    nodes = [node("Identity", "v", "w"), node("ConvTranspose", "x w", "y", strides=[2, 2])]
    made = model(nodes, {"v": WEIGHTS})
    plain = only(made, tmp_path)
    made.opset_import[0].domain = made.graph.node[0].domain = "ai.onnx"
    assert only(made, tmp_path) == plain


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    """It has no end, so the model is damaged."""
    made = calling([helper.make_node("Up", ["a", "k"], ["b"], domain="own")])
    with pytest.raises(NetworkFileError, match=r"model.onnx has damaged functions; export"):
        layers(saved(made, tmp_path))


@pytest.mark.parametrize("data", [b"", b"text\n", b"PK\x03\x04" + bytes(40), bytes(range(256))])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing, text or other files are no models."""
    path = tmp_path / "odd.onnx"
    path.write_bytes(data)
    with pytest.raises(NetworkFileError, match=r"odd.onnx (is no ONNX model|holds no network); "):
        layers(str(path))


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """So is a path where there is nothing, or a folder."""
    with pytest.raises(NetworkFileError, match=r"no file nowhere.onnx; check the path"):
        layers("nowhere.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(NetworkFileError, match="is no ONNX model"):
        layers(str(tmp_path / "folder.onnx"))


def test_damage_is_told_and_never_a_traceback(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever bytes of a model are wrong, it is refused or its layers are told."""
    nodes, tensors = shuffle("CRD", "dynamic")
    nodes = [
        node("Identity", "v", "w"),
        node("ConvTranspose", "x w", "t", strides=[2, 2], pads=[1] * 4),
        node("Conv", "t k", "a", pads=[1] * 4),
        node("BatchNormalization", "a g o m v1", "c"),
        *nodes,
        node("Resize", "y - scales", "z"),
    ]
    tensors |= NORM | {"v": normal(2, 2, 3, 3), "k": normal(12, 2, 3, 3), "v1": NORM["v"]}
    made = model(nodes, tensors | {"scales": np.float32([1, 1, 2, 2])}, out="z")
    whole = made.SerializeToString()
    assert len(found(made, tmp_path)) == 3
    path, told = tmp_path / "damaged.onnx", 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.2 else data)
        try:
            told += len([figures(layer) for layer in layers(str(path))])
        except NetworkFileError:
            continue
    assert told > 300
