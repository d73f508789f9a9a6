"""Functions for worker processes to call, faulty ones too, and looks at such processes."""

import os
import subprocess
import time
from pathlib import Path

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse

PATIENCE = 30.0  # seconds after which a test fails for waiting


def double(number: int) -> int:
    return 2 * number


def process() -> int:
    return os.getpid()


def die() -> None:
    """End the process as a crash does, or the system where memory has run out."""
    os._exit(9)


def die_once(mark: str, answer: str) -> str:
    """End the process unless that has happened before."""
    if not Path(mark).exists():
        Path(mark).touch()
        die()
    return answer


def die_then_begin(mark: str, go: str, active: str) -> list[str]:
    """End the process, and the second time wait as `begin` does."""
    die_once(mark, "")
    return begin(f"{mark}-again", go, active)


def fail(kind: str) -> None:
    """Raise one of our errors, or one that is a bug."""
    raise ImageFileError("fact; remedy") if kind == "ours" else ValueError("a bug")


def wait_for(path: str) -> bool:
    """Wait until a file is there."""
    end = time.monotonic() + PATIENCE
    while not Path(path).exists():
        assert time.monotonic() < end
        time.sleep(0.005)
    return True


def begin(mark: str, until: str, active: str) -> list[str]:
    """Mark the beginning, wait until work may end, and return other busy processes' numbers."""
    Path(mark).touch()
    Path(active, str(os.getpid())).touch()
    wait_for(until)
    others = [path.name for path in Path(active).iterdir() if path.name != str(os.getpid())]
    Path(active, str(os.getpid())).unlink()
    return others


def write_slowly(path: str, mark: str) -> None:
    """Begin to write a target and never finish."""
    with parse(path).writing() as file:
        file.write(b"half")
        Path(mark).touch()
        wait_for(f"{mark}-never")


def write_once_told(path: str, mark: str, go: str) -> bool:
    """Write half a target, and the rest once a file is there."""
    with parse(path).writing() as file:
        file.write(b"wh")
        file.flush()
        Path(mark).touch()
        wait_for(go)
        file.write(b"ole")
    return True


def print_words() -> None:
    """Print to standard output, as libraries may."""
    os.write(1, b"words\n")


def until(condition: object) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator] # any callable
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Return the process numbers of the workers of a run."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for pid, parent, words in lines
        if int(parent) == process.pid and "spawn_main" in words
    ]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not Path("/proc/self").exists()
