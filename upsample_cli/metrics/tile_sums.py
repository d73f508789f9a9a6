"""Sums over tiles: all that the checkerboard metric needs of a picture, however large it is.

A pattern is described by its lines: the discrete Fourier transform (DFT) of the means of its
phases. Over the tiles, the lines are regressed on what may explain them. With x the regressors of a
tile (1 or its level, slope down, slope across), a its lines and w its weight, the pattern is the
coefficient of x[0], and its error comes from the spread of what the regression leaves, a - x b.
Both are made of weighted sums of products.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.tiles import Tiles

Numbers = NDArray[np.float64]
_NOISE = 0.5  # levels: what is finer than rounding to 8 bits says nothing
_FLAT = 1e-6  # variance of a tile without any content
_LEAST_FREEDOM = 1e-9  # of the tiles in the regression, for when one tile has all the weight


class Sums:
    """Weighted sums over the tiles that can show a pattern.

    Args:
        stride: Phases down and across.

    Attributes:
        seen: How many tiles there are.
        lively: How many are not flat.
        count: How many have a weight.
        everywhere: The lines of a pattern that is equally strong everywhere, in levels.
        relative: Of one that is as strong as the picture is bright, relative to that.
    """

    def __init__(self, stride: tuple[int, int]) -> None:
        self.seen = self.lively = self.count = 0
        self.weight = self.local = 0.0
        self.everywhere, self.relative = Regression(stride), Regression(stride)

    def add(self, tiles: Tiles) -> None:
        """Add tiles; those that are flat, saturated or transparent are only counted."""
        weights = self.weights(tiles)
        weighted = weights > 0.0
        self.seen += len(weighted)
        self.lively += int((tiles.variance > _FLAT).sum())
        self.count += int(weighted.sum())
        w = weights[weighted]
        self.weight += float(w.sum())
        self.local += float(w @ tiles.local[weighted])
        a = phase_lines(tiles.phases[weighted].astype(np.float64))
        level = tiles.level[weighted].astype(np.float64)
        slope = tiles.slope[weighted].astype(np.float64)
        noise = _noise(tiles)[weighted]
        self.everywhere.add(np.ones(len(w)), slope, a, w, noise)
        self.relative.add(level, slope, a, w, noise)

    @staticmethod
    def weights(tiles: Tiles) -> Numbers:
        """Return the weight of each tile: 0 where it is flat, saturated or transparent."""
        weighted = (tiles.variance > _FLAT) & tiles.usable
        return np.asarray(weighted / (_noise(tiles) + _NOISE**2))


class Regression:
    """The regression of the tiles' lines on one regressor beside their slopes.

    Args:
        stride: Phases down and across.
    """

    def __init__(self, stride: tuple[int, int]) -> None:
        self._stride, phases = stride, stride[0] * stride[1]
        self._count, self._weight, self._noise = 0, 0.0, 0.0
        self._xx, self._xx2 = np.zeros((3, 3)), np.zeros((3, 3))
        self._xa, self._xa2 = (np.zeros((3, phases), np.complex128) for _ in range(2))
        self._aa2 = np.zeros(phases)

    def add(
        self, base: Numbers, slopes: Numbers, a: NDArray[np.complex128], w: Numbers, noise: Numbers
    ) -> None:
        """Add tiles.

        Args:
            base: Shape (n,), the regressor.
            slopes: Shape (n, 2), down and across.
            a: Shape (n, s, s), lines.
            w: Shape (n,), weights.
            noise: Shape (n,), variances.
        """
        x = np.column_stack([base, slopes])
        wx, w2x = w[:, None] * x, np.square(w * base)[:, None] * x
        self._count += len(w)
        self._weight += float(w.sum())
        self._noise += float(w @ noise)
        self._xx += wx.T @ x
        self._xx2 += w2x.T @ x
        lines = a.reshape(len(a), len(self._aa2))
        self._xa += wx.T @ lines
        self._xa2 += w2x.T @ lines
        self._aa2 += np.square(w * base) @ np.square(np.abs(lines))

    @property
    def lines(self) -> NDArray[np.complex128]:
        """The lines of what goes with the regressor and is no stairs, shape (s, s).

        Stairs of slope g deviate from the ramp by g ((s - 1) / 2 - phase), at most. Where the slope
        goes with the regressor, the regression cannot tell them from a checkerboard; the less it
        does, the less is left to explain here.
        """
        lines = self._coefficients[0].reshape(self._stride)
        for axis in (0, 1):
            mean = float(self._xx[0, 1 + axis] / self._power)
            length = lines.shape[axis]
            stairs = phase_lines(mean * ((length - 1) / 2 - np.arange(length))[None, None])[0, 0]
            total = float(np.square(np.abs(stairs)).sum())
            if total > 0.0:
                along = lines[:, 0] if axis == 0 else lines[0]  # a view: the lines of that axis
                share = float(np.vdot(stairs, along).real) / total
                together = mean**2 * self._power / self._xx[1 + axis, 1 + axis]
                along -= stairs * (together * min(max(share, 0.0), 1.0))
        return np.asarray(lines)

    @property
    def stairs(self) -> NDArray[np.complex128]:
        """What goes with a slope of one level a pixel, as lines: down and across, (2, s, s)."""
        return np.asarray(self._coefficients[1:].reshape(2, *self._stride))

    @property
    def error(self) -> Numbers:
        """The expected power of each line's error, shape (s, s)."""
        b = self._coefficients
        # |a - x b|^2 = |a|^2 - 2 Re(b* x* a) + b* x* x b
        less = (b.conj() * (self._xx2 @ b - 2 * self._xa2)).real.sum(axis=0)
        spread = np.maximum(self._aa2 + less, 0.0)
        # The regression is drawn towards the tiles, most towards those of much weight: what it
        # leaves of them is short by their share in it.
        share = float(np.trace(np.linalg.solve(self._normal, self._xx2)))
        spread /= max(1.0 - share / (self._weight * self._power), _LEAST_FREEDOM)
        least = 1e-6 / self._count * self._weight / self._power
        return np.asarray(spread / self._power**2 + least).reshape(self._stride)

    @property
    def _coefficients(self) -> NDArray[np.complex128]:
        """What goes with each regressor, as lines: b, shape (3, s s)."""
        return np.asarray(np.linalg.solve(self._normal, self._xa / self._weight), np.complex128)

    @property
    def _normal(self) -> Numbers:
        """The weighted mean of products of regressors, shape (3, 3)."""
        # Stairs move an edge by a fraction of a pixel; that prior keeps the slopes determined.
        prior = self._noise / self._weight / self._count / 0.3**2
        normal = self._xx / self._weight + np.diag([0.0, prior, prior])
        return np.asarray(normal + 1e-12 * np.eye(3))

    @property
    def _power(self) -> float:
        """The weighted sum of squares of the regressor."""
        return max(1e-12, float(self._xx[0, 0]))


def phase_lines(phases: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """Return the lines of patterns: the DFT over their phases, divided by their number.

    A stride has few phases, and a picture thousands of tiles: one product with a small matrix
    transforms them all.

    Args:
        phases: Shape (n, s, t), real, a value for each phase of n patterns.

    Returns:
        Shape (n, s, t), in the same unit: a pattern's line (0, 0) is its mean.

    >>> phase_lines(np.array([[[1.0, -1.0], [-1.0, 1.0]]])).real.round(9).tolist()
    [[[0.0, 0.0], [0.0, 1.0]]]
    """
    count, s, t = phases.shape
    return (phases.reshape(count, s * t) @ _dft_matrix(s, t)).reshape(count, s, t)


@lru_cache(32)
def _dft_matrix(s: int, t: int) -> NDArray[np.complex128]:
    """Return the matrix from phases to lines, shape (s t, s t)."""
    down, across = (
        np.exp(-2j * np.pi / n * (np.outer(np.arange(n), np.arange(n)) % n)) / n for n in (s, t)
    )
    return np.asarray(np.kron(down, across), np.complex128)


def _noise(tiles: Tiles) -> Numbers:
    """Return the variance of each tile about the means of its phases, shape (n,).

    A pattern is no noise: with it, the stronger it were, the less weight its tiles would have.
    """
    phases = tiles.phases.var(axis=(1, 2), dtype=np.float64)
    return np.asarray(np.maximum(tiles.variance - phases, 0.0))
