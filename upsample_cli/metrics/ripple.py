"""The checkerboard of a kernel, exact: how unequal its phase sums are.

On a flat picture a transposed convolution puts out one value a phase, its phase sum g. Ripple is
their spread about the mean, relative to it; by Parseval's theorem it is also the amplitude of the
lines at multiples of the sampling frequency, relative to the picture's own brightness.

Source: Y. Sugawara, S. Shiota, H. Kiya, "Super-resolution using convolutional neural networks
without any checkerboard artifacts", ICIP 2018 (the condition: all phase sums equal).
"""

import numpy as np
from numpy.typing import NDArray


def ripple(phase_sums: NDArray[np.float64]) -> float:
    """Return the spread of phase sums over the size of their mean, 0 where all are equal.

    Args:
        phase_sums: Shape (s, s), the DC gain of each output phase.

    Returns:
        0 or more, without unit; infinity where the sums cancel.

    >>> sums = np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])  # uniform, 3x3 taps, stride 2
    >>> round(ripple(sums), 4)
    0.4843
    """
    mean = float(abs(phase_sums.mean()))
    spread = float(phase_sums.std())
    # Below the rounding of the sums themselves nothing is told apart from 0.
    if spread <= 1e-14 * np.abs(phase_sums).max():
        return 0.0
    return spread / mean if mean > 0.0 else float("inf")
