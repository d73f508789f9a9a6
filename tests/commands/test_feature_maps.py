import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from terminal import Outcome, check_refused, contents, run_process

from upsample_cli.jobs.api import upsample

Call = Callable[..., Outcome]


@pytest.fixture
def maps(folder: Path) -> Path:
    """Return a folder with a feature map, f.npy, of 5 channels of 12x10."""
    np.save(folder / "f.npy", np.random.default_rng(0).normal(size=(5, 12, 10)).astype("f4"))
    return folder


def test_a_feature_map_is_enlarged(call: Call, maps: Path) -> None:
    """The values equal those of the Python API; the report shows shape, type and method."""
    outcome = call("f.npy", "g.npy", "--layout", "chw", "-m", "bicubic", "-s", 3)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(b"g.npy  5x36x30 float32  bicubic x3  ")
    actual, x = np.load(maps / "g.npy"), np.load(maps / "f.npy")
    np.testing.assert_array_equal(actual, upsample(x, "bicubic", scale=3))
    line = json.loads(call("f.npy", "g.npy", "-f", "--json").out)
    assert (line["status"], line["shapes"]) == ("done", {"arr_0": [5, 24, 20]})
    assert line["kernel"] == "learned"


def test_a_shift_is_noted(call: Call, maps: Path) -> None:
    """A kernel that moves feature maps is noted, as for pictures; JSON has the pixels."""
    uneven = ("-m", "tconv", "-k", "uniform", "--kernel-size", 3)
    noted = call("f.npy", "g.npy", *uneven)
    assert "note: f.npy: the maps are shifted half a pixel up and left, because" in noted.err
    assert json.loads(call("f.npy", "h.npy", *uneven, "--json").out)["shift"] == [-0.5, -0.5]
    assert "shift" not in call("f.npy", "i.npy").err
    piped = call("f.npy", "-", *uneven, "--json")
    assert json.loads(piped.err)["shift"] == [-0.5, -0.5]


def test_a_pipe_gets_the_bytes_of_the_file(maps: Path) -> None:
    """Standard output gets the same bytes as a file, and the report goes to standard error."""
    to_file = run_process("f.npy", "g.npy", folder=maps)
    piped = run_process("-", "-", "--format", "npy", stdin=(maps / "f.npy").read_bytes())
    assert (to_file.code, piped.code) == (0, 0)
    assert piped.out == (maps / "g.npy").read_bytes()
    assert piped.err.startswith("-  5x24x20 float32  tconv learned x2  kernel ripple 0.0000  ")
    zipped = run_process("-", "-", "--format", "npz", "-q", stdin=piped.out)
    assert zipped.err == ""
    with np.load(io.BytesIO(zipped.out)) as arrays:
        assert arrays["arr_0"].shape == (5, 48, 40)


@pytest.mark.parametrize(
    ("output", "options", "head"),
    [
        ("g", [], b"\x93NUMPY"),
        ("g", ["--format", "npz"], b"PK"),
        ("g.dat", ["--format", "npz"], b"PK"),
    ],
)
@pytest.mark.parametrize("command", [[], ["layer", "-w", "w.npy"]])
def test_a_name_without_a_suffix_gets_the_format(
    call: Call, maps: Path, command: list[str], output: str, options: list[str], head: bytes
) -> None:
    """As for pictures, the format is that of --format where a suffix says none, or the input's."""
    np.save(maps / "w.npy", np.ones((5, 5, 2, 2), np.float32))
    outcome = call(*command, "f.npy", output, *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert (maps / output).read_bytes().startswith(head)
    with (maps / output).open("rb") as file:
        loaded = np.load(file)
        assert (loaded["arr_0"] if options else loaded).shape[0] == 5


@pytest.mark.parametrize("command", [[], ["layer", "-w", "w.npy"]])
def test_a_format_beside_a_suffix_is_noted(call: Call, maps: Path, command: list[str]) -> None:
    """The suffix decides, and a note says that --format did nothing, unless both agree."""
    np.save(maps / "w.npy", np.ones((5, 5, 2, 2), np.float32))
    outcome = call(*command, "f.npy", "g.npy", "--format", "npz")
    what = "--format is for names without a suffix; g.npy becomes a .npy"
    assert (outcome.code, outcome.err) == (0, f"note: f.npy: {what}\n")
    assert call(*command, "f.npy", "g.npz", "--format", "npz").err == ""
    in_json = call(*command, "f.npy", "g.npy", "-f", "--format", "npz", "--json")
    assert json.loads(in_json.out)["notes"] == [what]


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["f.npy", "g.png"], 1, "g.png cannot hold feature maps; name a .npy or .npz"),
        (["f.npy", "g.png", "--format", "npz"], 1, "g.png cannot hold feature maps; name a .npy"),
        (["f.npy", "g.dat"], 1, "g.dat cannot hold feature maps; name a .npy or .npz"),
        (["in.png", "g.npy"], 1, "in.png is not an intact NumPy file; give a .npy or .npz"),
        (["f.npy", "g.npy", "--linear"], 2, "--linear is for pictures, not for feature maps"),
        (
            ["f.npy", "g.npy", "-m", "network"],
            2,
            "is for pictures, not for feature maps; pass -m tconv",
        ),
        (["f.npy", "g.npy", "--quality", "9"], 2, "--quality is for pictures"),
        (["f.npy", "g.npy", "--max-ripple", "1"], 2, "--max-ripple is for pictures"),
        (["f.npy", "g.npy", "--compression", "0"], 2, "--compression is for pictures"),
        (["f.npy", "g.npy", "--report", "rows.csv"], 2, "--report is for pictures"),
        (["f.npy", "g.npy", "--alpha", "straight"], 2, "--alpha is for pictures"),
        (["f.npy", "g.npy", "--alpha", "premultiplied"], 2, "--alpha is for pictures"),
        (["f.npy", "g.npy", "--format", "png"], 2, "--format png cannot hold feature maps"),
        (["f.npy", "g.npy", "--layout", "nchw"], 1, "has 3 axes, but --layout nchw has 4"),
        (["f.npy", "g.npy", "-m", "spline", "-k", "uniform"], 2, "--kernel is for tconv"),
        (["gone.npy", "g.npy"], 1, "no file gone.npy"),
        (["f.npy", "f.npy", "-f"], 1, "f.npy is also the input"),
        ([".", "g.npy"], 2, ". is a folder; name one file of feature maps"),
    ],
)
def test_picture_options_are_refused_for_feature_maps(
    call: Call, maps: Path, arguments: list[str], code: int, fault: str
) -> None:
    """Options and formats of pictures are refused with a reason, and nothing is written."""
    before = contents(maps)
    check_refused(call(*arguments), code, fault)
    assert contents(maps) == before


def test_existing_outputs_are_handled_as_for_pictures(call: Call, maps: Path) -> None:
    """An existing output is kept or skipped, and a dry run writes nothing."""
    assert call("f.npy", "g.npy", "--dry-run").out == b"f.npy -> g.npy\n"
    assert not (maps / "g.npy").exists()
    assert call("f.npy", "g.npy", "-q").out == b""
    for dry_run in ([], ["--dry-run"]):
        check_refused(call("f.npy", "g.npy", *dry_run), 1, "g.npy exists; pass --force")
    skipped = call("f.npy", "g.npy", "--skip-existing")
    assert (skipped.code, skipped.out) == (3, b"")
    failed = call("in.png", "h.npy", "--json")
    assert json.loads(failed.out)["status"] == "failed"
    assert failed.code == 1
