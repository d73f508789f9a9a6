"""What may happen in a long night: real processes, real signals, real full disks."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faults
import PIL.Image
import programs
import pytest
from terminal import Outcome, check_refused
from textures import texture_samples

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes and kill")

COUNT, SLOW = 8, 4  # pictures, and the one whose input does not come
QUICK = COUNT - 1  # the others
HEAD = [sys.executable, "-W", "error", "-m", "upsample_cli"]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with pictures in `in`, one a pipe that nobody writes to, and their names."""
    (tmp_path / "in").mkdir()
    names = [f"in/{number}.png" for number in range(COUNT)]
    for name in names:
        PIL.Image.fromarray(texture_samples(16, 16, 3)).save(tmp_path / name)
    (tmp_path / names[SLOW]).rename(tmp_path / "slow.png")
    os.mkfifo(tmp_path / names[SLOW])
    (tmp_path / "names").write_text("\n".join(names))
    return tmp_path


@contextmanager
def started(desk: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run of two workers on the names, in a process group as a terminal's."""
    command = [*HEAD, "--files-from", "names", "out", "-j", "2", *options]
    with subprocess.Popen(
        command, cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def done(desk: Path) -> list[int]:
    """Return which pictures are there, each of which has to decode whole."""
    found = sorted((desk / "out" / "in").glob("*.png"))
    for path in found:
        with PIL.Image.open(path) as opened:
            opened.load()
            assert opened.size == (32, 32)
    return [int(path.stem) for path in found]


def wait_for_the_others(desk: Path, count: int = QUICK) -> None:
    """Wait until one worker is idle and one waits for its input."""
    faults.until(lambda: (desk / "out" / "in").is_dir() and len(done(desk)) == count)


def feed(desk: Path, process: subprocess.Popen[str]) -> None:
    """Let the slow picture come, once a worker waits for it or the run has ended."""

    def fed() -> bool:
        """Write if somebody reads."""
        try:
            pipe = os.open(desk / "in" / f"{SLOW}.png", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return process.poll() is not None
        with os.fdopen(pipe, "wb") as file:
            file.write((desk / "slow.png").read_bytes())
        return True

    faults.until(fed)


def rows(desk: Path) -> list[dict[str, str]]:
    with (desk / "out" / "checkerboard.csv").open() as file:
        return list(csv.DictReader(file))


def leavings(desk: Path) -> list[str]:
    return [path.name for path in desk.rglob(".upsample-*")]


def test_a_killed_run_is_gone_on_with(desk: Path) -> None:
    """After kill -9 no worker is left; --skip-existing completes the pictures, and all decode."""
    with started(desk) as process:
        wait_for_the_others(desk)
        left = faults.workers(process)
        assert len(left) == 2
        process.kill()
    faults.until(lambda: not any(map(faults.is_alive, left)))
    assert len(rows(desk)) == SLOW  # those before the slow one; the others wait for their turn
    (desk / "slow.png").replace(desk / "in" / f"{SLOW}.png")
    with started(desk, "--skip-existing") as process:
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, words) == (0, f"1 done, {QUICK} skipped, 0 failed\n")
    assert done(desk) == list(range(COUNT))
    assert leavings(desk) == []
    assert sorted(row["input"] for row in rows(desk)) == [f"in/{n}.png" for n in range(COUNT)]


def test_a_killed_worker_costs_nothing(desk: Path) -> None:
    """Kill -9 of workers: the one's picture is tried again, and the others were not disturbed."""
    with started(desk) as process:
        wait_for_the_others(desk)
        times = {path: path.stat().st_mtime_ns for path in (desk / "out" / "in").glob("*.png")}
        before = faults.workers(process)
        for pid in before:  # one waits for the slow picture, the other for work
            os.kill(pid, signal.SIGKILL)
        faults.until(lambda: not any(map(faults.is_alive, before)))
        feed(desk, process)
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, words) == (0, f"{COUNT} done, 0 skipped, 0 failed\n")
    assert done(desk) == list(range(COUNT))
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_picture_that_kills_its_worker_twice_has_failed(desk: Path) -> None:
    """After a second worker it is named as failed, and the exit code is 1."""
    with started(desk) as process:
        killed: set[int] = set()
        wait_for_the_others(desk)
        for _ in range(2):
            faults.until(lambda: set(faults.workers(process)) - killed)
            for pid in set(faults.workers(process)) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 1
    assert "Error: in/4.png ended its worker twice (SIGKILL); it may need more memory" in words
    assert words.endswith(f"{COUNT - 1} done, 0 skipped, 1 failed\n")
    assert [row["status"] for row in rows(desk)] == [
        "failed" if number == SLOW else "done" for number in range(COUNT)
    ]


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_finishes_what_is_under_way(desk: Path, sent: signal.Signals, code: int) -> None:
    """The first one lets the workers end their pictures and tells what is left."""
    with started(desk, "--json") as process:
        wait_for_the_others(desk)
        os.killpg(process.pid, sent)  # as a terminal does
        assert process.stderr.readline().startswith("note: stopping after the pictures under way")
        feed(desk, process)
        told, words = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, words) == (code, "")
    summary = told.splitlines()[-1]
    assert f'"done": {COUNT}, "skipped": 0, "failed": 0, "left": 0' in summary
    assert len(rows(desk)) == COUNT


def test_what_has_not_begun_is_left_after_a_signal(desk: Path) -> None:
    """With one worker at the slow picture, those behind it are not begun, and counted as left."""
    with started(desk, "-j", "1") as process:
        faults.until(lambda: (desk / "out" / "in").is_dir() and len(done(desk)) == SLOW)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr.readline().startswith("note: stopping")
        feed(desk, process)
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 130
    count = len(done(desk))
    assert count in (SLOW + 1, SLOW + 2)  # the next one waits for the worker already
    assert words == f"{count} done, 0 skipped, 0 failed, {COUNT - count} left\n"


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_second_signal_stops_at_once(desk: Path, sent: signal.Signals, code: int) -> None:
    """The workers end in the middle of their pictures, and nothing half-written is left."""
    with started(desk) as process:
        wait_for_the_others(desk)
        left = faults.workers(process)
        os.killpg(process.pid, sent)
        assert process.stderr.readline().startswith("note: stopping")
        os.killpg(process.pid, sent)
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in words
    assert not any(map(faults.is_alive, left))
    assert len(done(desk)) == QUICK
    assert len(rows(desk)) == QUICK  # those after the slow one too
    assert leavings(desk) == []


def test_a_process_that_cannot_be_started_is_told(desk: Path) -> None:
    """Where no files are left for pipes to workers, standard output is not blamed."""
    pytest.importorskip("resource")
    command = programs.command("limit", "RLIMIT_NOFILE", 8, *HEAD, "in", "out", "-j", 2)
    ended = subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)
    fault = "cannot start a worker process: Too many open files"
    check_refused(Outcome(ended.returncode, ended.stdout.encode(), ended.stderr), 1, fault)


def test_a_full_disk_costs_what_does_not_fit(desk: Path) -> None:
    """A picture for which there is no room has failed, the others are done, no part is left."""
    (desk / "in" / f"{SLOW}.png").unlink()
    PIL.Image.fromarray(texture_samples(160, 160, 3)).save(desk / "in" / f"{SLOW}.png")
    command = programs.command("limit", "RLIMIT_FSIZE", 20_000, *HEAD, "in", "out", "-j", 2)
    ended = subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Error: cannot write out/4.png: File too large; choose another place" in ended.stderr
    assert ended.stderr.endswith(f"{COUNT - 1} done, 0 skipped, 1 failed\n")
    assert leavings(desk) == []


def test_a_target_folder_that_vanishes_is_not_made_anew(desk: Path) -> None:
    """Where it has gone the rest fails, each named, and the lost report is told."""
    with started(desk, "-j", "1") as process:
        faults.until(lambda: (desk / "out" / "in").is_dir() and len(done(desk)) == SLOW)
        shutil.rmtree(desk / "out")
        feed(desk, process)
        _, words = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 1
    assert words.count(".png: folder out has vanished; ") == COUNT - SLOW - 1
    assert "checkerboard.csv has vanished, and its rows with it" in words
    assert f"{SLOW} done, 0 skipped, {COUNT - SLOW} failed\n" in words
    assert not (desk / "out").exists()


def test_a_reader_that_goes_ends_the_run(desk: Path) -> None:
    """`upsample in out | head -1` ends with the first line that is not read, without a word."""
    with started(desk) as process:
        assert process.stdout.readline().startswith("out/in/")
        process.stdout.close()
        left = faults.workers(process)
        feed(desk, process)
        assert process.stderr.read() == ""
        assert process.wait(faults.PATIENCE) == 141
    assert not any(map(faults.is_alive, left))
    assert leavings(desk) == []
