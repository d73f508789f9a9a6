"""Damage files and run the command line on them: python tests/fuzz/run.py --count 2000.

Each run has to end with an exit code of its own, one line of error, and either a whole output or
nothing: no traceback, no run of over 10 s, no more memory than it may take, no partial file. It
prints what it did as one line of JSON, and keeps the files that failed.
"""

import argparse
import faulthandler
import io
import json
import os
import sys
import tempfile
import traceback
import warnings
from contextlib import redirect_stderr
from pathlib import Path
from time import perf_counter

import numpy as np
import PIL.Image
import seeds
import tifffile
from damage import damaged

from upsample_cli.commands import app
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write import png

LONGEST, MOST = 10, 512 << 20  # seconds, bytes
_WHOLE = io.BytesIO()
PIL.Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(_WHOLE, "PNG")


class _Stream(io.TextIOWrapper):
    """A standard stream in memory, with the bytes below it."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)

    def taken(self) -> bytes:
        """Return what was written."""
        return self.buffer.getvalue()  # type: ignore[attr-defined] # it is a BytesIO


def _written(samples: np.ndarray) -> bytes:
    height, width, channels = samples.shape
    body = b"".join(png.joined([png.encode_strip(samples, 1, True)]))
    return png.header((height, width), channels, 16, Metadata()) + body + png.TRAILER


def command(name: str, data: bytes, folder: Path, rng: np.random.Generator) -> list[str]:
    """Return arguments that use a damaged file in some way.

    Args:
        name: Its name.
        data: What is in it; written to the folder.
        folder: Where to work.
        rng: Of the way.
    """
    (folder / name).write_bytes(data)
    limit, way = ["--max-memory", str(MOST)], rng.random()
    if name.endswith((".csv", ".jsonl", ".txt", ".npy", ".npz", ".onnx")):
        (folder / "whole.png").write_bytes(_WHOLE.getvalue())
        if name.endswith(".txt"):
            return ["--files-from", name, "out", "--dry-run", *(["-0"] if way < 0.3 else [])]
        if name.endswith(".onnx"):
            return ["whole.png", "out.png", "-m", "onnx", "--model", name, *limit]
        if name.endswith((".csv", ".jsonl")):
            more = ["--skip-existing", "--max-ripple", "1"] if way < 0.5 else []
            return ["whole.png", "out.png", "--report", name, *more, *limit]
        if name.startswith("maps"):
            return [name, f"out.{name[-3:]}", *limit]
        if way < 0.3:
            return ["audit", name, *limit]
        if name.startswith("network"):
            return ["whole.png", "out.png", "-m", "network", "--weights", name, *limit]
        return ["whole.png", "out.png", "--kernel", name, *limit]
    if way < 0.1:
        return ["measure", name, *limit]
    if way < 0.2:
        return ["-", "out.png", *limit]
    suffix = str(rng.choice(["png", "png", "png", "tiff", "jpg", "webp", "gif", "ppm", "bmp"]))
    more = ["--linear"] if rng.random() < 0.1 else ["--strip"] if rng.random() < 0.1 else []
    return [name, f"out.{suffix}", *more, *limit]


def faults(arguments: list[str], folder: Path, data: bytes) -> str:
    """Run the command line in a folder; return what was wrong with how it ended, or nothing."""
    before = set(folder.iterdir())
    out, errors = _Stream(), io.StringIO()
    kept = sys.stdin, sys.stdout, sys.argv
    sys.stdin, sys.stdout, sys.argv = _Stream(data), out, ["upsample", *arguments]
    start = perf_counter()
    faulthandler.dump_traceback_later(3 * LONGEST, exit=True)
    try:
        with redirect_stderr(errors):
            code = app._run()  # `main` ends the process
    except BaseException:
        return traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()
        sys.stdin, sys.stdout, sys.argv = kept
    if perf_counter() - start > LONGEST:
        return f"took {perf_counter() - start:.1f} s"
    return _wrong(code, errors.getvalue(), sorted(set(folder.iterdir()) - before))


def _wrong(code: int, errors: str, made: list[Path]) -> str:
    lines = errors.splitlines()
    if not errors.isascii() or not all(line.startswith(("Error: ", "note: ")) for line in lines):
        return f"said {errors!r}"
    if code not in (0, 1, 2, 3, 4):
        return f"ended with {code}"
    if code in (0, 3, 4):
        for path in made:
            if path.suffix == ".tiff":  # of floats, maybe, which Pillow does not read
                tifffile.imread(path)
            elif path.suffix in (".npy", ".npz"):
                np.load(path)
            else:
                with PIL.Image.open(path) as opened:
                    opened.load()
        return ""
    if sum(line.startswith("Error: ") for line in lines) != 1 or ";" not in lines[-1]:
        return f"failed with {errors!r}"
    return f"left {[path.name for path in made]}" if made else ""


def _memory() -> int:
    """Return the most memory that this program has had, in bytes; 0 where nobody counts it."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage has the memory of who started us as well
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    try:
        import resource
    except ImportError:
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Run as many as were asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", default=tempfile.gettempdir(), help="where failing files go")
    options = parser.parse_args()
    files = seeds.pictures() | seeds.deep_pngs(_written) | seeds.kernels()
    files |= seeds.lists() | seeds.networks()
    names, counts, failed, slowest = sorted(files), {"done": 0, "refused": 0}, [], 0.0
    warnings.simplefilter("ignore")  # as `main` does
    for index in range(options.count):
        rng = np.random.default_rng([options.seed, index])
        name, other = names[index % len(names)], str(rng.choice(names))
        data = damaged(files[name], files[other], rng)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            start, used = perf_counter(), _memory()
            arguments = command(name, data, Path(folder), rng)
            wrong = faults(arguments, Path(folder), data)
            slowest = max(slowest, perf_counter() - start)
            wrong = wrong or ("took too much memory" if _memory() > max(MOST, used) else "")
            counts["done" if any(Path(folder).glob("out.*")) else "refused"] += 1
            os.chdir(options.keep)
        if wrong:
            Path(options.keep, f"fuzz-{index}-{name}").write_bytes(data)
            failed.append({"index": index, "arguments": arguments, "fault": wrong})
    told = {"mutations": options.count, **counts, "slowest": round(slowest, 2),
            "bytes": _memory(), "failed": failed}  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
