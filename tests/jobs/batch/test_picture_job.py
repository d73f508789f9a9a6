import os
import shutil
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from textures import texture_samples, write_truncated

from upsample_cli import memory
from upsample_cli.images.places import place
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import parse_file
from upsample_cli.images.read import opening
from upsample_cli.jobs.batch import picture_job
from upsample_cli.jobs.batch.outputs import Outputs
from upsample_cli.jobs.batch.picture_job import PictureJob
from upsample_cli.jobs.enlarge.task import Existing, Report, TargetSize, Task
from upsample_cli.methods.catalogue import build

TASK = Task(build("nearest"), TargetSize(scale=2.0))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a picture of 12x9 pixels."""
    PIL.Image.fromarray(texture_samples(9, 12, 3)).save(tmp_path / "in.png")
    (tmp_path / "out").mkdir()
    return tmp_path / "in.png"


def done(
    source: Path,
    to: str = "out/a.png",
    existing: Existing = "refuse",
    is_ours: bool = False,
    work: Any = picture_job.enlarge,
) -> Report:
    root = source.parent / "out"
    job = PictureJob(TASK, Folder(str(root)), existing, work=work)
    places = parse_file(source), parse_file(source.parent / to)
    return job(*places, Outputs().state(*places, existing), is_ours)


def test_the_folder_is_made(source: Path) -> None:
    """A picture goes into a folder that was not there yet."""
    report = done(source, "out/deep/er/a.png")
    assert (report.status, report.size) == ("done", (18, 24))
    assert Path(report.output).exists()


def test_a_vanished_root_is_not_made_anew(source: Path) -> None:
    """Where the output folder has gone, as a disk may, nothing is written in its place."""
    shutil.rmtree(source.parent / "out")
    report = done(source, "out/deep/a.png")
    assert report.status == "failed"
    assert "out is gone; " in report.error
    assert not (source.parent / "out").exists()


@pytest.mark.parametrize(
    ("name", "status", "word"),
    [
        ("notes.txt", "skipped", "not a supported"),
        ("ids.NPY", "skipped", "arrays are taken one file at a time"),
        ("photo.JPG", "failed", "is not a supported"),
    ],
)
def test_what_is_no_picture(source: Path, name: str, status: str, word: str) -> None:
    """A file that claims nothing, or an array, is skipped; one called a picture has failed."""
    (source.parent / name).write_text("text")
    report = done(source.parent / name)
    assert (report.status, word in report.error) == (status, True)


def test_a_broken_picture_has_failed(source: Path) -> None:
    """What is wrong with a picture is in its report, and nothing is written."""
    write_truncated(source.parent, "cut.png")
    report = done(source.parent / "cut.png")
    assert (report.status, "cut.png is damaged" in report.error) == ("failed", True)
    assert list((source.parent / "out").iterdir()) == []


def test_a_folder_is_no_picture(source: Path) -> None:
    """A folder among the inputs has failed, with the reason."""
    (source.parent / "sub").mkdir()
    assert "sub is a folder; " in done(source.parent / "sub").error


def test_too_little_memory_is_a_failure(source: Path) -> None:
    """A picture that does not fit the memory costs itself alone."""

    def greedy(*_: object) -> None:
        raise MemoryError

    assert "needs more memory; " in str(done(source, work=greedy).error)


@pytest.mark.parametrize("existing", ["skip", "update"])
def test_a_whole_output_is_left(source: Path, existing: Existing) -> None:
    """An output that decodes, has the right size and is newer than its input stays as it is."""
    done(source)
    before = (source.parent / "out" / "a.png").stat()
    report = done(source, existing=existing)
    assert (report.status, report.error) == ("skipped", "already exists")
    assert (source.parent / "out" / "a.png").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_turned_picture_is_whole_too(tmp_path: Path, orientation: int) -> None:
    """The size that is expected is that of the picture as it is seen."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "out").mkdir()
    PIL.Image.fromarray(texture_samples(9, 12, 3)).save(tmp_path / "in.jpg", exif=exif)
    assert done(tmp_path / "in.jpg", "out/a.jpg").status == "done"
    assert done(tmp_path / "in.jpg", "out/a.jpg", "skip").status == "skipped"


@pytest.mark.parametrize("fault", ["cut", "size", "text", "empty"])
def test_what_is_not_whole_is_made_again(source: Path, fault: str) -> None:
    """A cut output, one of another size and a stray file: only where we wrote one before."""
    done(source)
    output = source.parent / "out" / "a.png"
    whole = output.read_bytes()
    if fault == "size":
        PIL.Image.new("RGB", (7, 5)).save(output)
    else:
        output.write_bytes({"cut": whole[:-40], "text": b"text", "empty": b""}[fault])
    wrong = output.read_bytes()
    for existing in ("skip", "update"):
        report = done(source, existing=existing)
        assert report.status == "failed"
        assert "pass --force to replace it" in str(report.error)
        assert output.read_bytes() == wrong
    report = done(source, existing="skip", is_ours=True)
    assert report.status == "done"
    assert output.read_bytes() == whole
    assert "replaced the old output" in report.notes[-1]


@pytest.mark.parametrize("existing", ["skip", "update"])
@pytest.mark.parametrize("width", [24, 25])
def test_an_output_too_large_to_decode_counts_by_its_size(
    source: Path, monkeypatch: pytest.MonkeyPatch, existing: Existing, width: int
) -> None:
    """An output that memory does not hold whole stays where its head says the right size."""
    output = source.parent / "out" / "a.png"
    PIL.Image.new("RGB", (width, 18)).save(output)
    before = output.read_bytes()
    monkeypatch.setattr(memory, "limit", lambda: 97 << 20)  # decoding may take about 1 MB
    monkeypatch.setattr(opening, "_BYTES", 1 << 13)
    report = done(source, existing=existing)
    assert output.read_bytes() == before
    assert (report.status, "is 25x18; " in str(report.error)) == (
        ("skipped", False) if width == 24 else ("failed", True)
    )


@pytest.mark.parametrize("existing", ["skip", "update"])
@pytest.mark.parametrize("is_ours", [False, True])
def test_an_output_that_cannot_be_opened_is_an_error(
    source: Path, monkeypatch: pytest.MonkeyPatch, existing: Existing, is_ours: bool
) -> None:
    """A folder and a file without permission at the output's path are named as what they are."""
    (source.parent / "out" / "folder.png").mkdir()
    report = done(source, "out/folder.png", existing, is_ours)
    assert (report.status, "folder.png is a folder; " in report.error) == ("failed", True)
    done(source)
    locked = source.parent / "out" / "a.png"
    before = locked.read_bytes()

    def opened(path: str, *arguments: Any) -> Any:
        """Stand in for permissions, which the administrator does not meet."""
        if str(path) == str(locked):
            raise PermissionError(13, "Permission denied")
        return open(path, *arguments)  # noqa: PTH123 # it stands for `open`

    monkeypatch.setattr(place, "open", opened, raising=False)
    report = done(source, existing=existing, is_ours=is_ours)
    assert (report.status, "Permission denied" in report.error) == ("failed", True)
    assert locked.read_bytes() == before


@pytest.mark.parametrize("existing", ["refuse", "skip", "update"])
@pytest.mark.parametrize("whole", [False, True])
def test_what_comes_while_a_picture_is_made(source: Path, existing: Existing, whole: bool) -> None:
    """A stranger's file stays; one as it would be made will do for who resumes.

    For who does not it may be that of a worker that died before it told, and is made again.
    """
    output, really = source.parent / "out" / "a.png", picture_job.enlarge
    done(source, "theirs.png")
    theirs = (source.parent / "theirs.png").read_bytes() if whole else b"theirs"
    late = [theirs]

    def upsample(*arguments: Any) -> Report:
        """Have another run be faster, once."""
        if late:
            output.write_bytes(late.pop())
        return really(*arguments)

    report = done(source, existing=existing, work=upsample)
    assert output.read_bytes() == theirs
    assert report.status == (
        "failed" if not whole else "done" if existing == "refuse" else "skipped"
    )
    assert (report.checkerboard is not None) == (report.status == "done")


def test_update_makes_older_outputs_again(source: Path) -> None:
    """An output that is older than its input is made again by update, and left by skip."""
    done(source)
    time = source.stat().st_mtime
    os.utime(source.parent / "out" / "a.png", (time - 10, time - 10))
    assert done(source, existing="skip").status == "skipped"
    report = done(source, existing="update")
    assert report.status == "done"
    assert report.notes == ("replaced the old output, which is older than the input",)
