"""Drawings, text and sprites on the command line: `--antiring`, and the note on flat art."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused
from textures import texture_samples

Call = Callable[..., Outcome]


@pytest.fixture
def drawing(folder: Path) -> str:
    """Return the name of a picture of steps between two greys, with a soft ramp of many levels."""
    x = np.full((40, 60, 3), 60, np.uint8)
    x[10:30, 15:45] = 200
    x[35:] = np.linspace(60, 200, 60).astype(np.uint8)[:, None]
    PIL.Image.fromarray(x).save(folder / "steps.png")
    return "steps.png"


def extremes(data: bytes | Path) -> tuple[int, int]:
    with PIL.Image.open(BytesIO(data) if isinstance(data, bytes) else data) as opened:
        x = np.asarray(opened)
    return int(x.min()), int(x.max())


@pytest.mark.parametrize("method", ["bicubic", "lanczos", "spline", "tconv", "resize-conv"])
@pytest.mark.parametrize("options", [(), ("--linear",), ("-s", 2.3), ("-s", 8)])
def test_a_step_has_no_overshoot(
    call: Call, folder: Path, drawing: str, method: str, options: tuple[object, ...]
) -> None:
    """With `--antiring 1` no level of the output is beyond the input's; without it, some are."""
    for strength in (0, 1):
        name = f"out{strength}.png"
        outcome = call(drawing, name, "-m", method, "--antiring", strength, *options)
        assert (outcome.code, outcome.err) == (0, "")
    assert extremes(folder / "out0.png") != (60, 200)
    assert extremes(folder / "out1.png") == (60, 200)


def test_pipes_folders_and_jobs_make_the_same_bytes(call: Call, folder: Path, drawing: str) -> None:
    """A file, a pipe and a folder get one result, whatever the number of jobs."""
    (folder / "in").mkdir()
    data = (folder / drawing).read_bytes()
    (folder / "in" / "a.png").write_bytes(data)
    how = ("--antiring", 0.5, "-m", "lanczos")
    piped = call("-", "-", *how, stdin=data).out
    for jobs in (1, 3):
        assert call(drawing, "out.png", *how, "-j", jobs, "-f").code == 0
        assert (folder / "out.png").read_bytes() == piped
        assert call("in", "out", *how, "-j", jobs, "-f").code == 0
        assert (folder / "out" / "a.png").read_bytes() == piped


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("-m", "nearest"), "--antiring is for bicubic, lanczos, spline, tconv, resize-conv"),
        (("-k", "uniform"), "--antiring is for kernels with negative taps; leave it out"),
    ],
)
def test_what_cannot_ring_refuses_it(call: Call, options: tuple[str, ...], fault: str) -> None:
    """A method without negative taps refuses the option, and names who has it."""
    check_refused(call("in.png", "out.png", "--antiring", 1, *options), 2, fault)


def test_flat_art_is_pointed_at_nearest(call: Call, folder: Path) -> None:
    """A picture of few colours that are to be mixed gets a note; copies and photographs do not."""
    colours = np.random.default_rng(0).integers(0, 256, (12, 3)).astype(np.uint8)
    PIL.Image.fromarray(colours[np.arange(24 * 20).reshape(20, 24) % 12]).save(folder / "art.png")
    note = "note: art.png: it has only 12 colours; -m nearest keeps its pixels sharp"
    assert call("art.png", "out.png").err == f"{note}, --antiring 1 avoids halos\n"
    assert call("art.png", "held.png", "--antiring", 1).err == f"{note}\n"
    assert call("art.png", "soft.png", "-m", "bilinear").err == f"{note}\n"
    assert call("art.png", "near.png", "-m", "nearest").err == ""
    assert call("in.png", "photo.png").err == ""
    PIL.Image.fromarray(texture_samples(30, 30, 1)[..., 0] // 16 * 16).save(folder / "grey.png")
    assert "colours; -m nearest keeps" in call("grey.png", "grey2.png").err


@pytest.mark.parametrize("method", ["tconv", "resize-conv"])
@pytest.mark.parametrize("scale", [1.5, 2])
def test_flat_art_gets_advice_that_its_kernel_can_follow(
    call: Call, folder: Path, method: str, scale: float
) -> None:
    """`--antiring` is advised of a kernel in a file only if its taps can ring."""
    PIL.Image.fromarray(np.eye(24, dtype=bool)).save(folder / "art.png")
    for name, edge, can_ring in (("soft.npy", 0.1, False), ("sharp.npy", -0.1, True)):
        np.save(folder / name, np.pad(np.full((4, 4), 0.2), 1, constant_values=edge))
        how = ("art.png", "out.png", "-f", "-m", method, "-k", name, "-s", scale)
        assert ("--antiring 1 avoids" in call(*how).err) == can_ring
        assert call(*how, "--antiring", 1).code == (0 if can_ring else 2)


def test_an_animated_sprite_is_pointed_at_nearest(call: Call, folder: Path) -> None:
    """The first frame of an animation tells whether it is flat art."""
    frames = [PIL.Image.new("P", (20, 20), index) for index in (1, 2)]
    for frame in frames:
        frame.putpalette(bytes([0, 0, 0, 250, 20, 20, 20, 20, 250]))
        frame.paste(0, (5, 5, 9, 9))
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert (
        "note: a.gif: it has only 2 colours; -m nearest keeps its pixels sharp, --antiring 1 avoids"
        in call("a.gif", "b.gif").err
    )
    assert call("a.gif", "c.gif", "-m", "nearest").err == ""
