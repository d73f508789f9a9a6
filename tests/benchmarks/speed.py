"""Whole processes side by side: our command, scripts on other libraries, other commands.

python tests/benchmarks/speed.py --sizes 512 1024 --scales 2 --threads --startup
"""

import argparse
import functools
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import peers
import processes
from rounds import Run, interleaved, median
from tables import markdown, number, ratio

_FORMATS = ("png", "jpeg")
_STARTUP_SIZE = 128


@dataclass(frozen=True, slots=True)
class Bench:
    """The pictures of one benchmark, and how its processes are run.

    Args:
        folder: Where pictures lie, ours and the tools'.
        options: As parsed from the command line.
    """

    folder: Path
    options: argparse.Namespace

    def source(self, size: int, suffix: str) -> Path:
        """Return an input picture, which another process writes at its first use."""
        target = self.folder / f"{size}.{suffix}"
        if not target.exists():
            maker = Path(__file__).with_name("pictures.py")
            photo = self.options.photo
            words = [str(photo.resolve()) if photo else "", str(size), str(target)]
            if subprocess.run([sys.executable, str(maker), *words], check=False).returncode:
                sys.exit(1)
        return target

    def conversion(
        self, command: list[str], size: int, scale: int, suffix: str
    ) -> Callable[[], Run]:
        """Return a function that runs a command of `peers` on an input picture."""
        target = self.folder / "larger.png"
        words = peers.filled(command, self.source(size, suffix), target, scale)
        timeout = self.options.timeout
        return functools.partial(processes.converted, words, target, size * scale, timeout)

    def measured(self, runs: Mapping[str, Callable[[], Run]]) -> dict[str, list[Run]]:
        """Return the runs of each, interleaved."""
        return interleaved(runs, self.options.rounds, self.options.patience)


def compare(bench: Bench, size: int, scale: int, suffix: str) -> None:
    """Print the table of one input picture and one scale."""
    jobs = bench.options.jobs
    options = () if jobs is None else ("--jobs", str(jobs))
    commands = {tool: peers.command(tool, *options) for tool in bench.options.tools}
    runs = {
        tool: bench.conversion(command, size, scale, suffix)
        for tool, command in commands.items()
        if command is not None
    }
    results = bench.measured(runs)
    ours = median(results.get(peers.OURS, []), "seconds")
    pillow = median(results.get(peers.PILLOW, []), "written")
    rows = []
    for tool in bench.options.tools:
        taken = results.get(tool, [])
        seconds = median(taken, "seconds")
        rows.append([
            peers.LABELS[tool],
            *_figures(taken, bench.options.rounds),
            ratio(ours, seconds),
            ratio(median(taken, "written"), pillow),
        ])  # fmt: skip
    print(f"\n### {suffix.upper()} {size} px, x{scale}, to PNG\n")
    heads = ["tool", "seconds", "processor s", "peak MB", "ours / theirs", "PNG / Pillow's"]
    print(markdown(heads, rows), flush=True)


def compare_threads(bench: Bench, size: int) -> None:
    """Print the time of our command with one thread and with two."""
    jobs = ("1", "2")
    results = bench.measured({
        count: bench.conversion(peers.ours("--jobs", count), size, 2, "png") for count in jobs
    })  # fmt: skip
    one = median(results["1"], "seconds")
    rows = [
        [
            f"--jobs {count}",
            *_figures(results[count], bench.options.rounds),
            ratio(one, median(results[count], "seconds")),
        ]
        for count in jobs
    ]
    print(f"\n### Threads: PNG {size} px, x2\n")
    heads = ["upsample -m tconv", "seconds", "processor s", "peak MB", "times as fast"]
    print(markdown(heads, rows), flush=True)


def compare_startup(bench: Bench) -> None:
    """Print how long our command takes to start, beside the imports it needs."""
    python = {
        "python": ["-c", "pass"],
        "python, numpy and Pillow imported": ["-c", "import numpy, PIL.Image"],
        "upsample --help": ["-m", "upsample_cli", "--help"],
    }
    runs: dict[str, Callable[[], Run]] = {
        name: functools.partial(
            processes.run, [sys.executable, *words], bench.folder, bench.options.timeout
        )
        for name, words in python.items()
    }
    ours = f"upsample -m tconv, PNG {_STARTUP_SIZE} px, x2"
    runs[ours] = bench.conversion(peers.ours(), _STARTUP_SIZE, 2, "png")
    results = bench.measured(runs)
    imports = median(results["python, numpy and Pillow imported"], "seconds")
    rows = [
        [name, *_figures(taken, bench.options.rounds), ratio(median(taken, "seconds"), imports)]
        for name, taken in results.items()
    ]
    print("\n### Start-up\n")
    heads = ["process", "seconds", "processor s", "peak MB", "to the imports"]
    print(markdown(heads, rows), flush=True)


def _figures(runs: Sequence[Run], rounds: int) -> list[str]:
    """Return seconds, processor seconds and peak memory as a table shows them."""
    mark = " (1 run)" if len(runs) == 1 < rounds else ""
    return [
        number(median(runs, "seconds"), 3) + mark,
        number(median(runs, "processor_seconds"), 3),
        number(median(runs, "peak_mb"), 0),
    ]


def parsed() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--sizes", type=int, nargs="*", default=[128, 512, 1024, 2048, 4096], help="input sides")
    add("--scales", type=int, nargs="+", default=[2, 4])
    add("--formats", nargs="+", choices=_FORMATS, default=_FORMATS, help="of the input")
    add("--rounds", type=int, default=5, help="measured runs of each tool")
    add("--tools", nargs="+", choices=peers.LABELS, default=list(peers.LABELS), metavar="TOOL",
        help=", ".join(peers.LABELS))  # fmt: skip
    add("--photo", type=Path, help="a photograph; by default the first of sample_images/")
    add("--jobs", type=int, help="threads of our command; by default its default")
    add("--patience", type=float, default=30, help="seconds; a slower tool runs once")
    add("--timeout", type=float, default=600, help="seconds; a slower tool is stopped")
    add("--threads", type=int, nargs="?", const=4096, metavar="SIZE",
        help="also compare our command with --jobs 1 and 2")  # fmt: skip
    add("--startup", action="store_true", help="also time our command's start")
    return parser.parse_args()


def main() -> None:
    """Print the tables that the options choose."""
    options = parsed()
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, ", end="")
    print(f"median of {options.rounds} interleaved rounds", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options)
        for size in options.sizes:
            for scale in options.scales:
                for suffix in options.formats:
                    compare(bench, size, scale, suffix)
        if options.threads:
            compare_threads(bench, options.threads)
        if options.startup:
            compare_startup(bench)


if __name__ == "__main__":
    main()
