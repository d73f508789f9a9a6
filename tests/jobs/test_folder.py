from pathlib import Path

import PIL.Image
import pytest
from textures import levels

from upsample_cli.errors import ImageFileError
from upsample_cli.jobs import folder
from upsample_cli.jobs.scale import Target
from upsample_cli.jobs.task import Task
from upsample_cli.methods.catalogue import build

TASK = Task(build("nearest"), Target(scale=2.0))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a folder with pictures at two levels, a hidden file and a text."""
    top = tmp_path / "in"
    (top / "deep" / "er").mkdir(parents=True)
    (top / ".hidden").mkdir()
    picture = PIL.Image.new("RGB", (4, 3), "red")
    for name in ("b.png", "a.jpg", "deep/er/c.ico", ".hidden/d.png", ".e.png"):
        picture.resize((16, 16)).save(top / name)
    (top / "notes.txt").write_text("no picture")
    return top


def names(pairs: list[tuple[str, str]], top: Path, goal: Path) -> list[tuple[str, str]]:
    return [
        (Path(source).relative_to(top).as_posix(), Path(to).relative_to(goal).as_posix())
        for source, to in pairs
    ]


def test_a_plan_keeps_the_tree_in_order(tree: Path, tmp_path: Path) -> None:
    """Each file keeps its place and, where it can be written, its suffix; hidden ones stay out."""
    goal = tmp_path / "out"
    assert names(folder.plan(str(tree), str(goal), None), tree, goal) == [
        ("a.jpg", "a.jpg"),
        ("b.png", "b.png"),
        ("deep/er/c.ico", "deep/er/c.ico.png"),
        ("notes.txt", "notes.txt.png"),
    ]
    assert not goal.exists()


def test_a_format_is_for_every_output(tree: Path, tmp_path: Path) -> None:
    """With a format every output has its suffix."""
    goal = tmp_path / "out"
    outputs = [to for _, to in names(folder.plan(str(tree), str(goal), "webp"), tree, goal)]
    assert outputs == ["a.webp", "b.webp", "deep/er/c.webp", "notes.webp"]


def test_collisions_are_found_before_any_work(tree: Path, tmp_path: Path) -> None:
    """Two inputs that would become one output are named, and nothing is done."""
    PIL.Image.new("L", (4, 4)).save(tree / "a.png")
    with pytest.raises(ImageFileError, match=r"a.jpg and .*a.png would both become .*a.webp; "):
        folder.plan(str(tree), str(tmp_path / "out"), "webp")


def test_outputs_within_the_input_are_refused(tree: Path) -> None:
    """A folder is not enlarged into itself, where its outputs would be inputs next time."""
    for goal in (tree, tree / "out"):
        with pytest.raises(ImageFileError, match=r"lies within .*; name a folder outside"):
            folder.plan(str(tree), str(goal), None)


def test_a_file_is_no_folder_to_write_to(tree: Path, tmp_path: Path) -> None:
    """The output of a folder is a folder."""
    (tmp_path / "out").write_text("")
    with pytest.raises(ImageFileError, match=r"out is a file; name a folder"):
        folder.plan(str(tree), str(tmp_path / "out"), None)


def test_one_failure_does_not_stop_the_others(tree: Path, tmp_path: Path) -> None:
    """Every picture has its report, in order: done, failed with the reason, skipped."""
    PIL.Image.fromarray(levels(64, 64, 3)).save(tree / "b.png")
    (tree / "b.png").write_bytes((tree / "b.png").read_bytes()[:4000])
    pairs = folder.plan(str(tree), str(tmp_path / "out"), None)
    reports = list(folder.run(pairs, TASK, skip_existing=False))
    assert [report.status for report in reports] == ["done", "failed", "done", "skipped"]
    assert "b.png" in reports[1].error
    assert "; " in reports[1].error
    made = sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert made == ["a.jpg", "c.ico.png"]


def test_existing_outputs_can_be_skipped(tree: Path, tmp_path: Path) -> None:
    """A second run with skipping does nothing, and without it refuses each."""
    pairs = folder.plan(str(tree), str(tmp_path / "out"), None)
    list(folder.run(pairs, TASK, skip_existing=False))
    again = list(folder.run(pairs, TASK, skip_existing=True))
    assert {report.status for report in again} == {"skipped"}
    refused = list(folder.run(pairs[:2], TASK, skip_existing=False))
    assert [report.status for report in refused] == ["failed", "failed"]
    assert "pass --force" in refused[0].error
