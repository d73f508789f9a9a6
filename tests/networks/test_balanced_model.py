from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from models import generator, model, node, responses, run, saved

from upsample_cli.errors import NetworkFileError, SettingError
from upsample_cli.kernels.phases import balanced
from upsample_cli.networks import model_file
from upsample_cli.networks.balanced_model import balanced_model

RELU = (node("Relu", "a", "b"),)


def sub_pixel(
    mode: str, between: Sequence[onnx.NodeProto] = RELU, **constants: np.ndarray
) -> onnx.ModelProto:
    """Return a network of one convolution before a pixel shuffle, `between` from a to b."""
    rng = np.random.default_rng(0)
    tensors = {
        "up.weight": rng.normal(0, 0.2, (12, 2, 3, 3)).astype(np.float32),
        "up.bias": rng.normal(0, 0.2, 12).astype(np.float32),
    }
    nodes = [
        node("Conv", "x up.weight up.bias", "a", pads=[1] * 4),
        *between,
        node("DepthToSpace", "b", "y", blocksize=2, mode=mode),
    ]
    more = {name: value.astype(np.float32) for name, value in constants.items()}
    return model(nodes, tensors | more)


def tensors_of(made: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {one.name: onnx.numpy_helper.to_array(one) for one in made.graph.initializer}


def test_transposed_convolutions_are_balanced(tmp_path: Path) -> None:
    """Each pair of channels gets the nearest balanced taps; nothing else changes."""
    made = generator()
    result = balanced_model(saved(made, tmp_path), None, balanced)
    before, after = tensors_of(made), tensors_of(onnx.load_from_string(result.data))
    assert set(result.moved) == {"up1", "up2", "up3"}
    for name in ("up1.weight", "up2.weight"):
        np.testing.assert_allclose(after[name], balanced(before[name], (2, 2)), atol=1e-6)
    np.testing.assert_allclose(after["up3.weight"], before["up3.weight"], atol=1e-6)
    np.testing.assert_array_equal(after["out.weight"], before["out.weight"])


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_sub_pixel_convolutions_are_balanced(tmp_path: Path, mode: str) -> None:
    """A flat picture stays flat, also through an activation; the mean over the phases stays."""
    made = sub_pixel(mode)
    result = balanced_model(saved(made, tmp_path), None, balanced)
    after = onnx.load_from_string(result.data)
    flat = responses(after, 2)[..., 4:-4, 4:-4]
    assert np.ptp(flat, axis=(-1, -2)).max() < 1e-5
    assert np.ptp(responses(made, 2)[..., 4:-4, 4:-4], axis=(-1, -2)).max() > 0.01
    order = (3, 4) if mode == "CRD" else (4, 3)
    old, new = (
        tensors_of(one)["up.weight"].reshape(*order, 2, 9).sum(-1).mean(order.index(4))
        for one in (made, after)
    )
    np.testing.assert_allclose(old, new, atol=1e-6)


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_slopes_that_differ_by_channel_are_balanced(tmp_path: Path, mode: str) -> None:
    """A flat picture stays flat through a PRelu, whose slopes become equal within a block."""
    made = sub_pixel(mode)
    made.graph.node[1].CopyFrom(node("PRelu", "a slopes", "b"))
    slopes = np.random.default_rng(1).uniform(0, 1, (12, 1, 1)).astype(np.float32)
    made.graph.initializer.append(onnx.numpy_helper.from_array(slopes, "slopes"))
    after = onnx.load_from_string(balanced_model(saved(made, tmp_path), None, balanced).data)
    for level in (-1, 1):
        flat = run(after, np.full((2, 12, 12), level))[:, 4:-4, 4:-4]
        assert np.ptp(flat, axis=(1, 2)).max() < 1e-5
    assert tensors_of(after)["slopes"].shape == (12, 1, 1)
    assert tensors_of(after)["slopes"].mean() == pytest.approx(slopes.mean())


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize(
    "between",
    [
        [node("Sigmoid", "a", "s"), node("Mul", "a s", "b")],
        [node("Mul", "a c", "e"), node("Erf", "e", "f"), node("Add", "f d", "g"),
         node("Mul", "a g", "h"), node("Mul", "c h", "b")],
        [node("HardSwish", "a", "b")],
        [node("Softplus", "a", "t"), node("Tanh", "t", "u"), node("Mul", "a u", "b")],
        [node("Add", "a d", "e"), node("Clip", "e - c", "f"), node("Div", "f c", "b")],
    ],
    ids=["SiLU", "GELU", "HardSwish", "Mish", "constants"],
)  # fmt: skip
def test_functions_of_single_numbers_may_stand_between(
    tmp_path: Path, between: list[onnx.NodeProto], mode: str
) -> None:
    """What is the same function for all channels keeps equal what the convolution makes equal."""
    made = sub_pixel(mode, between, c=np.array(0.7), d=np.full((1, 12, 1, 1), 0.3))
    after = onnx.load_from_string(balanced_model(saved(made, tmp_path), None, balanced).data)
    for level in (-1, 1):
        flat = run(after, np.full((2, 12, 12), level))[:, 4:-4, 4:-4]
        assert np.ptp(flat, axis=(1, 2)).max() < 1e-5
    assert np.ptp(run(made, np.ones((2, 12, 12)))[:, 4:-4, 4:-4], axis=(1, 2)).max() > 0.01


@pytest.mark.parametrize(
    "between",
    [
        [node("Mul", "a gains", "b")],
        [node("Conv", "x up.weight", "o", pads=[1] * 4), node("Add", "a o", "b")],
        [node("Concat", "x x x x x x", "o", axis=1), node("Sub", "o a", "b")],
        [node("Softmax", "a", "b", axis=1)],
    ],
    ids=["gains", "two convolutions", "residual", "Softmax"],
)
def test_channels_that_differ_otherwise_are_named(
    tmp_path: Path, between: list[onnx.NodeProto]
) -> None:
    """A layer before a DepthToSpace that cannot be balanced is left with the reason."""
    gains = np.arange(1, 13.0).reshape(1, 12, 1, 1)
    made = sub_pixel("CRD", between, gains=gains, t=np.ones((3, 3, 3, 3)))
    made.graph.node.append(node("ConvTranspose", "y t", "z", strides=[2, 2]))
    made.graph.output[0].name = "z"
    result = balanced_model(saved(made, tmp_path), None, balanced)
    reason = "its channels are not made alike from one convolution; balance it by hand"
    assert (list(result.moved), result.unchanged) == (["t"], {"the_DepthToSpace": reason})
    with pytest.raises(SettingError, match=f"can be balanced: the_DepthToSpace: {reason}"):
        balanced_model(saved(made, tmp_path), "*Space", balanced)


@pytest.mark.parametrize(
    ("between", "tensors", "fault"),
    [
        (RELU, {"up.weight": np.full((12, 2, 3, 3), np.nan)}, "its weights hold NaN or infinity"),
        (RELU, {"up.bias": np.ones(5)}, "its bias or slopes are not one for each channel"),
        ((node("PRelu", "a s", "b"),), {"s": np.arange(8.0)}, "its bias or slopes are not one"),
        (RELU, {"up.weight": np.ones((6, 2, 3, 3)), "up.bias": np.ones(6)}, "it is damaged"),
    ],
    ids=["NaN", "bias", "slopes by position", "blocks"],
)
def test_a_damaged_layer_is_left_as_it_is(
    tmp_path: Path, between: tuple[onnx.NodeProto, ...], tensors: dict[str, np.ndarray], fault: str
) -> None:
    """The reason is given, and neither its weights nor its bias change."""
    made = sub_pixel("CRD", between, t=np.random.default_rng(0).random((3, 3, 3, 3)), **tensors)
    made.graph.node.append(node("ConvTranspose", "y t", "z", strides=[2, 2]))
    made.graph.output[0].name = "z"
    result = balanced_model(saved(made, tmp_path), None, balanced)
    assert (list(result.moved), list(result.unchanged)) == (["t"], ["up"])
    assert result.unchanged["up"].startswith(fault)
    before, after = tensors_of(made), tensors_of(onnx.load_from_string(result.data))
    np.testing.assert_array_equal(after["up.weight"], before["up.weight"])
    np.testing.assert_array_equal(after["up.bias"], before["up.bias"])


@pytest.mark.parametrize("strides", [[2], [0, 2], [-2, 2], [2, 2, 2]])
def test_damaged_strides_are_refused(tmp_path: Path, strides: list[int]) -> None:
    """Taps would be balanced along other axes."""
    nodes = [node("ConvTranspose", "x t", "y", strides=strides)]
    path = saved(model(nodes, {"t": np.ones((2, 3, 3, 3), np.float32)}), tmp_path)
    with pytest.raises(SettingError, match=r"t: its strides .* do not fit its weights"):
        balanced_model(path, None, balanced)


def test_the_change_of_large_float16_weights_is_known(tmp_path: Path) -> None:
    """Their norm is beyond what float16 holds."""
    taps = np.random.default_rng(0).normal(0, 2, (64, 64, 3, 3)).astype(np.float16)
    nodes = [node("ConvTranspose", "x t", "y", strides=[2, 2])]
    result = balanced_model(saved(model(nodes, {"t": taps}), tmp_path), None, balanced)
    assert 0.2 < result.moved["t"] < 0.9


def test_weights_of_an_inner_graph_are_shared(tmp_path: Path) -> None:
    """A Conv in a branch would change with them."""
    weights = {"t": np.random.default_rng(0).random((2, 2, 3, 3)).astype(np.float32)}
    made = model([node("ConvTranspose", "x t", "y", strides=[2, 2])], weights)
    branch = onnx.helper.make_graph([node("Conv", "x t", "o")], "branch", [], [])
    made.graph.node.append(
        onnx.helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch)
    )
    with pytest.raises(SettingError, match="t: its weights are shared with another layer"):
        balanced_model(saved(made, tmp_path), None, balanced)


@pytest.mark.parametrize(("mode", "groups"), [("CRD", 3), ("CRD", 6), ("DCR", 3)])
def test_groups_within_a_block_of_pixels_are_refused(
    tmp_path: Path, mode: str, groups: int
) -> None:
    """Equal sums over different channels are no even block; a block of one group can be even."""
    made = sub_pixel(mode)
    made.graph.node[0].attribute.append(onnx.helper.make_attribute("group", groups))
    taps = np.random.default_rng(0).normal(0, 0.2, (12, 1, 3, 3)).astype(np.float32)
    made.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(taps, "up.weight"))
    path = saved(made, tmp_path)
    if (mode, groups) == ("CRD", 3):
        after = onnx.load_from_string(balanced_model(path, None, balanced).data)
        flat = run(after, np.ones((3, 12, 12)) * [[[1]], [[2]], [[3]]])[:, 4:-4, 4:-4]
        assert np.ptp(flat, axis=(1, 2)).max() < 1e-5
    else:
        with pytest.raises(SettingError, match="up: the pixels of its blocks are of several gro"):
            balanced_model(path, None, balanced)


def test_a_bias_that_others_share_stays_theirs(tmp_path: Path) -> None:
    """Exporters keep equal tensors once; the layer that is balanced gets a copy."""
    made = sub_pixel("CRD")
    made.graph.node.insert(0, node("Conv", "x first.weight up.bias", "f"))
    made.graph.node[1].input[0] = "f"
    rng = np.random.default_rng(1)
    for name, shape in (("first.weight", (12, 2, 1, 1)), ("up.weight", (12, 12, 3, 3))):
        taps = onnx.numpy_helper.from_array(rng.normal(0, 0.2, shape).astype(np.float32), name)
        made.graph.initializer.append(taps)
    del made.graph.initializer[0]
    after = onnx.load_from_string(balanced_model(saved(made, tmp_path), None, balanced).data)
    np.testing.assert_array_equal(tensors_of(after)["up.bias"], tensors_of(made)["up.bias"])
    assert np.ptp(responses(after, 2)[..., 4:-4, 4:-4], axis=(-1, -2)).max() < 1e-5


def test_weights_of_constant_nodes_are_balanced(tmp_path: Path) -> None:
    """Some exporters keep weights in nodes instead of initializers."""
    taps = np.random.default_rng(0).normal(0, 1, (2, 2, 3, 3)).astype(np.float32)
    constant = node("Constant", "", "w", value=onnx.numpy_helper.from_array(taps))
    made = model([constant, node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1] * 4)])
    after = onnx.load_from_string(balanced_model(saved(made, tmp_path), None, balanced).data)
    assert np.ptp(responses(after, 2)[..., 4:-4, 4:-4], axis=(-1, -2)).max() < 1e-5


@pytest.mark.parametrize("glob", ["up.weight", "up", "the_DepthToSpace", "*Space", "the_Conv"])
def test_a_sub_pixel_convolution_has_several_names(tmp_path: Path, glob: str) -> None:
    """That of its weights, and that of its pixel shuffle, as an audit may print it."""
    path = saved(sub_pixel("CRD"), tmp_path)
    assert list(balanced_model(path, glob, balanced).moved) == ["up"]


def test_a_layer_without_a_name_has_that_of_its_output(tmp_path: Path) -> None:
    """As an audit prints it."""
    made = sub_pixel("CRD")
    made.graph.node[2].name = ""
    assert list(balanced_model(saved(made, tmp_path), "y", balanced).moved) == ["up"]


def test_layers_are_chosen_by_name(tmp_path: Path) -> None:
    """--layer takes a glob; what it does not name stays."""
    made = generator()
    result = balanced_model(saved(made, tmp_path), "up2*", balanced)
    before, after = tensors_of(made), tensors_of(onnx.load_from_string(result.data))
    assert list(result.moved) == ["up2"]
    np.testing.assert_array_equal(after["up1.weight"], before["up1.weight"])
    with pytest.raises(SettingError, match="no layer of that name"):
        balanced_model(saved(made, tmp_path), "none", balanced)


def test_what_cannot_be_balanced_is_named(tmp_path: Path) -> None:
    """Weights that two layers share, or too few taps, are left with the reason."""
    taps = np.random.default_rng(0).normal(0, 1, (2, 2, 1, 1)).astype(np.float32)
    nodes = [node("ConvTranspose", "x up.weight", "y", strides=[2, 2])]
    made = model(nodes, {"up.weight": taps})
    with pytest.raises(SettingError, match="kernel 1 is smaller than stride 2"):
        balanced_model(saved(made, tmp_path), None, balanced)
    nodes = [node("ConvTranspose", "x w", "a", strides=[2, 2]), node("ConvTranspose", "a w", "y")]
    made = model(nodes, {"w": np.ones((2, 2, 3, 3), np.float32)})
    with pytest.raises(SettingError, match="shared with another layer"):
        balanced_model(saved(made, tmp_path), None, balanced)


@pytest.mark.parametrize("is_sub_pixel", [False, True])
def test_quantised_weights_are_named(tmp_path: Path, is_sub_pixel: bool) -> None:
    """Of a quantised network the float one is to be repaired, whatever hides its weights."""
    tensors = {"up.q": np.ones((4, 4, 3, 3), np.int8), "s": np.float32(0.1)}
    nodes = [
        node("DequantizeLinear", "up.q s", "w"),
        node("Conv", "x w", "a"), node("QuantizeLinear", "a s", "b"),
        node("DequantizeLinear", "b s", "c"), node("DepthToSpace", "c", "y", blocksize=2),
    ] if is_sub_pixel else [
        node("DequantizeLinear", "up.q s", "w"), node("ConvTranspose", "x w", "y", strides=[2, 2]),
    ]  # fmt: skip
    reason = "can be balanced: .*: its weights are quantised; repair the float network$"
    with pytest.raises(SettingError, match=reason):
        balanced_model(saved(model(nodes, tensors), tmp_path), None, balanced)


@pytest.mark.parametrize("kind", ["BFLOAT16", "INT8"])
def test_weights_of_other_types_are_left(tmp_path: Path, kind: str) -> None:
    """The error names types that can be repaired; bfloat16 is floating point, but is not."""
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.DataType.Value(kind), (1, 1, 2, 2),
                                      np.ones(4, np.int8))  # fmt: skip
    made = model([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": weights})
    reason = f"w: its weights are of {kind.lower()}; export it in float32 or float16"
    with pytest.raises(SettingError, match=reason):
        balanced_model(saved(made, tmp_path), None, balanced)


def test_data_of_another_file_come_into_the_copy(tmp_path: Path) -> None:
    """The copy stands alone: it may be written to any folder."""
    made = generator()
    expected = balanced_model(saved(made, tmp_path), None, balanced).data
    path = tmp_path / "external.onnx"
    onnx.save_model(
        made, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    result = onnx.load_from_string(balanced_model(str(path), None, balanced).data)
    for name, tensor in tensors_of(onnx.load_from_string(expected)).items():
        np.testing.assert_array_equal(tensors_of(result)[name], tensor)
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(NetworkFileError, match=r"cannot be copied whole: weights.bin has only 5"):
        balanced_model(str(path), None, balanced)


def test_a_copy_that_no_file_can_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of over 2 GiB is one only as long as its weights lie in other files."""
    monkeypatch.setattr(model_file, "_LARGEST", 5000)
    path = tmp_path / "external.onnx"
    onnx.save_model(generator(), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(
        NetworkFileError, match=r"takes more than 2 GiB, too much for one file; export"
    ):
        balanced_model(str(path), None, balanced)
