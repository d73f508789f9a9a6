"""A regression over tiles, in weighted sums: what of their lines goes with something of theirs.

With x the regressors of a tile (what is asked about, slope down, slope across), a the DFT of its
phase means and w its weight, the pattern is the regression of a on x, and its error comes from the
spread of what the regression leaves, a - x b. Both are made of weighted sums of products.
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics import dft

Numbers = NDArray[np.float64]
_LEAST_LEFT = 1e-9  # of the tiles' freedom from the regression: where one tile has all the weight


class Regression:
    """What goes with something of the tiles beside their slopes.

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
        """Take tiles in.

        Args:
            base: Shape (n,), what is asked about.
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
        """What goes with it and is no stairs, shape (s, s).

        Stairs of slope g deviate from the ramp by g ((s - 1) / 2 - phase), at most. Where the slope
        goes with what is asked about, the regression cannot tell them from a checkerboard; the less
        it does, the less is left to explain here.
        """
        lines = self._found[0].reshape(self._stride)
        for axis in (0, 1):
            mean = float(self._xx[0, 1 + axis] / self._power)
            length = lines.shape[axis]
            stairs = dft.lines(mean * ((length - 1) / 2 - np.arange(length))[None, None])[0, 0]
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
        return np.asarray(self._found[1:].reshape(2, *self._stride))

    @property
    def error(self) -> Numbers:
        """The expected power of each line's error, shape (s, s)."""
        found = self._found
        # |a - x b|^2 = |a|^2 - 2 Re(b* x* a) + b* x* x b
        less = (found.conj() * (self._xx2 @ found - 2 * self._xa2)).real.sum(axis=0)
        spread = np.maximum(self._aa2 + less, 0.0)
        # The regression is drawn towards the tiles, most towards those of much weight: what it
        # leaves of them is short by their share in it.
        share = float(np.trace(np.linalg.solve(self._normal, self._xx2)))
        spread /= max(1.0 - share / (self._weight * self._power), _LEAST_LEFT)
        least = 1e-6 / self._count * self._weight / self._power
        return np.asarray(spread / self._power**2 + least).reshape(self._stride)

    @property
    def _found(self) -> NDArray[np.complex128]:
        """What goes with each regressor, as lines: shape (3, s s)."""
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
        """The weighted sum of squares of what is asked about."""
        return max(1e-12, float(self._xx[0, 0]))
