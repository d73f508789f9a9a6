"""Networks in ONNX as a method, beside one pass over the whole picture by onnxruntime.

python tests/benchmarks/enlargers.py NETWORK.onnx ... --side 1024
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
import onnxruntime
import PIL.Image
from numpy.typing import NDArray
from rounds import Run, interleaved, median
from tables import markdown, number, ratio
from textures import texture_samples

from upsample_cli import process
from upsample_cli.jobs.enlarge.strips import ExtendedInput, output_window, strips
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.catalogue import build

HEADER = ["network", "scale", "upsample, s", "its network, s", "whole pass, s", "upsample / pass",
          "its network / pass", "ripple of flat pictures", "checkerboard, levels",
          "largest difference inside, levels"]  # fmt: skip


def whole_pass(network: Path, samples: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """Return the seconds of one pass on all cores, and what comes of it, in levels."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = process.cores()
    session = onnxruntime.InferenceSession(str(network), options, ["CPUExecutionProvider"])
    planes = np.float32(samples / 255).transpose(2, 0, 1)[None]
    start = time.perf_counter()
    (out,) = session.run(None, {session.get_inputs()[0].name: planes})
    seconds = time.perf_counter() - start
    return seconds, np.floor(out[0].transpose(1, 2, 0) * 255 + 0.5).clip(0, 255)


def through_command(network: Path, folder: Path) -> tuple[float, dict[str, Any]]:
    """Return the seconds of the command but for its start, and its report."""
    command = [sys.executable, "-m", "upsample_cli", "in.png", "out.png", "--json", "--force",
               "-m", "onnx", "--model", str(network.resolve())]  # fmt: skip
    run = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    report = json.loads(run.stdout)
    return report["seconds"], report


def network_alone(network: Path, samples: NDArray[Any]) -> float:
    """Return the seconds of the method alone on all cores, without files and metric."""
    planes = np.ascontiguousarray(np.float32(samples / 255).transpose(2, 0, 1))
    picture = ExtendedInput(
        planes.shape[1:],
        lambda rows, columns: planes[:, rows, columns],
    )
    method = build("onnx", model=str(network.resolve()))
    scale = method.own_scale
    size = round(planes.shape[1] * scale), round(planes.shape[2] * scale)
    stages = method.stages(picture.size, size)
    runs = strips(size, 3, scale, method.rows_at_once(size, scale))
    start = time.perf_counter()
    with Workers(process.cores()) as workers:
        for _ in workers.in_order(
            lambda rows: output_window(stages, picture, rows, range(size[1])), runs
        ):
            pass
    return time.perf_counter() - start


def row(network: Path, folder: Path, samples: NDArray[Any], rounds: int) -> list[str]:
    """Return a row of the table."""
    last: dict[str, Any] = {}

    def ours() -> Run:
        seconds, last["report"] = through_command(network, folder)
        return Run(seconds)

    def theirs() -> Run:
        seconds, last["whole"] = whole_pass(network, samples)
        return Run(seconds)

    def alone() -> Run:
        return Run(network_alone(network, samples))

    runs = {"ours": ours, "alone": alone, "theirs": theirs}
    times = {
        name: median(taken, "seconds") for name, taken in interleaved(runs, rounds, 600).items()
    }
    report = last["report"]
    edge = report["model"]["scale"] * (report["model"]["halo"] + 1)
    with PIL.Image.open(folder / "out.png") as out:
        differences = np.abs(np.asarray(out) - last["whole"])[edge:-edge, edge:-edge]
    return [
        network.stem, f"x{report['model']['scale']}", number(times["ours"], 2),
        number(times["alone"], 2), number(times["theirs"], 2),
        ratio(times["ours"], times["theirs"]), ratio(times["alone"], times["theirs"]),
        f"{report['checkerboard']['kernel_ripple']:.4f}",
        f"{report['checkerboard']['verdict']} {report['checkerboard']['ripple']:.2f}",
        f"{differences.max():.0f}",
    ]  # fmt: skip


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", type=Path, help="networks of three channels")
    parser.add_argument("--side", type=int, default=1024, help="input pixels along each side")
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each")
    options = parser.parse_args()
    samples = texture_samples(options.side, options.side, 3)
    with tempfile.TemporaryDirectory() as name:
        PIL.Image.fromarray(samples).save(Path(name, "in.png"), compress_level=1)
        rows = [row(network, Path(name), samples, options.rounds) for network in options.networks]
    print(markdown(HEADER, rows))


if __name__ == "__main__":
    process.prepare()
    main()
