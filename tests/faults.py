"""Functions that tests run in worker processes, and functions that watch such processes."""

import os
import subprocess
import time
from pathlib import Path

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse

PATIENCE = 30.0  # seconds after which a test fails for waiting


def double(number: int) -> int:
    return 2 * number


def process_id() -> int:
    return os.getpid()


def die() -> None:
    """End the process without clean-up, as a crash or a lack of memory does."""
    os._exit(9)


def die_once(mark: str, answer: str) -> str:
    """End the process at the first call; return the answer at later calls."""
    if not Path(mark).exists():
        Path(mark).touch()
        die()
    return answer


def die_then_list_busy_processes(mark: str, go: str, active: str) -> list[str]:
    """End the process at the first call; call `list_busy_processes` at later calls."""
    die_once(mark, "")
    return list_busy_processes(f"{mark}-again", go, active)


class OddError(Exception):
    """Pickles, but is not made again from what it pickles as."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def fail(kind: str) -> None:
    """Raise an error of ours, or one that means a bug."""
    if kind == "open":
        raise ValueError("a bug", open(os.devnull, "rb"))  # noqa: PTH123, SIM115
    if kind == "odd":
        raise OddError("a", " bug")
    raise ImageFileError("fact; remedy") if kind == "ours" else ValueError("a bug")


def wait_for(path: str) -> bool:
    """Wait until a file exists."""
    end = time.monotonic() + PATIENCE
    while not Path(path).exists():
        assert time.monotonic() < end
        time.sleep(0.005)
    return True


def list_busy_processes(mark: str, go: str, active: str) -> list[str]:
    """Report the start by a file, wait for the file `go`, and return the other busy processes."""
    Path(mark).touch()
    Path(active, str(os.getpid())).touch()
    wait_for(go)
    others = [path.name for path in Path(active).iterdir() if path.name != str(os.getpid())]
    Path(active, str(os.getpid())).unlink()
    return others


def write_without_end(path: str, mark: str) -> None:
    """Write half of a target and never finish."""
    with parse(path).writing() as file:
        file.write(b"half")
        Path(mark).touch()
        wait_for(f"{mark}-never")


def write_in_two_steps(path: str, mark: str, go: str) -> bool:
    """Write half of a target, and the rest when the file `go` exists."""
    with parse(path).writing() as file:
        file.write(b"wh")
        file.flush()
        Path(mark).touch()
        wait_for(go)
        file.write(b"ole")
    return True


def print_text() -> None:
    """Print to standard output, as libraries may."""
    os.write(1, b"words\n")


def wait_until(condition: object) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator] # any callable
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def worker_ids(process: subprocess.Popen[str]) -> list[int]:
    """Return the process ids of the workers of a run."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for pid, parent, command in lines
        if int(parent) == process.pid and "spawn_main" in command
    ]


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not Path("/proc/self").exists()
