"""The README is true: its tables, its console sessions, its commands and its Python."""

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import models
import numpy as np
import pytest

from upsample_cli.methods.catalogue import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the README's in a folder, by the shell, with this Python's `upsample`."""
    line = re.sub(r"\bupsample(?= )", f"{sys.executable} -m upsample_cli", command)
    line = re.sub(r"^python(?= )", sys.executable, line)
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with the files that the README's commands name."""
    (tmp_path / "photos").mkdir()
    shutil.copy(ROOT / "sample_images" / "coffee.png", tmp_path / "photo.png")
    shutil.copy(ROOT / "sample_images" / "rocket.jpg", tmp_path / "photo.jpg")
    for name in ("chelsea.png", "rocket.jpg"):
        shutil.copy(ROOT / "sample_images" / name, tmp_path / "photos" / name)
    return tmp_path


def test_the_methods_table_is_the_catalogue() -> None:
    """The table says of every method what `upsample methods` does."""
    table = README.split("<!-- methods -->\n")[1].split("\n\n")[0].splitlines()[2:]
    expected = []
    for method in METHODS:
        options = ", ".join(f"`{each.option}`" for each in method.parameters())
        backends = ", ".join(method.backends())
        expected.append(f"| `{method.name}` | {options or '-'} | {backends} | {method.summary} |")
    assert expected == table


def test_console_sessions_print_what_the_readme_shows(desk: Path) -> None:
    """Every `$` command prints the line below it, but for the seconds."""
    sessions = re.findall(r"^    \$ (.*)\n    (.*)$", README, re.MULTILINE)
    assert len(sessions) == 2
    for command, shown in sessions:
        printed = run(command, desk).stdout.strip()
        assert re.sub(r"[\d.]+ s$", "", shown) == re.sub(r"[\d.]+ s$", "", printed)


def test_console_blocks_print_what_the_readme_shows(desk: Path) -> None:
    """Every command of a console block prints all that stands below it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert blocks
    np.save(desk / "k3.npy", np.full((3, 3), 4 / 9))
    models.saved(models.generator(), desk, "generator.onnx")
    for block in blocks:
        for command, shown in re.findall(r"^\$ (.*)\n((?:[^$].*\n|\n)*)", block, re.MULTILINE):
            done = run(command, desk)
            assert (done.returncode, done.stdout + done.stderr) == (0, shown)


def test_every_command_under_start_works(desk: Path) -> None:
    """The commands of the second block under Start all succeed, in order."""
    block = README.split("## Start")[1].split("```sh\n")[2].split("```")[0]
    commands = [line.split("  #")[0].strip() for line in block.splitlines()]
    assert len(commands) == 8
    for command in commands:
        done = run(command, desk)
        assert (done.returncode, command) == (0, command), done.stderr
        (desk / "large.png").unlink(missing_ok=True)


def test_feature_maps_are_enlarged_as_told(desk: Path) -> None:
    """The commands under Feature maps succeed, in order."""
    np.save(desk / "features.npy", np.zeros((4, 8, 8), np.float32))
    block = README.split("## Feature maps")[1].split("```sh\n")[1].split("```")[0]
    for command in block.splitlines():
        (desk / "larger.npy").unlink(missing_ok=True)
        done = run(command, desk)
        assert (done.returncode, command) == (0, command), done.stderr
        assert np.load(desk / "larger.npy").shape[0] == 4


def test_the_set_up_command_enlarges_a_sample_that_is_there() -> None:
    """The first command installs the package and ends with the main job on a sample picture."""
    command = README.split("```sh\n")[1].split("```")[0].strip()
    job = command.split(" && ")[-1].split()
    assert job[0].endswith("bin/upsample")
    assert (ROOT / job[1]).is_file()


def test_the_matrix_is_the_one_that_is_printed(desk: Path) -> None:
    """The quoted output is that of the command above it, but for what the dots leave out."""
    command, *parts = README.split("```text\n$ ")[1].split("\n```")[0].split("\n", 1)
    printed = run(command, desk).stdout
    first, last = parts[0].split("\n...\n")
    assert printed.startswith(first)
    assert printed.endswith(last + "\n")


def test_python_examples() -> None:
    """The Python block gives what it shows."""
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert (failed, tried) == (0, 17)
