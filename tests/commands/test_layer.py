import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors_file import safetensors
from terminal import Outcome, check_refused, contents, run_process

from upsample_cli.kernels.convolve import conv_transpose2d

Call = Callable[..., Outcome]
SETTINGS = ["--stride", "2x3", "--padding", 1, "--output-padding", "1x0", "--groups", 2,
            "--dilation", "1x2"]  # fmt: skip


@pytest.fixture
def layer(folder: Path) -> Path:
    """Return a folder with maps.npy and a layer's weights in three kinds of file."""
    rng = np.random.default_rng(0)
    np.save(folder / "maps.npy", rng.normal(size=(2, 4, 5, 6)).astype("f4"))
    arrays = {
        "up.weight": rng.normal(size=(4, 3, 3, 2)).astype("f4"),
        "up.bias": rng.normal(size=6).astype("f4"),
    }
    np.save(folder / "w.npy", arrays["up.weight"])
    np.save(folder / "b.npy", arrays["up.bias"])
    (folder / "B.NPY").write_bytes((folder / "b.npy").read_bytes())
    np.savez(folder / "w.npz", **arrays)
    for name in ("w.safetensors", "W.SAFETENSORS"):
        (folder / name).write_bytes(safetensors(arrays))
    return folder


@pytest.mark.parametrize(
    ("file", "bias"),
    [("w.npy", "b.npy"), ("w.npz", "up.bias"), ("w.safetensors", "up.bias"),
     ("W.SAFETENSORS", "B.NPY")],
)  # fmt: skip
def test_every_layer_setting_is_applied(call: Call, layer: Path, file: str, bias: str) -> None:
    """All settings reach the transposed convolution, whichever kind of file has the weights."""
    outcome = call("layer", "maps.npy", "out.npy", "-w", file, "--bias", bias, *SETTINGS)
    assert (outcome.code, outcome.err) == (0, "")
    expected = conv_transpose2d(
        np.load(layer / "maps.npy"), np.load(layer / "w.npy"), np.load(layer / "b.npy"),
        stride=(2, 3), padding=1, output_padding=(1, 0), groups=2, dilation=(1, 2),
    )  # fmt: skip
    np.testing.assert_array_equal(np.load(layer / "out.npy"), expected)
    assert b"out.npy  2x6x10x16 float32" in outcome.out
    assert b"kernel ripple" in outcome.out


@pytest.mark.parametrize("file", ["n.npz", "n.safetensors"])
@pytest.mark.parametrize("shape", [(4, 1, 1, 1), (1, 3, 1, 1), ()])
def test_a_weight_norm_is_applied(
    call: Call, layer: Path, file: str, shape: tuple[int, ...]
) -> None:
    """The weight is computed from direction and lengths, in their type, for any axis."""
    v = np.load(layer / "w.npy")
    g = np.random.default_rng(1).uniform(1, 2, shape).astype("f4")
    arrays = {"up.weight_g": np.asarray(g), "up.weight_v": v}
    np.savez(layer / "n.npz", **arrays)
    (layer / "n.safetensors").write_bytes(safetensors(arrays))
    outcome = call("layer", "maps.npy", "out.npy", "-w", file, "-s", 2)
    assert (outcome.code, outcome.err) == (0, "")
    axes = tuple(axis for axis in range(4) if len(shape) < 4 or shape[axis] == 1)
    weight = g * v / np.sqrt((v.astype("f8") ** 2).sum(axis=axes, keepdims=True))
    expected = conv_transpose2d(np.load(layer / "maps.npy"), weight.astype("f4"), stride=2)
    actual = np.load(layer / "out.npy")
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_dev_stdout_is_treated_as_a_dash(layer: Path) -> None:
    """The report does not follow the feature maps on standard output."""
    arguments = ("layer", "maps.npy", "/dev/stdout", "--format", "npy", "-w", "w.npy")
    outcome = run_process(*arguments, folder=layer)
    assert (outcome.code, outcome.err.split()[0]) == (0, "-")
    assert np.load(io.BytesIO(outcome.out)).nbytes + 128 == len(outcome.out)


def test_the_ripple_is_exact_and_pipes_work(layer: Path) -> None:
    """Three equal taps at stride 2 have a ripple of 0.4843, in a pipe and in any layout."""
    np.save(layer / "even.npy", np.ones((4, 2, 3, 3), np.float32))
    arguments = ("layer", "-", "-", "-w", "even.npy", "-s", 2, "--format", "npy", "--json")
    piped = run_process(*arguments, stdin=(layer / "maps.npy").read_bytes(), folder=layer)
    line = json.loads(piped.err)
    assert line["kernel_ripple"] == pytest.approx(0.4843, abs=5e-5)
    assert line["shapes"] == {"arr_0": [2, 2, 11, 13]}
    one = np.load(layer / "maps.npy")[0]
    np.save(layer / "last.npy", np.moveaxis(one, 0, 2))
    arguments = ("layer", "last.npy", "out.npy", "-w", "even.npy", "-s", 2, "--layout", "hwc")
    assert run_process(*arguments, folder=layer).code == 0
    expected = conv_transpose2d(one, np.load(layer / "even.npy"), stride=2)
    np.testing.assert_array_equal(np.load(layer / "out.npy"), np.moveaxis(expected, 0, 2))


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["-w", "gone.npy"], 2, "no kernel file gone.npy"),
        (["-w", "gone.safetensors"], 2, "no weights file gone.safetensors"),
        (["-w", "w.npz", "--tensor", "x"], 2, "w.npz has no tensor 'x'; choose up.weight, up.bias"),
        (["-w", "w.npz", "--tensor", "up.bias"], 2, "give finite floats with four axes"),
        (
            ["-w", "b.npy"],
            2,
            "b.npy holds no tensors of floats with four axes; give weights (Cin,",
        ),
        (
            ["-w", "n.npz"],
            2,
            "weight 'up.weight' cannot be applied: its weight norm has lengths of",
        ),
        (
            ["-w", "n.npz", "--tensor", "up.weight_v"],
            2,
            "no tensor 'up.weight_v'; choose up.weight",
        ),
        (["-w", "w.npy", "--bias", "x"], 2, "w.npy has no tensor 'x'"),
        (["-w", "w.npy", "--groups", "3"], 2, "do not fit with 3 groups"),
        (["-w", "w.npy", "-s", "0"], 2, "stride (0, 0) is out of range"),
        (["-w", "w.npy", "-s", "100000000"], 2, "the output is larger than memory; give a smaller"),
        (["-w", "w.npy", "-s", str(10**20)], 2, "the output is larger than memory; give a smaller"),
        (["-w", "w.npy", "--output-padding", "1"], 2, "output_padding (1, 1) is too large"),
        (["-w", "cut.safetensors"], 2, "cut.safetensors is damaged or not a safetensors"),
        (["-w", "no.safetensors"], 2, "no.safetensors is damaged or not a safetensors"),
        (["-w", "w.npy", "--layout", "chw"], 1, "has 4 axes, but --layout chw has 3"),
        (["-w", "w.npy", "--layout", "hw"], 2, "invalid --layout 'hw'; choose chw, hwc, nchw"),
    ],
)
def test_wrong_layer_arguments_are_refused(
    call: Call, layer: Path, arguments: list[str], code: int, fault: str
) -> None:
    """Wrong files, names and numbers are reported in one line, and nothing is written."""
    data = (layer / "w.safetensors").read_bytes()
    (layer / "cut.safetensors").write_bytes(data[:-20])
    (layer / "no.safetensors").write_bytes(b"\xff" * 40)
    parts = {"up.weight_g": np.ones((4, 3, 1, 1), "f4"), "up.weight_v": np.load(layer / "w.npy")}
    np.savez(layer / "n.npz", **parts)
    before = contents(layer)
    check_refused(call("layer", "maps.npy", "out.npy", *arguments), code, fault)
    assert contents(layer) == before


def test_only_layouts_with_channels_are_offered(call: Call) -> None:
    """A layer takes no map without channels, so its help does not offer one."""
    text = call("layer", "--help").out.decode()
    assert "[chw|hwc|nchw]" in text
    assert "default by count: chw, nchw." in " ".join(text.split())


def test_the_memory_of_the_output_is_bounded(call: Call, layer: Path) -> None:
    """--max-memory holds for a layer as for other enlargements: maps that fit in pass."""
    arguments = ("layer", "maps.npy", "out.npy", "-w", "w.npy", "--max-memory", "110MB", "-s")
    check_refused(call(*arguments, 500), 1, "needs 211 MB of memory, but only 110 MB may be used")
    assert not (layer / "out.npy").exists()
    assert call(*arguments, 50).code == 0
