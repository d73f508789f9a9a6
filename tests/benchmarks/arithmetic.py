"""Arithmetic alone, in memory and on one thread: our methods beside other libraries.

python tests/benchmarks/arithmetic.py --sides 256 1024 --tools upsample Pillow
"""

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from pictures import first_photograph, square
from resizers import BASELINE, RESIZERS, Samples
from rounds import FailedRunError, Run, interleaved, median
from tables import markdown, number, ratio

_SCALE = 2
_LEAST = 0.1  # seconds of a run, so that cold caches do not count


def timed(name: str, samples: Samples) -> Run:
    """Enlarge samples, repeatedly if they are few, and return the time of one run.

    Raises:
        FailedRunError: The result has a wrong shape or type.
    """
    began, times, seconds = time.perf_counter(), 0, 0.0
    while seconds < _LEAST:
        larger = RESIZERS[name](samples, _SCALE)
        seconds, times = time.perf_counter() - began, times + 1
    height, width, channels = samples.shape
    expected = (height * _SCALE, width * _SCALE, channels)
    if larger.shape != expected or larger.dtype != samples.dtype:
        raise FailedRunError(f"returned {larger.dtype} {larger.shape}, not {expected}")
    return Run(seconds / times)


def seconds(side: int, options: argparse.Namespace) -> dict[str, float | None]:
    """Return the median seconds of each tool for a square of this many pixels a side."""
    samples = square(options.photo or first_photograph(), side)
    runs: dict[str, Callable[[], Run]] = {
        name: functools.partial(timed, name, samples) for name in _chosen(options)
    }
    results = interleaved(runs, options.rounds, options.patience)
    return {name: median(taken, "seconds") for name, taken in results.items()}


def compare(options: argparse.Namespace) -> None:
    """Print the table of one size."""
    medians = seconds(options.side, options)
    megapixels = (options.side * _SCALE) ** 2 / 1e6
    rows = [
        [
            name,
            number(None if taken is None else 1e3 * taken, 1),
            ratio(taken, medians.get(BASELINE)),
            number(None if taken is None else megapixels / taken, 1),
        ]
        for name, taken in medians.items()
    ]
    print(f"\n### RGB {options.side} px to {options.side * _SCALE} px, one thread\n")
    print(markdown(["tool", "ms", f"to {BASELINE}", "output Mpx/s"], rows), flush=True)


def compare_sides(options: argparse.Namespace) -> None:
    """Print nanoseconds an output pixel, by the size of the output."""
    columns = {side: seconds(side, options) for side in options.sides}
    pixels = {side: (side * _SCALE) ** 2 for side in options.sides}
    rows = []
    for name in _chosen(options):
        taken = {side: columns[side][name] for side in options.sides}
        cells = [
            number(None if value is None else 1e9 * value / pixels[side], 2)
            for side, value in taken.items()
        ]
        rows.append([name, *cells])
    print("\n### Nanoseconds an output pixel, one thread\n")
    heads = [f"{count / 1e6:.2f} Mpx" for count in pixels.values()]
    print(markdown(["tool", *heads], rows), flush=True)


def _chosen(options: argparse.Namespace) -> list[str]:
    words = [word.lower() for word in options.tools]
    return [name for name in RESIZERS if any(word in name.lower() for word in words)]


def parsed() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--side", type=int, default=1024, help="input side of the first table; 0 for none")
    add("--sides", type=int, nargs="*", default=[256, 512, 1024, 2048, 4096],
        help="input sides of the second table")  # fmt: skip
    add("--rounds", type=int, default=9, help="measured runs of each tool")
    add("--tools", nargs="+", default=[""], metavar="WORD", help="words of the rows to run")
    add("--photo", type=Path, help="a photograph; by default the first of sample_images/")
    add("--patience", type=float, default=10, help="seconds; a slower tool runs once")
    return parser.parse_args()


def main() -> None:
    """Print both tables."""
    options = parsed()
    if options.side:
        compare(options)
    if options.sides:
        compare_sides(options)


if __name__ == "__main__":
    main()
