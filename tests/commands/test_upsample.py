import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome
from textures import texture_samples

from upsample_cli.jobs.enlarge import picture
from upsample_cli.kernels.kernel_file import KernelFile

LINE = re.compile(
    r"^out\.png  (\d+x\d+)  (\S+(?: \S+)?) x([\d.]+)  "
    r"checkerboard (none|found|unknown) \(.*\)  \d+\.\d\d s\n$"
)
CHECKERBOARD = {"stride", "ripple", "contrast_db", "floor", "ripple_rel", "local_db", "verdict",
                "kernel_ripple"}  # fmt: skip
FIELDS = {"input", "output", "status", "error", "width", "height", "method", "kernel", "scale",
          "seconds", "checkerboard"}  # fmt: skip

Call = Callable[..., Outcome]


def size(path: Path) -> tuple[int, int]:
    with PIL.Image.open(path) as opened:
        return opened.size


@pytest.fixture
def large(folder: Path) -> str:
    """Return the name of a picture that is large enough to measure."""
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "large.png")
    return "large.png"


def test_one_line_is_printed_per_picture(call: Call, large: str, folder: Path) -> None:
    """The line shows the output, its size, the method, the scale and the checkerboard."""
    outcome = call(large, "out.png")
    assert outcome.code == 0
    assert outcome.err == ""
    match = LINE.match(outcome.out.decode())
    assert match.groups() == ("192x192", "network photo", "2", "none")
    assert size(folder / "out.png") == (192, 192)


@pytest.mark.parametrize(
    ("words", "method"),
    [
        (["in.png", "o.png"], "network"), (["in.png", "o.png", "-k", "learned"], "tconv"),
        (["in.png", "o.png", "--labels"], "tconv"), (["in.npy", "o.npy"], "tconv"),
        (["in.png", "o.png", "--weights", "clean"], "network"),
    ],
)  # fmt: skip
def test_a_method_that_is_not_named_suits_the_input(
    call: Call, folder: Path, words: list[str], method: str
) -> None:
    """Pictures are enlarged by the network; masks and feature maps, and by a kernel, by tconv."""
    PIL.Image.fromarray(texture_samples(12, 12, 1)[..., 0]).save(folder / "in.png")
    np.save(folder / "in.npy", np.random.default_rng(0).random((2, 12, 12)))
    for number, named in enumerate(([], ["-m", method])):
        assert call(*words, *named, "-f").code == 0
        target = folder / words[1]
        target.rename(target.with_stem(f"o{number}"))
    first, second = (path.read_bytes() for path in sorted(folder.glob(f"o?{target.suffix}")))
    assert first == second


def test_an_unbalanced_kernel_is_reported(call: Call, large: str) -> None:
    """The checkerboard and the kernel's ripple and shift are reported."""
    outcome = call(large, "out.png", "-k", "uniform", "--kernel-size", 3)
    assert outcome.code == 0
    assert b"checkerboard found (" in outcome.out
    assert b"kernel ripple 0.4843" in outcome.out
    assert "shifted half a pixel up and left" in outcome.err


def test_json_prints_one_object_per_picture(call: Call, large: str) -> None:
    """`--json` prints one line with every field, and numbers as numbers."""
    outcome = call(large, "out.png", "--json", "-k", "uniform", "--kernel-size", 3, "-q")
    assert outcome.out.count(b"\n") == 1
    result = json.loads(outcome.out)
    assert result.keys() >= FIELDS
    assert result["checkerboard"].keys() >= CHECKERBOARD
    assert (result["input"], result["output"]) == (large, "out.png")
    assert (result["status"], result["error"]) == ("done", None)
    assert (result["width"], result["height"], result["scale"]) == (192, 192, 2.0)
    assert (result["method"], result["kernel"]) == ("tconv", "uniform")
    assert result["checkerboard"]["verdict"] == "checkerboard"
    assert result["checkerboard"]["stride"] == 2
    assert result["checkerboard"]["ripple"] > 5
    assert result["checkerboard"]["kernel_ripple"] == pytest.approx(0.4843, abs=1e-4)


def test_json_has_null_for_missing_figures(call: Call, folder: Path) -> None:
    """A picture too small to measure has null, not NaN."""
    PIL.Image.fromarray(texture_samples(5, 4, 3)).save(folder / "tiny.png")
    checkerboard = json.loads(call("tiny.png", "out.png", "--json").out)["checkerboard"]
    assert checkerboard["status"] == "too-small"
    assert checkerboard["ripple"] is None
    assert checkerboard["verdict"] is None


def test_exceeding_max_ripple_is_exit_4(call: Call, large: str, folder: Path) -> None:
    """The picture is written although the exit code is 4."""
    uniform = ["-k", "uniform", "--kernel-size", 3]
    assert call(large, "out.png", *uniform, "--max-ripple", 1).code == 4
    assert size(folder / "out.png") == (192, 192)
    assert call(large, "out.png", *uniform, "--max-ripple", 200, "-f").code == 0
    assert call(large, "out.png", "--max-ripple", 1, "-f").code == 0


@pytest.mark.parametrize(("side", "limit", "code"), [(96, 0, 0), (240, 0, 4), (240, 0.1, 0)])
def test_only_a_clear_ripple_exceeds_max_ripple(
    call: Call, folder: Path, side: int, limit: float, code: int
) -> None:
    """A ripple of 0.008 levels exceeds a limit of 0 only if its contrast is above 12 dB."""
    PIL.Image.fromarray(texture_samples(side, side, 3)).save(folder / "some.png")
    outcome = call(
        "some.png", "out.png", "-m", "bilinear", "-s", 6, "--max-ripple", limit, "--json"
    )
    checkerboard = json.loads(outcome.out)["checkerboard"]
    assert checkerboard["ripple"] == pytest.approx(0.008, abs=0.002)
    assert checkerboard["verdict"] == "none"
    assert (outcome.code, checkerboard["contrast_db"] > 12) == (code, side == 240)


def test_a_dry_run_writes_nothing(call: Call, folder: Path) -> None:
    """`--dry-run` prints the input, the output and its size."""
    outcome = call("in.png", "out.png", "--dry-run")
    assert (outcome.code, outcome.out) == (0, b"in.png -> out.png  48x40\n")
    assert not (folder / "out.png").exists()


def test_a_dry_run_refuses_what_the_run_would_refuse(call: Call, folder: Path) -> None:
    """`--dry-run` fails for a missing input and for an existing output, as the run does."""
    (folder / "taken.png").write_bytes(b"")
    for arguments in (("missing.png", "out.png"), ("in.png", "taken.png")):
        assert call(*arguments, "--dry-run").code == 1


def test_json_reports_a_failure(call: Call) -> None:
    """With `--json` a failure is an object too, besides the error on stderr."""
    outcome = call("missing.png", "out.png", "--json")
    result = json.loads(outcome.out)
    assert (outcome.code, result["status"]) == (1, "failed")
    assert result["error"] in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["in.png", "o.png", "--size", "10x10"], 2),
        (["in.png", "-", "--size", "10x10"], 2),
        (["in.png", "o.xyz"], 1),
        (["in.png", "no/o.png", "--dry-run"], 1),
        (["in.png", "o.png", "--size", "10x10", "--dry-run"], 2),
        (["repair", "in.png", "-o", "o.xyz"], 1),
        (["f.npy", "o.npy", "--size", "3x3"], 2),
        (["f.npy", "no/o.npy", "--dry-run"], 1),
    ],
)
def test_json_reports_whatever_fails(
    call: Call, folder: Path, arguments: list[str], code: int
) -> None:
    """A wrong size, seen once the picture is read, or a wrong format is an object as well."""
    np.save(folder / "f.npy", np.zeros((4, 4)))
    failed = call(*arguments, "--json")
    is_piped = "-" in arguments  # then standard error has the object alone
    result = json.loads(failed.err if is_piped else failed.out)
    assert (failed.code, result["status"]) == (code, "failed")
    assert result["input"] == ("f.npy" if "f.npy" in arguments else "in.png")
    assert is_piped or failed.err == f"Error: {result['error']}\n"


def test_json_reports_too_little_memory(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture for which memory does not suffice is an object that says so."""

    def fail(*_: object) -> None:
        """Fail as NumPy does."""
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(picture, "decode", fail)
    outcome = call("in.png", "out.png", "--json")
    result = json.loads(outcome.out)
    assert (outcome.code, result["status"]) == (1, "failed")
    assert result["error"].startswith("out of memory; free some")
    assert outcome.err == f"Error: {result['error']}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--size", "60x50"], (60, 50)),
        (["--size", "60x"], (60, 50)),
        (["--size", "x50"], (60, 50)),
        (["--size", "24x50"], (24, 50)),
        (["-s", "1.3"], (31, 26)),
        (["--scale", "3"], (72, 60)),
        (["-s", "1"], (24, 20)),
        ([], (48, 40)),
    ],
)
@pytest.mark.parametrize("method", ["nearest", "bicubic", "tconv", "resize-conv"])
def test_scale_and_size_set_the_output_size(
    call: Call, folder: Path, arguments: list[str], expected: tuple[int, int], method: str
) -> None:
    """A scale, or an exact width, height or both, gives that size with every kind of method."""
    outcome = call("in.png", "out.png", "-m", method, "-q", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert size(folder / "out.png") == expected


@pytest.mark.parametrize("scale", ["1", "1.3"])
def test_a_scale_without_a_short_period_is_reported(call: Call, large: str, scale: str) -> None:
    """The line says that no pattern can be measured, and no warning is printed."""
    outcome = call(large, "out.png", "-s", scale)
    assert (outcome.code, outcome.err) == (0, "")
    assert b"checkerboard unknown (no short period at this scale)" in outcome.out


def test_an_existing_output_is_kept_without_force(call: Call, folder: Path) -> None:
    """--force replaces an output; --skip-existing keeps a whole one and exits with 3."""
    PIL.Image.new("RGB", (48, 40)).save(folder / "out.png")
    old = (folder / "out.png").read_bytes()
    assert call("in.png", "out.png").code == 1
    assert call("in.png", "out.png", "--skip-existing").code == 3
    assert (folder / "out.png").read_bytes() == old
    assert call("in.png", "out.png", "--force").code == 0
    assert size(folder / "out.png") == (48, 40)


def test_quiet_prints_nothing(call: Call) -> None:
    """-q leaves out the line and the notes."""
    outcome = call("in.png", "out.png", "-q", "-k", "uniform", "--kernel-size", 3)
    assert outcome == Outcome(0, b"", "")


def test_an_option_without_effect_is_noted(call: Call) -> None:
    """A note says that --quality does nothing for a PNG; -q leaves the note out."""
    outcome = call("in.png", "out.png", "--quality", 90)
    assert outcome.code == 0
    assert outcome.err == "note: --quality is for JPEG, WebP and AVIF; it does nothing for PNG\n"
    for more in (["--force"], ["--dry-run", "--force"]):
        outcome = call("in.png", "x.jpeg", "--format", "png", *more)
        note = "note: --format is for names without a suffix; x.jpeg becomes a JPEG\n"
        assert (outcome.code, outcome.err) == (0, note)
    assert call("in.png", "out.png", "--quality", 90, "-q", "-f") == Outcome(0, b"", "")
    failed = call("no.png", "other.png", "--quality", 90)
    assert failed.err.count("\n") == 1, "an error is printed without notes"


def test_the_command_may_be_named(call: Call, folder: Path) -> None:
    """`upsample upsample IN OUT` equals `upsample IN OUT`, and options may come first."""
    assert call("upsample", "in.png", "one.png", "-q").code == 0
    assert call("-q", "-s", 2, "in.png", "two.png").code == 0
    assert (folder / "one.png").read_bytes() == (folder / "two.png").read_bytes()


def test_a_kernel_file_can_be_used(call: Call, folder: Path) -> None:
    """The kernel in a file is applied, and the report names the file."""
    taps = np.array([0.25, 0.75, 0.75, 0.25])
    (folder / "triangle.npz").write_bytes(KernelFile("tconv", 2, taps).to_bytes())
    assert b"tconv triangle.npz x2" in call("in.png", "out.png", "-k", "triangle.npz").out
    assert call("in.png", "same.png", "-k", "bilinear").code == 0
    assert (folder / "out.png").read_bytes() == (folder / "same.png").read_bytes()


def test_any_number_of_jobs_writes_the_same_bytes(call: Call, large: str, folder: Path) -> None:
    """--jobs 1 and --jobs 8 write identical files."""
    for jobs in (1, 8):
        assert call(large, f"{jobs}.png", "-s", 4, "--jobs", jobs).code == 0
    assert (folder / "1.png").read_bytes() == (folder / "8.png").read_bytes()


def test_compression_and_quality_change_the_size(call: Call, large: str, folder: Path) -> None:
    """More compression and lower quality make smaller files."""
    for level in (0, 9):
        assert call(large, f"{level}.png", "--compression", level).code == 0
        assert call(large, f"{level}.jpg", "--quality", 20 + 8 * level).code == 0
    lengths = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert lengths["9.png"] < 0.9 * lengths["0.png"]
    assert lengths["0.jpg"] < 0.7 * lengths["9.jpg"]


@pytest.mark.parametrize(
    ("size", "note"),
    [
        ("60x50", ""), ("59x49", ""), ("25x", ""), ("x23", ""),
        ("24x50", "note: in.png: it is stretched, x1 across and x2.5 down\n"),
        ("96x30", "note: in.png: it is stretched, x4 across and x1.5 down\n"),
    ],
)  # fmt: skip
def test_a_changed_aspect_ratio_is_noted(call: Call, size: str, note: str) -> None:
    """A size with another aspect ratio gives a note; a difference by rounding does not."""
    assert call("in.png", "out.png", "--size", size).err == note


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_terminals_get_colours_unless_told_not_to(folder: Path, no_colour: str) -> None:
    """The word found is red on a terminal, and plain with NO_COLOR; pipes never get colours."""
    pty = pytest.importorskip("pty")
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "large.png")
    words = [sys.executable, "-m", "upsample_cli", "large.png", "out.png", "--force",
             "--kernel", "uniform", "--kernel-size", "3"]  # fmt: skip
    ours, theirs = pty.openpty()
    environment = os.environ | {"NO_COLOR": no_colour}
    subprocess.run(words, cwd=folder, stdout=theirs, stderr=theirs, env=environment, check=True)
    printed = os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert (b"\x1b[31mfound\x1b[0m" in printed) == (not no_colour)
    piped = subprocess.run(words, cwd=folder, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout + piped.stderr
    assert b"checkerboard found" in piped.stdout
