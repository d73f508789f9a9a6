"""Folders of pictures: whole processes beside a loop over Pillow, and the main process's memory.

python tests/benchmarks/folders.py --rounds 7 --names 100000 --plan 1000000
"""

import argparse
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import processes
from pictures import first_photograph, square
from rounds import Run, interleaved, median
from tables import markdown, number, ratio

_OURS = [sys.executable, "-m", "upsample_cli", "-m", "tconv"]
_PILLOW = """
import sys
from pathlib import Path
from PIL import Image
source, to = map(Path, sys.argv[1:])
for path in sorted(source.iterdir()):
    with Image.open(path) as picture:
        size = picture.width * 2, picture.height * 2
        picture.resize(size, Image.Resampling.BICUBIC).save(to / path.name)
"""
_TIMEOUT = 600.0


def pictures(folder: Path, count: int, side: int) -> Path:
    """Return a new folder of square PNGs, no two of them the same."""
    folder.mkdir()
    whole = square(first_photograph(), side)
    for place in range(count):
        PIL.Image.fromarray(np.roll(whole, place, axis=(0, 1))).save(folder / f"{place:05}.png")
    return folder


def emptied(out: Path, command: list[str]) -> Run:
    """Run a command with a new output folder; return its time and memory."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return processes.run(command, out.parent, _TIMEOUT)


def speed(folder: Path, rounds: int) -> None:
    """Print the table of times, each beside the first of its pictures."""
    rows = []
    for count, side, loop in ((500, 64, True), (200, 512, False)):
        source, out = pictures(folder / f"{side}", count, side), folder / f"out-{side}"
        ends = [str(source), str(out)]
        commands = {"loop over Pillow's bicubic": [sys.executable, "-c", _PILLOW, *ends]}
        commands = commands if loop else {}
        commands |= {f"`-j {jobs}`": [*_OURS, *ends, "-q", "-j", str(jobs)] for jobs in (1, 2)}
        runs: dict[str, Callable[[], Run]] = {
            name: functools.partial(emptied, out, words) for name, words in commands.items()
        }
        results = interleaved(runs, rounds, _TIMEOUT)
        first = median(next(iter(results.values())), "seconds")
        for name, taken in results.items():
            seconds = median(taken, "seconds")
            rows.append([f"{count} of {side} px", name, number(seconds, 2), ratio(seconds, first)])
    print(markdown(["pictures", "by", "s", "/ first"], rows), end="\n\n", flush=True)


def peak(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the most memory of a process, without its workers, in MB, and its seconds (Linux)."""
    began, most = time.perf_counter(), 0.0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        ended = threading.Event()
        threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
        while not ended.wait(0.02):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
            most = max(most, *(int(each) * 1024 / 1e6 for each in found), 0.0)
    return most, time.perf_counter() - began


def tree(folder: Path, count: int, each: int) -> Path:
    """Return a new folder of empty files, in folders of `each` files."""
    for place in range(count):
        below = folder / f"{place // each:04}"
        if place % each == 0:
            below.mkdir(parents=True)
        os.close(os.open(below / f"{place:07}.txt", os.O_CREAT | os.O_WRONLY))
    return folder


def memory(folder: Path, names: int, plan: int) -> None:
    """Print the table of the main process's memory."""
    rows = []
    for count, words in ((100, ()), (names, ()), (100, ("--dry-run",)), (plan, ("--dry-run",))):
        source = tree(folder / "names", count, 100_000 if not words else 1000)
        command = [*_OURS, str(source), str(folder / "out"), *words]
        most, seconds = peak(command, folder)
        what = "planned" if words else "run through"
        rows.append([f"{count} names {what}", number(most, 1), number(seconds, 1)])
        shutil.rmtree(source)
        shutil.rmtree(folder / "out", ignore_errors=True)
    print(markdown(["main process", "peak MB", "s"], rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--plan", type=int, default=0, help="names to plan, say 1000000")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.rounds:
            speed(Path(folder), options.rounds)
        if options.names:
            memory(Path(folder), options.names, options.plan or options.names)


if __name__ == "__main__":
    main()
