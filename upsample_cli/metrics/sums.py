"""Sums over tiles: all that the checkerboard metric needs of a picture, however large it is.

With x the regressors of a tile (1, slope down, slope across), a the DFT of its phase means and w
its weight, the pattern is the regression of a on x, and its error comes from the spread of what
the regression leaves, a - x b. Both are made of weighted sums of products of x and a.
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import dft
from upsample_cli.metrics.tiles import Tiles

_NOISE = 0.5  # levels: what is finer than rounding to 8 bits tells nothing
_FLAT = 1e-6  # variance of a tile without any content
_LEAST_LEFT = 1e-9  # of the tiles' freedom from the regression: where one tile has all the weight


class Sums:
    """Weighted sums over the tiles that tell something.

    Args:
        stride: Phases down and across.
    """

    def __init__(self, stride: tuple[int, int]) -> None:
        self.stride = stride
        self.seen = self.lively = self.count = 0
        self.weight = self.noise = self.local = self.brightness = 0.0
        self.xx, self.xx2 = np.zeros((3, 3)), np.zeros((3, 3))
        self.xa, self.xa2 = (np.zeros((3, *stride), np.complex128) for _ in range(2))
        self.aa2 = np.zeros(stride)
        self.relative = np.zeros(stride, np.complex128)
        self.lll2, self.la2 = 0.0, np.zeros(stride)
        self.lla2 = np.zeros(stride, np.complex128)

    def add(self, tiles: Tiles) -> None:
        """Take tiles in; those that are flat, saturated or transparent only count."""
        weights = self.weights(tiles)
        told = weights > 0.0
        self.seen += len(told)
        self.lively += int((tiles.variance > _FLAT).sum())
        self.count += int(told.sum())
        w = weights[told]
        x = np.column_stack([np.ones(len(w)), tiles.slope[told]])
        a = dft.lines(tiles.phases[told].astype(np.float64))
        level = tiles.level[told]
        self.weight += float(w.sum())
        self.noise += float(w @ _noise(tiles)[told])
        self.local += float(w @ tiles.local[told])
        self.brightness += float(w @ np.square(level))
        self.relative += np.tensordot(w * level, a, axes=1)
        w2l2, power = np.square(w * level), np.square(np.abs(a))
        self.lll2 += float(w2l2 @ np.square(level))
        self.la2 += np.tensordot(w2l2, power, axes=1)
        self.lla2 += np.tensordot(w2l2 * level, a, axes=1)
        wx, w2x = w[:, None] * x, np.square(w)[:, None] * x
        self.xx += wx.T @ x
        self.xx2 += w2x.T @ x
        self.xa += np.tensordot(wx.T, a, axes=1)
        self.xa2 += np.tensordot(w2x.T, a, axes=1)
        self.aa2 += np.tensordot(np.square(w), power, axes=1)

    @staticmethod
    def weights(tiles: Tiles) -> NDArray[np.float64]:
        """Return how much each tile tells: 0 where it is flat, saturated or transparent."""
        told = (tiles.variance > _FLAT) & tiles.usable
        return np.asarray(told / (_noise(tiles) + _NOISE**2))

    def regression(self) -> NDArray[np.complex128]:
        """Return what goes with 1 and with each slope, as lines: shape (3, s, s)."""
        flat = np.linalg.solve(self._normal, self.xa.reshape(3, -1) / self.weight)
        return np.asarray(flat.reshape(self.xa.shape), np.complex128)

    def error(self, lines: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the expected power of each line's error, shape (s, s).

        Args:
            lines: What `regression` gave.
        """
        explained = np.einsum("iab,ij,jab->ab", lines.conj(), self.xx2, lines).real
        crossed = np.einsum("iab,iab->ab", lines.conj(), self.xa2).real
        spread = np.maximum(self.aa2 - 2 * crossed + explained, 0.0)
        # The regression is drawn towards the tiles, most towards those of much weight: what it
        # leaves of them is short by their share in it.
        share = float(np.trace(np.linalg.solve(self._normal, self.xx2))) / self.weight**2
        spread /= max(1.0 - share, _LEAST_LEFT)
        return np.asarray(spread / self.weight**2 + 1e-6 / self.count)

    def relative_error(self, lines: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the expected power of the error of lines relative to brightness, shape (s, s).

        Args:
            lines: The regression of the phase means on brightness alone.
        """
        crossed = np.real(lines.conj() * self.lla2)
        explained = np.square(np.abs(lines)) * self.lll2
        spread = np.maximum(self.la2 - 2 * crossed + explained, 0.0)
        brightness = max(1e-12, self.brightness)
        spread /= max(1.0 - self.lll2 / brightness**2, _LEAST_LEFT)
        least = 1e-6 / self.count * self.weight / brightness
        return np.asarray(spread / brightness**2 + least)

    @property
    def _normal(self) -> NDArray[np.float64]:
        """The weighted mean of products of regressors, shape (3, 3)."""
        normal = self.xx / self.weight
        # Stairs move an edge by a fraction of a pixel; that prior keeps the slopes determined.
        prior = self.noise / self.weight / self.count / 0.3**2
        normal[[1, 2], [1, 2]] += prior + 1e-12
        return np.asarray(normal)

    @property
    def slope(self) -> NDArray[np.float64]:
        """The mean slope down and across, in levels a pixel."""
        return self.xx[0, 1:] / self.weight

    @property
    def slope_power(self) -> NDArray[np.float64]:
        """The mean square of the slope down and across."""
        return np.diagonal(self.xx)[1:] / self.weight


def _noise(tiles: Tiles) -> NDArray[np.float64]:
    """Return the variance of each tile about the means of its phases, shape (n,).

    A pattern is no noise: with it, the stronger it were, the less its tiles would tell of it.
    """
    phases = tiles.phases.var(axis=(1, 2), dtype=np.float64)
    return np.asarray(np.maximum(tiles.variance - phases, 0.0))
