"""Strategies of hypothesis for small planes, kernels and cuts; random numbers are seeded."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Kernel

Floats = NDArray[np.float64]

seeds = st.integers(0, 2**32 - 1)
strides = st.integers(1, 4)


def random_planes(channels: int, height: int, width: int, seed: int) -> Floats:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, height, width))


def planes(least: int = 1, most: int = 8) -> st.SearchStrategy[Floats]:
    """Return a strategy of planes, shape (1..2, least..most, least..most), values -1..1."""
    side = st.integers(least, most)
    return st.builds(random_planes, st.integers(1, 2), side, side, seeds)


@st.composite
def kernels(draw: st.DrawFn, most: int = 9, separable: bool | None = None) -> Kernel:
    """Draw a kernel of up to `most` taps per axis: any taps, or the product of two vectors."""
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    rng = np.random.default_rng(draw(seeds))
    if draw(st.booleans()) if separable is None else separable:
        # Integers, so that some vectors sum to exactly 0, as those of edge detectors do.
        taps = np.outer(rng.integers(-2, 4, height), rng.integers(-2, 4, width)).astype(float)
    else:
        taps = rng.uniform(-1, 1, (height, width))
    return Kernel("drawn", taps, draw(strides))


@st.composite
def cuts(draw: st.DrawFn, length: int) -> list[range]:
    """Draw a division of 0..length into runs of at least one."""
    inner = draw(st.sets(st.integers(1, length - 1), max_size=6)) if length > 1 else set()
    edges = [0, *sorted(inner), length]
    return [range(a, b) for a, b in pairwise(edges)]
