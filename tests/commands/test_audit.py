import json
import sys
from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import PIL.Image
import pytest
from onnx import helper
from safetensors_file import safetensors
from terminal import Outcome, check_refused, contents

from upsample_cli.jobs.audit import network
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
repair`), or use resize-conv
"""


@pytest.fixture
def kernels(folder: Path) -> Path:
    """Return a folder with an unbalanced kernel, k3.npy, and a layer's weights, layer.npy."""
    np.save(folder / "k3.npy", np.full((3, 3), 4 / 9))
    weights = np.random.default_rng(0).normal(size=(16, 8, 4, 4))
    np.save(folder / "layer.npy", weights.astype(np.float32))
    return folder


def test_audit_prints_the_figures_of_a_kernel(call: Call, kernels: Path) -> None:
    """The text shows the phase sums, the pattern's frequencies and the remedy."""
    outcome = call("audit", "k3.npy", "--stride", 2)
    assert (outcome.code, outcome.out.decode(), outcome.err) == (0, K3, "")


def test_a_trained_kernel_file_contains_its_stride(call: Call) -> None:
    """A .npz kernel needs no options, and a balanced kernel gets no remedy."""
    outcome = call("audit", Path(SHIPPED, "tconv-learned-x3.npz"))
    text = outcome.out.decode()
    assert (outcome.code, outcome.err) == (0, "")
    assert "27x27 taps, stride 3x3, padding 12x12  ripple 0.0000" in text
    assert "no checkerboard" in text
    assert "remedy" not in text


def test_a_resize_convolution_is_audited_with_its_resize(call: Call) -> None:
    """The audit of a resize-conv kernel includes the resize before it, so it is balanced."""
    outcome = call("audit", Path(SHIPPED, "resize-conv-learned-x2.npz"), "--json")
    kernel = json.loads(outcome.out)["kernel"]
    assert (kernel["stride"], kernel["ripple"], kernel["verdict"]) == ([2, 2], 0.0, "none")


def test_json_contains_every_figure(call: Call, kernels: Path) -> None:
    """--json prints one line per file, arrays as lists, and null where a number is undefined."""
    outcome = call("audit", "k3.npy", "layer.npy", "--stride", 2, "--json")
    first, second = map(json.loads, outcome.out.splitlines())
    assert (first["input"], first["status"], first["error"]) == ("k3.npy", "done", None)
    kernel = first["kernel"]
    assert first["ripple"] == kernel["ripple"] == pytest.approx(0.48432210483785)
    assert kernel["ramp_error"] is None
    assert np.shape(kernel["phase_sums"]) == np.shape(kernel["lines"]) == (2, 2)
    (layer,) = second["layers"]
    assert second["ripple"] == layer["ripple"] > 1
    assert (layer["name"], layer["kind"], layer["size"]) == ("layer.npy", "tconv", [4, 4])


def test_padding_changes_phases_and_shift(call: Call, kernels: Path) -> None:
    """`--padding` crops the output, which reorders the phases and shifts the picture."""
    outcome = call("audit", "k3.npy", "-s", 2, "--padding", "0x1", "--json")
    kernel = json.loads(outcome.out)["kernel"]
    assert (kernel["padding"], kernel["shift"]) == ([0, 1], [0.5, -0.5])
    np.testing.assert_allclose(kernel["phase_sums"], [[8 / 9, 16 / 9], [4 / 9, 8 / 9]])


def test_weights_of_a_layer_are_audited(call: Call, kernels: Path) -> None:
    """A .npy of four axes is a layer of the kind that --type names, by default tconv."""
    text = call("audit", "layer.npy", "--stride", 2).out.decode()
    assert text.splitlines()[2].split()[:5] == ["layer.npy", "tconv", "4x4", "2x2", "yes"]
    assert "the overlap is even, but the taps" in text
    text = call("audit", "layer.npy", "--stride", 2, "--type", "sub-pixel").out.decode()
    assert text.splitlines()[2].split()[:4] == ["layer.npy", "sub-pixel", "4x4", "2x2"]
    assert "initialise with ICNR" in text


@pytest.mark.parametrize(("limit", "code"), [(0.4843, 4), (0.4844, 0), (0, 4)])
def test_exceeding_max_ripple_is_exit_4(call: Call, kernels: Path, limit: float, code: int) -> None:
    """The exit code is 4 when the ripple exceeds --max-ripple; the report is still printed."""
    outcome = call("audit", "k3.npy", "--stride", 2, "--max-ripple", limit)
    assert (outcome.code, outcome.out.decode()) == (code, K3)


@pytest.mark.parametrize(("limit", "code"), [(123, 4), (124, 0)])
def test_max_levels_holds_for_a_kernel(call: Call, kernels: Path, limit: float, code: int) -> None:
    """What is printed as levels at white counts for --max-levels."""
    outcome = call("audit", "k3.npy", "--stride", 2, "--max-levels", limit)
    assert (outcome.code, outcome.out.decode()) == (code, K3)
    over = "note: k3.npy: 123.50 levels in the output are over --max-levels 123\n"
    assert outcome.err == (over if code else "")


@pytest.mark.parametrize(
    ("option", "limit", "figure"),
    [
        ("levels", 123.5, "123.5021367 levels in the output are"),
        ("ripple", 0.4843, "ripple 0.4843221048 is"),
    ],
)
def test_a_figure_over_its_limit_is_larger_as_text(
    call: Call, kernels: Path, option: str, limit: float, figure: str
) -> None:
    """It has the digits that tell it from the limit."""
    outcome = call("audit", "k3.npy", "--stride", 2, f"--max-{option}", limit)
    assert outcome.err == f"note: k3.npy: {figure} over --max-{option} {limit}\n"


def test_one_bad_file_does_not_stop_the_others(call: Call, kernels: Path) -> None:
    """The other files are audited, and the exit code reports the failure."""
    outcome = call("audit", "no.npy", "k3.npy", "--stride", 2, "--max-ripple", 0)
    assert (outcome.code, outcome.out.decode()) == (2, K3)
    assert outcome.err == (
        "Error: no kernel file no.npy; check the path\n"
        "note: k3.npy: ripple 0.4843 is over --max-ripple 0\n"
    )
    outcome = call("audit", "no.npy", "--stride", 2, "--json")
    assert json.loads(outcome.out) == {
        "input": "no.npy", "status": "failed", "error": "no kernel file no.npy; check the path",
    }  # fmt: skip


def test_many_phases_are_summarised(call: Call, kernels: Path) -> None:
    """A grid too large for a terminal is replaced by its smallest and largest phase sum."""
    text = call("audit", "k3.npy", "--stride", 9).out.decode()
    assert "  phase sums\n    0.0000 to 0.4444\n" in text
    assert text.count("checker\n") < 10


def test_the_layers_of_a_network_are_printed_as_a_table(call: Call, folder: Path) -> None:
    """The table has one row per layer; each remedy follows once, with the layers it applies to."""
    models.saved(models.generator(), folder)
    outcome = call("audit", "model.onnx")
    assert (outcome.code, outcome.err) == (0, "")
    title, header, *rows = outcome.out.decode().splitlines()
    assert title == "model.onnx"
    assert header.split()[:6] == ["layer", "type", "kernel", "stride", "divides", "ripple"]
    assert [row.split()[:5] for row in rows[:4]] == [
        ["up1", "tconv", "3x3", "2x2", "no"], ["up2", "tconv", "4x4", "2x2", "yes"],
        ["up3", "sub-pixel", "3x3", "2x2", "yes"], ["up4", "resize-conv", "3x3", "2x2", "-"],
    ]  # fmt: skip
    assert [row.endswith("no checkerboard") for row in rows[:4]] == [False, False, True, True]
    assert rows[4].startswith("up1: kernel 3 is not a multiple of stride 2: use kernel 4")
    assert rows[5].startswith("up2: the overlap is even, but")
    assert len(rows) == 6


def test_json_contains_the_layers_of_a_network(call: Call, folder: Path) -> None:
    """--json prints one object per model, with the figures of every layer."""
    models.saved(models.generator(), folder)
    result = json.loads(call("audit", "model.onnx", "--json").out)
    layers = result["layers"]
    assert result["ripple"] == max(layer["ripple"] for layer in layers) > 1
    assert [layer["ripple"] for layer in layers[2:]] == [0.0, 0.0]
    assert set(layers[0]) == {
        "name", "kind", "size", "stride", "dilation", "divides", "ripple", "worst_channel",
        "worst_ripple", "bias_ripple", "shift", "verdict", "remedy",
    }  # fmt: skip


def test_an_unknown_layer_fails_max_ripple(call: Call, folder: Path) -> None:
    """A layer that cannot be audited is reported, and it fails --max-ripple."""
    network = models.model([models.node("ConvTranspose", "x w", "y")])
    models.saved(network, folder)
    outcome = call("audit", "model.onnx")
    assert (outcome.code, outcome.err) == (0, "")
    assert "the_ConvTranspose: 'w' is an input of the model" in outcome.out.decode()
    outcome = call("audit", "model.onnx", "--max-ripple", 9)
    assert outcome.code == 1
    assert outcome.err == (
        "Error: model.onnx: 1 of 1 layers could not be audited; see the reasons above\n"
    )


def test_a_network_without_upsampling_layers_is_exit_3(call: Call, folder: Path) -> None:
    """A network without upsampling layers is reported as such, with exit code 3."""
    models.saved(models.model([models.node("Relu", "x", "y")]), folder)
    assert call("audit", "model.onnx") == Outcome(3, b"model.onnx  no upsampling layer\n", "")


def test_a_network_without_ripple_passes_max_ripple_0(call: Call, folder: Path) -> None:
    """--max-ripple 0 accepts exactly balanced layers and rejects others."""
    tensors = {"s": np.float32([1, 1, 2, 2])}
    models.saved(models.model([models.node("Resize", "x - s", "y")], tensors), folder)
    assert call("audit", "model.onnx", "--max-ripple", 0).code == 0
    models.saved(models.generator(), folder)
    assert call("audit", "model.onnx", "--max-ripple", 2).code == 0
    assert call("audit", "model.onnx", "--max-ripple", 1).code == 4


@pytest.mark.parametrize("data", [b"", b"text"])
def test_a_broken_model_is_refused(call: Call, folder: Path, data: bytes) -> None:
    """A damaged, empty or missing model is reported in one line."""
    (folder / "model.onnx").write_bytes(data)
    check_refused(call("audit", "model.onnx"), 1, "model.onnx ")
    check_refused(call("audit", "no.onnx"), 1, "no model file no.onnx; check the path")


def test_a_missing_onnx_library_is_reported(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which extra to install when onnx is missing."""
    for name in [name for name in sys.modules if name.startswith("upsample_cli.networks.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    (folder / "model.onnx").write_bytes(b"")
    fault = 'needs onnx, which is not installed; pip install "upsample-cli[audit]"'
    check_refused(call("audit", "model.onnx"), 2, fault)


@pytest.fixture
def weights(folder: Path) -> Path:
    """Return a folder with net.safetensors, the weights of a network."""
    rng = np.random.default_rng(0)
    icnr = np.repeat(rng.normal(size=(3, 8, 3, 3)), 4, axis=0)
    values = {
        "up1.weight": rng.normal(size=(16, 16, 4, 4)), "up1.bias": rng.normal(size=8),
        "up2.weight": np.ones((8, 4, 3, 3)), "fine.weight": icnr,
        "norm.weight_v": icnr, "norm.weight_g": rng.uniform(1, 2, (12, 1, 1, 1)),
        "biased.weight": icnr, "biased.bias": rng.normal(size=12), "fc.weight": np.ones((5, 4)),
    }  # fmt: skip
    arrays = {name: array.astype(np.float32) for name, array in values.items()}
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    return folder


def test_weights_without_a_graph_need_a_pattern_and_a_stride(call: Call, weights: Path) -> None:
    """Every weight that matches --layer is audited; names are printed without `.weight`."""
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


def test_bias_and_weight_norm_of_sub_pixel_weights_are_audited(call: Call, weights: Path) -> None:
    """ICNR weights are balanced unless biases differ or a weight norm rescales each channel."""
    options = ["--stride", 2, "--type", "sub-pixel", "--json"]
    layers = {}
    for name in ("fine", "norm.weight", "biased"):
        outcome = call("audit", "net.safetensors", "--layer", name, *options)
        (layers[name],) = json.loads(outcome.out)["layers"]
    assert (layers["fine"]["ripple"], layers["fine"]["verdict"]) == (0.0, "none")
    assert layers["norm.weight"]["ripple"] > 0.01
    assert layers["norm.weight"]["name"] == "norm"
    assert layers["biased"]["ripple"] == 0.0
    assert layers["biased"]["bias_ripple"] > 0.01


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            [],
            "has weights but no graph; pass --layer PATTERN and --stride N (it holds up1.weight",
        ),
        (["-s", 2], "pass --layer PATTERN (it holds"),
        (["--layer", "up*"], "pass --stride N (it holds"),
        (["--layer", "down*", "-s", 2], "has no weights 'down*'; it holds up1.weight"),
        (
            ["--layer", "up2", "-s", 3, "--type", "sub-pixel"],
            "'up2' has 8 channels, not a multiple",
        ),
        (["--layer", "up1", "-s", 512, "--padding", 1], "--stride 512x512 is too large for 'up1'"),
    ],
)
def test_errors_list_the_weights_of_a_file(
    call: Call, weights: Path, options: list[object], fault: str
) -> None:
    """The error lists the weights that could be meant, without matrices and biases."""
    outcome = call("audit", "net.safetensors", *options)
    check_refused(outcome, 2, fault)
    assert "fc.weight" not in outcome.err
    assert "bias " not in outcome.err


def test_unusual_names_are_escaped_in_the_table(call: Call, folder: Path) -> None:
    """Line breaks and escape codes in a name are escaped."""
    names = ["a\nb", "\x1b[31mred", "caf\xe9"]
    arrays = {name: np.ones((1, 1, 2, 2), np.float32) for name in names}
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    outcome = call("audit", "net.safetensors", "--layer", "*", "--stride", 2)
    rows = [row.split("  ")[0] for row in outcome.out.decode().splitlines()[2:]]
    assert (outcome.code, rows) == (0, ["a\\nb", "\\x1b[31mred", "caf\xe9"])


def test_quantised_weights_fail_max_ripple(call: Call, folder: Path) -> None:
    """Matching weights that are not plain floats are listed as unknown, never left out."""
    even, odd = np.ones((2, 1, 4, 4), np.float32), np.ones((2, 1, 4, 4), np.int8)
    arrays = {
        "up1.weight": even, "up2.weight": odd, "up3.weight": odd.astype(np.uint8),
        "up4.weight_v": odd, "up4.weight_g": even[:, :, :1, :1],
    }  # fmt: skip
    (folder / "net.safetensors").write_bytes(safetensors(arrays))
    arguments = ["audit", "net.safetensors", "--layer", "up*", "--stride", 2, "--max-ripple", 0.1]
    outcome = call(*arguments, "--json")
    result = json.loads(outcome.out)
    verdicts = {layer["name"]: layer["verdict"] for layer in result["layers"]}
    assert result["ripple"] is None  # though that of the known layer is 0
    assert verdicts == {"up1": "none"} | dict.fromkeys(("up2", "up3", "up4"), "unknown")
    assert (outcome.code, call(*arguments[:-2]).code) == (1, 0)
    assert "up2, up3, up4: its weights are quantised;" in call(*arguments).out.decode()


def test_a_weight_norm_of_the_wrong_shape_fails_max_ripple(call: Call, weights: Path) -> None:
    """The direction alone, which is balanced here, is not audited without its lengths."""
    rng = np.random.default_rng(0)
    even = np.repeat(rng.normal(size=(3, 8, 3, 3)), 4, axis=0).astype("f4")
    arrays = {"up.weight_v": even, "up.weight_g": rng.uniform(1, 2, 12).astype("f4")}
    (weights / "odd.safetensors").write_bytes(safetensors(arrays))
    options = ["--layer", "up", "--stride", 2, "--type", "sub-pixel", "--max-ripple", 1]
    outcome = call("audit", "odd.safetensors", *options)
    assert outcome.code == 1
    assert "up: its weight norm has lengths of shape 12, which fit no axis of 12x8x3x3; " in (
        outcome.out.decode()
    )


def test_unusable_weights_are_reported(call: Call, folder: Path) -> None:
    """NaN makes a layer unknown; a damaged file or one without weights is refused."""
    bad = np.full((4, 2, 3, 3), np.nan, np.float32)
    (folder / "nan.safetensors").write_bytes(safetensors({"up.weight": bad}))
    outcome = call("audit", "nan.safetensors", "--layer", "*", "-s", 2)
    assert "up: its weights hold NaN or infinity" in outcome.out.decode()
    (folder / "few.safetensors").write_bytes(safetensors({"a": np.ones(3, np.float32)}))
    check_refused(call("audit", "few.safetensors"), 2, "it holds no weights of three to five axes")
    many = {f"w{index}": np.ones((1, 1, 2, 2), np.float32) for index in range(20)}
    (folder / "many.safetensors").write_bytes(safetensors(many))
    check_refused(call("audit", "many.safetensors"), 2, "w11 1x1x2x2 and 8 more")
    (folder / "odd.safetensors").write_bytes(b"text")
    check_refused(
        call("audit", "odd.safetensors"), 2, "odd.safetensors is damaged or not a safetensors"
    )


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["k3.npy"], "k3.npy does not say its stride; pass --stride N"),
        (["k3.npy", "-s", "two"], "invalid --stride 'two'; give N or HxW"),
        (["k3.npy", "-s", "2x2x2"], "invalid --stride '2x2x2'"),
        (["k3.npy", "-s", "0"], "--stride 0 is out of range; give 1 to 512"),
        (["k3.npy", "-s", "2", "--padding", "513"], "--padding 513 is out of range"),
        (["own.npz", "-s", "3"], "kernel 'own.npz' brings its own stride, 2; leave --stride out"),
        (["flat.npy", "-s", "2"], "kernel 'flat.npy' has one axis; give a matrix"),
        (["cube6.npy", "-s", "2"], "weights 'cube6.npy' have shape 2x2x2x2x2x2; give 3 to 5 axes"),
        (["nan.npy", "-s", "2"], "weights 'nan.npy' hold NaN"),
        (["objects.npy", "-s", "2"], "objects.npy is not a NumPy file of numbers"),
        (["cube4.npy", "-s", "2", "--type", "sub-pixel"], "'cube4.npy' has 3 channels, not a mult"),
        (["model.pt"], "model.pt is a pickle, which can run code when it is opened; export it"),
        (["model.CKPT"], "export it with torch.onnx.export or safetensors.torch.save_file"),
        (["in.png"], "in.png is not a kernel or network file; give"),
        (["k3.npy", "--type", "conv"], "conv"),
        (["own.npz", "k3.npy", "--layer", "up"], "--layer is for .safetensors; leave it out"),
        (["own.npz", "--type", "sub-pixel"], "--type is for .npy, .safetensors; leave it out"),
        (["no.onnx", "--type", "tconv"], "--type is for .npy, .safetensors; leave it out"),
        (["k3.npy", "--pictures", "in.png"], "--pictures is for .onnx; leave it out"),
        (["no.onnx", "-s", "2"], "--stride is for .npy, .npz, .safetensors; leave it out"),
        (["no.onnx", "--padding", "1"], "--padding is for .npy, .npz, .safetensors; leave"),
    ],
)
def test_wrong_audit_arguments_are_refused(
    call: Call, kernels: Path, arguments: list[str], fault: str
) -> None:
    """A wrong file or option is reported in one line, and nothing is unpickled."""
    for name, array in [
        ("flat", np.ones(4)), ("cube6", np.ones((2,) * 6)), ("cube4", np.ones((3, 2, 2, 2))),
        ("nan", np.full((1, 1, 2, 2), np.nan)), ("objects", np.array([{}], object)),
    ]:  # fmt: skip
        np.save(kernels / name, array, allow_pickle=True)
    (kernels / "own.npz").write_bytes(KernelFile("tconv", 2, np.ones((4, 4))).to_bytes())
    before = contents(kernels)
    check_refused(call("audit", *arguments), 2, fault)
    assert contents(kernels) == before


def test_a_learned_network_brings_its_own_stride(call: Call) -> None:
    """Another stride, or a padding, is refused as for kernels; the network's own is no fault."""
    path = Path(SHIPPED, "network-photo-x3.npz")
    assert call("audit", path, "-s", 3).out == call("audit", path).out
    for option, value in (("stride", 2), ("padding", 1)):
        fault = f"network 'network-photo-x3.npz' brings its own {option}; leave --{option} out"
        check_refused(call("audit", path, f"--{option}", value), 2, fault)


@pytest.fixture
def enlarger(folder: Path) -> Path:
    """Return the folder, with an uneven network that enlarges pictures twice in it."""
    weights = np.zeros((3, 3, 3, 3), np.float32)
    weights[range(3), range(3)] = 4 / 9
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1, 1, 0, 0])
    made = models.model([up], {"w": weights})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    models.saved(made, folder)
    return folder


def test_the_output_of_a_network_is_judged_in_levels(call: Call, enlarger: Path) -> None:
    """What is left of a pattern in the output counts for --max-levels."""
    outcome = call("audit", "model.onnx", "--max-levels", 200)
    assert (outcome.code, outcome.err) == (0, "")
    last = outcome.out.decode().splitlines()[-1]
    assert (
        last
        == "output, stride 2x2: 111.15 levels on flat pictures (most on grey 0.9); checkerboard"
    )
    assert call("audit", "model.onnx", "--max-levels", 50).code == 4
    output = json.loads(call("audit", "model.onnx", "--json").out)["output"]
    assert output["stride"] == [2, 2]
    assert output["flat"]["grey 0.5"] == pytest.approx(0.48432 * 127.5, rel=1e-4)


@pytest.mark.parametrize(("extra", "code"), [(0.0, 0), (1e-5, 4)])
def test_what_a_network_rounds_is_not_over_0_levels(
    call: Call, enlarger: Path, extra: float, code: int
) -> None:
    """Phases that are equal differ by their rounding, below 1e-4 levels."""
    taps = np.array([0.13, 0.61 + extra, 0.87, 0.39])
    weights = np.zeros((3, 3, 4, 4), np.float32)
    weights[range(3), range(3)] = np.outer(taps, taps)
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1] * 4)
    made = models.model([up], {"w": weights})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    models.saved(made, enlarger)
    output = json.loads(call("audit", "model.onnx", "--json").out)["output"]
    assert max(output["flat"].values()) > 0
    assert call("audit", "model.onnx", "--max-levels", 0).code == code


def test_photographs_are_judged_too(call: Call, enlarger: Path) -> None:
    """Each is told by its name; one that is too small, or no picture, is refused."""
    coffee = Path(__file__).parents[2] / "sample_images" / "coffee.png"
    outcome = call("audit", "model.onnx", "--pictures", coffee)
    assert f" levels on {coffee}" in outcome.out.decode()
    check_refused(call("audit", "model.onnx", "--pictures", "no.png"), 1, "no.png")
    check_refused(call("audit", "model.onnx", "--pictures", "in.png"), 2, "is smaller than 96x96")


def test_a_clipped_photograph_passes_no_gate(call: Call, enlarger: Path) -> None:
    """Where nearly all of what comes out is clipped, the pattern is unknown, not 0."""
    PIL.Image.new("RGB", (200, 200), "white").save(enlarger / "white.png")
    outcome = call("audit", "model.onnx", "--pictures", "white.png", "--max-levels", 200)
    assert outcome.code == 1
    assert "unknown on white.png" in outcome.out.decode().splitlines()[-1]
    assert "unknown on white.png: too many pixels are clipped, or it" in outcome.err
    output = json.loads(call("audit", "model.onnx", "--pictures", "white.png", "--json").out)
    assert output["output"]["pictures"] == {"white.png": None}
    assert output["output"]["verdict"] == "checkerboard"


def test_json_contains_the_output_of_a_learned_network(call: Call) -> None:
    """A .npz of a network has the figures of its output, as in the text; weights have none."""
    outcome = call("audit", Path(SHIPPED, "network-photo-x2.npz"), "--json")
    output = json.loads(outcome.out)["output"]
    assert (output["stride"], output["worst"], output["verdict"]) == ([2, 2], "white", "none")
    assert output["levels"] < 1e-3
    np.save("layer.npy", np.ones((2, 2, 2, 2)))
    assert json.loads(call("audit", "layer.npy", "-s", 2, "--json").out)["output"] is None


def test_a_network_that_runs_too_long_passes_no_gate(
    call: Call, enlarger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its layers are judged all the same."""
    monkeypatch.setattr(network, "_FLAT_SECONDS", 0.0)
    monkeypatch.setattr(network, "_limit_memory", lambda: None)
    monkeypatch.setattr(network, "audit", network.in_this_process)
    outcome = call("audit", "model.onnx", "--max-levels", 200)
    lines = outcome.out.decode().splitlines()
    assert outcome.code == 1
    assert lines[-1] == "output, stride 2x2: unknown, since the audit takes too long"
    assert "flat pictures take too long to audit; audit a part of the network" in outcome.err
    assert "tconv" in lines[2]
    output = json.loads(call("audit", "model.onnx", "--json").out)["output"]
    assert (output["levels"], output["verdict"]) == (None, "unknown")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_unknown(call: Call, folder: Path, value: float) -> None:
    """A network with damaged weights fails a gate on levels, for that reason."""
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2])
    made = models.model([up], {"w": np.full((3, 3, 2, 2), value, np.float32)})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    models.saved(made, folder)
    outcome = call("audit", "model.onnx", "--max-levels", 1)
    assert outcome.code == 1
    last = outcome.out.decode().splitlines()[-1]
    assert last == "output, stride 2x2: unknown, since it holds NaN or infinity"
    assert "model.onnx: the output holds NaN or infinity; repair the weights" in outcome.err
    output = json.loads(call("audit", "model.onnx", "--json").out)["output"]
    assert (output["levels"], output["verdict"]) == (None, "unknown")


def test_a_network_of_no_pictures_fails_a_gate_on_levels(call: Call, folder: Path) -> None:
    """There is nothing to judge, which is told."""
    models.saved(models.generator(), folder)
    outcome = call("audit", "model.onnx", "--max-levels", 1)
    assert outcome.code == 1
    assert "--max-levels is for kernels, and networks that turn pictures" in outcome.err


def test_the_layout_of_weights_is_said(call: Call) -> None:
    """The help and the guide name the axes of weights, which other frameworks order otherwise."""
    for arguments in (("audit", "--help"), ("guide", "audit")):
        text = " ".join(call(*arguments).out.decode().split())
        assert "(Cin, Cout / groups, kH, kW) of a transposed convolution" in text
        assert "(Cout s^2, Cin, k, k) of a sub-" in text
