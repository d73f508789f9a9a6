"""What a kernel does to noise and to edges: the price of sharpness."""

import numpy as np
from numpy.typing import NDArray


def noise_gain(taps: NDArray[np.float64], stride: int) -> float:
    """Return the power of white noise after a transposed convolution over its power before.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel.

    Returns:
        The mean over the phases of the sum of squared taps; 1 for nearest.

    >>> noise_gain(np.ones((2, 2)), 2)
    1.0
    """
    return float(np.square(taps).sum()) / stride**2


def overshoot(taps: NDArray[np.float64], stride: int) -> float:
    """Return how far beyond 1 the response to a step from 0 to 1 goes.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel.

    Returns:
        0 where it never does; 0.1 is 10 % of the step. The larger of both directions.
    """
    return max(_overshoot(taps.sum(axis=axis) / stride, stride) for axis in (0, 1))


def _overshoot(taps: NDArray[np.float64], stride: int) -> float:
    phases = np.zeros((-(-len(taps) // stride), stride))
    phases.reshape(-1)[: len(taps)] = taps
    return max(0.0, float(np.cumsum(phases, axis=0).max()) - 1.0)
