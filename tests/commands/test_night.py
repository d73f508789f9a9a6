"""A night's work in small: five hundred pictures of every kind, some broken, some runs killed."""

import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import faults
import numpy as np
import PIL.Image
import pytest

COUNT = 500
BROKEN = {"a/000.png", "b/101.jpg", "c/202.webp", "d/303.tif", "e/404.png"}
KINDS = ("png", "jpg", "webp", "tif", "bmp", "gif")
MODES = ("RGB", "L", "RGBA", "P", "I;16")
HOLDS = {"jpg": ("RGB", "L"), "webp": ("RGB", "RGBA"), "bmp": ("RGB", "L"), "gif": ("P",)}
HEAD = [sys.executable, "-m", "upsample_cli", "in", "out"]


def picture(number: int, kind: str) -> PIL.Image.Image:
    """Return a picture of its own size, content and mode."""
    rng = random.Random(number)
    modes = HOLDS.get(kind, MODES)
    ramp = np.add.outer(np.arange(rng.randint(1, 48)), np.arange(rng.randint(1, 48))) * 2 + number
    if (mode := modes[number % len(modes)]) == "I;16":
        return PIL.Image.fromarray((ramp * 257 % 65536).astype(np.uint16))
    return PIL.Image.fromarray((ramp % 256).astype(np.uint8)).convert(mode)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `in`, a tree of pictures, of which five cannot be read."""
    folder = tmp_path_factory.mktemp("night")
    for number in range(COUNT):
        kind = KINDS[number % len(KINDS)]
        path = folder / "in" / "abcde"[number * 5 // COUNT] / f"{number:03}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, kind).save(path)
    for place, name in enumerate(sorted(BROKEN)):
        (found,) = (folder / "in").glob(f"{name.partition('.')[0]}.*")
        found.unlink()
        whole = (folder / "in/a/006.png").read_bytes()
        damaged = (b"", b"no picture at all", whole[:-30], whole[:8], b"\xff\xd8\xff\xe0" + whole)
        (folder / "in" / name).write_bytes(damaged[place])
    return folder


@pytest.fixture
def desk(tree: Path, tmp_path: Path) -> Path:
    """Return a folder from which `in` is the tree, and `out` is nothing yet."""
    (tmp_path / "in").symlink_to(tree / "in")
    return tmp_path


def run(desk: Path, *options: str) -> tuple[int, str]:
    made = subprocess.run(
        [*HEAD, "-q", *options], cwd=desk, capture_output=True, text=True, check=False
    )
    return made.returncode, made.stderr


def check_complete(desk: Path) -> dict[str, str]:
    """Check that all outputs are there, whole and of their sizes; return their hashes."""
    hashes = {}
    for source in sorted((desk / "in").rglob("*.*")):
        name = source.relative_to(desk / "in").as_posix()
        if name in BROKEN:
            assert not (desk / "out" / name).exists()
            continue
        with PIL.Image.open(source) as given, PIL.Image.open(desk / "out" / name) as made:
            made.load()
            assert made.size == (2 * given.width, 2 * given.height), name
        hashes[name] = hashlib.sha256((desk / "out" / name).read_bytes()).hexdigest()
    assert len(hashes) == COUNT - len(BROKEN)
    assert list((desk / "out").rglob(".upsample-*")) == []
    return hashes


def check_told(code: int, words: str) -> None:
    """Check that the broken pictures, and no others, were named on a line each."""
    assert code == 1
    lines = words.splitlines()
    assert len(lines) == len(BROKEN)
    for name, line in zip(sorted(BROKEN), sorted(lines), strict=True):
        assert line.startswith(f"Error: in/{name} "), line


def statuses(desk: Path) -> dict[str, str]:
    """Return the last status of each input in the report."""
    with (desk / "out" / "checkerboard.csv").open() as file:
        return {row["input"]: row["status"] for row in csv.DictReader(file)}


def started(desk: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run, and wait until it is well under way."""
    process = subprocess.Popen(
        [*HEAD, "-q", "-j", "2", *options], cwd=desk, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    faults.until(lambda: len(list((desk / "out").glob("[ab]/*.*"))) > COUNT // 4)
    return process


def test_broken_pictures_cost_no_others(desk: Path) -> None:
    """All but five are done, those are named, and one process gives the bytes that two give."""
    check_told(*run(desk, "-j", "2"))
    hashes = check_complete(desk)
    told = statuses(desk)
    assert {name for name, status in told.items() if status == "failed"} == {
        f"in/{name}" for name in BROKEN
    }
    assert sum(status == "done" for status in told.values()) == COUNT - len(BROKEN)
    (desk / "out").rename(desk / "two")
    check_told(*run(desk, "-j", "1"))
    assert check_complete(desk) == hashes


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill")
def test_a_killed_run_loses_nothing(desk: Path) -> None:
    """After kill -9 half-way, --skip-existing makes the rest: the union is complete and whole."""
    with started(desk) as process:
        workers = faults.workers(process)
        process.kill()
    faults.until(lambda: not any(map(faults.is_alive, workers)))
    before = {path: path.stat().st_mtime_ns for path in (desk / "out").rglob("*.*")
              if not path.name.startswith((".", "checkerboard"))}  # fmt: skip
    assert COUNT // 4 < len(before) < COUNT - len(BROKEN)
    check_told(*run(desk, "--skip-existing"))
    check_complete(desk)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(statuses(desk)) == COUNT


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill")
def test_killed_workers_cost_nothing(desk: Path) -> None:
    """Kill -9 of each worker half-way: what they worked on is tried again, and all is done."""
    with started(desk) as process:
        before = faults.workers(process)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        _, words = process.communicate(timeout=4 * faults.PATIENCE)
    assert len(before) == 2
    check_told(process.returncode, words)
    check_told(*run(desk, "--skip-existing"))  # removes what they left half-done
    check_complete(desk)
