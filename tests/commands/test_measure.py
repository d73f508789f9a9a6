import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused
from textures import periodic_pattern, texture_samples

Call = Callable[..., Outcome]


@pytest.fixture
def patterned(folder: Path) -> str:
    """Return the name of a picture with a pattern of period 3, RMS 4 levels."""
    plane = 40 + texture_samples(150, 150, 1)[..., 0] * 0.6 + 4 * periodic_pattern(150, 150, 3)
    PIL.Image.fromarray(np.round(plane).astype(np.uint8)).save(folder / "grid.png")
    return "grid.png"


def test_a_ripple_near_its_error_passes_max_ripple_0(call: Call, folder: Path) -> None:
    """A ripple whose contrast is below 12 dB does not exceed --max-ripple 0."""
    noise = np.random.default_rng(0).normal(128, 8, (200, 200, 3))
    faint = np.round(noise + 0.4 * np.cos(2 * np.pi * np.arange(200) / 5)[:, None])
    PIL.Image.fromarray(faint.astype(np.uint8)).save(folder / "faint.png")
    outcome = call("measure", "faint.png", "--stride", 5, "--max-ripple", 0, "--json")
    result = json.loads(outcome.out)
    worst = result["channels"][result["worst"]]
    assert worst["ripple"] == max(channel["ripple"] for channel in result["channels"].values())
    assert (worst["ripple"] > 0.05, worst["contrast_db"] < 12, outcome.code) == (True, True, 0)


def test_what_was_not_measured_of_a_file_is_noted(call: Call, folder: Path) -> None:
    """Further pictures and damage are noted by `measure`, and by `repair` of what it copies."""
    page = PIL.Image.fromarray(texture_samples(60, 60, 3))
    page.save(folder / "pages.tif", save_all=True, append_images=[page])
    page.save(folder / "whole.jpg")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-2])
    notes = {
        "pages.tif": "only the first of its 2 pictures is used",
        "cut.jpg": "its end marker is missing",
    }
    for name, note in notes.items():
        outcome = call("measure", name, "--json")
        assert (json.loads(outcome.out)["notes"], outcome.err) == (
            [note],
            f"note: {name}: {note}\n",
        )
        assert call("measure", name, "-q").err == ""
        outcome = call("repair", name, "-o", f"out-{name}")
        assert f"note: {name}: {note}\n" in outcome.err
        assert "copied unchanged" in outcome.err
    assert json.loads(call("measure", "whole.jpg", "--json").out)["notes"] == []
    piped = call("measure", "-", stdin=(folder / "cut.jpg").read_bytes())
    assert piped.err == "note: the picture on stdin: its end marker is missing\n"


@pytest.mark.parametrize("command", ["measure", "repair"])
def test_what_was_not_read_of_a_reference_is_noted(call: Call, folder: Path, command: str) -> None:
    """Damage of the file that --reference names is noted as that of the picture is."""
    PIL.Image.fromarray(texture_samples(60, 60, 3)).save(folder / "low.jpg")
    (folder / "low.jpg").write_bytes((folder / "low.jpg").read_bytes()[:-2])
    PIL.Image.fromarray(texture_samples(120, 120, 3)).save(folder / "large.png")
    output = ("-o", "out.png") if command == "repair" else ()
    outcome = call(command, "large.png", "--reference", "low.jpg", *output)
    assert "note: large.png: --reference: its end marker is missing\n" in outcome.err


def test_a_pattern_is_detected_at_its_stride(call: Call, patterned: str) -> None:
    """The line reports a checkerboard at the pattern's stride, and none at another stride."""
    outcome = call("measure", patterned, "--stride", 3)
    assert (outcome.code, outcome.err) == (0, "")
    header, row = outcome.out.decode().splitlines()
    assert header.split() == [
        "picture", "stride", "checkerboard", "ripple", "share", "peak", "floor", "contrast",
        "worst",
    ]  # fmt: skip
    assert row.split()[:3] == ["grid.png", "3", "found"]
    assert float(row.split()[3]) == pytest.approx(4, rel=0.05)
    other = call("measure", patterned, "--stride", 2)
    assert other.out.decode().splitlines()[1].split()[:3] == ["grid.png", "2", "none"]


def test_the_stride_is_detected(call: Call, patterned: str) -> None:
    """Without --stride the search detects the pattern's stride."""
    assert call("measure", patterned).out.decode().splitlines()[1].split()[:3] == [
        "grid.png", "3", "found",
    ]  # fmt: skip
    assert json.loads(call("measure", patterned, "--json").out)["checkerboard"]["stride"] == 3


def test_a_clean_picture_has_no_worst_colour(call: Call, folder: Path) -> None:
    """The column `worst` names a colour only when one has a ripple."""
    PIL.Image.fromarray(texture_samples(150, 150, 3)).save(folder / "clean.png")
    row = call("measure", "clean.png", "--stride", 3).out.decode().splitlines()[1].split()
    assert (row[3], row[-1]) == ("0.00", "-")


def test_json_contains_the_figures(call: Call, patterned: str) -> None:
    """`--json` gives the figures as numbers."""
    result = json.loads(call("measure", patterned, "--stride", 3, "--json").out)
    assert (result["input"], result["status"], result["error"]) == ("grid.png", "done", None)
    assert result["checkerboard"]["stride"] == 3
    assert result["checkerboard"]["ripple"] == pytest.approx(4, rel=0.05)
    assert result["checkerboard"]["verdict"] == "checkerboard"


def test_standard_input_is_measured(call: Call, folder: Path, patterned: str) -> None:
    """`-` measures the picture on standard input."""
    piped = call("measure", "-", "--stride", 3, stdin=(folder / patterned).read_bytes())
    named = call("measure", patterned, "--stride", 3)
    assert piped.out.splitlines()[1].split()[1:] == named.out.splitlines()[1].split()[1:]


def test_measure_agrees_with_the_report_of_upsample(call: Call, folder: Path) -> None:
    """`measure` computes the same figures for an output as `upsample` reported."""
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "large.png")
    report = json.loads(
        call("large.png", "out.png", "-k", "uniform", "--kernel-size", 5, "--json", "-q").out
    )["checkerboard"]
    measured = json.loads(call("measure", "out.png", "--stride", 2, "--json").out)["checkerboard"]
    for name in ("ripple", "share", "peak", "contrast_db", "floor", "ripple_rel", "local_db"):
        assert measured[name] == pytest.approx(report[name], rel=1e-3), name
    assert measured["verdict"] == report["verdict"] == "checkerboard"


def test_measuring_continues_after_a_failure(call: Call, patterned: str) -> None:
    """An unreadable picture is reported, the next one is measured, and the exit code is 1."""
    outcome = call("measure", "no.png", patterned)
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "Error: no file no.png; check the path",
        "checkerboard in 1 of 1 picture; 1 failed",
    ]
    assert outcome.out.splitlines()[1].startswith(b"grid.png")
    lines = [json.loads(line) for line in call("measure", "no.png", patterned, "--json")
             .out.splitlines()]  # fmt: skip
    assert [line["status"] for line in lines] == ["failed", "done"]
    assert lines[0]["checkerboard"] is None


def test_the_summary_counts_every_verdict(call: Call, folder: Path, patterned: str) -> None:
    """Beside checkerboards it has the other patterns and the unknown, and what failed apart."""
    bayer = np.zeros((1, 1))
    for _ in range(3):
        bayer = np.block([[4 * bayer, 4 * bayer + 2], [4 * bayer + 3, 4 * bayer + 1]])
    down, across = np.mgrid[:160, :160]
    smooth = 100 + 40 * np.sin(across / 23) + 30 * np.cos(down / 31)
    dithered = np.floor(smooth + (np.tile(bayer, (20, 20)) + 0.5) / 64)
    PIL.Image.fromarray(dithered.astype(np.uint8)).save(folder / "dithered.png")
    PIL.Image.new("L", (2, 2)).save(folder / "tiny.png")
    (folder / "notes.txt").write_text("no picture")
    outcome = call("measure", patterned, "dithered.png", "tiny.png", "notes.txt")
    summary = "checkerboard in 1 of 3 pictures, 1 dither, 1 unknown; 1 failed"
    assert outcome.err.splitlines()[-1] == summary


def test_one_long_name_does_not_widen_the_table(call: Call, folder: Path, patterned: str) -> None:
    """Its own figures stand further to the right; those of the others stay near their names."""
    long = f"{'n' * 240}.png"
    (folder / long).write_bytes((folder / patterned).read_bytes())
    headings, first, second = call("measure", long, patterned).out.decode().splitlines()
    assert len(headings) < 140
    assert second.index("found") == headings.index("checkerboard") + len("checkerboard") - 5
    assert first.startswith(f"{long}  ")
    assert first.split()[1:] == second.split()[1:]


@pytest.mark.parametrize("stride", [1, 0, 17])
def test_strides_out_of_range_are_refused(call: Call, stride: int) -> None:
    """--stride accepts 2 to 16."""
    check_refused(call("measure", "in.png", "--stride", stride), 2, f"--stride {stride}")


def test_a_picture_too_small_to_measure_is_reported(call: Call) -> None:
    """The line says that the picture is too small."""
    outcome = call("measure", "in.png")
    assert outcome.code == 0
    assert b"unknown (the picture is too small)" in outcome.out


@pytest.mark.skipif(os.name == "nt", reason="has no such names")
@pytest.mark.parametrize(
    "name",
    ["two\nlines.png", "a\rb.png", 'a"b.png', "=1+1.png", "a,b.png", "\x1b[31mred\x1b[0m.png"],
)
def test_csv_holds_any_name(call: Call, folder: Path, name: str) -> None:
    """A name with a line break is quoted, and one that spreadsheets would compute is guarded.

    What would set a colour on a terminal stays.
    """
    (folder / "in.png").rename(name)
    outcome = call("measure", name, f"no{name}", "--csv")
    measured, failed = csv.DictReader(io.StringIO(outcome.out.decode(), newline=""))
    assert measured["input"].removeprefix("'") == name
    assert measured["input"].startswith("'") == name.startswith("=")
    assert (measured["status"], failed["input"], failed["status"]) == (
        "done",
        f"no{name}",
        "failed",
    )


def test_csv_has_a_row_for_every_picture(call: Call, patterned: str) -> None:
    """An unreadable picture has a row too, with the reason."""
    outcome = call("measure", patterned, "no.png", "--csv")
    measured, failed = csv.DictReader(outcome.out.decode().splitlines())
    assert outcome.code == 1
    assert (measured["input"], measured["status"], measured["verdict"]) == (
        patterned,
        "done",
        "checkerboard",
    )
    assert float(measured["ripple"]) == pytest.approx(4, rel=0.05)
    assert (failed["status"], failed["ripple"]) == ("failed", "")
    assert failed["error"].startswith("no file no.png")


def test_exceeding_max_ripple_is_exit_4(call: Call, patterned: str) -> None:
    """The exit code is 4 above --max-ripple, and 1 when a picture cannot be read."""
    assert call("measure", patterned, "--max-ripple", 3).code == 4
    assert call("measure", patterned, "--max-ripple", 5).code == 0
    assert call("measure", patterned, "no.png", "--max-ripple", 3).code == 1


def test_a_colour_too_faint_for_a_verdict_passes_max_ripple(call: Call, folder: Path) -> None:
    """A gate does not fail for a single colour whose own verdict is none, only for a seen one."""
    for levels, code in ((0.6, 0), (1.5, 4)):
        planes = 40 + texture_samples(150, 150, 3) * 0.6
        planes[..., 2] += levels * periodic_pattern(150, 150, 3)
        PIL.Image.fromarray(np.round(planes).astype(np.uint8)).save(folder / "blue.png")
        outcome = call("measure", "blue.png", "--stride", 3, "--max-ripple", 0.4, "--json")
        blue = json.loads(outcome.out)["channels"]["blue"]
        assert blue["ripple"] == pytest.approx(levels, rel=0.2)
        assert max(blue["contrast_db"], blue["local_db"] or 0) > 12
        assert (outcome.code, blue["verdict"] == "checkerboard") == (code, code == 4)


def test_what_cannot_be_told_does_not_pass_max_ripple(call: Call) -> None:
    """A gate lets nothing through of which it knows nothing."""
    assert call("measure", "in.png").code == 0
    assert call("measure", "in.png", "--max-ripple", 3).code == 4


def test_folders_are_measured(call: Call, folder: Path, patterned: str) -> None:
    """A line for every picture below, in order, whatever the jobs; other files are counted."""
    for name in ("a/b.png", "a/c/d.png", "a/old/e.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((folder / patterned).read_bytes())
    (folder / "a/notes.txt").write_text("no picture")
    outcome = call("measure", "a", "-j", 2, "--exclude", "old", "--csv")
    assert outcome.code == 0
    rows = [*csv.DictReader(outcome.out.decode().splitlines())]
    assert [row["input"] for row in rows] == ["a/b.png", "a/c/d.png"]
    assert outcome.err == "checkerboard in 2 of 2 pictures; 1 file is not a picture\n"
    table = call("measure", "a", "-j", 1, "--exclude", "old").out.decode().splitlines()
    assert len({len(line.rpartition("  ")[0]) for line in table}) == 1
    alone = call("measure", "a", "-j", 1, "--exclude", "old", "--csv")
    assert alone.out == outcome.out
    listed = call("measure", "--files-from", "-", "--csv", "-q", stdin=b"a/b.png\na/c/d.png\n")
    assert (listed.out, listed.err) == (outcome.out, "")
    (folder / "empty").mkdir()
    assert call("measure", "empty").code == 3
    several = call("measure", "a/b.png", "a/old/e.png", "--include", "b.*", "--csv")
    assert [row["input"] for row in csv.DictReader(several.out.decode().splitlines())] == [
        "a/b.png"
    ]


def test_the_worst_frame_of_an_animation_is_measured(call: Call, folder: Path) -> None:
    """Its number is printed; a frame without a pattern does not hide another's."""
    clean = 40 + texture_samples(150, 150, 1)[..., 0] * 0.6
    planes = [clean, clean + 4 * periodic_pattern(150, 150, 3), clean]
    frames = [PIL.Image.fromarray(np.round(plane).astype(np.uint8)) for plane in planes]
    frames[0].save(folder / "in.webp", save_all=True, append_images=frames[1:], lossless=True)
    outcome = call("measure", "in.webp", "--json")
    assert json.loads(outcome.out)["frame"] == 2
    assert json.loads(outcome.out)["checkerboard"]["verdict"] == "checkerboard"
    check_refused(call("measure", "in.webp", "--map", "map.png"), 1, "in.webp is animated")


def test_a_pattern_in_a_part_is_reported_with_its_share(call: Call, folder: Path) -> None:
    """The share is printed by `measure`, and by `upsample` where it is not everything."""
    plane = 40 + texture_samples(300, 300, 1)[..., 0] * 0.6
    plane[60:160, 60:160] += 8 * periodic_pattern(100, 100, 2)
    PIL.Image.fromarray(np.round(plane).astype(np.uint8)).save(folder / "part.png")
    checkerboard = json.loads(call("measure", "part.png", "--json").out)["checkerboard"]
    assert checkerboard["share"] == pytest.approx(1 / 9, rel=0.3)
    assert checkerboard["ripple"] == pytest.approx(8 / 3, rel=0.1)
    assert checkerboard["peak"] == pytest.approx(8, rel=0.1)


def test_map_and_spectrum_are_drawn(call: Call, folder: Path, patterned: str) -> None:
    """--map and --spectrum write pictures, and replace files only with --force."""
    arguments = ("measure", patterned, "--map", "map.png", "--spectrum", "spectrum.png")
    assert call(*arguments).code == 0
    for name in ("map.png", "spectrum.png"):
        with PIL.Image.open(folder / name) as picture:
            assert picture.width > 150
    check_refused(call(*arguments), 1, "map.png exists; pass --force")
    assert call(*arguments, "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--stride", "two"], "invalid --stride 'two'; give 2 to 16, or auto"),
        (["--json", "--csv"], "--json and --csv cannot be used together; leave one out"),
        (["--map", "map.jpg"], "map.jpg is not a .png"),
        (["--null"], "--null is for --files-from"),
        (["--include", "*.jpg"], "--include is for folders; leave it out for one picture"),
        (["--exclude", "*.jpg"], "--exclude is for folders; leave it out for one picture"),
        (["--files-from", "names.txt"], "--files-from names the pictures"),
        (["in.png", "--map", "map.png"], "--map is for one picture, not 2; name one"),
        (["in.png", "--reference", "in.png"], "--reference is for one picture"),
        (
            ["--map", "a.png", "--spectrum", "./a.png"],
            "--map and --spectrum are both a.png; name two",
        ),
    ],
)
def test_wrong_measure_arguments_are_refused(call: Call, arguments: list[str], fault: str) -> None:
    """Options that cannot be used together are reported before a picture is read."""
    check_refused(call("measure", "in.png", *arguments), 2, fault)


def test_the_pattern_of_the_reference_is_subtracted(call: Call, folder: Path) -> None:
    """A pattern that is in the original is not reported as a checkerboard of the output."""
    plane = 40 + 0.6 * texture_samples(150, 150, 1)[..., 0] + 12 * periodic_pattern(150, 150, 2)
    PIL.Image.fromarray(np.round(plane).astype(np.uint8)).save(folder / "low.png")
    assert call("low.png", "high.png", "-m", "bicubic").code == 0
    alone = call("measure", "high.png", "--json")
    assert json.loads(alone.out)["checkerboard"]["stride"] == 4
    against = json.loads(call("measure", "high.png", "--reference", "low.png", "--json").out)
    assert against["checkerboard"]["verdict"] == "none"


def test_a_file_is_measured_once(call: Call, folder: Path) -> None:
    """A file that is named twice, or with the folder that it lies in, gets one line."""
    (folder / "f/deep").mkdir(parents=True)
    for name in ("f/a.png", "f/deep/b.png"):
        PIL.Image.fromarray(texture_samples(40, 50, 3)).save(folder / name)
    (folder / "f/notes.txt").write_text("text")
    (folder / "-").write_bytes((folder / "f/a.png").read_bytes())
    names = ["f", "f/a.png", "f/deep", "f/notes.txt", folder / "f", "./f//a.png", "-", "./-"]
    outcome = call("measure", *names, "-j", 1, stdin=(folder / "f/a.png").read_bytes())
    lines = outcome.out.decode().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["f/a.png", "f/deep/b.png", "-", "./-"]
