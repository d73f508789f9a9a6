"""Damaged files: one line of error or a whole output, whatever is in them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz import seeds
from terminal import check_refused, contents, run_process

RUN, SUITE = (Path(__file__).parent / name for name in ("run.py", "suite.py"))


def test_damaged_files_end_in_one_line_or_a_whole_output(tmp_path: Path) -> None:
    """200 damaged files of all kinds: no traceback, no partial file, within --max-memory.

    `python tests/fuzz/run.py --count 2000` does ten times as many.
    """
    command = [sys.executable, str(RUN), "--count", "200", "--keep", str(tmp_path)]
    made = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert (made.returncode, made.stderr) == (0, b"")
    told = json.loads(made.stdout)
    assert told["failed"] == []
    assert told["mutations"] == told["done"] + told["refused"] == 200
    assert told["done"] > 10


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_killed_runs_are_completed_by_the_next(tmp_path: Path) -> None:
    """4 runs killed at random moments and resumed: all pictures, a row each, inputs untouched.

    `python tests/fuzz/kills.py --count 100` does more.
    """
    command = [sys.executable, str(RUN.with_name("kills.py")), "--count", "4"]
    run = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert json.loads(run.stdout)["failed"] == []


def test_files_of_every_kind_come_out_as_other_readers_have_them(tmp_path: Path) -> None:
    """Every PNG of a suite is right, and of other kinds that OpenCV reads none is wrong."""
    (tmp_path / "suite").mkdir()
    kinds = seeds.png_kinds()
    files = seeds.pictures() | kinds
    del files["part.gif"]  # its empty canvas is transparent in browsers, and black to others
    for name, data in files.items():
        (tmp_path / "suite" / name).write_bytes(data)
    command = [sys.executable, str(SUITE), str(tmp_path / "suite"), "--verbose"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    *lines, counts = made.stdout.splitlines()
    right = {line.split()[1] for line in lines if line.startswith("right")}
    assert {*kinds, "floats.tiff"} <= right  # Pillow does not read the latter, but OpenCV does
    assert (made.returncode, json.loads(counts)["wrong"]) == (0, 0)
    assert json.loads(counts)["refused"] == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif", "webp"])
def test_a_cut_file_ends_a_process_in_one_line(folder: Path, suffix: str) -> None:
    """So it is where a process of its own reads it, decoders in C included."""
    import PIL.Image

    path = folder / f"in.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    options = {"compression": "tiff_lzw"} if suffix == "tiff" else {}
    PIL.Image.fromarray(noise).save(path, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    before = contents(folder)
    check_refused(run_process(path.name, "out.png", folder=folder), 1, path.name)
    assert contents(folder) == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder."""
    return tmp_path
