"""Fixtures for tests of the command line."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, TextIOWrapper
from pathlib import Path

import PIL.Image
import pytest
from terminal import Outcome
from textures import texture_samples

from upsample_cli.commands import app, batch
from upsample_cli.jobs.batch.pool import Workforce

Call = Callable[..., Outcome]


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], folder: Path
) -> Call:
    """Return a function that runs the command line in this process, in a new folder."""
    monkeypatch.chdir(folder)

    def run_command(*arguments: object, stdin: bytes = b"") -> Outcome:
        capsysbinary.readouterr()
        monkeypatch.setattr("sys.argv", ["upsample", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin)))
        code = app._run()  # `main` ends the process
        out, err = capsysbinary.readouterr()
        return Outcome(code, out, err.decode())

    return run_command


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `call` work on folders in threads, where processes, slow to start, are not the point."""

    class Threads(ThreadPoolExecutor, Workforce):
        """Threads in the place of the processes of a `Pool`."""

        def __init__(self, count: int) -> None:
            super().__init__(count)
            self.ahead = 2 * count

    monkeypatch.setattr(batch, "Pool", Threads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a new folder that holds in.png, a picture of 24x20 pixels."""
    PIL.Image.fromarray(texture_samples(20, 24, 3)).save(tmp_path / "in.png")
    return tmp_path
