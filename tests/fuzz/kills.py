"""Kill runs on a folder at random moments and resume each: python tests/fuzz/kills.py --count 100.

After the resumed run every picture is whole, has one row, no temporary is left, and the inputs are
as they were. It prints how often which part of the work was done when the kill came, as JSON.
"""

import argparse
import csv
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import PIL.Image

PICTURES, LATEST = 40, 1.5  # pictures of a run; seconds to the latest kill
COMMAND = [sys.executable, "-m", "upsample_cli", "in", "out", "-j", "2", "--quiet"]


def write_pictures(folder: Path) -> dict[str, str]:
    """Write noise of many sizes; return the digest of each file by its name."""
    rng = np.random.default_rng(0)
    (folder / "in").mkdir()
    for number in range(PICTURES):
        height, width = rng.integers(8, 200, 2)
        samples = rng.integers(0, 256, (height, width, 3), np.uint8)
        PIL.Image.fromarray(samples).save(folder / "in" / f"{number:02}.png")
    return digests(folder)


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each input by its name."""
    paths = sorted((folder / "in").iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def kill_and_resume(moment: float) -> tuple[int, list[str]]:
    """Kill a run, resume it, and return how many pictures it had made, and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = write_pictures(folder)
        with subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE) as run:
            time.sleep(moment)
            run.send_signal(signal.SIGKILL)
        done = len(list(folder.glob("out/*.png")))
        resumed = subprocess.run(
            [*COMMAND, "--skip-existing"], cwd=folder, capture_output=True, check=False
        )
        return done, wrong(folder, before, resumed.returncode, done)


def wrong(folder: Path, before: dict[str, str], code: int, done: int) -> list[str]:
    """Return what is wrong after a resumed run."""
    faults = [] if code == (3 if done == PICTURES else 0) else [f"exit code {code}"]
    if digests(folder) != before:
        faults.append("an input has changed")
    outputs = {path.name for path in folder.glob("out/*.png")}
    if outputs != set(before):
        faults.append(f"lacks {sorted(set(before) - outputs)}")
    for output in outputs:
        with PIL.Image.open(folder / "out" / output) as opened:
            opened.load()
    with (folder / "out" / "checkerboard.csv").open() as file:
        rows = Counter(Path(row["output"]).name for row in csv.DictReader(file))
    if rows != dict.fromkeys(before, 1):
        faults.append(f"rows {rows}")
    if left := [path.name for path in folder.rglob(".upsample-*")]:
        faults.append(f"left {left}")
    return faults


def main() -> None:
    """Kill as many runs as were asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, progress, failed = random.Random(options.seed), Counter[str](), []
    for index in range(options.count):
        moment = chance.uniform(0, LATEST)
        done, faults = kill_and_resume(moment)
        part = "nothing" if not done else "all" if done == PICTURES else "a part"
        progress[f"{part} done"] += 1
        if faults:
            failed.append({"index": index, "moment": round(moment, 3), "faults": faults})
    print(json.dumps({"kills": options.count, **progress, "failed": failed}))


if __name__ == "__main__":
    main()
