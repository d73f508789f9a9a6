"""Targets that cannot be written: one line, the right exit code, and nothing left behind."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faults
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import cut_short, levels

PICTURE, USAGE = 1, 2


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("no/out.png", "no folder no"),
        ("in.png/out.png", "no folder in.png"),
        ("old.png", "old.png exists; pass --force"),
        ("in.png", "in.png is the input too"),
        ("./in.png", "is the input too"),
        ("out.xyz", "no format '.xyz'"),
        ("a" * 300 + ".png", "a.png"),
    ],
    ids=["folder", "file", "existing", "input", "dot", "suffix", "long"],
)
def test_targets_that_cannot_be_are_refused(
    call: Callable[..., Outcome], folder: Path, target: str, fault: str
) -> None:
    """A target in no folder, in the way, or of no format is told, and nothing changes."""
    (folder / "old.png").write_bytes(b"old")
    before = contents(folder)
    check_refused(call("in.png", target), PICTURE, fault)
    assert contents(folder) == before


@pytest.mark.parametrize("names", [("in.png", ""), ("", "out.png"), ("in.png", "", "many/")])
def test_an_empty_name_is_no_folder(
    call: Callable[..., Outcome], folder: Path, names: tuple[str, ...]
) -> None:
    """What a shell makes of a variable that is not set names neither this folder nor the root."""
    before = contents(folder)
    check_refused(call(*names), USAGE, "a name is empty")
    assert contents(folder) == before


@pytest.mark.parametrize("words", ["in.png out/in.png", "many out/"])
def test_what_comes_during_the_run_stays(tmp_path: Path, words: str) -> None:
    """A file that is put at the output's place while a picture is made is not replaced."""
    for name in ("many", "out"):
        (tmp_path / name).mkdir()
    for name in ("in.png", "many/in.png"):
        PIL.Image.fromarray(levels(600, 600, 3)).save(tmp_path / name)
    command = [sys.executable, "-m", "upsample_cli", *words.split(), "-s", "8", "-j", "1",
               "--compression", "9", "-q"]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        faults.until(lambda: list((tmp_path / "out").glob("*.part")))
        (tmp_path / "out" / "in.png").write_bytes(b"precious")
        _, err = process.communicate()
    check_refused(Outcome(process.returncode, b"", err), PICTURE, "in.png exists; pass --force")
    assert (tmp_path / "out" / "in.png").read_bytes() == b"precious"
    assert list((tmp_path / "out").glob(".*")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has one")
def test_a_full_disk_is_told(call: Callable[..., Outcome]) -> None:
    """A device that takes no more is an error with the system's reason."""
    outcome = call("in.png", "/dev/full", "--format", "png")
    check_refused(outcome, PICTURE, "cannot write /dev/full: No space left on device")


def test_a_folder_does_not_go_to_standard_output(
    call: Callable[..., Outcome], folder: Path
) -> None:
    """Many pictures do not fit one pipe, and "-" is no folder's name."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(levels(8, 8, 3)).save(folder / "many" / "a.png")
    before = contents(folder)
    outcome = call("many", "-")
    assert contents(folder) == before
    assert outcome.code in (PICTURE, USAGE)
    check_refused(outcome, outcome.code, "folder")


def test_transparency_into_jpeg_is_told(call: Callable[..., Outcome], folder: Path) -> None:
    """A transparent picture does not become an opaque one in silence."""
    PIL.Image.fromarray(levels(8, 8, 4)).save(folder / "clear.png")
    check_refused(call("clear.png", "out.jpg"), PICTURE, "JPEG holds no transparency")
    assert not (folder / "out.jpg").exists()


def test_the_old_file_stays_if_the_new_one_fails(
    call: Callable[..., Outcome], folder: Path
) -> None:
    """With --force, too, a failing run does not touch what was there."""
    cut_short(folder, "cut.png")
    (folder / "old.png").write_bytes(b"old")
    before = contents(folder)
    check_refused(call("cut.png", "old.png", "--force"), PICTURE, "cut.png is broken")
    assert contents(folder) == before


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tif", "bmp"])
def test_a_comment_is_kept_or_its_loss_is_told(
    call: Callable[..., Outcome], folder: Path, suffix: str
) -> None:
    """A note names the comment if and only if the file that is written lacks it."""
    PIL.Image.new("RGB", (8, 8)).save(folder / "said.jpg", comment=b"a cat")
    told = "holds no comment" in call("said.jpg", f"out.{suffix}").err
    assert told == (b"a cat" not in (folder / f"out.{suffix}").read_bytes())
