"""Spectra: of a tile around the harmonics of a stride, and of a whole picture.

A pattern of the stride's period has lines at the harmonics. Compared with the bins around, which
hold none of it, lines show even where their sign changes from tile to tile.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_AROUND = 2  # bins on each side of a line
_WIDE = 2 * _AROUND + 1
_ROUNDING = 0.1  # levels: a floor under the power of empty bins
_SIDE = 256  # of the windows of `periodogram`


class Spectrum:
    """The bins of a tile at the harmonics of a stride and around them.

    Args:
        stride: Period down and across, in pixels.
        tile: Rows and columns of a tile, multiples of the stride, three times it or more.
    """

    def __init__(self, stride: tuple[int, int], tile: tuple[int, int]) -> None:
        self.stride, self.tile = stride, tile
        # Across, half of them are enough: the others of a real picture mirror them.
        self._harmonics = stride[0], stride[1] // 2 + 1

    @cached_property
    def waves(self) -> tuple[Floats, Floats]:
        """For each axis the cosines, then the sines, of its bins: shape (2 bins, tile)."""
        down, across = (
            np.concatenate([np.cos(x), -np.sin(x)]).astype(np.float32)
            for s, tile, kept in zip(self.stride, self.tile, self._harmonics, strict=True)
            for bins in [tile // s * np.arange(kept)[:, None] + np.arange(-_AROUND, _AROUND + 1)]
            for x in [2 * np.pi / tile * bins.reshape(-1, 1) * np.arange(tile)]
        )
        return down, across

    def contrast(self, bins: Floats) -> Floats:
        """Return how far the lines of tiles stand out against the bins around.

        Args:
            bins: Shape (m, 2 bins down, 2 bins across, n), the products of waves and m n tiles.

        Returns:
            Mean over the lines of log power above that around, in nepers, shape (m, n).
        """
        weights, constant = self._weights
        power = self._power(bins)
        return np.asarray(weights @ np.log(power, out=power) + constant, np.float32)

    def _power(self, bins: Floats) -> Floats:
        """Return the power of each bin, shape (m, bins, n)."""
        (m, *_, n), (down, across) = bins.shape, (kept * _WIDE for kept in self._harmonics)
        parts = bins.reshape(m, 2, down, 2, across, n)
        power: Floats = np.square(parts[:, 0, :, 0] - parts[:, 1, :, 1])
        power += np.square(parts[:, 0, :, 1] + parts[:, 1, :, 0])
        power += np.float32(_ROUNDING**2 * self.tile[0] * self.tile[1])
        return np.asarray(power.reshape(m, down * across, n))

    @cached_property
    def _weights(self) -> tuple[Floats, np.float32]:
        """Return the weights, and a constant, of the mean contrast of the lines in log power.

        A line has weight 1 and what is around it -1 in equal parts; a line whose mirror image is
        left out counts twice. Shape (bins,).
        """
        s, t = self.stride
        weights = np.zeros((s, _WIDE, self._harmonics[1], _WIDE))
        constant = 0.0
        for p, q in np.ndindex(*self._harmonics):
            if p == q == 0:
                continue
            around = np.ones((_WIDE, _WIDE))
            # Natural spectra have a cross along the axes: compare a line on it with it alone.
            if p == 0:
                around[np.arange(_WIDE) != _AROUND] = 0.0
            if q == 0:
                around[:, np.arange(_WIDE) != _AROUND] = 0.0
            around[_AROUND, _AROUND] = 0.0
            times = 1 if 2 * q % t == 0 else 2
            weights[p, :, q] -= times * around / around.sum()
            weights[p, _AROUND, q, _AROUND] += times
            # The log of a real line is lower by ln 2 on average than that of a complex one.
            constant += np.log(2) * (2 * p % s == 0 and 2 * q % t == 0)
        lines = s * t - 1
        return (weights.ravel() / lines).astype(np.float32), np.float32(constant / lines)


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
