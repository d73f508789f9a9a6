"""The discrete Fourier transform over the phases of a stride.

A stride has few phases, and a picture thousands of tiles that have them: one product with a small
matrix transforms them all.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def lines(phases: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """Return the lines of patterns: the mean over their phases, turned by p/s + q/t a pixel.

    Args:
        phases: Shape (n, s, t), real, a value for each phase of n patterns.

    Returns:
        Shape (n, s, t), in the same unit: a pattern's line (0, 0) is its mean.

    >>> lines(np.array([[[1.0, -1.0], [-1.0, 1.0]]])).real.round(9).tolist()
    [[[0.0, 0.0], [0.0, 1.0]]]
    """
    count, s, t = phases.shape
    return (phases.reshape(count, s * t) @ _matrix(s, t)).reshape(count, s, t)


@lru_cache(32)
def _matrix(s: int, t: int) -> NDArray[np.complex128]:
    """Return the matrix from phases to lines, shape (s t, s t)."""
    down, across = (
        np.exp(-2j * np.pi / n * (np.outer(np.arange(n), np.arange(n)) % n)) / n for n in (s, t)
    )
    return np.asarray(np.kron(down, across), np.complex128)
