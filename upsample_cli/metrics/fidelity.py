"""How similar two pictures are: PSNR and SSIM."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Levels = NDArray[np.float64]


def psnr(candidate: Levels, reference: Levels) -> float:
    """Return the peak signal-to-noise ratio of levels, in dB.

    Args:
        candidate: Any shape.
        reference: The same shape.

    Returns:
        10 log10(255^2 / mean square error); infinity where the two are equal.

    >>> round(psnr(np.full((2, 2), 1.0), np.zeros((2, 2))), 2)
    48.13
    """
    error = float(np.mean(np.square(candidate - reference)))
    return float(10 * np.log10(255**2 / error)) if error > 0 else float("inf")


def ssim(candidate: Levels, reference: Levels) -> float:
    """Return the mean structural similarity of two planes, 1 where they are equal.

    Args:
        candidate: Shape (H, W), at least 11 x 11.
        reference: The same shape.

    Source: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error
        visibility to structural similarity", 2004 (Gaussian window of 1.5
        pixels, 11 x 11; K1 = 0.01, K2 = 0.03).
    """
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_c, mean_r = _blurred(candidate), _blurred(reference)
    variance_c = _blurred(candidate**2) - mean_c**2
    variance_r = _blurred(reference**2) - mean_r**2
    covariance = _blurred(candidate * reference) - mean_c * mean_r
    luminance = (2 * mean_c * mean_r + c1) / (mean_c**2 + mean_r**2 + c1)
    structure = (2 * covariance + c2) / (variance_c + variance_r + c2)
    return float(np.mean(luminance * structure))


def _blurred(plane: Levels) -> Levels:
    weights = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights /= weights.sum()
    rows = sliding_window_view(plane, 11, axis=0) @ weights
    return np.asarray(sliding_window_view(rows, 11, axis=1) @ weights)
