import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from terminal import Outcome, check_refused, contents

from upsample_cli.kernels import kernel_file
from upsample_cli.kernels.kernel_file import SHIPPED, KernelFile

Call = Callable[..., Outcome]


@pytest.fixture
def kernels(folder: Path) -> Path:
    """Return a folder with an unbalanced kernel, k3.npy, and a layer's weights, layer.npy."""
    np.save(folder / "k3.npy", np.full((3, 3), 4 / 9, np.float32))
    weights = np.random.default_rng(0).normal(size=(4, 3, 4, 4))
    np.save(folder / "layer.npy", weights.astype(np.float32))
    return folder


def test_a_repaired_kernel_can_be_used(call: Call, kernels: Path) -> None:
    """--kernel accepts the file that `repair` writes, and the output has no checkerboard."""
    outcome = call("repair", "k3.npy", "-o", "out.npz", "--stride", 2)
    assert (outcome.code, outcome.err) == (0, "")
    title, _, gain, ripple = outcome.out.decode().splitlines()[:4]
    assert title == "out.npz  changed by 51.54% of k3.npy"
    assert gain.split() == ["gain", "1", "1"]
    assert ripple.split() == ["ripple", "0.4843", "0.0000"]
    file = kernel_file.load("out.npz", "tconv", 2)
    triangle = [0.5, 1, 0.5]
    np.testing.assert_allclose(file.taps, np.outer(triangle, triangle), atol=1e-7)
    assert file.about == {"repaired": "flat"}
    enlarged = call("in.png", "out.png", "-k", "out.npz")
    assert b"tconv out.npz x2  checkerboard none" in enlarged.out


def test_quiet_prints_nothing_of_a_kernel(call: Call, kernels: Path) -> None:
    """With -q a kernel is repaired without a word, as a picture is."""
    np.save(kernels / "k3.npy", np.full((3, 3), 4 / 9))
    outcome = call("repair", "k3.npy", "-o", "even.npy", "-s", "2", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, b"", "")
    assert np.load(kernels / "even.npy").shape == (3, 3)


def test_a_separable_kernel_stays_separable(call: Call, kernels: Path) -> None:
    """A separable kernel is repaired along one axis, and its metadata is kept.

    The reported change is that of the two-dimensional kernel.
    """
    taps = np.random.default_rng(1).uniform(0.5, 1, 7)
    (kernels / "own.npz").write_bytes(KernelFile("tconv", 3, taps, "", {"noise": 2}).to_bytes())
    outcome = call("repair", "own.npz", "-o", "out.npz", "--ramp", "--json")
    result = json.loads(outcome.out)
    file = kernel_file.load("out.npz", "tconv", 3)
    assert (file.taps.shape, file.about) == ((7,), {"noise": 2, "repaired": "ramp"})
    old, new = np.outer(taps, taps), np.outer(file.taps, file.taps)
    assert result["moved"] == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old))
    assert (result["input"], result["output"], result["status"]) == ("own.npz", "out.npz", "done")
    assert result["before"]["ripple"] > 0.01
    assert result["after"]["ripple"] == 0.0
    assert result["after"]["kernel"]["ramp_error"] < 1e-12


def test_a_resize_convolution_is_written_as_a_transposed_one(call: Call) -> None:
    """A balanced kernel does not change; a note says that the output file is for tconv."""
    outcome = call("repair", Path(SHIPPED, "resize-conv-learned-x2.npz"), "-o", "out.npz", "--json")
    assert json.loads(outcome.out)["moved"] < 1e-12
    note = "use out.npz with -m tconv; resize-conv-learned-x2.npz was for -m resize-conv"
    assert (json.loads(outcome.out)["notes"], outcome.err) == ([note], f"note: {note}\n")
    assert kernel_file.load("out.npz", "tconv", 2).kernel("out").phase_sums == pytest.approx(1.0)


def test_the_weights_of_a_layer_are_repaired(call: Call, kernels: Path) -> None:
    """The output keeps the shape and type of a .npy of four axes."""
    outcome = call("repair", "layer.npy", "-o", "out.npy", "--stride", 2)
    assert outcome.out.decode().splitlines()[2].split()[-1] == "0.0000"
    repaired = np.load("out.npy")
    assert (repaired.shape, repaired.dtype) == ((4, 3, 4, 4), np.float32)
    sums = repaired.reshape(4, 3, 2, 2, 2, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(sums, np.broadcast_to(sums[..., :1, :1], sums.shape), atol=1e-6)


@pytest.mark.parametrize("axes", [1, 3])
def test_weights_of_one_or_three_axes_are_repaired(call: Call, kernels: Path, axes: int) -> None:
    """Weights of audio and volume networks are repaired with one stride for all axes."""
    np.save("odd.npy", np.random.default_rng(0).normal(size=(2, 3, *(3,) * axes)))
    result = json.loads(call("repair", "odd.npy", "-o", "o.npy", "-s", 2, "--json").out)
    assert result["before"]["ripple"] > 0.1
    assert result["after"]["ripple"] == 0.0
    audit = call("audit", "o.npy", "-s", 2, "--max-ripple", 0)
    assert (audit.code, np.load("o.npy").shape) == (0, (2, 3, *(3,) * axes))
    outcome = call("repair", "odd.npy", "-o", "p.npy", "-s", "1x2")
    check_refused(outcome, 2, f"--stride 1x2 is for two axes, and 'odd.npy' has {axes}; give one")


def test_the_figures_include_rounding_to_half_floats(call: Call, kernels: Path) -> None:
    """The reported ripple is that of the file after rounding."""
    np.save("half.npy", np.random.default_rng(0).uniform(1, 2, (5, 5)).astype(np.float16))
    result = json.loads(call("repair", "half.npy", "-o", "o.npy", "-s", 2, "--json").out)
    assert np.load("o.npy").dtype == np.float16
    assert 0 < result["after"]["ripple"] < 1e-3


def test_ripple_left_by_rounding_is_noted(call: Call, kernels: Path) -> None:
    """A note is printed when rounding to float16 makes balanced taps uneven."""
    taps = np.random.default_rng(0).normal(size=(1, 1, 4, 4))
    np.save("half.npy", (taps - taps.mean()).astype(np.float16))
    outcome = call("repair", "half.npy", "-o", "o.npy", "-s", 2)
    assert outcome.code == 0
    assert "note: float16 is too coarse for exact taps, so a ripple of " in outcome.err
    np.save("single.npy", (taps + 1).astype(np.float32))
    assert call("repair", "single.npy", "-o", "p.npy", "-s", 2).err == ""


def test_taps_that_overflow_half_floats_are_refused(call: Call, kernels: Path) -> None:
    """Infinite taps are never written."""
    np.save("half.npy", np.full((3, 3), 60000, np.float16))
    check_refused(call("repair", "half.npy", "-o", "o.npy", "-s", 2), 2, "too large for float16")
    assert not (kernels / "o.npy").exists()


def test_integer_taps_become_floats(call: Call, kernels: Path) -> None:
    """Repaired taps are not rounded to integers."""
    np.save("whole.npy", np.ones((3, 3), int))
    call("repair", "whole.npy", "-o", "o.npy", "-s", 2)
    triangle = [0.75, 1.5, 0.75]
    np.testing.assert_allclose(np.load("o.npy"), np.outer(triangle, triangle))


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["k3.npy", "-o", "out.npz"], 2, "k3.npy does not say its stride; pass --stride"),
        (
            ["k3.npy", "-o", "out.png", "-s", "2"],
            2,
            "out.png cannot hold a kernel; name the output .npz",
        ),
        (["k3.npy", "-o", "k3.npy", "-s", "2"], 1, "k3.npy is also the input"),
        (["k3.npy", "-o", "layer.npy", "-s", "2"], 1, "layer.npy exists; pass --force"),
        (["k3.npy", "-o", "no/out.npz", "-s", "2"], 1, "no folder no"),
        (["k3.npy", "-o", "out.npz", "-s", "4"], 2, "kernel 3 is smaller than stride 4"),
        (["k3.npy", "-o", "out.npz", "-s", "3", "--ramp"], 2, "no kernel of 3 taps keeps ramps"),
        (["k3.npy", "-o", "out.npz", "-s", "2x1"], 2, "a .npz has one stride, not 2x1; name"),
        (["layer.npy", "-o", "out.npz", "-s", "2"], 2, "layer.npy holds a layer's weights; name"),
        (["no.npz", "-o", "out.npz"], 2, "no kernel file no.npz; check the path"),
        (["in.png", "-o", "out.npz"], 2, "in.png is not a NumPy file of numbers"),
        (["net.onnx", "-o", "out.npy"], 2, "out.npy cannot hold a network; name the output .onnx"),
        (["net.safetensors", "-o", "o.npy", "-s", "2"], 2, "net.safetensors is a network; export"),
        (["net.pt", "-o", "out.npy"], 2, "net.pt is a network; export it as .onnx"),
        (["k3.npy"], 2, "no output is named; give -o OUT.npy"),
        (["k3.npy", "-o", "o.npz", "-s", "2", "--update"], 2, "--update is for pictures, not for"),
        (["k3.npy", "-o", "o.npz", "-s", "2", "--layer", "a"], 2, "--layer is for networks"),
        (["k3.npy", "k3.npy", "-o", "new"], 2, "are repaired one at a time; give k3.npy a run of"),
        (["k3.npy", "in.png", "-o", "new/"], 2, "are repaired one at a time; give k3.npy a run of"),
        (["a.onnx", "b.onnx", "-o", "new/"], 2, "one at a time; give a.onnx a run of its own"),
        (["in.png", "in.png", "-o", "o.npz"], 2, "one at a time; give o.npz a run of its own"),
        (["in.png", "--ramp"], 2, "--ramp is for kernels and networks, not for pictures"),
        (["in.png", "-o", "in.png"], 1, "in.png is also the input"),
        (["in.png", "-o", "o.png", "-s", "2x3"], 2, "--stride HxW is for kernels"),
        (["in.png", "k3.png", "-o", "new/", "--map", "m.png"], 2, "--map is for one picture"),
    ],
)
def test_wrong_repair_arguments_are_refused(
    call: Call, kernels: Path, arguments: list[str], code: int, fault: str
) -> None:
    """A wrong argument is reported in one line, and nothing is written."""
    before = contents(kernels)
    check_refused(call("repair", *arguments), code, fault)
    assert contents(kernels) == before


@pytest.mark.parametrize(
    ("kernel", "output", "code"),
    [("no.npy", "o.npy", 2), ("bad.onnx", "o.onnx", 1), ("k3.npy", "layer.npy", 1)],
)
def test_a_failed_repair_prints_json(
    call: Call, kernels: Path, kernel: str, output: str, code: int
) -> None:
    """With --json the failure of a kernel or network is a line of JSON too, as of pictures."""
    (kernels / "bad.onnx").write_bytes(b"no model")
    stride = ("-s", 2) if kernel.endswith(".npy") else ()
    outcome = call("repair", kernel, "-o", output, *stride, "--json")
    result = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (code, f"Error: {result.pop('error')}\n")
    assert result == {"input": kernel, "output": output, "status": "failed"}


@pytest.mark.parametrize("stride", ["0", "2x0", "600"])
def test_a_stride_out_of_range_is_refused(call: Call, kernels: Path, stride: str) -> None:
    """A stride that no kernel has is refused in one line, and nothing is written."""
    before = contents(kernels)
    outcome = call("repair", "k3.npy", "-o", "out.npz", "--stride", stride)
    check_refused(outcome, 2, f"--stride {stride} is out of range; give 1 to 512")
    assert contents(kernels) == before
