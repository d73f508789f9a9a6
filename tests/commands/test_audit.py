import json
import sys
from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import pytest
from safetensors_file import safetensors
from terminal import Outcome, check_refused, contents

from upsample_cli.kernels.kernel_file import SHIPPED, KernelFile

Call = Callable[..., Outcome]
K3 = """\
k3.npy  3x3 taps, stride 2x2, padding 1x1  ripple 0.4843 (123.50 levels at white)  checkerboard
    gain                   1
    ripple                 0.4843
    peak-to-peak           1.3333
    ramp error, px         -
    shift, px down, right  -0.5, -0.5
    Strang-Fix order       0
    stride divides kernel  no
  phase sums
    +--------+--------+
    | 0.4444 | 0.8889 |
    +--------+--------+
    | 0.8889 | 1.7778 |
    +--------+--------+
  lines
    cycles/px down  across  amplitude
    0/2             1/2     0.3333     vertical stripes
    1/2             0/2     0.3333     horizontal stripes
    1/2             1/2     0.1111     checker
  remedy: kernel 3 is not a multiple of stride 2: use kernel 4, or balance its taps (`upsample \
repair`), or resize + convolution
"""


@pytest.fixture
def kernels(folder: Path) -> Path:
    """Return the folder, with an uneven kernel, and a layer's weights, in it."""
    np.save(folder / "k3.npy", np.full((3, 3), 4 / 9))
    weights = np.random.default_rng(0).normal(size=(16, 8, 4, 4))
    np.save(folder / "layer.npy", weights.astype(np.float32))
    return folder


def test_a_kernels_figures_are_printed(call: Call, kernels: Path) -> None:
    """An uneven kernel is shown with its phases, its lines and what to do about it."""
    outcome = call("audit", "k3.npy", "--stride", 2)
    assert (outcome.code, outcome.out.decode(), outcome.err) == (0, K3, "")


def test_a_trained_kernel_brings_its_stride(call: Call) -> None:
    """A .npz needs no options; a balanced one has nothing to remedy."""
    outcome = call("audit", Path(SHIPPED, "tconv-learned-x3.npz"))
    text = outcome.out.decode()
    assert (outcome.code, outcome.err) == (0, "")
    assert "27x27 taps, stride 3x3, padding 12x12  ripple 0.0000" in text
    assert "no checkerboard" in text
    assert "remedy" not in text


def test_a_resize_convolution_is_audited_whole(call: Call) -> None:
    """A kernel of resize-conv is audited with the upsampling before it, and so balanced."""
    outcome = call("audit", Path(SHIPPED, "resize-conv-learned-x2.npz"), "--json")
    kernel = json.loads(outcome.out)["kernel"]
    assert (kernel["stride"], kernel["ripple"], kernel["verdict"]) == ([2, 2], 0.0, "none")


def test_json_has_every_figure(call: Call, kernels: Path) -> None:
    """A line a file, arrays as lists, what is no number as null."""
    outcome = call("audit", "k3.npy", "layer.npy", "--stride", 2, "--json")
    one, two = map(json.loads, outcome.out.splitlines())
    assert (one["input"], one["status"], one["error"]) == ("k3.npy", "done", None)
    assert one["ripple"] == one["kernel"]["ripple"] == pytest.approx(0.48432210483785)
    assert one["kernel"]["ramp_error"] is None
    assert np.shape(one["kernel"]["phase_sums"]) == np.shape(one["kernel"]["lines"]) == (2, 2)
    (layer,) = two["layers"]
    assert two["ripple"] == layer["ripple"] > 1
    assert (layer["name"], layer["kind"], layer["size"]) == ("layer.npy", "tconv", [4, 4])


def test_padding_moves_phases_and_picture(call: Call, kernels: Path) -> None:
    """`--padding` crops, so that the phases are named anew and the picture is shifted."""
    found = json.loads(call("audit", "k3.npy", "-s", 2, "--padding", "0x1", "--json").out)["kernel"]
    assert (found["padding"], found["shift"]) == ([0, 1], [0.5, -0.5])
    np.testing.assert_allclose(found["phase_sums"], [[8 / 9, 16 / 9], [4 / 9, 8 / 9]])


def test_weights_of_a_layer_are_audited(call: Call, kernels: Path) -> None:
    """A .npy of four axes is a layer: of a transposed convolution, or as --type says."""
    text = call("audit", "layer.npy", "--stride", 2).out.decode()
    assert text.splitlines()[2].split()[:5] == ["layer.npy", "tconv", "4x4", "2x2", "yes"]
    assert "the overlap is even, but the taps" in text
    text = call("audit", "layer.npy", "--stride", 2, "--type", "sub-pixel").out.decode()
    assert text.splitlines()[2].split()[:4] == ["layer.npy", "sub-pixel", "4x4", "2x2"]
    assert "initialise with ICNR" in text


@pytest.mark.parametrize(("most", "code"), [(0.4843, 4), (0.4844, 0), (0, 4)])
def test_max_ripple_serves_as_a_gate(call: Call, kernels: Path, most: float, code: int) -> None:
    """Over --max-ripple the exit code is 4, and all is printed."""
    outcome = call("audit", "k3.npy", "--stride", 2, "--max-ripple", most)
    assert (outcome.code, outcome.out.decode()) == (code, K3)


def test_one_bad_file_does_not_stop_the_others(call: Call, kernels: Path) -> None:
    """The others are audited, the exit code tells."""
    outcome = call("audit", "no.npy", "k3.npy", "--stride", 2, "--max-ripple", 0)
    assert (outcome.code, outcome.out.decode()) == (2, K3)
    assert outcome.err == "Error: no kernel file no.npy; check the path\n"
    outcome = call("audit", "no.npy", "--stride", 2, "--json")
    assert json.loads(outcome.out) == {
        "input": "no.npy", "status": "failed", "error": "no kernel file no.npy; check the path",
    }  # fmt: skip


def test_many_phases_are_told_by_their_extremes(call: Call, kernels: Path) -> None:
    """A grid that fills no terminal is not drawn."""
    text = call("audit", "k3.npy", "--stride", 9).out.decode()
    assert "  phase sums\n    0.0000 to 0.4444\n" in text
    assert text.count("checker\n") < 10


def test_a_networks_layers_are_a_table(call: Call, folder: Path) -> None:
    """A row a layer, then what to do, said once for the layers that it is for."""
    models.saved(models.generator(), folder)
    outcome = call("audit", "model.onnx")
    assert (outcome.code, outcome.err) == (0, "")
    head, columns, *rows = outcome.out.decode().splitlines()
    assert head == "model.onnx"
    assert columns.split()[:6] == ["layer", "type", "kernel", "stride", "divides", "ripple"]
    assert [row.split()[:5] for row in rows[:4]] == [
        ["up1", "tconv", "3x3", "2x2", "no"], ["up2", "tconv", "4x4", "2x2", "yes"],
        ["up3", "sub-pixel", "3x3", "2x2", "yes"], ["up4", "resize-conv", "3x3", "2x2", "-"],
    ]  # fmt: skip
    assert [row.endswith("no checkerboard") for row in rows[:4]] == [False, False, True, True]
    assert rows[4].startswith("up1: kernel 3 is not a multiple of stride 2: use kernel 4")
    assert rows[5].startswith("up2: the overlap is even, but")
    assert len(rows) == 6


def test_a_network_as_json(call: Call, folder: Path) -> None:
    """An object a model, with every layer's figures."""
    models.saved(models.generator(), folder)
    found = json.loads(call("audit", "model.onnx", "--json").out)
    layers = found["layers"]
    assert found["ripple"] == max(layer["ripple"] for layer in layers) > 1
    assert [layer["ripple"] for layer in layers[2:]] == [0.0, 0.0]
    assert set(layers[0]) == {
        "name", "kind", "size", "stride", "dilation", "divides", "ripple", "worst_channel",
        "worst_ripple", "bias_ripple", "shift", "verdict", "remedy",
    }  # fmt: skip


def test_unknown_layers_fail_a_gate(call: Call, folder: Path) -> None:
    """What could not be looked at is told; a gate does not let it pass."""
    made = models.model([models.node("ConvTranspose", "x w", "y")])
    models.saved(made, folder)
    outcome = call("audit", "model.onnx")
    assert (outcome.code, outcome.err) == (0, "")
    assert "the_ConvTranspose: 'w' is an input of the model" in outcome.out.decode()
    outcome = call("audit", "model.onnx", "--max-ripple", 9)
    assert outcome.code == 1
    assert outcome.err == (
        "Error: model.onnx: 1 of 1 layers could not be audited; see the reasons above\n"
    )


def test_a_network_that_does_not_upsample_is_nothing_to_do(call: Call, folder: Path) -> None:
    """It is said, and the exit code tells."""
    models.saved(models.model([models.node("Relu", "x", "y")]), folder)
    assert call("audit", "model.onnx") == Outcome(3, b"model.onnx  no upsampling layer\n", "")


def test_a_gate_passes_a_network_without_ripple(call: Call, folder: Path) -> None:
    """--max-ripple 0 lets exactly balanced layers pass, and others not."""
    tensors = {"s": np.float32([1, 1, 2, 2])}
    models.saved(models.model([models.node("Resize", "x - s", "y")], tensors), folder)
    assert call("audit", "model.onnx", "--max-ripple", 0).code == 0
    models.saved(models.generator(), folder)
    assert call("audit", "model.onnx", "--max-ripple", 2).code == 0
    assert call("audit", "model.onnx", "--max-ripple", 1).code == 4


@pytest.mark.parametrize("data", [b"", b"text"])
def test_what_is_no_model_is_told(call: Call, folder: Path, data: bytes) -> None:
    """A damaged or empty model is a failure, told in one line."""
    (folder / "model.onnx").write_bytes(data)
    check_refused(call("audit", "model.onnx"), 1, "model.onnx ")
    check_refused(call("audit", "no.onnx"), 1, "no file no.onnx; check the path")


def test_without_the_extra_it_is_named(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where onnx is not installed, what to install is said."""
    for name in [name for name in sys.modules if name.startswith("upsample_cli.networks.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    (folder / "model.onnx").write_bytes(b"")
    fault = 'this file needs onnx, which is not installed; pip install "upsample-cli[audit]"'
    check_refused(call("audit", "model.onnx"), 2, fault)


@pytest.fixture
def weights(folder: Path) -> Path:
    """Return the folder, with the weights of a network in it."""
    rng = np.random.default_rng(0)
    icnr = np.repeat(rng.normal(size=(3, 8, 3, 3)), 4, axis=0)
    made = {
        "up1.weight": rng.normal(size=(16, 16, 4, 4)), "up1.bias": rng.normal(size=8),
        "up2.weight": np.ones((8, 4, 3, 3)), "fine.weight": icnr,
        "norm.weight_v": icnr, "norm.weight_g": rng.uniform(1, 2, (12, 1, 1, 1)),
        "biased.weight": icnr, "biased.bias": rng.normal(size=12), "fc.weight": np.ones((5, 4)),
    }  # fmt: skip
    arrays = {name: array.astype(np.float32) for name, array in made.items()}
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    return folder


def test_weights_without_a_graph_need_a_pattern_and_a_stride(call: Call, weights: Path) -> None:
    """Each weight that matches is a layer; names go without their .weight."""
    outcome = call("audit", "net.safetensors", "--layer", "up*", "--stride", 2)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [row.split() for row in outcome.out.decode().splitlines()[2:4]]
    assert [row[:5] for row in rows] == [
        ["up1", "tconv", "4x4", "2x2", "yes"], ["up2", "tconv", "3x3", "2x2", "no"],
    ]  # fmt: skip
    assert rows[1][5] == "0.4843"
    exact = call("audit", "net.safetensors", "--layer", "up2", "--stride", 2, "--json")
    (layer,) = json.loads(exact.out)["layers"]
    assert layer["ripple"] == pytest.approx(0.48432210483785)


def test_sub_pixel_weights_bring_their_bias_and_their_norm(call: Call, weights: Path) -> None:
    """ICNR is 0, unless biases differ or a weight norm took each channel by itself."""
    words = ["--stride", 2, "--type", "sub-pixel", "--json"]
    found = {}
    for name in ("fine", "norm.weight", "biased"):
        outcome = call("audit", "net.safetensors", "--layer", name, *words)
        (found[name],) = json.loads(outcome.out)["layers"]
    assert (found["fine"]["ripple"], found["fine"]["verdict"]) == (0.0, "none")
    assert found["norm.weight"]["ripple"] > 0.01
    assert found["norm.weight"]["name"] == "norm"
    assert found["biased"]["ripple"] == 0.0
    assert found["biased"]["bias_ripple"] > 0.01


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (
            [],
            "has no graph; pass --layer PATTERN and --stride N; it holds up1.weight 16x16x4x4, up2",
        ),
        (["-s", 2], "pass --layer PATTERN; it holds"),
        (["--layer", "up*"], "pass --stride N; it holds"),
        (["--layer", "down*", "-s", 2], "has no weights 'down*'; it holds up1.weight"),
        (["--layer", "up2", "-s", 3, "--type", "sub-pixel"], "'up2' has 8 channels, no multiple"),
        (["--layer", "up1", "-s", 512, "--padding", 1], "--stride 512x512 is too large for 'up1'"),
    ],
)
def test_weights_that_are_not_found_are_listed(
    call: Call, weights: Path, words: list[object], fault: str
) -> None:
    """What could be meant is named with its shape; matrices and biases are not among it."""
    outcome = call("audit", "net.safetensors", *words)
    check_refused(outcome, 2, fault)
    assert "fc.weight" not in outcome.err
    assert "bias " not in outcome.err


def test_odd_names_keep_the_table_whole(call: Call, folder: Path) -> None:
    """Names with line breaks, escapes or no valid text stay on a line that any terminal shows."""
    names = ["a\nb", "\x1b[31mred", "\ud800", "caf\xe9"]
    arrays = {name: np.ones((1, 1, 2, 2), np.float32) for name in names}
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    outcome = call("audit", "net.safetensors", "--layer", "*", "--stride", 2)
    rows = [row.split("  ")[0] for row in outcome.out.decode().splitlines()[2:]]
    assert (outcome.code, rows) == (0, ["a\\nb", "\\x1b[31mred", "\\ud800", "caf\xe9"])


def test_quantised_weights_fail_a_gate(call: Call, folder: Path) -> None:
    """Weights that match but are no plain floats are unknown, never left out."""
    even, odd = np.ones((2, 1, 4, 4), np.float32), np.ones((2, 1, 4, 4), np.int8)
    arrays = {
        "up1.weight": even, "up2.weight": odd, "up3.weight": odd.astype(np.uint8),
        "up4.weight_v": odd, "up4.weight_g": even[:, :, :1, :1],
    }  # fmt: skip
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    words = ["audit", "net.safetensors", "--layer", "up*", "--stride", 2, "--max-ripple", 0.1]
    outcome = call(*words, "--json")
    verdicts = {each["name"]: each["verdict"] for each in json.loads(outcome.out)["layers"]}
    assert verdicts == {"up1": "none"} | dict.fromkeys(("up2", "up3", "up4"), "unknown")
    assert (outcome.code, call(*words[:-2]).code) == (1, 0)
    assert "up2, up3, up4: its weights are quantised;" in call(*words).out.decode()


def test_lengths_of_a_weight_norm_that_fit_nothing_fail_a_gate(call: Call, weights: Path) -> None:
    """Without its lengths a direction tells nothing: here it alone would have no ripple."""
    rng = np.random.default_rng(0)
    even = np.repeat(rng.normal(size=(3, 8, 3, 3)), 4, axis=0).astype("f4")
    arrays = {"up.weight_v": even, "up.weight_g": rng.uniform(1, 2, 12).astype("f4")}
    (weights / "odd.safetensors").write_bytes(safetensors(arrays))
    words = ["--layer", "up", "--stride", 2, "--type", "sub-pixel", "--max-ripple", 1]
    outcome = call("audit", "odd.safetensors", *words)
    assert outcome.code == 1
    assert "up: its weight norm has lengths of shape 12, which fit no axis of 12x8x3x3; " in (
        outcome.out.decode()
    )


def test_other_weights_are_told_or_refused(call: Call, folder: Path) -> None:
    """NaN is unknown; a file without weights, or a damaged one, is refused."""
    bad = np.full((4, 2, 3, 3), np.nan, np.float32)
    (folder / "nan.safetensors").write_bytes(safetensors({"up.weight": bad}))
    outcome = call("audit", "nan.safetensors", "--layer", "*", "-s", 2)
    assert "up: its weights hold NaN or infinity" in outcome.out.decode()
    (folder / "few.safetensors").write_bytes(safetensors({"a": np.ones(3, np.float32)}))
    check_refused(call("audit", "few.safetensors"), 2, "it holds no weights of three to five axes")
    many = {f"w{each}": np.ones((1, 1, 2, 2), np.float32) for each in range(20)}
    (folder / "many.safetensors").write_bytes(safetensors(many))
    check_refused(call("audit", "many.safetensors"), 2, "w11 1x1x2x2 and 8 more")
    (folder / "odd.safetensors").write_bytes(b"text")
    check_refused(call("audit", "odd.safetensors"), 2, "odd.safetensors is no .safetensors")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["k3.npy"], "k3.npy does not say its stride; pass --stride N"),
        (["k3.npy", "-s", "two"], "--stride two is no number; give N or HxW"),
        (["k3.npy", "-s", "2x2x2"], "--stride 2x2x2 is no number"),
        (["k3.npy", "-s", "0"], "--stride 0x0 cannot be; give 1 to 512"),
        (["k3.npy", "-s", "2", "--padding", "513"], "--padding 513x513 cannot be"),
        (["own.npz", "-s", "3"], "kernel 'own.npz' brings its own stride, 2; leave --stride out"),
        (["flat.npy", "-s", "2"], "kernel 'flat.npy' has shape 4; give a matrix"),
        (["cube6.npy", "-s", "2"], "weights 'cube6.npy' have shape 2x2x2x2x2x2; give 3 to 5 axes"),
        (["nan.npy", "-s", "2"], "weights 'nan.npy' hold NaN"),
        (["objects.npy", "-s", "2"], "objects.npy is no kernel file"),
        (["cube4.npy", "-s", "2", "--type", "sub-pixel"], "'cube4.npy' has 3 channels, no mult"),
        (["model.pt"], "model.pt is a pickle, which can run code when it is opened; export it"),
        (["model.CKPT"], "export it by torch.onnx.export or safetensors.torch.save_file"),
        (["in.png"], "in.png is of no known kind; give"),
        (["k3.npy", "--type", "conv"], "conv"),
        (["own.npz", "k3.npy", "--layer", "up"], "--layer is for .safetensors; leave it out"),
        (["own.npz", "--type", "sub-pixel"], "--type is for .npy, .safetensors; leave it out"),
        (["no.onnx", "-s", "2"], "--stride is for .npy, .npz, .safetensors; leave it out"),
        (["no.onnx", "--padding", "1"], "--padding is for .npy, .npz, .safetensors; leave"),
    ],
)
def test_what_cannot_be_audited_is_refused(
    call: Call, kernels: Path, words: list[str], fault: str
) -> None:
    """What is missing or odd is told in one line, and nothing is unpickled."""
    for name, array in [
        ("flat", np.ones(4)), ("cube6", np.ones((2,) * 6)), ("cube4", np.ones((3, 2, 2, 2))),
        ("nan", np.full((1, 1, 2, 2), np.nan)), ("objects", np.array([{}], object)),
    ]:  # fmt: skip
        np.save(kernels / name, array, allow_pickle=True)
    (kernels / "own.npz").write_bytes(KernelFile("tconv", 2, np.ones((4, 4))).to_bytes())
    before = contents(kernels)
    check_refused(call("audit", *words), 2, fault)
    assert contents(kernels) == before
