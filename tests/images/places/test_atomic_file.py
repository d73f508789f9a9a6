import os
import subprocess
import time
from pathlib import Path

import faults
import programs
import pytest

from upsample_cli.images.places import atomic_file


def hold(target: Path) -> subprocess.Popen[bytes]:
    """Start a process that writes to a target until its standard input is closed."""
    command = programs.command("hold_target", target)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def leave(folder: Path, name: str, age: float = 0.0) -> Path:
    """Make a temporary that nobody holds, last written so many seconds ago."""
    path = folder / name
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_living_process_keeps_its_temporary(tmp_path: Path) -> None:
    """What another process writes is not cleaned away, and takes its name when it is whole."""
    with hold(tmp_path / "out.png") as process:
        assert atomic_file.clean(str(tmp_path)) == 0
        process.stdin.close()
        assert process.wait(faults.PATIENCE) == 0
        process.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.skipif(os.name == "nt", reason="has no such modes")
def test_modes_are_kept(tmp_path: Path) -> None:
    """A new file has the mode asked for, one that is replaced its own; links lead to the target."""
    target, link = tmp_path / "real" / "out.png", tmp_path / "link.png"
    target.parent.mkdir()
    link.symlink_to("real/out.png")
    before = os.umask(0o022)
    try:
        with atomic_file.writing(str(target), force=False, mode=0o640) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == 0o640
        assert target.stat().st_mode & 0o777 == 0o640
        target.chmod(0o604)
        with atomic_file.writing(str(link), force=True) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == 0o604
            assert [*tmp_path.glob("*.part")] == []
            file.write(b"new")
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o604)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are not everywhere")
def test_a_pipe_or_link_named_like_a_temporary_is_left(tmp_path: Path) -> None:
    """It is nothing of ours, and opening a pipe would wait for ever."""
    name = Path(atomic_file.temporary_beside("out.png")).name
    os.mkfifo(tmp_path / name)
    (tmp_path / "precious").write_text("only copy")
    os.utime(tmp_path / "precious", (1, 1))
    (tmp_path / f"{name[:-5]}1.part").symlink_to("precious")
    assert atomic_file.clean(str(tmp_path)) == 0
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.skipif(atomic_file.flock is None, reason="without locks, age decides: below")
def test_a_killed_process_leaves_what_the_next_run_cleans(tmp_path: Path) -> None:
    """After kill -9 the temporary is there, and cleaning removes it and nothing else."""
    (tmp_path / "mine.part").touch()
    with hold(tmp_path / "out.png") as process:
        process.kill()
    assert len(list(tmp_path.iterdir())) == 2
    assert atomic_file.clean(str(tmp_path)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.part"]


@pytest.mark.parametrize(("hours", "removed"), [(1, 0), (23, 0), (25, 1)])
def test_another_machine_has_a_day(tmp_path: Path, hours: int, removed: int) -> None:
    """In a shared folder another machine's locks may not be seen, so only age tells."""
    leave(tmp_path, ".upsample-00000000-0123456789ab.part", hours * 3600)
    assert atomic_file.clean(str(tmp_path)) == removed


@pytest.mark.parametrize(("minutes", "removed"), [(1, 0), (9, 0), (11, 1)])
def test_without_locks_ours_have_ten_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int, removed: int
) -> None:
    """Where the system has no locks, ours are told by their age too, and targets still appear."""
    monkeypatch.setattr(atomic_file, "flock", None)
    leave(tmp_path, Path(atomic_file.temporary_beside("")).name, 60 * minutes)
    assert atomic_file.clean(str(tmp_path)) == removed
    with atomic_file.writing(str(tmp_path / "out.png"), force=False) as file:
        file.write(b"whole")
    assert (tmp_path / "out.png").read_bytes() == b"whole"


def test_one_cleaned_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary that is cleaned away between its making and its lock costs nothing."""
    really, cleaned = os.fstat, []

    def late(descriptor: int) -> os.stat_result:
        """Clean before the lock is looked at, once."""
        if not cleaned:
            cleaned.extend(path.unlink() or path for path in tmp_path.iterdir())
        return really(descriptor)

    monkeypatch.setattr(os, "fstat", late)
    with atomic_file.writing(str(tmp_path / "out.png"), force=False) as file:
        file.write(b"whole")
    assert len(cleaned) == 1
    assert (tmp_path / "out.png").read_bytes() == b"whole"


def test_a_folder_that_is_not_there_is_clean(tmp_path: Path) -> None:
    """Cleaning comes before folders are made."""
    assert atomic_file.clean(str(tmp_path / "no")) == 0
