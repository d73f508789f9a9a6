"""The scripts in tests/benchmarks run: each starts, and the quick ones print their tables."""

import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
from textures import texture_samples

FOLDER = Path(__file__).parent / "benchmarks"


def printed(script: str, *arguments: object) -> str:
    """Run a benchmark and return what it prints."""
    command = [sys.executable, FOLDER / f"{script}.py", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize(
    "script",
    [
        *("arithmetic", "enlargers", "folders", "layers", "metric", "network", "quality"),
        *("repair", "speed"),
    ],
)
def test_a_benchmark_starts(script: str) -> None:
    """Every benchmark finds what it imports, and explains its options."""
    assert printed(script, "--help").startswith("usage: ")


def test_arithmetic_compares_methods_in_memory() -> None:
    """Every method of ours has a row with its time."""
    table = printed("arithmetic", "--side", 32, "--sides", "--rounds", 1, "--tools", "upsample")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| upsample")]
    assert len(rows) == 4
    assert all(float(row[1]) > 0 for row in rows)


def test_quality_scores_methods_on_pictures(tmp_path: Path) -> None:
    """A folder of pictures gives a row of scores, through files and in memory."""
    PIL.Image.fromarray(texture_samples(48, 64, 3)).save(tmp_path / "one.png")
    table = printed("quality", tmp_path, "--scales", 2, "--methods", "bicubic")
    (row,) = [line for line in table.splitlines() if line.startswith("| bicubic")]
    assert 20 < float(row.split(" | ")[1]) < 60


def test_quality_scores_damaged_pictures_and_drawings(tmp_path: Path) -> None:
    """A row has the score of each kind of damage and of drawings."""
    PIL.Image.fromarray(texture_samples(48, 64, 3)).save(tmp_path / "one.png")
    options = ["--scales", 3, "--methods", "bicubic", "nearest", "--damaged"]
    table = printed("quality", tmp_path, *options)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == [rows[0][0], "bicubic", "nearest"]
    assert all(len(row) == 10 and 5 < float(row[9]) < 60 for row in rows[1:])
