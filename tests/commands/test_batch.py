"""Many pictures: the command line in this process."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import cut_short, levels

Call = Callable[..., Outcome]


def save(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(levels(8, 9, 3)).save(folder / name)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def made(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.fixture
def many(folder: Path) -> Path:
    """Return a folder with three pictures, one of them cut short, and a text."""
    save(folder / "many", "a.png", "deep/b.png")
    cut_short(folder / "many", "c.png")
    (folder / "many" / "notes.txt").write_text("text")
    return folder / "many"


@pytest.mark.parametrize(("name", "leads_to"), [("loop", ".."), ("far", "../out")])
@pytest.mark.parametrize("inputs", [("many",), ("many", "in.png")])
def test_the_output_is_no_input(
    call: Call, folder: Path, name: str, leads_to: str, inputs: tuple[str, ...]
) -> None:
    """A link to a folder around the input, or to the output, does not lead to what is written."""
    save(folder, "many/a.png", "many/b.png")
    (folder / "many" / name).symlink_to(leads_to, target_is_directory=True)
    for run in ("", "-f"):  # the output is there the second time
        outcome = call(*inputs, "out/", "-q", "-j", 1, *([run] if run else []))
        assert (outcome.code, outcome.err) == (0, "")
        pictures = [path for path in made(folder / "out") if path.endswith("png")]
        assert len(pictures) == 1 + len(inputs)


@pytest.mark.parametrize("sent", [
    b"\xef\xbb\xbfmany/a.png\r\n  \r\nmany/b.png\r\n\r\nmany/a.png\r\n",
    b"many/a.png\nmany/b.png\n./many//a.png\n\t\n",
])  # fmt: skip
def test_a_list_by_any_editor(call: Call, folder: Path, sent: bytes) -> None:
    """A byte order mark, lines of blanks and names that come twice do no harm."""
    save(folder, "many/a.png", "many/b.png")
    outcome = call("--files-from", "-", "out", "-j", 1, "-q", stdin=sent)
    assert (outcome.code, outcome.err) == (0, "")
    assert made(folder / "out") == ["checkerboard.csv", "many/a.png", "many/b.png"]


def test_an_input_that_is_given_twice_is_taken_once(call: Call, folder: Path) -> None:
    """So it is with a folder, too."""
    save(folder, "many/a.png")
    outcome = call("in.png", "many", "./in.png", "many/", "in.png", "out/", "-j", 1)
    assert (outcome.code, outcome.err) == (0, "2 done, 0 skipped, 0 failed\n")


def test_a_folder_ends_with_counts(call: Call, folder: Path, many: Path) -> None:
    """A folder keeps its tree, tells each picture, goes on after a failure and exits with 1."""
    outcome = call("many", "out", "-j", 2)
    assert outcome.code == 1
    assert outcome.err.endswith("2 done, 1 skipped, 1 failed\n")
    assert "Error: many/c.png is broken" in outcome.err
    assert b"many/notes.txt  skipped: is no picture of a format that is read\n" in outcome.out
    assert made(folder / "out") == ["a.png", "checkerboard.csv", "deep/b.png"]
    with PIL.Image.open(folder / "out" / "deep" / "b.png") as opened:
        assert opened.size == (18, 16)


def test_every_failure_of_a_folder_is_named(call: Call, folder: Path) -> None:
    """What is wrong with a picture is told with its name, where a fault tells none of its own."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(levels(8, 9, 4)).save(folder / "many" / "clear.png")
    cut_short(folder / "many", "cut.png")
    told = call("many", "out", "--format", "jpeg", "-j", 1).err
    assert "Error: many/clear.png: JPEG holds no transparency; write a PNG" in told
    assert "Error: many/cut.png is broken" in told
    assert "Error: many/clear.png: --size 3x3 is smaller" in call("many", "o", "--size", "3x3").err


@pytest.mark.parametrize("word", ["jpg", "jpeg", "tif", "tiff"])
def test_names_end_with_the_word_of_the_format(call: Call, folder: Path, word: str) -> None:
    """The outputs of a folder get the suffix that --format says, in either spelling."""
    save(folder, "many/a.png")
    assert call("many", "out", "--format", word, "-j", 1).code == 0
    assert (folder / "out" / f"a.{word}").exists()


def test_json_of_a_folder(call: Call, many: Path) -> None:
    """There is a line of JSON a picture and one with the counts, which comes last."""
    lines = [json.loads(line) for line in call("many", "out", "--json", "-j", 2).out.splitlines()]
    found = {line["input"]: line["status"] for line in lines[:-1]}
    assert found == {"many/a.png": "done", "many/c.png": "failed", "many/deep/b.png": "done",
                     "many/notes.txt": "skipped"}  # fmt: skip
    summary = lines[-1]["summary"]
    assert summary.pop("seconds") > 0
    assert summary == {"done": 2, "skipped": 1, "failed": 1}


def test_a_folder_leaves_a_report_in_order(call: Call, folder: Path, many: Path) -> None:
    """checkerboard.csv has a row a picture in the order of the inputs, failures too."""
    call("many", "out", "-q", "-j", 2)
    found = rows(folder / "out" / "checkerboard.csv")
    assert [row["input"] for row in found] == [
        "many/a.png", "many/c.png", "many/deep/b.png", "many/notes.txt",
    ]  # fmt: skip
    assert [row["status"] for row in found] == ["done", "failed", "done", "skipped"]
    assert (found[0]["width"], found[0]["height"], found[0]["method"]) == ("18", "16", "tconv")
    assert "is broken" in found[1]["error"]


def test_any_number_of_workers_writes_the_same_bytes(call: Call, folder: Path) -> None:
    """The files are the same with one process and with three."""
    for number in range(6):
        save(folder / "in", f"{number}.{('png', 'jpg', 'webp')[number % 3]}")
    for jobs in (1, 3):
        assert call("in", f"out{jobs}", "-q", "-j", jobs).code == 0
        (folder / f"out{jobs}" / "checkerboard.csv").unlink()
    assert contents(folder / "out1") == contents(folder / "out3")


def test_several_files_go_into_a_folder(call: Call, folder: Path) -> None:
    """A folder that is there, or a name with a slash at its end, takes any number of files."""
    save(folder, "x/a.png", "y/b.jpg")
    (folder / "there").mkdir()
    assert call("x/a.png", "y/b.jpg", "in.png", "there", "-q", "-j", 1).code == 0
    assert made(folder / "there") == ["a.png", "b.jpg", "checkerboard.csv", "in.png"]
    assert call("in.png", "new/", "-q").code == 0
    assert made(folder / "new") == ["checkerboard.csv", "in.png"]


@pytest.mark.parametrize("null", [False, True])
def test_names_come_by_a_pipe(call: Call, folder: Path, null: bool) -> None:
    """`find | upsample --files-from - OUT` keeps the folders of the names, line by line or -0."""
    names = ["x/a b.png", "in.png"] + (["x/new\nline.png"] if null else [])
    save(folder, *names)
    sent = ("\0" if null else "\n").join(names).encode()
    outcome = call("--files-from", "-", *(["-0"] if null else []), "out", "-j", 1, stdin=sent)
    assert outcome.code == 0
    assert made(folder / "out") == sorted([*names, "checkerboard.csv"])


def test_names_come_from_a_file(call: Call, folder: Path) -> None:
    """A file of names does as well; a name that is not there is a failure, and told."""
    (folder / "names").write_bytes(b"in.png\r\nno.png\r\n")
    outcome = call("--files-from", "names", "out", "-j", 1)
    assert (outcome.code, "no file no.png; " in outcome.err) == (1, True)
    assert made(folder / "out") == ["checkerboard.csv", "in.png"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["in.png", "in.png", "old.png"], "old.png is none"),
        (["in.png", "a/in.png", "out/"], "would both become out/in.png"),
        (["-", "in.png", "out/"], "standard input is one picture"),
        (["in.png", "in.png", "-"], "many pictures cannot go to standard output"),
        (["--files-from", "names", "in.png", "out"], "--files-from names the inputs"),
        (["--files-from", "names", "out"], "cannot read names"),
        (["many", "many/out"], "lies within many"),
        (["many", "old.png"], "old.png is a file"),
        (["many", "out", "--report", "no/rows.csv"], "cannot write no/rows.csv"),
        (["many", "out", "--format", "webp"], "would both become out/a.webp"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    call: Call, folder: Path, arguments: list[str], fault: str
) -> None:
    """A plan that cannot be is one line of error, and nothing is written."""
    save(folder, "many/a.png", "many/a.jpg", "old.png")
    before = contents(folder)
    outcome = call(*arguments)
    check_refused(outcome, outcome.code, fault)
    (folder / "out").is_dir() and (folder / "out").rmdir()
    assert outcome.code in (1, 2)
    assert contents(folder) == before


def test_a_dry_run_of_a_folder_prints_the_plan(call: Call, folder: Path) -> None:
    """`--dry-run` tells each input with its output, and writes nothing."""
    save(folder, "many/a.png", "many/b.png", "out/b.png")
    (folder / "many" / "notes.txt").write_text("text")
    (folder / "many" / "c").write_bytes((folder / "many" / "a.png").read_bytes())
    before = contents(folder)
    outcome = call("many", "out", "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        b"many/a.png -> out/a.png\nmany/b.png -> out/b.png  (is there already)\n"
        b"many/c -> out/c.png\n"
    )
    assert contents(folder) == before
    assert call("many", "out", "--dry-run", "--include", "*.txt").code == 3


def test_globs_choose_and_hidden_files_are_told(call: Call, folder: Path) -> None:
    """Patterns say which, and what is hidden is left with a word."""
    save(folder, "many/a.png", "many/b.png", "many/thumbs/a.png", "many/c.jpg", "many/.d.png")
    outcome = call("many", "out", "--include", "*.png", "--exclude", "thumbs", "--exclude", "b*")
    assert made(folder / "out") == ["a.png", "checkerboard.csv"]
    assert "note: 1 hidden file or folder is left out\n" in outcome.err
    assert outcome.err.endswith("1 done, 0 skipped, 0 failed\n")


def test_a_folder_does_not_become_a_picture(call: Call, folder: Path) -> None:
    """An output that is called like a picture is no folder, unless a slash or the disk says so."""
    save(folder, "many/a.png")
    outcome = call("many", "out.PNG")
    assert (outcome.code, made(folder)) == (2, ["in.png", "many/a.png"])
    assert "many is a folder and out.PNG the name of a picture" in outcome.err
    assert call("many", "out.png/").code == 0
    assert call("many", "out.png", "--force").code == 0


def test_nothing_to_do_is_exit_3(call: Call, folder: Path) -> None:
    """An empty folder, and one that is done, end with 3."""
    (folder / "many").mkdir()
    assert call("many", "out").code == 3
    save(folder, "many/a.png")
    assert call("many", "out", "-j", 1).code == 0
    assert call("many", "out", "--skip-existing", "-j", 1).code == 3


def test_outputs_that_are_there_are_refused_without_a_word(call: Call, folder: Path) -> None:
    """A second run fails on each, --force replaces each."""
    save(folder, "many/a.png")
    assert call("many", "out", "-j", 1).code == 0
    again = call("many", "out", "-j", 1)
    assert (again.code, "out/a.png exists; pass --force" in again.err) == (1, True)
    assert call("many", "out", "-j", 1, "--force").code == 0


def test_a_run_goes_on_where_another_ended(call: Call, folder: Path) -> None:
    """--skip-existing does what is missing or not whole, and keeps the rows of what is there."""
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
    # Of the last the row was lost with its end; the picture was not.
    assert [(row["input"], row["status"]) for row in after[3:]] == [
        ("many/1.png", "done"), ("many/2.png", "done"), ("many/3.png", "skipped"),
    ]  # fmt: skip


def test_a_report_of_json_lines(call: Call, folder: Path) -> None:
    """A .jsonl report has the objects that --json prints; one picture alone can have one too."""
    save(folder, "many/a.png", "many/b.png")
    outcome = call("many", "out", "--json", "--report", "rows.jsonl", "-j", 1)
    assert (folder / "rows.jsonl").read_bytes().splitlines() == outcome.out.splitlines()[:-1]
    assert made(folder / "out") == ["a.png", "b.png"]
    call("in.png", "out.png", "--report", "rows.jsonl")
    last = (folder / "rows.jsonl").read_text().splitlines()[2]
    assert json.loads(last)["output"] == "out.png"


def test_a_report_with_other_columns_is_not_spoilt(call: Call, folder: Path) -> None:
    """A table of something else is not written into."""
    (folder / "rows.csv").write_text("name,age\n")
    check_refused(call("in.png", "out.png", "--report", "rows.csv"), 2, "has other columns")
    assert (folder / "rows.csv").read_text() == "name,age\n"


def test_too_much_ripple_in_a_folder_is_exit_4(call: Call, folder: Path) -> None:
    """One picture over --max-ripple makes it 4, and all are written."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(levels(96, 96, 3)).save(folder / "many" / "a.png")
    uniform = ["-k", "uniform", "--kernel-size", 3]
    assert call("many", "out", *uniform, "--max-ripple", 1, "-j", 1).code == 4
    assert made(folder / "out") == ["a.png", "checkerboard.csv"]
