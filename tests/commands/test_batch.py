"""Runs on many pictures, with the command line in this process."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import texture_samples, write_truncated

from upsample_cli import process
from upsample_cli.commands import batch
from upsample_cli.commands.output import results_file
from upsample_cli.jobs.batch import plan, run
from upsample_cli.jobs.batch.pool import Pool
from upsample_cli.jobs.enlarge.task import Report

Call = Callable[..., Outcome]
pytestmark = pytest.mark.usefixtures("in_threads")  # test_night.py has runs with processes


def save(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(texture_samples(8, 9, 3)).save(folder / name)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def file_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.fixture
def many(folder: Path) -> Path:
    """Return a folder with three pictures, one of them cut short, and a text file."""
    save(folder / "many", "a.png", "deep/b.png")
    write_truncated(folder / "many", "c.png")
    (folder / "many" / "notes.txt").write_text("text")
    return folder / "many"


@pytest.mark.parametrize(("name", "target"), [("loop", ".."), ("far", "../out")])
@pytest.mark.parametrize("inputs", [("many",), ("many", "in.png")])
def test_links_to_the_output_folder_are_not_followed(
    call: Call, folder: Path, name: str, target: str, inputs: tuple[str, ...]
) -> None:
    """Links to the parent folder or to the output folder do not make outputs into inputs."""
    save(folder, "many/a.png", "many/b.png")
    (folder / "many" / name).symlink_to(target, target_is_directory=True)
    for force in ("", "-f"):  # the second run finds the output of the first
        outcome = call(*inputs, "out/", "-q", "-j", 1, *([force] if force else []))
        assert (outcome.code, outcome.err) == (0, "")
        pictures = [path for path in file_names(folder / "out") if path.endswith("png")]
        assert len(pictures) == 1 + len(inputs)


@pytest.mark.parametrize("data", [
    b"\xef\xbb\xbfmany/a.png\r\n  \r\nmany/b.png\r\n\r\nmany/a.png\r\n",
    b"many/a.png\nmany/b.png\n./many//a.png\n\t\n",
])  # fmt: skip
def test_a_list_of_names_may_contain_blank_lines_and_duplicates(
    call: Call, folder: Path, data: bytes
) -> None:
    """A byte order mark, blank lines and repeated names in --files-from are ignored."""
    save(folder, "many/a.png", "many/b.png")
    outcome = call("--files-from", "-", "out", "-j", 1, "-q", stdin=data)
    assert (outcome.code, outcome.err) == (0, "")
    assert file_names(folder / "out") == ["checkerboard.csv", "many/a.png", "many/b.png"]


def test_an_input_that_is_named_twice_is_enlarged_once(call: Call, folder: Path) -> None:
    """A file or folder that is named twice is enlarged once."""
    save(folder, "many/a.png")
    outcome = call("in.png", "many", "./in.png", "many/", "in.png", "out/", "-j", 1)
    assert (outcome.code, outcome.err) == (0, "2 done, 0 skipped, 0 failed\n")


def test_a_folder_run_reports_each_picture_and_the_counts(
    call: Call, folder: Path, many: Path
) -> None:
    """The folder tree is kept, the run continues after a failure, and the exit code is 1."""
    outcome = call("many", "out", "-j", 2)
    assert outcome.code == 1
    assert outcome.err.endswith("2 done, 1 skipped, 1 failed\n")
    assert "Error: many/c.png is damaged" in outcome.err
    assert b"many/notes.txt  skipped: not a supported image file\n" in outcome.out
    assert file_names(folder / "out") == ["a.png", "checkerboard.csv", "deep/b.png"]
    with PIL.Image.open(folder / "out" / "deep" / "b.png") as opened:
        assert opened.size == (18, 16)


def test_every_error_in_a_folder_names_its_picture(call: Call, folder: Path) -> None:
    """An error that does not contain the picture's name is printed with the name before it."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(8, 9, 4)).save(folder / "many" / "clear.png")
    write_truncated(folder / "many", "cut.png")
    stderr = call("many", "out", "--format", "jpeg", "-j", 1).err
    assert "Error: many/clear.png: JPEG cannot hold transparency; write a PNG" in stderr
    assert "Error: many/cut.png is damaged" in stderr
    assert "Error: many/clear.png: --size 3x3 is smaller" in call("many", "o", "--size", "3x3").err


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "tif", "tiff"])
def test_format_gives_the_suffix_of_outputs(call: Call, folder: Path, suffix: str) -> None:
    """Outputs in a folder get the suffix that --format spells."""
    save(folder, "many/a.png")
    assert call("many", "out", "--format", suffix, "-j", 1).code == 0
    assert (folder / "out" / f"a.{suffix}").exists()


def test_an_option_that_no_output_of_a_folder_uses_is_noted(call: Call, folder: Path) -> None:
    """It is noted once, as for one picture, unless an output used it; -q leaves the note out."""
    save(folder, "many/a.png", "many/b.png")
    told = "note: --quality is for JPEG, WebP and AVIF; it does nothing for PNG\n"
    assert (
        call("many", "o1", "--quality", 50, "-j", 1).err == f"{told}2 done, 0 skipped, 0 failed\n"
    )
    assert call("many", "o2", "--quality", 50, "-j", 1, "-q").err == ""
    outcome = call("many", "o3", "--format", "jpg", "--name", "{stem}.webp", "-j", 1)
    assert "note: --format is for names without a suffix; o3/b.webp becomes a WEBP\n" in outcome.err
    save(folder, "many/c.jpg")
    assert call("many", "o4", "--quality", 50, "-j", 1).err == "3 done, 0 skipped, 0 failed\n"


def test_json_has_a_line_per_picture_and_a_summary(call: Call, many: Path) -> None:
    """--json prints one line per picture, then one line with the counts."""
    lines = [json.loads(line) for line in call("many", "out", "--json", "-j", 2).out.splitlines()]
    statuses = {line["input"]: line["status"] for line in lines[:-1]}
    assert statuses == {"many/a.png": "done", "many/c.png": "failed", "many/deep/b.png": "done",
                     "many/notes.txt": "skipped"}  # fmt: skip
    summary = lines[-1]["summary"]
    assert summary.pop("seconds") > 0
    assert summary == {"done": 2, "skipped": 1, "failed": 1}


def test_the_report_lists_pictures_in_input_order(call: Call, folder: Path, many: Path) -> None:
    """checkerboard.csv has one row per input, failures included, in the order of the inputs."""
    call("many", "out", "-q", "-j", 2)
    actual = rows(folder / "out" / "checkerboard.csv")
    assert [row["input"] for row in actual] == [
        "many/a.png", "many/c.png", "many/deep/b.png", "many/notes.txt",
    ]  # fmt: skip
    assert [row["status"] for row in actual] == ["done", "failed", "done", "skipped"]
    assert (actual[0]["width"], actual[0]["height"], actual[0]["method"]) == ("18", "16", "network")
    assert "is damaged" in actual[1]["error"]


def test_any_number_of_workers_writes_the_same_bytes(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process and three processes write identical files."""
    monkeypatch.setattr(batch, "Pool", Pool)
    for number in range(6):
        save(folder / "in", f"{number}.{('png', 'jpg', 'webp')[number % 3]}")
    for jobs in (1, 3):
        assert call("in", f"out{jobs}", "-q", "-j", jobs).code == 0
        (folder / f"out{jobs}" / "checkerboard.csv").unlink()
    assert contents(folder / "out1") == contents(folder / "out3")


def test_several_files_are_written_into_a_folder(call: Call, folder: Path) -> None:
    """An existing folder, or a name that ends with a slash, takes any number of files."""
    save(folder, "x/a.png", "y/b.jpg")
    (folder / "there").mkdir()
    assert call("x/a.png", "y/b.jpg", "in.png", "there", "-q", "-j", 1).code == 0
    assert file_names(folder / "there") == ["a.png", "b.jpg", "checkerboard.csv", "in.png"]
    assert call("in.png", "new/", "-q").code == 0
    assert file_names(folder / "new") == ["in.png"]


@pytest.mark.parametrize("null", [False, True])
def test_files_from_reads_names_from_a_pipe(call: Call, folder: Path, null: bool) -> None:
    """`find | upsample --files-from - OUT` keeps the names' folders, with lines or with -0."""
    names = ["x/a b.png", "in.png"] + (["x/new\nline.png"] if null else [])
    save(folder, *names)
    data = ("\0" if null else "\n").join(names).encode()
    outcome = call("--files-from", "-", *(["-0"] if null else []), "out", "-j", 1, stdin=data)
    assert outcome.code == 0
    assert file_names(folder / "out") == sorted([*names, "checkerboard.csv"])


def test_files_from_reads_names_from_a_file(call: Call, folder: Path) -> None:
    """A name in the list that does not exist is reported as a failure."""
    (folder / "names").write_bytes(b"in.png\r\nno.png\r\n")
    outcome = call("--files-from", "names", "out", "-j", 1)
    assert (outcome.code, "no file no.png; " in outcome.err) == (1, True)
    assert file_names(folder / "out") == ["checkerboard.csv", "in.png"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["in.png", "in.png", "old.png"], "old.png is not one"),
        (["in.png", "a/in.png", "out/"], "would both become out/in.png"),
        (["-", "in.png", "out/"], "standard input must be the only input"),
        (["-", "out/"], "standard input has no name; name an output file"),
        (["in.png", "in.png", "-"], "many pictures cannot go to standard output"),
        (["--files-from", "names", "in.png", "out"], "--files-from names the inputs"),
        (["--files-from", "names", "out"], "cannot read names"),
        (["many", "many/out"], "is inside many"),
        (["many", "old.png"], "old.png is a file"),
        (["many", "out", "--report", "no/rows.csv"], "cannot write no/rows.csv"),
        (["many", "out", "--format", "webp"], "would both become out/a.webp"),
    ],
)
def test_impossible_arguments_are_refused_before_any_work(
    call: Call, folder: Path, arguments: list[str], fault: str
) -> None:
    """Arguments that contradict one another are reported in one line, and nothing is written."""
    save(folder, "many/a.png", "many/a.jpg", "old.png")
    before = contents(folder)
    outcome = call(*arguments)
    check_refused(outcome, outcome.code, fault)
    (folder / "out").is_dir() and (folder / "out").rmdir()
    assert outcome.code in (1, 2)
    assert contents(folder) == before


@pytest.mark.parametrize("options", [(), ("--format", "webp"), ("--name", "{stem}_2{suffix}")])
def test_captions_may_lie_beside_pictures(
    call: Call, folder: Path, options: tuple[str, ...]
) -> None:
    """A text of a picture's name does not get the name of its output."""
    save(folder / "many", "a.png")
    (folder / "many" / "a.txt").write_text("caption")
    outcome = call("many", "out", *options)
    assert (outcome.code, outcome.err) == (0, "1 done, 1 skipped, 0 failed\n")


def test_a_dry_run_of_a_folder_prints_the_plan(call: Call, folder: Path) -> None:
    """`--dry-run` prints each input with its output and writes nothing."""
    save(folder, "many/a.png", "many/b.png", "out/b.png")
    (folder / "many" / "notes.txt").write_text("text")
    (folder / "many" / "c").write_bytes((folder / "many" / "a.png").read_bytes())
    before = contents(folder)
    outcome = call("many", "out", "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        b"many/a.png -> out/a.png\nmany/b.png -> out/b.png  (already exists: needs --force)\n"
        b"many/c -> out/c.png\n"
    )
    assert contents(folder) == before
    assert call("many", "out", "--dry-run", "--include", "*.txt").code == 3


def test_a_dry_run_prints_json(call: Call, folder: Path) -> None:
    """With --json each picture is an object with its status, and a folder ends with a summary."""
    save(folder, "many/a.png", "many/b.png", "out/b.png")
    outcome = call("many", "out", "--dry-run", "--json", "--force")
    first, second, last = map(json.loads, outcome.out.splitlines())
    assert outcome.err == ""
    assert (first["input"], first["output"]) == ("many/a.png", "out/a.png")
    assert (first["status"], first["notes"]) == ("planned", [])
    assert (second["status"], second["notes"]) == ("planned", ["will be replaced"])
    assert last["summary"].pop("seconds") >= 0
    assert last == {"summary": {"planned": 2}}
    np.save(folder / "maps.npy", np.zeros((4, 4)))
    for command in (
        ["in.png", "o.png"],
        ["repair", "in.png", "-o", "o.png"],
        ["maps.npy", "o.npy"],
    ):
        one = json.loads(call(*command, "--dry-run", "--json").out)
        assert one["status"] == "planned"
        assert one["width"] == {"in.png": 48, "repair": 24, "maps.npy": None}[command[0]]


def test_a_dry_run_says_what_update_replaces(call: Call, folder: Path) -> None:
    """With --update it tells what is older than its input from what stays, alone or in a folder.

    It promises no more than the run keeps: a file that is cut or of another size does not stay.
    """
    save(folder, "many/a.png", "many/b.png", "out/a.png", "out/b.png")
    os.utime(folder / "out/a.png", (1, 1))
    older = "older than its input: replaced if an earlier run wrote it"
    there = "exists: kept if it is whole and of the right size"
    for option, fates in (
        ("--update", (older, there)),
        ("--skip-existing", (there, there)),
        ("--force", ("will be replaced", "will be replaced")),
    ):
        whole = call("many", "out", "--dry-run", option)
        assert (whole.code, whole.err) == (0, "")
        lines = whole.out.decode().splitlines()
        assert [line.partition("  ")[2] for line in lines] == [f"({fate})" for fate in fates]
        for command in ([], ["repair"]):
            names = ["many/a.png", *(["-o"] if command else []), "out/a.png"]
            one = call(*command, *names, "--dry-run", option)
            assert (one.code, one.err) == (0, "")
            assert one.out.decode().endswith(f"  ({fates[0]})\n")


def test_globs_select_inputs_and_hidden_files_are_noted(call: Call, folder: Path) -> None:
    """--include and --exclude select inputs; a note counts the hidden files left out."""
    save(folder, "many/a.png", "many/b.png", "many/thumbs/a.png", "many/c.jpg", "many/.d.png")
    outcome = call("many", "out", "--include", "*.png", "--exclude", "thumbs", "--exclude", "b*")
    assert file_names(folder / "out") == ["a.png", "checkerboard.csv"]
    assert "note: 1 hidden file or folder is left out\n" in outcome.err
    assert outcome.err.endswith("1 done, 0 skipped, 0 failed\n")


def test_a_folder_does_not_become_a_picture(call: Call, folder: Path) -> None:
    """An output named like a picture is refused, unless it ends with a slash or is a folder."""
    save(folder, "many/a.png")
    outcome = call("many", "out.PNG")
    assert (outcome.code, file_names(folder)) == (2, ["in.png", "many/a.png"])
    assert "many is a folder, so the output must be a folder" in outcome.err
    assert call("many", "out.png/").code == 0
    assert call("many", "out.png", "--force").code == 0


@pytest.mark.parametrize("name", ["none/", "in.png/"])
def test_an_input_that_only_looks_like_a_folder_is_not_read(call: Call, name: str) -> None:
    """A slash after the name of a file, or of nothing, does not make it a folder."""
    outcome = call(name, "out.png")
    assert outcome.code == 1
    assert outcome.err.startswith(f"Error: cannot read {name}: ")


def test_nothing_to_do_is_exit_3(call: Call, folder: Path) -> None:
    """An empty folder ends with 3, and so does a folder whose outputs all exist."""
    (folder / "many").mkdir()
    assert call("many", "out").code == 3
    save(folder, "many/a.png")
    assert call("many", "out", "-j", 1).code == 0
    assert call("many", "out", "--skip-existing", "-j", 1).code == 3


def test_existing_outputs_are_kept_without_force(call: Call, folder: Path) -> None:
    """A second run fails for every existing output; --force replaces them."""
    save(folder, "many/a.png")
    assert call("many", "out", "-j", 1).code == 0
    second = call("many", "out", "-j", 1)
    assert (second.code, "out/a.png exists; pass --skip-existing" in second.err) == (1, True)
    assert call("many", "out", "-j", 1, "--force").code == 0


def test_skip_existing_continues_an_interrupted_run(call: Call, folder: Path) -> None:
    """--skip-existing enlarges missing or broken outputs and keeps the report's other rows."""
    save(folder, *[f"many/{number}.png" for number in range(4)])
    call("many", "out", "-q", "-j", 1)
    before = rows(folder / "out" / "checkerboard.csv")
    (folder / "out" / "1.png").unlink()
    (folder / "out" / "2.png").write_bytes((folder / "out" / "2.png").read_bytes()[:-30])
    report = folder / "out" / "checkerboard.csv"
    report.write_bytes(report.read_bytes()[:-30])  # as a crash may leave it
    outcome = call("many", "out", "--skip-existing", "-j", 1)
    assert outcome.err.endswith("2 done, 2 skipped, 0 failed\n")
    after = rows(report)
    assert after[:3] == before[:3]
    # The cut report lost the row of the last picture, whose output is still whole.
    assert [(row["input"], row["status"]) for row in after[3:]] == [
        ("many/1.png", "done"), ("many/2.png", "done"), ("many/3.png", "skipped"),
    ]  # fmt: skip


def test_a_jsonl_report_contains_the_lines_of_json(call: Call, folder: Path) -> None:
    """A .jsonl report contains what --json prints, for a folder and for one picture."""
    save(folder, "many/a.png", "many/b.png")
    outcome = call("many", "out", "--json", "--report", "rows.jsonl", "-j", 1)
    assert (folder / "rows.jsonl").read_bytes().splitlines() == outcome.out.splitlines()[:-1]
    assert file_names(folder / "out") == ["a.png", "b.png"]
    call("in.png", "out.png", "--report", "rows.jsonl")
    last = (folder / "rows.jsonl").read_text().splitlines()[2]
    assert json.loads(last)["output"] == "out.png"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "name,age\n"),
        ("rows.jsonl", "no JSON\n"),
        ("rows.jsonl", '{"name": 1}\n'),
        ("rows.jsonl", "[1]\n"),
    ],
)
def test_a_table_with_other_columns_is_not_changed(
    call: Call, folder: Path, name: str, text: str
) -> None:
    """--report refuses a file of other rows."""
    (folder / name).write_text(text)
    check_refused(call("in.png", "out.png", "--report", name), 2, "is not a report of this version")
    assert (folder / name).read_text() == text
    call_again = call("in.png", "out.png", "--report", name, "--force")
    check_refused(call_again, 2, "is not a report of this version")
    assert (folder / name).read_text() == text


def test_a_report_is_never_written_through_a_link(call: Call, folder: Path) -> None:
    """What a link leads to is not known to be ours."""
    (folder / "precious").write_text("only copy")
    (folder / "rows.csv").symlink_to("precious")
    check_refused(call("in.png", "out.png", "--report", "rows.csv", "--force"), 2, "is a link")
    assert (folder / "precious").read_text() == "only copy"


def test_what_a_crash_left_of_a_report_is_continued(call: Call, folder: Path) -> None:
    """A first line that was cut is ours all the same; so is a cut last row."""
    assert call("in.png", "first.png", "--report", "rows.csv", "-q").code == 0
    whole = (folder / "rows.csv").read_bytes()
    for cut in (5, len(whole) - 7):
        (folder / "rows.csv").write_bytes(whole[:cut])
        assert call("in.png", f"{cut}.png", "--report", "rows.csv", "-q").code == 0
        rows = [*csv.DictReader((folder / "rows.csv").read_text().splitlines())]
        assert [row["output"] for row in rows] == [f"{cut}.png"]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", ["a\rb.png", "=1+1.png", "@a.png", "-b.png", "'c.png"])
def test_odd_names_keep_one_row(call: Call, folder: Path, name: str) -> None:
    """Neither a carriage return nor what spreadsheets run breaks a row, however often resumed."""
    save(folder, "many/in.png")
    (folder / "many/in.png").rename(folder / "many" / name)
    for _ in range(3):
        assert call("many", "out", "-q", "-j", 1, "--skip-existing").code in (0, 3)
    with (folder / "out/checkerboard.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 1
    assert rows[0]["input"] == f"many/{name}"


def test_no_output_is_an_input(call: Call, folder: Path) -> None:
    """A plan that would write over an input is refused as a whole, whatever the mode."""
    save(folder, "a/b/x.png", "a/b/b/x.png", "list/y.png")
    before = (folder / "a/b/x.png").read_bytes()
    for mode in ("--skip-existing", "--update", "--force", "-q"):
        check_refused(call("a/b", "a", "-j", 1, mode), 1, "which is the input a/b/x.png")
    (folder / "out/list").mkdir(parents=True)
    os.link(folder / "a/b/x.png", folder / "out/list/y.png")
    names = b"list/y.png\na/b/x.png\n"
    listed = call("--files-from", "-", "out", "--force", stdin=names)
    check_refused(listed, 1, "which is the input a/b/x.png")
    assert (folder / "a/b/x.png").read_bytes() == before


def test_what_is_not_ours_is_refused_by_name(call: Call, folder: Path) -> None:
    """--skip-existing and --update replace no strange file, and no picture of another size."""
    save(folder, "many/a.png", "many/b.png", "many/c.png")
    (folder / "out").mkdir()
    (folder / "out/a.png").write_text("diary")
    PIL.Image.new("RGB", (7, 5)).save(folder / "out/b.png")
    contents = {name: (folder / "out" / name).read_bytes() for name in ("a.png", "b.png")}
    for mode in ("--skip-existing", "--update"):
        outcome = call("many", "out", "-j", 1, mode)
        assert outcome.code == 1
        assert "Error: out/a.png exists, but is incomplete; pass --force to replace" in outcome.err
        assert "Error: out/b.png exists, but is 7x5; pass --force to replace it" in outcome.err
        assert {name: (folder / "out" / name).read_bytes() for name in contents} == contents
    # What a row says to be ours is made again.
    PIL.Image.new("RGB", (7, 5)).save(folder / "out/c.png")
    assert "1 done" in call("many", "out", "-j", 1, "--skip-existing").err
    (folder / "notes.txt").write_text("diary")
    arguments = ("in.png", "notes.txt", "--format", "png", "--skip-existing")
    check_refused(call(*arguments), 1, "notes.txt exists, but is incomplete")
    assert (folder / "notes.txt").read_text() == "diary"


def test_names_that_end_with_nul_need_an_option(call: Call, folder: Path) -> None:
    """--files-from refuses what `find -print0` writes unless --null is given."""
    (folder / "names").write_bytes(b"in.png\0")
    check_refused(call("--files-from", "names", "out"), 2, "pass --null")
    assert call("--files-from", "names", "--null", "out", "-j", 1).code == 0


@pytest.mark.parametrize("options", [["out"], ["measure"]])
def test_a_list_does_not_name_standard_input(call: Call, folder: Path, options: list[str]) -> None:
    """It may be the list itself; a file of that name has another, ./-."""
    (folder / "-").write_bytes((folder / "in.png").read_bytes())
    fault = "standard input must be the only input; write ./- for a file called -"
    check_refused(call(*options, "--files-from", "-", stdin=b"in.png\n-\n"), 2, fault)
    assert call(*options, "--files-from", "-", stdin=b"./-\nin.png\n").code == 0


def test_too_much_ripple_in_a_folder_is_exit_4(call: Call, folder: Path) -> None:
    """The exit code is 4 when one picture exceeds --max-ripple; every picture is written."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "many" / "a.png")
    uniform = ["-k", "uniform", "--kernel-size", 3]
    assert call("many", "out", *uniform, "--max-ripple", 1, "-j", 1).code == 4
    assert file_names(folder / "out") == ["a.png", "checkerboard.csv"]


def test_an_unknown_picture_is_over_any_limit(call: Call, folder: Path) -> None:
    """A gate does not pass what it cannot tell, alone or in a folder, and says so."""
    save(folder, "many/a.png")
    for outcome, name in (
        (call("many/a.png", "a.png", "--max-ripple", 9), "a.png"),
        (call("many", "out", "--max-ripple", 9), "out/a.png"),
    ):
        assert outcome.code == 4
        assert f"note: unknown, so over --max-ripple 9: {name}\n" in outcome.err
    assert call("many/a.png", "b.png", "--max-ripple", 9, "--size", "9x8").code == 0


def test_without_a_stride_only_even_methods_pass_max_ripple(call: Call) -> None:
    """Where no pattern can be measured, a gate lets through what is even by its kernel alone."""
    gate = ["--size", "37x31", "--max-ripple", 9]
    assert call("in.png", "even.png", *gate).code == 0
    assert call("in.png", "cubic.png", *gate, "-m", "bicubic").code == 0
    outcome = call("in.png", "out.png", *gate, "-k", "uniform", "--kernel-size", 3)
    assert outcome.code == 4
    assert "note: unknown, so over --max-ripple 9: out.png\n" in outcome.err


@pytest.mark.parametrize("report", ["rows.csv", "rows.jsonl"])
def test_a_resumed_run_recalls_what_is_over_the_limit(
    call: Call, folder: Path, report: str
) -> None:
    """Pictures that are skipped count for --max-ripple by the rows they have."""
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "large.png")
    (folder / "many").mkdir()
    PIL.Image.new("RGB", (96, 96)).save(folder / "many/a.png")
    (folder / "large.png").rename(folder / "many/b.png")
    uneven = ["-k", "uniform", "--kernel-size", 3, "--report", report]
    assert call("many", "out", *uneven, "--max-ripple", 1, "-j", 1).code == 4
    again = call("many", "out", *uneven, "--max-ripple", 1, "-j", 1, "--skip-existing")
    assert again.code == 4
    first, last = again.err.splitlines()
    assert first.startswith("note: 1 picture is over --max-ripple 1; the strongest has ")
    assert first.endswith(" levels, out/b.png")
    assert last == "0 done, 2 skipped, 0 failed"
    relaxed = call("many", "out", *uneven, "--max-ripple", 250, "-j", 1, "--skip-existing")
    assert relaxed.code == 3


def test_a_resumed_run_knows_its_outputs_by_any_path(call: Call, folder: Path) -> None:
    """The output folder may be named in another way: its rows are still those of its pictures."""
    save(folder, "many/a.png")
    assert call("many", "out", "-q", "-j", 1).code == 0
    before = (folder / "out/checkerboard.csv").read_bytes()
    for name in ("./out", folder / "out"):
        assert call("many", name, "--skip-existing", "-q", "-j", 1).code == 3
        assert (folder / "out/checkerboard.csv").read_bytes() == before
        other = call("many", name, "--skip-existing", "-s", 3, "-j", 1)
        assert (other.code, "replaced the old output, which is 18x16" in other.err) == (0, True)
        assert call("many", "out", "-f", "-q", "-j", 1).code == 0
        before = (folder / "out/checkerboard.csv").read_bytes()


def test_a_run_that_may_not_replace_spoils_no_rows(call: Call, folder: Path) -> None:
    """What is there keeps the row it has, where a second run lacks --skip-existing."""
    save(folder, "many/a.png", "many/b.png")
    assert call("many", "out", "-j", 1).code == 0
    before = (folder / "out" / "checkerboard.csv").read_bytes()
    again = call("many", "out", "-j", 1)
    assert again.code == 1
    assert "out/a.png exists; pass --skip-existing to continue an earlier run" in again.err
    assert (folder / "out" / "checkerboard.csv").read_bytes() == before


def test_a_resumed_run_measures_what_has_no_row(call: Call, folder: Path) -> None:
    """Where the rows are lost, --max-ripple holds for what is there already all the same."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "many" / "a.png")
    uneven = ["-k", "uniform", "--kernel-size", 3, "--max-ripple", 1]
    assert call("many", "out", *uneven, "-j", 1).code == 4
    (folder / "out" / "checkerboard.csv").unlink()
    assert call("many", "out", *uneven, "-j", 1, "--skip-existing").code == 4
    assert float(rows(folder / "out" / "checkerboard.csv")[0]["ripple"]) > 1
    assert call("many", "out", *uneven, "-j", 1, "--skip-existing").code == 4
    one = call("many/a.png", "out/a.png", *uneven, "--skip-existing")
    assert one.code == 4
    assert call("many/a.png", "out/a.png", "--skip-existing").code == 3


def test_a_resumed_run_has_the_exit_code_of_the_first(call: Call, folder: Path) -> None:
    """--max-ripple refuses again what it refused, and what it let pass, passes."""
    (folder / "many").mkdir()
    uneven = ["-k", "uniform", "--kernel-size", 3]
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "many/a.png")
    limit = ["--skip-existing", "--max-ripple", 0.5]
    odd = ["many", "odd", "--scale", 1.37, *uneven, "--no-report", *limit]
    assert [call(*odd).code for _ in range(2)] == [4, 4]
    even = ["many", "even", "--scale", 1.37, "-m", "bicubic", *limit]
    assert [call(*even).code for _ in range(2)] == [0, 3]
    # The output has the checkerboard of its input, at another stride than its own.
    assert call("many/a.png", "many/a2.png", "-q", *uneven).code == 0
    one = ["many/a2.png", "one.png", "-m", "bicubic", *limit]
    assert [call(*one).code for _ in range(2)] == [0, 3]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_resumed_run_knows_all_that_the_report_says(call: Call, folder: Path, name: str) -> None:
    """The JSON of a skipped output has the checkerboard that it had when the output was made."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "many" / "a.png")
    uneven = ["-k", "uniform", "--kernel-size", 3, "--report", name, "--skip-existing", "--json"]
    first, again = (json.loads(call("many", "out", *uneven).out.splitlines()[0]) for _ in range(2))
    assert (first["status"], again["status"]) == ("done", "skipped")
    assert first["checkerboard"] == again["checkerboard"]
    assert first["checkerboard"]["verdict"] == "checkerboard"


def test_a_resumed_run_measures_what_was_changed(call: Call, folder: Path) -> None:
    """An output that is newer than the report counts by what it is, not by its row."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(folder / "many/a.png")
    assert call("many", "out", "-q", "-j", 1).code == 0
    uneven = ["-k", "uniform", "--kernel-size", 3, "-f", "-q"]
    assert call("many/a.png", "out/a.png", *uneven).code == 0
    later = (folder / "out/checkerboard.csv").stat().st_mtime + 1
    os.utime(folder / "out/a.png", (later, later))
    for limit in ([], ["--max-ripple", 1]):  # the first run's row must not hide the change either
        outcome = call("many", "out", "--skip-existing", *limit, "-j", 1)
        assert outcome.code == (4 if limit else 3)
    written = rows(folder / "out/checkerboard.csv")
    assert (written[0]["status"], written[-1]["status"]) == ("done", "skipped")
    assert float(written[-1]["ripple"]) > 1


def test_what_a_run_only_left_is_not_its_own(call: Call, folder: Path) -> None:
    """A picture of someone else that has the right size is left, and never replaced later on."""
    save(folder, "many/a.png")
    (folder / "out").mkdir()
    PIL.Image.fromarray(texture_samples(16, 18, 3)).save(folder / "out" / "a.png")
    before = (folder / "out" / "a.png").read_bytes()
    assert call("many", "out", "--skip-existing").code == 3
    outcome = call("many", "out", "--skip-existing", "--scale", 3)
    assert outcome.code == 1
    assert "out/a.png exists, but is 18x16; pass --force to replace it" in outcome.err
    assert (folder / "out" / "a.png").read_bytes() == before


def test_a_stopped_run_has_no_fewer_than_none_left(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that come during a run are enlarged, and the summary counts none for them."""
    save(folder, "many/a.png", "many/b.png")
    of_places, stops = plan.of_places, list[run.Stop]()

    class LateStop(run.Stop):
        """Is asked to stop when all pictures are done."""

        def __init__(self) -> None:
            super().__init__()
            stops.append(self)

    def written(*arguments: Any) -> Iterator[Report]:
        """Yield the reports, then stop."""
        yield from results_file.with_rows_written(*arguments)
        stops[0].code = 130

    def of_fewer(*arguments: Any) -> plan.Plan:
        """Return the plan as if a picture had come after it was counted."""
        return replace(of_places(*arguments), count=1)

    monkeypatch.setattr(plan, "of_places", of_fewer)
    monkeypatch.setattr(batch, "Stop", LateStop)
    monkeypatch.setattr(batch, "with_rows_written", written)
    outcome = call("many", "out", "-j", 1)
    assert (outcome.code, outcome.err) == (130, "2 done, 0 skipped, 0 failed, 0 left\n")


def test_an_empty_folder_makes_none(call: Call, folder: Path) -> None:
    """It says why nothing is done, and leaves no folder."""
    (folder / "empty").mkdir()
    outcome = call("empty", "out")
    assert (outcome.code, outcome.out) == (3, b"")
    assert outcome.err == "note: found no pictures, so nothing was done\n"
    assert not (folder / "out").exists()


def test_one_file_into_a_folder_leaves_no_report_unasked(call: Call, folder: Path) -> None:
    """It is no batch; with --report there is one."""
    (folder / "out").mkdir()
    assert call("in.png", "out/", "-q").code == 0
    assert file_names(folder / "out") == ["in.png"]
    assert call("in.png", "out/", "--report", "rows.csv", "--force").code == 0
    assert (folder / "rows.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["in.png", "out.png", "--skip-existing", "--force"],
            "--force and --skip-existing cannot",
        ),
        (
            ["in.png", "out.png", "--update", "--force"],
            "--force and --update cannot be used together",
        ),
        (["in.png", "out.png", "-0"], "--null is for --files-from"),
        (["in.png", "out.png", "--include", "*.jpg"], "--include is for folders"),
        (["in.png", "out.png", "--exclude", "*.jpg"], "--exclude is for folders"),
        (["ftp://host/in.png", "out.png"], "ftp:// is not supported"),
    ],
)
def test_what_would_be_ignored_is_refused(call: Call, arguments: list[str], fault: str) -> None:
    """An option without effect is a mistake of the person who gave it."""
    check_refused(call(*arguments), 2, fault)


def test_passwords_in_urls_are_not_shown(call: Call) -> None:
    """Neither by errors nor by reports."""
    outcome = call("http://me:secret@127.0.0.1:9/in.png", "out.png", "--json")
    assert outcome.code == 1
    assert "secret" not in outcome.err + outcome.out.decode()
    assert "http://127.0.0.1:9/in.png" in outcome.err


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of workers that are asked for; of each, a pool of one is opened."""
    asked = list[int]()

    def counted(count: int) -> Pool:
        """Open a small pool in the place of one of that many workers."""
        asked.append(count)
        return Pool(1)

    monkeypatch.setattr(batch, "Pool", counted)
    return asked


def test_more_jobs_than_can_work_are_not_started(
    call: Call, folder: Path, counts: list[int]
) -> None:
    """A core gets four workers at most, however many are asked for."""
    save(folder, "many/a.png", "many/b.png")
    assert call("many", "out", "-j", 100_000).code == 0
    assert call("many", "out2", "-j", 2).code == 0
    assert counts == [4 * process.cores(), 2]


def test_few_workers_share_a_small_budget(
    call: Call, folder: Path, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default no worker gets too little memory for a photograph; an explicit -j is obeyed."""
    monkeypatch.setattr(process, "cores", lambda: 16)
    save(folder, "many/a.png", "many/b.png")
    for options in (["180MB"], ["1GB"], ["64GB"], ["180MB", "-j", 3]):
        assert call("many", "out", "-f", "--max-memory", *options).code == 0
    assert counts == [1, 2, 16, 3]
