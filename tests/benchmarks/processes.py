"""One process, measured from its start to its end."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rounds import FailedRunError, Run

_ROOT = Path(__file__).resolve().parents[2]
_SEARCH = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
_ENVIRONMENT = os.environ | {"PYTHONPATH": _SEARCH}
_ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # ours is compiled before, as libraries are
_LAUNCHER = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))]


def run(command: Sequence[str], folder: Path, timeout: float) -> Run:
    """Run a command and return its time; processor time and memory on Linux only.

    Memory is that of the largest of its processes; processor time is of all.

    Args:
        command: The program and its arguments.
        folder: Where it runs; it must hold no module that Python could import by mistake.
        timeout: Seconds after which it is stopped.

    Raises:
        FailedRunError: It is stopped or ends with a status other than 0.
    """
    launched = sys.platform == "linux"
    words = [*_LAUNCHER, str(timeout), *command] if launched else list(command)
    began = time.perf_counter()
    try:
        ended = subprocess.run(
            words,
            cwd=folder,
            env=_ENVIRONMENT,
            capture_output=True,
            timeout=None if launched else timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FailedRunError(f"over {timeout:g} s") from None
    taken, status = Run(time.perf_counter() - began), ended.returncode
    if launched and status == 0:
        code, *figures = ended.stdout.split()
        seconds, processor_seconds, peak = map(float, figures)
        taken, status = Run(seconds, processor_seconds, peak * 1024 / 1e6), int(code)
    if status != 0:
        late = taken.seconds >= timeout
        raise FailedRunError(f"over {timeout:g} s" if late else _why(status, ended.stderr))
    return taken


def converted(command: Sequence[str], target: Path, side: int, timeout: float) -> Run:
    """Run a command that writes a square PNG; return its time and the size of the file.

    Args:
        command: The program and its arguments.
        target: The PNG to write; removed afterwards.
        side: Pixels along each side that it must have.
        timeout: Seconds after which the command is stopped.

    Raises:
        FailedRunError: The command fails or its picture has another size.
    """
    try:
        taken = run(command, target.parent, timeout)
        if not target.exists():
            raise FailedRunError("wrote no picture")
        with target.open("rb") as file:
            header = file.read(24)
        size = tuple(int.from_bytes(header[at : at + 4], "big") for at in (16, 20))
        if size != (side, side):
            raise FailedRunError(f"wrote {size[0]}x{size[1]} pixels, not {side}x{side}")
        written = target.stat().st_size
    finally:
        target.unlink(missing_ok=True)
    return Run(taken.seconds, taken.processor_seconds, taken.peak_mb, written)


def _why(status: int, words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return f"status {status}: {lines[-1] if lines else 'no word'}"
