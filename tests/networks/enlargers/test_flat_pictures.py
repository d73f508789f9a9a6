"""Networks as a whole: the pattern in what they make of flat pictures."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import normal
from models import model, node, saved
from onnx import helper

from upsample_cli.networks.enlargers.flat_pictures import PictureNetwork, picture_network
from upsample_cli.networks.flatten import network_of
from upsample_cli.networks.trial import with_trial_run

K3 = np.zeros((3, 3, 3, 3), np.float32)
K3[range(3), range(3)] = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])


def network(
    made: onnx.ModelProto, folder: Path, period: int = 2, last: bool = False
) -> PictureNetwork | None:
    """Return a network of a model that takes pictures of three channels."""
    shape = [1, "h", "w", 3] if last else [1, 3, "h", "w"]
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, shape))
    return picture_network(with_trial_run(network_of(saved(made, folder))), period)


def up(weights: np.ndarray, *after: onnx.NodeProto, **tensors: np.ndarray) -> onnx.ModelProto:
    """Return a transposed convolution of stride 2 and what follows it."""
    first = node("ConvTranspose", "x w", "u" if after else "y", strides=[2, 2], pads=[1, 1, 0, 0])
    return model([first, *after], {"w": weights, **tensors})


def test_an_even_layer_leaves_no_pattern(tmp_path: Path) -> None:
    """The triangle keeps flat pictures flat."""
    found = network(up(K3), tmp_path)
    assert found is not None
    assert (found.stride, found.form.white) == ((2, 2), 1.0)
    assert max(found.flat().values()) < 1e-3


def test_an_uneven_layer_leaves_its_ripple(tmp_path: Path) -> None:
    """At grey 0.5 a layer of ripple 0.4843 leaves that of 127.5 levels."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    found = network(up(uneven), tmp_path)
    assert found is not None
    assert found.flat()["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


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
    assert found.form.white == 255.0


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
    found = network(model([*nodes, node("Sum", "high2 high4 high8", "y")], tensors), tmp_path, 64)
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
    found = picture_network(with_trial_run(network_of(saved(made, tmp_path))), 2)
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
    found = picture_network(with_trial_run(network_of(saved(made, tmp_path))), 2)
    assert found is not None
    assert max(found.flat().values()) == 0.0
