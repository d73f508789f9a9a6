"""A learned network in NumPy beside the same network in onnxruntime, on one thread.

python tests/benchmarks/network.py --side 512 --weights photo
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from exported import exported
from rounds import Run, interleaved, median
from tables import markdown, number, ratio

from upsample_cli import process
from upsample_cli.jobs.enlarge.strips import ExtendedInput, output_window, strips
from upsample_cli.kernels.network_weights import load_network
from upsample_cli.methods.network_methods import LearnedNetwork

ONNX, OURS = "onnxruntime, the residual alone", "upsample, all of a grey picture"


def main() -> None:
    """Print milliseconds of processor time an output megapixel, and how far both agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512, help="input pixels along each side")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--weights", default="photo", help="photo, clean or a .npz")
    parser.add_argument("--rounds", type=int, default=9, help="measured runs of each")
    options = parser.parse_args()
    side, scale = options.side, options.scale
    import onnxruntime

    network = load_network(options.weights, scale)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        exported(network).SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    luma = np.random.default_rng(0).random((side, side), np.float32)
    mirrored = np.pad(luma, network.halo, mode="symmetric")[None, None]
    method, size = LearnedNetwork(options.weights), (side * scale, side * scale)
    stages = method.stages((side, side), size)
    picture = ExtendedInput((side, side), lambda rows, columns: luma[None, rows, columns])

    def ours() -> Run:
        began = time.process_time()
        for rows in strips(size, 1, scale, method.rows_at_once(size, scale)):
            output_window(stages, picture, rows, range(side * scale))
        return Run(time.process_time() - began)

    def theirs() -> Run:
        began = time.process_time()
        session.run(None, {"x": mirrored})
        return Run(time.process_time() - began)

    results = interleaved({ONNX: theirs, OURS: ours}, options.rounds, 60)
    times = {name: median(runs, "seconds") for name, runs in results.items()}
    pixels = (side * scale) ** 2 / 1e6
    rows = [
        [
            name,
            number(None if taken is None else 1e3 * taken / pixels, 0),
            ratio(taken, times[ONNX]),
        ]
        for name, taken in times.items()
    ]
    print(markdown(["", "ms an output megapixel", "ratio"], rows))
    (residual,) = session.run(None, {"x": mirrored})
    kernel = stages[0].linear  # type: ignore[attr-defined] # this method's stage has one
    whole = output_window([kernel], picture, range(side * scale), range(side * scale))[0]
    both = output_window(stages, picture, range(side * scale), range(side * scale))[0]
    print(
        f"\nlargest difference of the residuals: {np.abs(both - whole - residual[0, 0]).max():.1e}"
    )


if __name__ == "__main__":
    process.prepare()
    main()
