"""Runs the command line as a new process, and checks its result."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """The result of a command.

    Args:
        code: The exit code.
        out: Standard output.
        err: Standard error.
    """

    code: int
    out: bytes
    err: str


def run_process(*arguments: object, stdin: bytes = b"", folder: Path | None = None) -> Outcome:
    """Run the command line as a new process in which warnings are errors."""
    command = [sys.executable, "-W", "error", "-m", "upsample_cli", *map(str, arguments)]
    result = subprocess.run(command, input=stdin, capture_output=True, cwd=folder, check=False)
    return Outcome(result.returncode, result.stdout, result.stderr.decode())


def imported_modules(*arguments: object, folder: Path | None = None) -> set[str]:
    """Return the modules that the command line imports in a new process.

    `-X importtime` omits modules that importlib.import_module loads; `-v` lists all.
    """
    command = [sys.executable, "-v", "-m", "upsample_cli", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    return set(re.findall(r"^import '([\w.]+)' #", result.stderr, re.MULTILINE))


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return the files of a folder with their bytes, and its sub-folders as None.

    Hidden files are included.
    """
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def check_refused(outcome: Outcome, code: int, fault: str) -> None:
    """Check that a command printed only one line on stderr, `Error: fact; remedy`."""
    assert outcome.err.startswith("Error: "), outcome.err
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.endswith("\n")
    assert ";" in outcome.err, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.isascii()
    assert fault in outcome.err, outcome.err
    assert outcome.code == code
    assert outcome.out == b""
