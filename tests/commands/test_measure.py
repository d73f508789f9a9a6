import csv
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


def test_no_pattern_is_over_no_limit(call: Call, folder: Path) -> None:
    """A faint pattern that does not stand clear of its error is not over --max-ripple 0."""
    PIL.Image.fromarray(levels(96, 96, 3)).save(folder / "some.png")
    outcome = call("measure", "some.png", "--stride", 4, "--max-ripple", 0, "--json")
    told = json.loads(outcome.out)
    worst = told["channels"][told["worst"]]
    assert worst["ripple"] == max(each["ripple"] for each in told["channels"].values())
    assert (worst["ripple"] > 0.2, worst["contrast_db"] < 10, outcome.code) == (True, True, 0)


def test_a_pattern_is_found_at_its_stride(call: Call, patterned: str) -> None:
    """A line a picture says what was found, and only at the stride asked for."""
    found = call("measure", patterned, "--stride", 3)
    assert (found.code, found.err) == (0, "")
    heads, row = found.out.decode().splitlines()
    assert heads.split() == [
        "picture", "stride", "checkerboard", "ripple", "floor", "contrast", "local", "worst",
    ]  # fmt: skip
    assert row.split()[:3] == ["grid.png", "3", "found"]
    assert float(row.split()[3]) == pytest.approx(4, rel=0.05)
    other = call("measure", patterned, "--stride", 2)
    assert other.out.decode().splitlines()[1].split()[:3] == ["grid.png", "2", "none"]


def test_the_stride_is_found(call: Call, patterned: str) -> None:
    """Without a stride the search finds it; a picture without one has none."""
    assert call("measure", patterned).out.decode().splitlines()[1].split()[:3] == [
        "grid.png", "3", "found",
    ]  # fmt: skip
    assert json.loads(call("measure", patterned, "--json").out)["checkerboard"]["stride"] == 3


def test_where_nothing_is_found_no_colour_is_worst(call: Call, folder: Path) -> None:
    """The column names a colour only where one has a ripple."""
    PIL.Image.fromarray(levels(150, 150, 3)).save(folder / "clean.png")
    row = call("measure", "clean.png", "--stride", 3).out.decode().splitlines()[1].split()
    assert (row[3], row[-1]) == ("0.00", "-")


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
    assert piped.out.splitlines()[1].split()[1:] == named.out.splitlines()[1].split()[1:]


def test_what_was_written_measures_as_it_was_reported(call: Call, folder: Path) -> None:
    """The figures of `upsample` are those that `measure` finds in its output."""
    PIL.Image.fromarray(levels(96, 96, 3)).save(folder / "large.png")
    report = json.loads(
        call("large.png", "out.png", "-k", "uniform", "--kernel-size", 5, "--json", "-q").out
    )["checkerboard"]
    measured = json.loads(call("measure", "out.png", "--stride", 2, "--json").out)["checkerboard"]
    for name in ("ripple", "contrast_db", "floor", "ripple_rel", "local_db"):
        assert measured[name] == pytest.approx(report[name], rel=1e-3), name
    assert measured["verdict"] == report["verdict"] == "checkerboard"


def test_one_failure_does_not_stop_the_others(call: Call, patterned: str) -> None:
    """A picture that cannot be read is told on stderr, the next one measured; exit code 1."""
    outcome = call("measure", "no.png", patterned)
    assert outcome.code == 1
    assert outcome.err == "Error: no file no.png; check the path\n"
    assert outcome.out.splitlines()[1].startswith(b"grid.png")
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
    assert b"unknown (picture too small to tell)" in outcome.out


def test_csv_has_a_line_for_every_picture(call: Call, patterned: str) -> None:
    """Pictures that cannot be read have one too, with the reason."""
    outcome = call("measure", patterned, "no.png", "--csv")
    first, second = csv.DictReader(outcome.out.decode().splitlines())
    assert outcome.code == 1
    assert (first["input"], first["status"], first["verdict"]) == (
        patterned,
        "done",
        "checkerboard",
    )
    assert float(first["ripple"]) == pytest.approx(4, rel=0.05)
    assert (second["status"], second["ripple"]) == ("failed", "")
    assert second["error"].startswith("no file no.png")


def test_a_limit_on_the_ripple_has_an_exit_code(call: Call, patterned: str) -> None:
    """Over --max-ripple the code is 4; a picture that cannot be read weighs more."""
    assert call("measure", patterned, "--max-ripple", 3).code == 4
    assert call("measure", patterned, "--max-ripple", 5).code == 0
    assert call("measure", patterned, "no.png", "--max-ripple", 3).code == 1


def test_figures_are_drawn_on_request(call: Call, folder: Path, patterned: str) -> None:
    """--map and --spectrum write pictures; they replace nothing without --force."""
    arguments = ("measure", patterned, "--map", "map.png", "--spectrum", "spectrum.png")
    assert call(*arguments).code == 0
    for name in ("map.png", "spectrum.png"):
        with PIL.Image.open(folder / name) as drawn:
            assert drawn.width > 150
    check_refused(call(*arguments), 1, "map.png exists; pass --force")
    assert call(*arguments, "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--stride", "two"], "--stride two is no stride; give 2..16, or auto"),
        (["--json", "--csv"], "--json and --csv exclude each other; give one"),
        (["--map", "map.jpg"], "map.jpg is no PNG"),
        (["in.png", "--map", "map.png"], "--map is for one picture, not 2; name one"),
        (["in.png", "--reference", "in.png"], "--reference is for one picture"),
        (
            ["--map", "a.png", "--spectrum", "./a.png"],
            "--map and --spectrum are both a.png; name two",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: Call, arguments: list[str], fault: str) -> None:
    """Settings that exclude each other are told before anything is read."""
    check_refused(call("measure", "in.png", *arguments), 2, fault)


def test_a_reference_is_taken_off(call: Call, folder: Path) -> None:
    """A weave that was in the original is no checkerboard of the enlarged picture."""
    plane = 40 + 0.6 * levels(150, 150, 1)[..., 0] + 12 * lattice(150, 150, 2)
    PIL.Image.fromarray(np.round(plane).astype(np.uint8)).save(folder / "low.png")
    assert call("low.png", "high.png", "-m", "bicubic").code == 0
    alone = call("measure", "high.png", "--json")
    assert json.loads(alone.out)["checkerboard"]["stride"] == 4
    against = json.loads(call("measure", "high.png", "--reference", "low.png", "--json").out)
    assert against["checkerboard"]["verdict"] == "none"
