"""Layers of networks in memory: our transposed convolution and convolution beside torch's.

Both use all cores (torch its own threads, ours those of NumPy's BLAS). Choose the cores by:
taskset -c 0,1 python tests/benchmarks/layers.py
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from rounds import Run, interleaved, median
from tables import markdown, number, ratio

from upsample_cli.kernels.convolve import conv2d, conv_transpose2d

# Channels in and out, taps, stride, groups, side of the input.
_LAYERS = (
    (64, 3, 4, 2, 1, 256),
    (3, 64, 4, 2, 1, 256),
    (64, 64, 4, 2, 1, 128),
    (256, 128, 3, 2, 1, 64),
    (64, 64, 4, 2, 64, 256),
)


def timed(operation: Callable[..., Any], inputs: list[Any], settings: dict[str, int]) -> Run:
    """Run a layer and return what it took."""
    began = time.perf_counter()
    operation(*inputs, **settings)
    return Run(time.perf_counter() - began)


def row(operation: Callable[..., Any], layer: tuple[int, ...], rounds: int) -> list[str]:
    """Return the line of a layer: its shape, both times, and their ratio."""
    import torch

    channels_in, channels_out, taps, stride, groups, side = layer
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, channels_in, side, side)).astype(np.float32)
    first, second = channels_in, channels_out
    if operation is conv2d:
        first, second = second, first
    weight = rng.normal(size=(first, second // groups, taps, taps)).astype(np.float32)
    settings = {"stride": stride, "padding": 1, "groups": groups}
    theirs = getattr(torch.nn.functional, operation.__name__)
    runs = {
        "ours": partial(timed, operation, [x, weight], settings),
        "torch": partial(timed, theirs, [torch.from_numpy(x), torch.from_numpy(weight)], settings),
    }
    with torch.no_grad():
        taken = interleaved(runs, rounds, patience=10)
    ours, other = (median(taken[name], "seconds") for name in runs)
    words = f"{channels_in} to {channels_out}, k{taps} s{stride} p1, groups {groups}, {side} px"
    times = (number(None if value is None else 1e3 * value, 1) for value in (ours, other))
    return [words, *times, ratio(ours, other)]


def main() -> None:
    """Print a table for each of the two layers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="measured runs of each")
    rounds = parser.parse_args().rounds
    for operation in (conv_transpose2d, conv2d):
        print(f"\n### {operation.__name__}, float32\n")
        rows = [row(operation, layer, rounds) for layer in _LAYERS]
        print(markdown(["layer", "ours, ms", "torch, ms", "ours / torch"], rows), flush=True)


if __name__ == "__main__":
    main()
