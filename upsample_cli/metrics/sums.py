"""Sums over tiles: all that the checkerboard metric needs of a picture, however large it is."""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import dft
from upsample_cli.metrics.regression import Regression
from upsample_cli.metrics.tiles import Tiles

_NOISE = 0.5  # levels: what is finer than rounding to 8 bits tells nothing
_FLAT = 1e-6  # variance of a tile without any content


class Sums:
    """Weighted sums over the tiles that tell something.

    Args:
        stride: Phases down and across.

    Attributes:
        everywhere: The lines of a pattern that is as strong everywhere, in levels.
        relative: Of one that is as strong as the picture is bright, relative to that.
    """

    def __init__(self, stride: tuple[int, int]) -> None:
        self.seen = self.lively = self.count = 0
        self.weight = self.local = 0.0
        self.everywhere, self.relative = Regression(stride), Regression(stride)

    def add(self, tiles: Tiles) -> None:
        """Take tiles in; those that are flat, saturated or transparent only count."""
        weights = self.weights(tiles)
        told = weights > 0.0
        self.seen += len(told)
        self.lively += int((tiles.variance > _FLAT).sum())
        self.count += int(told.sum())
        w = weights[told]
        self.weight += float(w.sum())
        self.local += float(w @ tiles.local[told])
        a = dft.lines(tiles.phases[told].astype(np.float64))
        level, slope = (each[told].astype(np.float64) for each in (tiles.level, tiles.slope))
        noise = _noise(tiles)[told]
        self.everywhere.add(np.ones(len(w)), slope, a, w, noise)
        self.relative.add(level, slope, a, w, noise)

    @staticmethod
    def weights(tiles: Tiles) -> NDArray[np.float64]:
        """Return how much each tile tells: 0 where it is flat, saturated or transparent."""
        told = (tiles.variance > _FLAT) & tiles.usable
        return np.asarray(told / (_noise(tiles) + _NOISE**2))


def _noise(tiles: Tiles) -> NDArray[np.float64]:
    """Return the variance of each tile about the means of its phases, shape (n,).

    A pattern is no noise: with it, the stronger it were, the less its tiles would tell of it.
    """
    phases = tiles.phases.var(axis=(1, 2), dtype=np.float64)
    return np.asarray(np.maximum(tiles.variance - phases, 0.0))
