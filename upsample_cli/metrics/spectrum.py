"""The spectrum of a whole picture, in which a pattern shows as bright points."""

import numpy as np
from numpy.typing import NDArray

_SIDE = 256  # of the windows of `periodogram`


def periodogram(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean power spectrum of a picture, in which a pattern shows as bright points.

    Args:
        plane: Shape (H, W), luma or a channel in levels, at least 16 x 16.

    Returns:
        Shape (n, n), n = 256 or as many pixels as there are; the frequency 0 in the middle, in
        squared levels.

    Source: P. Welch, "The use of fast Fourier transform for the estimation of power spectra", 1967
        (here along two axes, with Hann windows that overlap by half).
    """
    side = min(_SIDE, *plane.shape) // 2 * 2
    hann = np.hanning(side + 1)[:-1]
    window = np.outer(hann, hann).astype(np.float32)
    tops, lefts = (_starts(length, side) for length in plane.shape)
    total = np.zeros((side, side))
    for top in tops:
        for left in lefts:
            part = plane[top : top + side, left : left + side]
            total += np.square(np.abs(np.fft.fft2((part - part.mean()) * window)))
    scale = len(tops) * len(lefts) * float(np.square(window).sum())
    return np.asarray(np.fft.fftshift(total) / scale)


def _starts(length: int, side: int) -> list[int]:
    """Return where windows begin: half a window apart, the last at the end."""
    return sorted({*range(0, length - side + 1, side // 2), length - side})
