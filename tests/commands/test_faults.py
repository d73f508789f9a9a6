"""Faults of long runs: real processes, real signals and full disks."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import faults
import PIL.Image
import programs
import pytest
from terminal import Outcome, check_refused
from textures import texture_samples

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes and kill")

COUNT, SLOW = 8, 4  # number of pictures; index of the one whose input does not arrive
QUICK_COUNT = COUNT - 1  # number of the other pictures
# A signal can come when a file is open, but has no name yet: Python warns when it closes that file.
COMMAND = [
    *(sys.executable, "-W", "error", "-W", "ignore:unclosed:ResourceWarning"),
    *("-m", "upsample_cli"),
]


@pytest.fixture
def work_folder(tmp_path: Path) -> Path:
    """Return a folder with a list of pictures, one of them a pipe that nobody writes to."""
    (tmp_path / "in").mkdir()
    names = [f"in/{number}.png" for number in range(COUNT)]
    for name in names:
        PIL.Image.fromarray(texture_samples(16, 16, 3)).save(tmp_path / name)
    (tmp_path / names[SLOW]).rename(tmp_path / "slow.png")
    os.mkfifo(tmp_path / names[SLOW])
    (tmp_path / "names").write_text("\n".join(names))
    return tmp_path


@contextmanager
def start_run(work_folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run of two workers on the list, in a process group of its own."""
    command = [*COMMAND, "--files-from", "names", "out", "-j", "2", *options]
    with subprocess.Popen(
        command, cwd=work_folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def finished_pictures(work_folder: Path) -> list[int]:
    """Return the numbers of the pictures that are written, and check that each decodes."""
    paths = sorted((work_folder / "out" / "in").glob("*.png"))
    for path in paths:
        with PIL.Image.open(path) as opened:
            opened.load()
            assert opened.size == (32, 32)
    return [int(path.stem) for path in paths]


def wait_for_pictures(work_folder: Path, count: int = QUICK_COUNT) -> None:
    """Wait until so many pictures are written; by default all but the slow one."""
    folder = work_folder / "out" / "in"
    faults.wait_until(lambda: folder.is_dir() and len(finished_pictures(work_folder)) == count)


@contextmanager
def slow_picture(work_folder: Path, process: subprocess.Popen[str]) -> Iterator[None]:
    """Wait until a worker reads the slow picture or the run has ended; write it after the block."""
    pipes = list[int]()

    def is_read() -> bool:
        """Open the pipe if a process reads it; return whether to stop trying."""
        try:
            path = work_folder / "in" / f"{SLOW}.png"
            pipes.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return process.poll() is not None
        return True

    faults.wait_until(is_read)
    yield
    for pipe in pipes:
        with suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:  # the run may end meanwhile
            file.write((work_folder / "slow.png").read_bytes())


def send_slow_picture(work_folder: Path, process: subprocess.Popen[str]) -> None:
    """Write the slow picture into its pipe, once a worker reads it or the run has ended."""
    with slow_picture(work_folder, process):
        pass


def report_rows(work_folder: Path) -> list[dict[str, str]]:
    with (work_folder / "out" / "checkerboard.csv").open() as file:
        return list(csv.DictReader(file))


def temporary_files(work_folder: Path) -> list[str]:
    return [path.name for path in work_folder.rglob(".upsample-*")]


def test_a_killed_run_can_be_continued(work_folder: Path) -> None:
    """Kill -9 leaves no worker behind, and --skip-existing completes the pictures."""
    with start_run(work_folder) as process:
        wait_for_pictures(work_folder)
        worker_ids = faults.worker_ids(process)
        assert len(worker_ids) == 2
        process.kill()
    faults.wait_until(lambda: not any(map(faults.is_alive, worker_ids)))
    # No row waits for the slow picture: what was measured is not lost.
    assert len(report_rows(work_folder)) == QUICK_COUNT
    (work_folder / "slow.png").replace(work_folder / "in" / f"{SLOW}.png")
    with start_run(work_folder, "--skip-existing") as process:
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, stderr) == (0, f"1 done, {QUICK_COUNT} skipped, 0 failed\n")
    assert finished_pictures(work_folder) == list(range(COUNT))
    assert temporary_files(work_folder) == []
    assert sorted(row["input"] for row in report_rows(work_folder)) == [
        f"in/{n}.png" for n in range(COUNT)
    ]


def test_the_picture_of_a_killed_worker_is_tried_again(work_folder: Path) -> None:
    """Kill -9 of all workers loses no picture, and finished pictures are not written again."""
    with start_run(work_folder) as process:
        wait_for_pictures(work_folder)
        times = {
            path: path.stat().st_mtime_ns for path in (work_folder / "out" / "in").glob("*.png")
        }
        worker_ids = faults.worker_ids(process)
        for pid in worker_ids:  # one waits for the slow picture, the other is idle
            os.kill(pid, signal.SIGKILL)
        faults.wait_until(lambda: not any(map(faults.is_alive, worker_ids)))
        send_slow_picture(work_folder, process)
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, stderr) == (0, f"{COUNT} done, 0 skipped, 0 failed\n")
    assert finished_pictures(work_folder) == list(range(COUNT))
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_picture_that_kills_two_workers_fails(work_folder: Path) -> None:
    """The picture is reported as failed, the others are done, and the exit code is 1."""
    with start_run(work_folder) as process:
        killed: set[int] = set()
        wait_for_pictures(work_folder)
        for _ in range(2):
            faults.wait_until(lambda: set(faults.worker_ids(process)) - killed)
            for pid in set(faults.worker_ids(process)) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 1
    assert "Error: in/4.png crashed its worker process twice (SIGKILL); pass fewer --jobs" in stderr
    assert stderr.endswith(f"{COUNT - 1} done, 0 skipped, 1 failed\n")
    assert [row["status"] for row in report_rows(work_folder)] == [
        "failed" if number == SLOW else "done" for number in range(COUNT)
    ]


@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_first_signal_lets_begun_pictures_finish(
    work_folder: Path, signal_number: signal.Signals, code: int
) -> None:
    """The workers finish their pictures, and the summary counts the pictures left."""
    with start_run(work_folder, "--json") as process:
        wait_for_pictures(work_folder)
        os.killpg(process.pid, signal_number)  # as a terminal does
        assert process.stderr.readline().startswith("note: finishing the pictures in progress")
        send_slow_picture(work_folder, process)
        stdout, stderr = process.communicate(timeout=faults.PATIENCE)
    assert (process.returncode, stderr) == (code, "")
    summary = stdout.splitlines()[-1]
    assert f'"done": {COUNT}, "skipped": 0, "failed": 0, "left": 0' in summary
    assert len(report_rows(work_folder)) == COUNT


def test_ctrl_c_does_not_interrupt_workers_that_start(work_folder: Path) -> None:
    """A worker that still loads, in the process group of the terminal, survives Ctrl-C."""
    with start_run(work_folder) as process:
        faults.wait_until(lambda: faults.worker_ids(process))
        os.killpg(process.pid, signal.SIGINT)
        send_slow_picture(work_folder, process)
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert temporary_files(work_folder) == []


def test_a_signal_stops_pictures_that_have_not_begun(work_folder: Path) -> None:
    """Pictures after the slow one are not begun, and the summary counts them as left."""
    with start_run(work_folder, "-j", "1") as process:
        wait_for_pictures(work_folder, SLOW)
        with slow_picture(work_folder, process):
            os.killpg(process.pid, signal.SIGINT)
            assert process.stderr.readline().startswith("note: finishing")
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 130
    count = len(finished_pictures(work_folder))
    assert count in (SLOW + 1, SLOW + 2)  # the next one waits for the worker already
    assert stderr == f"{count} done, 0 skipped, 0 failed, {COUNT - count} left\n"


@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_second_signal_stops_at_once(
    work_folder: Path, signal_number: signal.Signals, code: int
) -> None:
    """The workers stop in the middle of their pictures and leave no partly written file."""
    with start_run(work_folder) as process:
        wait_for_pictures(work_folder)
        worker_ids = faults.worker_ids(process)
        os.killpg(process.pid, signal_number)
        assert process.stderr.readline().startswith("note: finishing")
        os.killpg(process.pid, signal_number)
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert not any(map(faults.is_alive, worker_ids))
    assert len(finished_pictures(work_folder)) == QUICK_COUNT
    assert len(report_rows(work_folder)) == QUICK_COUNT  # also those after the slow picture
    assert temporary_files(work_folder) == []


def test_a_worker_that_cannot_be_started_is_reported(work_folder: Path) -> None:
    """When no pipe to a worker can be opened, the error does not blame standard output."""
    pytest.importorskip("resource")
    command = programs.command("limit", "RLIMIT_NOFILE", 8, *COMMAND, "in", "out", "-j", 2)
    result = subprocess.run(command, cwd=work_folder, capture_output=True, text=True, check=False)
    fault = "cannot start a worker process: Too many open files"
    check_refused(Outcome(result.returncode, result.stdout.encode(), result.stderr), 1, fault)


def test_a_picture_that_does_not_fit_the_disk_fails_alone(work_folder: Path) -> None:
    """The large picture fails, the others are done, and no partial file is left."""
    (work_folder / "in" / f"{SLOW}.png").unlink()
    PIL.Image.fromarray(texture_samples(160, 160, 3)).save(work_folder / "in" / f"{SLOW}.png")
    command = programs.command("limit", "RLIMIT_FSIZE", 20_000, *COMMAND, "in", "out", "-j", 2)
    result = subprocess.run(command, cwd=work_folder, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Error: cannot write out/4.png: File too large; choose another place" in result.stderr
    assert result.stderr.endswith(f"{COUNT - 1} done, 0 skipped, 1 failed\n")
    assert temporary_files(work_folder) == []


def test_a_row_that_does_not_fit_the_disk_fails_a_single_picture_too(work_folder: Path) -> None:
    """The picture is written, and the exit code is that of a failure, as in a folder."""
    report = ["--report", "rows.jsonl", "--skip-existing"]
    first = [*COMMAND, "in/0.png", "out.png", *report]
    assert subprocess.run(first, cwd=work_folder, capture_output=True, check=False).returncode == 0
    rows = work_folder / "rows.jsonl"
    rows.write_bytes(100 * rows.read_bytes())
    size = rows.stat().st_size
    second = programs.command(
        "limit", "RLIMIT_FSIZE", size + 10, *COMMAND, "in/0.png", "more.png", *report
    )
    result = subprocess.run(second, cwd=work_folder, capture_output=True, text=True, check=False)
    fault = "Error: rows.jsonl lacks 1 row: the disk is full; free space\n"
    assert (result.returncode, result.stderr) == (1, fault)
    assert (work_folder / "more.png").exists()
    assert rows.stat().st_size == size


def test_a_deleted_output_folder_is_not_created_again(work_folder: Path) -> None:
    """Each remaining picture is reported as failed, and so is the lost report."""
    with start_run(work_folder, "-j", "1") as process:
        wait_for_pictures(work_folder, SLOW)
        shutil.rmtree(work_folder / "out")
        send_slow_picture(work_folder, process)
        _, stderr = process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 1
    # The slow picture was begun before, if the machine is quick, and then fails as it is written.
    assert stderr.count(".png: folder out is gone; ") in (COUNT - SLOW - 1, COUNT - SLOW)
    assert "checkerboard.csv was deleted with its rows" in stderr
    assert f"{SLOW} done, 0 skipped, {COUNT - SLOW} failed\n" in stderr
    assert not (work_folder / "out").exists()


def test_a_closed_pipe_ends_the_run_quietly(work_folder: Path) -> None:
    """`upsample in out | head -1` ends without a message at the first line that is not read."""
    with start_run(work_folder) as process:
        assert process.stdout.readline().startswith("out/in/")
        process.stdout.close()
        worker_ids = faults.worker_ids(process)
        send_slow_picture(work_folder, process)
        assert process.stderr.read() == ""
        assert process.wait(faults.PATIENCE) == 141
    assert not any(map(faults.is_alive, worker_ids))
    assert temporary_files(work_folder) == []
