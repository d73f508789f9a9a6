"""A long run in small: five hundred pictures of every kind, some broken, some runs killed."""

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
SUFFIXES = ("png", "jpg", "webp", "tif", "bmp", "gif")
MODES = ("RGB", "L", "RGBA", "P", "I;16")
MODES_OF_SUFFIX = {"jpg": ("RGB", "L"), "webp": ("RGB", "RGBA"), "bmp": ("RGB", "L"), "gif": ("P",)}
COMMAND = [sys.executable, "-m", "upsample_cli", "in", "out"]


def picture(number: int, kind: str) -> PIL.Image.Image:
    """Return a picture of its own size, content and mode."""
    rng = random.Random(number)
    modes = MODES_OF_SUFFIX.get(kind, MODES)
    ramp = np.add.outer(np.arange(rng.randint(1, 48)), np.arange(rng.randint(1, 48))) * 2 + number
    if (mode := modes[number % len(modes)]) == "I;16":
        return PIL.Image.fromarray((ramp * 257 % 65536).astype(np.uint16))
    return PIL.Image.fromarray((ramp % 256).astype(np.uint8)).convert(mode)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose sub-folder `in` has 500 pictures, of which five cannot be read."""
    folder = tmp_path_factory.mktemp("night")
    for number in range(COUNT):
        kind = SUFFIXES[number % len(SUFFIXES)]
        path = folder / "in" / "abcde"[number * 5 // COUNT] / f"{number:03}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, kind).save(path)
    for index, name in enumerate(sorted(BROKEN)):
        (path,) = (folder / "in").glob(f"{name.partition('.')[0]}.*")
        path.unlink()
        complete = (folder / "in/a/006.png").read_bytes()
        damaged = (
            b"",
            b"no picture at all",
            complete[:-30],
            complete[:8],
            b"\xff\xd8\xff\xe0" + complete,
        )
        (folder / "in" / name).write_bytes(damaged[index])
    return folder


@pytest.fixture
def work_folder(tree: Path, tmp_path: Path) -> Path:
    """Return a folder with a link `in` to the pictures, and no `out`."""
    (tmp_path / "in").symlink_to(tree / "in")
    return tmp_path


def run(work_folder: Path, *options: str) -> tuple[int, str]:
    result = subprocess.run(
        [*COMMAND, "-q", *options], cwd=work_folder, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stderr


def check_complete(work_folder: Path) -> dict[str, str]:
    """Check that every output exists, decodes and has its size; return the hashes."""
    hashes = {}
    for source in sorted((work_folder / "in").rglob("*.*")):
        name = source.relative_to(work_folder / "in").as_posix()
        if name in BROKEN:
            assert not (work_folder / "out" / name).exists()
            continue
        with (
            PIL.Image.open(source) as original,
            PIL.Image.open(work_folder / "out" / name) as output,
        ):
            output.load()
            assert output.size == (2 * original.width, 2 * original.height), name
        hashes[name] = hashlib.sha256((work_folder / "out" / name).read_bytes()).hexdigest()
    assert len(hashes) == COUNT - len(BROKEN)
    assert list((work_folder / "out").rglob(".upsample-*")) == []
    return hashes


def check_errors(code: int, stderr: str) -> None:
    """Check that stderr has one line for each broken picture and no other line."""
    assert code == 1
    lines = stderr.splitlines()
    assert len(lines) == len(BROKEN)
    for name, line in zip(sorted(BROKEN), sorted(lines), strict=True):
        assert line.startswith(f"Error: in/{name} "), line


def reported_statuses(work_folder: Path) -> dict[str, str]:
    """Return the last status of each input in the report."""
    with (work_folder / "out" / "checkerboard.csv").open() as file:
        return {row["input"]: row["status"] for row in csv.DictReader(file)}


def start_run(work_folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run, and wait until a quarter of the pictures is written."""
    process = subprocess.Popen(
        [*COMMAND, "-q", "-j", "2", *options], cwd=work_folder, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    faults.wait_until(lambda: len(list((work_folder / "out").glob("[ab]/*.*"))) > COUNT // 4)
    return process


def test_broken_pictures_do_not_affect_others(work_folder: Path) -> None:
    """All pictures but five are done, and one process writes the same bytes as two."""
    check_errors(*run(work_folder, "-j", "2"))
    hashes = check_complete(work_folder)
    statuses = reported_statuses(work_folder)
    assert {name for name, status in statuses.items() if status == "failed"} == {
        f"in/{name}" for name in BROKEN
    }
    assert sum(status == "done" for status in statuses.values()) == COUNT - len(BROKEN)
    (work_folder / "out").rename(work_folder / "two")
    check_errors(*run(work_folder, "-j", "1"))
    assert check_complete(work_folder) == hashes


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill")
def test_a_killed_run_can_be_continued(work_folder: Path) -> None:
    """After kill -9, --skip-existing adds the missing pictures and keeps the others."""
    with start_run(work_folder) as process:
        workers = faults.worker_ids(process)
        process.kill()
    faults.wait_until(lambda: not any(map(faults.is_alive, workers)))
    times = {path: path.stat().st_mtime_ns for path in (work_folder / "out").rglob("*.*")
              if not path.name.startswith((".", "checkerboard"))}  # fmt: skip
    assert COUNT // 4 <= len(times) < COUNT - len(BROKEN)
    check_errors(*run(work_folder, "--skip-existing"))
    check_complete(work_folder)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len(reported_statuses(work_folder)) == COUNT


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill")
def test_the_pictures_of_killed_workers_are_tried_again(work_folder: Path) -> None:
    """After kill -9 of both workers the run completes all pictures."""
    with start_run(work_folder) as process:
        worker_ids = faults.worker_ids(process)
        for pid in worker_ids:
            os.kill(pid, signal.SIGKILL)
        _, stderr = process.communicate(timeout=4 * faults.PATIENCE)
    assert len(worker_ids) == 2
    check_errors(process.returncode, stderr)
    # The second run removes the temporary files of the killed workers.
    check_errors(*run(work_folder, "--skip-existing"))
    check_complete(work_folder)
