"""`upsample -m onnx`: a network of the user's through the whole pipeline."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from enlargers import classifier, enlarger, of_any_size, written
from programs import command
from terminal import Outcome, check_refused
from textures import texture_samples

from upsample_cli.networks.enlargers.image_model import load

Call = Callable[..., Outcome]
METHOD = ["-m", "onnx", "--model", "model.onnx"]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(autouse=True)
def network(folder: Path) -> None:
    """Write a network beside the picture."""
    written(enlarger(), folder)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (90, 130)], ids=str)
def test_pictures_of_any_size(call: Call, folder: Path, size: tuple[int, int]) -> None:
    """A bilinear network gives the bilinear kernel's picture, to a level."""
    cv2.imwrite(str(folder / "a.png"), noise(*size))
    edges = "--edges", "boundary"
    assert call("a.png", "network.png", *METHOD, *edges, "--tile", 40).code == 0
    assert call("a.png", "kernel.png", "-k", "bilinear").code == 0
    names = (str(folder / f"{name}.png") for name in ("network", "kernel"))
    both = [cv2.imread(name).astype(int) for name in names]
    assert both[0].shape == (2 * size[0], 2 * size[1], 3)
    assert np.abs(both[0] - both[1]).max() <= 1


def test_16_bits_and_opacity_are_kept(call: Call, folder: Path) -> None:
    """What the pipeline does for other methods it does for a network."""
    samples = texture_samples(20, 24, 4, 16)
    cv2.imwrite(str(folder / "deep.png"), samples)
    assert call("deep.png", "out.png", *METHOD).code == 0
    out = cv2.imread(str(folder / "out.png"), cv2.IMREAD_UNCHANGED)
    assert (out.shape, out.dtype) == ((40, 48, 4), np.uint16)
    assert len(np.unique(out & 255)) > 200


def test_facts_go_to_programs(call: Call) -> None:
    """--json has what was found out of the network."""
    (line,) = call("in.png", "out.png", *METHOD, "--json").out.splitlines()
    report = json.loads(line)
    assert (report["method"], report["kernel"], report["scale"]) == ("onnx", "model.onnx", 2.0)
    assert report["model"] == {
        "scale": 2, "border": 0, "channels": 3, "takes": [0.0, 1.0], "gives": [0.0, 1.0],
        "layout": "NCHW", "dtype": "float32", "size": None, "multiple": 1, "grid": 1,
        "least": 1, "halo": 1, "is_global": False, "whole": 1024,
        "flat_change": 0.0, "ripple": report["model"]["ripple"],
    }  # fmt: skip


def test_its_scale_is_the_default(call: Call, folder: Path) -> None:
    """A network enlarges by its own scale; --scale and --size ask for another."""
    assert call("in.png", "a.png", *METHOD).code == 0
    assert call("in.png", "b.png", *METHOD, "--size", "30x").code == 0
    assert cv2.imread(str(folder / "a.png")).shape == (40, 48, 3)
    assert cv2.imread(str(folder / "b.png")).shape == (25, 30, 3)


def test_the_bytes_do_not_depend_on_jobs(call: Call, folder: Path) -> None:
    """Of one picture and of folders."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(300, 200, 3)).save(folder / "many" / "a.png")
    PIL.Image.fromarray(texture_samples(30, 200, 3)).save(folder / "many" / "b.png")
    for jobs in (1, 2):
        assert call("many", f"out{jobs}", *METHOD, "-j", jobs).code == 0
        assert call("many/a.png", f"a{jobs}.png", *METHOD, "-j", jobs).code == 0
    first, second = ((folder / f"a{jobs}.png").read_bytes() for jobs in (1, 2))
    assert first == second == (folder / "out2" / "a.png").read_bytes()
    assert (folder / "out1" / "b.png").read_bytes() == (folder / "out2" / "b.png").read_bytes()


def test_what_cannot_be_is_refused(call: Call, folder: Path) -> None:
    """Each in one line: no file, another task, no picture, and where onnxruntime is missing."""
    written(classifier(), folder, "other.onnx")
    (folder / "text.onnx").write_text("text")
    for words, fault in (
        (["-m", "onnx"], "pass --model"),
        (["-m", "onnx", "--model", "no.onnx"], "no model file no.onnx"),
        (["-m", "onnx", "--model", "other.onnx"], "not a picture"),
        (["-m", "onnx", "--model", "text.onnx"], "text.onnx cannot be run"),
        (["--model", "model.onnx"], "--model is for onnx"),
    ):
        check_refused(call("in.png", "out.png", *words), 2, fault)
    run = subprocess.run(
        command("without", "onnxruntime", "in.png", "out.png", *METHOD),
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    outcome = Outcome(run.returncode, run.stdout.encode(), run.stderr)
    check_refused(outcome, 2, 'pip install "upsample-cli[models]"')
    assert not (folder / "out.png").exists()


def test_a_picture_too_small_for_a_network_does_not_end_the_process(folder: Path) -> None:
    """Where a map would have no pixels left, onnxruntime's layout for speed divides by zero."""
    written(of_any_size("attention"), folder)
    run = subprocess.run(
        [sys.executable, "-m", "upsample_cli", "in.png", "out.png", *METHOD, "--json"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["model"]["least"] == 11


def test_a_network_of_the_whole_picture_sees_it_whole(call: Call, folder: Path) -> None:
    """Up to 1024 px a side no strip or tile differs from one whole pass."""
    path = written(enlarger(is_global=True), folder, "global.onnx")
    samples = noise(700, 90) // 4 + np.linspace(0, 180, 700).astype(np.uint8)[:, None, None]
    cv2.imwrite(str(folder / "a.png"), samples)
    assert call("a.png", "out.png", "-m", "onnx", "--model", "global.onnx", "-j", 2).code == 0
    whole = load(path, "cpu", "auto", None).run(np.float32(samples / 255).transpose(2, 0, 1))
    expected = np.clip(np.rint(whole.transpose(1, 2, 0) * 255), 0, 255)
    assert np.abs(cv2.imread(str(folder / "out.png")).astype(int) - expected).max() <= 1
