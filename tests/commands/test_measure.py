import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused
from textures import lattice, levels

Call = Callable[..., Outcome]


@pytest.fixture
def patterned(folder: Path) -> str:
    """Return the name of a picture with a lattice of period 3 and 4 levels' RMS."""
    plane = 40 + levels(150, 150, 1)[..., 0] * 0.6 + 4 * lattice(150, 150, 3)
    PIL.Image.fromarray(np.round(plane).astype(np.uint8)).save(folder / "grid.png")
    return "grid.png"


def test_a_pattern_is_found_at_its_stride(call: Call, patterned: str) -> None:
    """A line a picture says what was found, and only at the stride asked for."""
    found = call("measure", patterned, "--stride", 3)
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(b"grid.png  stride 3  checkerboard found (")
    assert found.out.endswith(b" dB\n")
    other = call("measure", patterned, "--stride", 2)
    assert b"checkerboard none (" in other.out


def test_json_has_the_figures(call: Call, patterned: str) -> None:
    """`--json` gives the same as numbers."""
    found = json.loads(call("measure", patterned, "--stride", 3, "--json").out)
    assert (found["input"], found["status"], found["error"]) == ("grid.png", "done", None)
    assert found["checkerboard"]["stride"] == 3
    assert found["checkerboard"]["ripple"] == pytest.approx(4, rel=0.05)
    assert found["checkerboard"]["verdict"] == "checkerboard"


def test_standard_input_is_measured(call: Call, folder: Path, patterned: str) -> None:
    """`-` is the picture on standard input."""
    piped = call("measure", "-", "--stride", 3, stdin=(folder / patterned).read_bytes())
    named = call("measure", patterned, "--stride", 3)
    assert piped.out.split(b"  ")[1:] == named.out.split(b"  ")[1:]


def test_what_was_written_measures_as_it_was_reported(call: Call, folder: Path) -> None:
    """The figures of `upsample` are those that `measure` finds in its output."""
    PIL.Image.fromarray(levels(96, 96, 3)).save(folder / "large.png")
    report = json.loads(
        call("large.png", "out.png", "-k", "uniform", "--kernel-size", 5, "--json", "-q").out
    )["checkerboard"]
    measured = json.loads(call("measure", "out.png", "--json").out)["checkerboard"]
    for name in ("ripple", "contrast_db", "floor", "ripple_rel", "local_db"):
        assert measured[name] == pytest.approx(report[name], rel=1e-3), name
    assert measured["verdict"] == report["verdict"] == "checkerboard"


def test_one_failure_does_not_stop_the_others(call: Call, patterned: str) -> None:
    """A picture that cannot be read is told on stderr, the next one measured; exit code 1."""
    outcome = call("measure", "no.png", patterned)
    assert outcome.code == 1
    assert outcome.err == "Error: no file no.png; check the path\n"
    assert outcome.out.startswith(b"grid.png")
    lines = [json.loads(line) for line in call("measure", "no.png", patterned, "--json")
             .out.splitlines()]  # fmt: skip
    assert [line["status"] for line in lines] == ["failed", "done"]
    assert lines[0]["checkerboard"] is None


@pytest.mark.parametrize("stride", [1, 0, 17])
def test_strides_out_of_range_are_refused(call: Call, stride: int) -> None:
    """Only periods of 2 to 16 are looked for."""
    check_refused(call("measure", "in.png", "--stride", stride), 2, f"--stride {stride}")


def test_small_pictures_have_a_word(call: Call) -> None:
    """Where nothing can be told the line says so."""
    outcome = call("measure", "in.png")
    assert outcome.code == 0
    assert b"checkerboard unknown (picture too small to tell)" in outcome.out
