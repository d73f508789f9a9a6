"""The command line, called in this process or as a process of its own."""

from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import PIL.Image
import pytest
from terminal import Outcome
from textures import levels

from upsample_cli.commands import app

Call = Callable[..., Outcome]


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], folder: Path
) -> Call:
    """Return a function that runs the command line here, in a folder of its own."""
    monkeypatch.chdir(folder)

    def called(*arguments: object, stdin: bytes = b"") -> Outcome:
        capsysbinary.readouterr()
        monkeypatch.setattr("sys.argv", ["upsample", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin)))
        code = app._run()  # `main` ends the process
        out, err = capsysbinary.readouterr()
        return Outcome(code, out, err.decode())

    return called


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small picture, in.png, of 24x20 pixels."""
    PIL.Image.fromarray(levels(20, 24, 3)).save(tmp_path / "in.png")
    return tmp_path
