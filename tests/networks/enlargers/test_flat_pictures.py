"""Networks as a whole: the pattern in what they make of flat pictures."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import normal
from models import model, node, saved
from onnx import helper

from upsample_cli.networks.enlargers.flat_pictures import PictureNetwork, picture_networks
from upsample_cli.networks.flatten import network_of
from upsample_cli.networks.trial import with_trial_run

K3 = np.zeros((3, 3, 3, 3), np.float32)
K3[range(3), range(3)] = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])


Strides = tuple[tuple[float, ...], ...]


def network(
    made: onnx.ModelProto, folder: Path, strides: Strides = ((2, 2),), last: bool = False
) -> PictureNetwork | None:
    """Return a network of a model that takes pictures of three channels."""
    shape = [1, "h", "w", 3] if last else [1, 3, "h", "w"]
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, shape))
    return as_it_is(made, folder, strides)


def as_it_is(made: onnx.ModelProto, folder: Path, strides: Strides) -> PictureNetwork | None:
    """Return the network of a model; of several outputs the first picture counts."""
    found = picture_networks(with_trial_run(network_of(saved(made, folder))), strides)
    return next(iter(found.values()), None)


def up(weights: np.ndarray, *after: onnx.NodeProto, **tensors: np.ndarray) -> onnx.ModelProto:
    """Return a transposed convolution of stride 2 and what follows it."""
    first = node("ConvTranspose", "x w", "u" if after else "y", strides=[2, 2], pads=[1, 1, 0, 0])
    return model([first, *after], {"w": weights, **tensors})


def test_an_even_layer_leaves_no_pattern(tmp_path: Path) -> None:
    """The triangle keeps flat pictures flat."""
    found = network(up(K3), tmp_path)
    assert found is not None
    assert (found.stride, found.form.takes) == ((2, 2), (0, 1))
    assert max(found.flat().values()) < 1e-3


def test_an_uneven_layer_leaves_its_ripple(tmp_path: Path) -> None:
    """At grey 0.5 a layer of ripple 0.4843 leaves that of 127.5 levels."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    found = network(up(uneven), tmp_path)
    assert found is not None
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "colour"), [("black", [-1, -1, -1]), ("white", [1, 1, 1]), ("red", [1, -1, -1])]
)
def test_a_network_that_overflows_on_one_colour_is_unknown_there(
    tmp_path: Path, name: str, colour: list[int]
) -> None:
    """Infinity is not taken for white, though pure colours are judged within 0..1."""
    nodes = [
        node("Conv", "x k b", "c"), node("Exp", "c", "d"), node("Resize", "x - r", "u"),
        node("ConvTranspose", "d w", "p", strides=[2, 2]), node("Add", "u p", "y"),
    ]  # fmt: skip
    tensors = {
        "k": 300 * np.float32(colour).reshape(1, 3, 1, 1),
        "b": np.float32([100 - 300 * colour.count(1)]),  # its exponential overflows above 88.7
        "w": np.ones((1, 3, 2, 2), np.float32), "r": np.float32([1, 1, 2, 2]),
    }  # fmt: skip
    found = network(model(nodes, tensors), tmp_path)
    assert found is not None
    levels = found.flat()
    assert [key for key in levels if not np.isfinite(levels[key])] == [name]


@pytest.mark.parametrize(("name", "colour", "change", "share"), [
    ("black", [-1, -1, -1], 0.1, 1), ("black", [-1, -1, -1], -0.1, 0),
    ("white", [1, 1, 1], -0.1, 1),
    ("green", [-1, 1, -1], -0.1, 1 / np.sqrt(3)),
])  # fmt: skip
def test_pure_colours_are_tried_within_black_and_white(
    tmp_path: Path, name: str, colour: list[int], change: float, share: float
) -> None:
    """A pattern on one pure colour alone counts, as far as its pixels are within 0..1."""
    pattern = np.zeros((1, 3, 2, 2), np.float32)
    pattern[..., 0, 0] = change
    nodes = [
        node("Conv", "x k b", "c"), node("Relu", "c", "d"), node("Resize", "x - r", "u"),
        node("ConvTranspose", "d w", "p", strides=[2, 2]), node("Add", "u p", "y"),
    ]  # fmt: skip
    tensors = {
        "k": np.float32(colour).reshape(1, 3, 1, 1), "b": np.float32([0.95 - colour.count(1)]),
        "w": pattern, "r": np.float32([1, 1, 2, 2]),
    }  # fmt: skip
    found = network(model(nodes, tensors), tmp_path)
    assert found is not None
    flat = found.flat()
    strength = 255 * 0.95 * abs(change) * np.std([1, 0, 0, 0])
    assert flat.pop(name) == pytest.approx(share * strength, rel=1e-4)
    assert max(flat.values()) < 0.9 * strength


def test_a_layer_whose_pattern_is_taken_away_passes(tmp_path: Path) -> None:
    """What follows an uneven layer may mend it, and only the output tells."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    blur = np.zeros((3, 3, 2, 2), np.float32)
    blur[range(3), range(3)] = 1 / 4
    found = network(up(uneven, node("Relu", "u", "r"), node("Conv", "r k", "y", pads=[1, 1, 0, 0]),
                       k=blur), tmp_path)  # fmt: skip
    assert found is not None
    assert max(found.flat().values()) < 1e-3


def test_levels_of_255_are_recognised(tmp_path: Path) -> None:
    """A network that takes 0..255 is told by what it makes of grey."""
    nodes = [
        node("Div", "x m", "a"),
        node("ConvTranspose", "a w", "b", strides=[2, 2], pads=[1, 1, 0, 0]),
        node("Clip", "b low high", "c"), node("Mul", "c m", "y"),
    ]  # fmt: skip
    tensors = {"m": np.float32(255), "w": K3, "low": np.float32(0.02), "high": np.float32(1)}
    found = network(model(nodes, tensors), tmp_path)
    assert found is not None
    assert found.form.takes == (0, 255)


def test_the_output_may_have_another_white(tmp_path: Path) -> None:
    """A network that takes 0..1 and gives 0..255 has its pattern in levels of 255, unclipped."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    nodes = [node("Clip", "u low high", "c"), node("Mul", "c m", "y")]
    tensors = {"m": np.float32(255), "low": np.float32(0), "high": np.float32(1)}
    found = network(up(uneven, *nodes, **tensors), tmp_path)
    assert found is not None
    assert (found.form.takes, found.form.gives) == ((0, 1), (0, 255))
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


def test_an_output_of_both_signs_is_scaled(tmp_path: Path) -> None:
    """A network that takes 0..1 and gives -1..1 has half its values' pattern."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    nodes = [node("Mul", "u two", "m"), node("Sub", "m one", "y")]
    found = network(up(uneven, *nodes, two=np.float32(2), one=np.float32(1)), tmp_path)
    assert found is not None
    assert (found.form.takes, found.form.gives) == ((0, 1), (-1, 1))
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


def test_a_bounded_output_is_not_of_255_levels(tmp_path: Path) -> None:
    """A negative by tanh is nearer to grey if divided by 255, and its pattern would vanish."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = -8 / 9
    found = network(up(uneven, node("Tanh", "u", "y")), tmp_path)
    assert found is not None
    assert found.form.takes == (0, 1)
    blocks = np.tanh([-4 / 9, -8 / 9, -8 / 9, -16 / 9])
    assert found.flat()["grey 0.5"] == pytest.approx(255 * blocks.std(), rel=1e-4)


@pytest.mark.parametrize("border", [3, 20])
def test_a_network_may_leave_off_its_border(tmp_path: Path, border: int) -> None:
    """As those without padding do: the pattern is that of what is left."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    layer = node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1 + border, 1, border, 0])
    found = network(model([layer], {"w": uneven}), tmp_path)
    assert found is not None
    assert (found.stride, found.period) == ((2, 2), (2, 2))
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


def test_an_output_may_be_larger_than_the_scale_says(tmp_path: Path) -> None:
    """Without padding, 3x3 taps of stride 2 make 2 N + 1 pixels of N."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    layer = node("ConvTranspose", "x w", "y", strides=[2, 2])
    found = network(model([layer], {"w": uneven}), tmp_path)
    assert found is not None
    assert (found.stride, found.period) == ((2, 2), (2, 2))
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


def test_channels_may_come_last(tmp_path: Path) -> None:
    """As TensorFlow has them."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Resize", "t - s", "u"), node("Transpose", "u", "y", perm=[0, 2, 3, 1]),
    ]  # fmt: skip
    made = model(nodes, {"s": np.float32([1, 1, 2, 2])})
    found = network(made, tmp_path, last=True)
    assert found is not None
    assert (found.form.is_last, found.stride, max(found.flat().values())) == (True, (2, 2), 0.0)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Conv", "x k", "y", strides=[2, 2])],
        [node("GlobalAveragePool", "x", "y")],
        [node("Conv", "x k8", "y")],
    ],
    ids=["smaller", "one number", "features"],
)
def test_what_makes_no_pictures(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Detectors, encoders and parts of networks have no picture to judge."""
    made = model(nodes, {"k": normal(3, 3, 3, 3), "k8": normal(8, 3, 1, 1)})
    assert network(made, tmp_path) is None


def test_a_long_period_of_layers_side_by_side_is_measured(tmp_path: Path) -> None:
    """Strides of branches are multiplied: the pattern is looked for over 64 pixels."""
    nodes, tensors = list[onnx.NodeProto](), dict[str, np.ndarray]()
    for stride in (2, 4, 8):
        for one, value in (("d", 1 / stride**2 / 3), ("u", 1.0)):
            tensors[f"{one}{stride}"] = np.zeros((3, 3, stride, stride), np.float32)
            tensors[f"{one}{stride}"][range(3), range(3)] = value
        down, up = f"x d{stride}", f"low{stride} u{stride}"
        nodes += [node("Conv", down, f"low{stride}", strides=[stride] * 2),
                  node("ConvTranspose", up, f"high{stride}", strides=[stride] * 2)]  # fmt: skip
    found = network(model([*nodes, node("Sum", "high2 high4 high8", "y")], tensors), tmp_path,
                    ((2, 2), (4, 4), (8, 8)))  # fmt: skip
    assert found is not None
    assert max(found.flat().values()) < 1e-3


@pytest.mark.parametrize("fixed", [False, True])
def test_a_quantised_network_is_run_as_it_is(tmp_path: Path, fixed: bool) -> None:
    """Quantisers leave out a Relu, since rounding to whole numbers cuts negative values off."""
    uneven = np.zeros((3, 3, 2, 2), np.float32)
    uneven[range(3), range(3)] = [[1, 0.2], [0.2, 0.2]]
    nodes = [
        node("Sub", "dark x", "a"), node("QuantizeLinear", "a s z", "b"),
        node("DequantizeLinear", "b s z", "c"), node("ConvTranspose", "c w", "y", strides=[2, 2]),
    ]  # fmt: skip
    tensors = {"dark": np.float32(0.3), "s": np.float32(0.001), "z": np.uint8(0), "w": uneven}
    made = model(nodes, tensors)
    shape = [1, 3, *((200, 208) if fixed else ("h", "w"))]
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, shape))
    found = as_it_is(made, tmp_path, ((2, 2),))
    assert found is not None
    flat = found.flat()
    assert flat["grey 0.1"] == pytest.approx(255 * 0.2 * uneven[0, 0].std(), rel=1e-4)
    assert (flat["grey 0.5"], flat["grey 0.9"]) == (0.0, 0.0)


def test_a_quantised_network_that_takes_no_floats_is_run_in_floats(tmp_path: Path) -> None:
    """What its whole numbers mean is known from its layers alone."""
    made = model(
        [node("DequantizeLinear", "x s", "a"), node("QuantizeLinear", "a s", "b"),
         node("DequantizeLinear", "b s", "c"), node("Resize", "c - r", "y")],
        {"s": np.float32(1), "r": np.float32([1, 1, 2, 2])},
    )  # fmt: skip
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 2, [1, 3, "h", "w"]))
    found = as_it_is(made, tmp_path, ((2, 2),))
    assert found is not None
    assert max(found.flat().values()) == 0.0


def encoded(*sides: int) -> list[onnx.NodeProto]:
    """Return nodes that shrink a picture by each side and enlarge it again, by weights w{side}."""
    nodes = list[onnx.NodeProto]()
    for place, side in enumerate(sides):
        before = f"u{place - 1}" if place else "x"
        nodes += [node("AveragePool", before, f"p{place}", kernel_shape=[side] * 2,
                       strides=[side] * 2),
                  node("ConvTranspose", f"p{place} w{side}", f"u{place}",
                       strides=[side] * 2)]  # fmt: skip
    return nodes


def half_brighter(side: int) -> np.ndarray:
    """Return the weights of a layer that makes the first quarter of each block brighter."""
    weights = np.zeros((3, 3, side, side), np.float32)
    weights[range(3), range(3)] = 0.9
    weights[range(3), range(3), : side // 2, : side // 2] = 1.3
    return weights


def test_the_pattern_of_an_inner_layer_is_looked_for(tmp_path: Path) -> None:
    """What enlarges after a layer of stride 4 by 2 leaves its pattern with a period of 8."""
    nodes = [*encoded(4), node("Resize", "u0 - r", "y")]
    made = model(nodes, {"w4": half_brighter(4), "r": np.float32([1, 1, 2, 2])})
    found = network(made, tmp_path, ((4, 4), (2.0, 2.0)))
    assert found is not None
    assert (found.stride, found.period) == ((2, 2), (8, 8))
    assert found.flat()["grey 0.5"] == pytest.approx(127.5 * np.std([1.3, 0.9, 0.9, 0.9]), rel=1e-4)


def test_each_axis_has_its_own_period(tmp_path: Path) -> None:
    """The strides of layers along an axis say how long a pattern is there."""
    up = node("ConvTranspose", "x w", "y", strides=[3, 2])
    weights = np.ones((3, 3, 3, 2), np.float32)
    found = network(model([up], {"w": weights}), tmp_path, ((3, 2),))
    assert found is not None
    assert found.period == (3, 2)
    assert max(found.flat().values()) < 1e-3


def test_of_many_layers_the_last_ones_count(tmp_path: Path) -> None:
    """Seven layers of stride 2 might leave a pattern longer than the picture: six of them count."""
    nodes = encoded(*(2,) * 7)
    nodes[-1].output[0] = "y"
    found = network(model(nodes, {"w2": half_brighter(2)}), tmp_path, ((2, 2),) * 7)
    assert found is not None
    assert (found.size, found.period) == ((96, 96), (64, 64))
    assert found.flat()["grey 0.5"] > 20.0


def test_a_period_stays_away_from_the_borders_of_small_pictures(tmp_path: Path) -> None:
    """Of a picture of 32 pixels, a period of 32 would have the borders in it."""
    nodes = [*encoded(2, 2, 2, 2, 2), node("Reshape", "u4 n", "v"),
             node("Conv", "v k", "y", pads=[1] * 4)]  # fmt: skip
    even = np.zeros((3, 3, 2, 2), np.float32)
    even[range(3), range(3)] = 1
    tensors = {"w2": even, "n": np.array([1, 3, 32, 32])}
    made = model(nodes, {**tensors, "k": np.ones((3, 3, 3, 3), np.float32) / 27})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, 32, 32]))
    found = as_it_is(made, tmp_path, ((2, 2),) * 5)
    assert found is not None
    assert found.period == (16, 16)
    assert max(found.flat().values()) < 1e-3


@pytest.mark.parametrize("side", [10, 20, 24, 36, 48])
def test_windows_of_many_sizes_are_run(tmp_path: Path, side: int) -> None:
    """A network that cuts the picture into windows takes only multiples of their side."""
    nodes = [
        node("AveragePool", "x", "p", kernel_shape=[side] * 2, strides=[side] * 2),
        node("Resize", "p - s", "m"), node("Add", "x m", "a"),
        node("ConvTranspose", "a w", "y", strides=[2, 2]),
    ]  # fmt: skip
    tensors = {"s": np.float32([1, 1, side, side]), "w": half_brighter(2)}
    found = network(model(nodes, tensors), tmp_path)
    assert found is not None
    assert found.flat()["grey 0.5"] == pytest.approx(255 * np.std([1.3, 0.9, 0.9, 0.9]), rel=1e-4)
