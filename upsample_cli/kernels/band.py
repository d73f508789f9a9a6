"""A band: the banded matrix of one axis, given by the rows of one period.

Row o of the matrix makes output pixel o from `taps` neighbouring input pixels:

    out[o] = sum_t coefficients[o mod period, t] * in[start(o) + t]
    start(o) = starts[o mod period] + step * (o div period)

`period` outputs lie over `step` inputs: 2 over 1 for a stride of 2, 3 over 2 for a scale of 1.5.
Input and output are endless here; edges belong to whoever cuts the window.
"""

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # learned kernels have none
    from upsample_cli.kernels.interpolants import Interpolant


class Band:
    """The rows of one period of a banded matrix.

    Args:
        coefficients: Shape (period, taps).
        starts: Shape (period,), the first input pixel of each row; never falling.
        step: Input pixels from one period to the next.
    """

    def __init__(
        self, coefficients: NDArray[np.float64], starts: NDArray[np.int64], step: int
    ) -> None:
        self.coefficients, self.starts, self.step = coefficients, starts, step
        self._matrices: dict[tuple[int, int, str], NDArray[Any]] = {}

    @property
    def period(self) -> int:
        """Output pixels of one period."""
        return len(self.starts)

    @property
    def block(self) -> int:
        """Output pixels to make at once: whole periods if they are short, over about 16 inputs."""
        if self.repeats:
            return self.period * round(16 / self.step)
        return max(1, 16 * self.period // self.step)

    @property
    def repeats(self) -> bool:
        """Whether blocks are whole periods, so that they all have one matrix."""
        return self.step < 16

    def draws_on(self, outputs: range) -> range:
        """Return the input pixels that a run of output pixels needs."""
        last = self._start(outputs.stop - 1) + self.coefficients.shape[1]
        return range(self._start(outputs.start), last)

    def matrix(self, outputs: range, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the dense block of the matrix for a run of output pixels.

        Args:
            outputs: A run of output pixels.
            dtype: Type of the result.

        Returns:
            Shape (len(outputs), len(draws_on(outputs))).
        """
        key = (outputs.start % self.period, len(outputs), dtype.char)
        found = self._matrices.get(key)
        if found is None:
            found = self._matrices[key] = self._dense(outputs).astype(dtype)
        return found

    def touching(self) -> "Band":
        """Return the band whose coefficients are 1 where these are not 0."""
        return Band((self.coefficients != 0).astype(np.float64), self.starts, self.step)

    def _start(self, output: int) -> int:
        cycle, phase = divmod(output, self.period)
        return int(self.starts[phase]) + self.step * cycle

    def _dense(self, outputs: range) -> NDArray[np.float64]:
        needed = self.draws_on(outputs)
        cycle, phase = np.divmod(np.arange(outputs.start, outputs.stop), self.period)
        first = self.starts[phase] + self.step * cycle - needed.start
        dense = np.zeros((len(outputs), len(needed)))
        columns = first[:, None] + np.arange(self.coefficients.shape[1])
        np.put_along_axis(dense, columns, self.coefficients[phase], axis=1)
        return dense


def interpolating(phi: "Interpolant", size_in: int, size_out: int) -> Band:
    """Return the band that resamples an axis with an interpolant.

    Half-pixel centres: output pixel o samples the input at (o + 0.5) size_in / size_out - 0.5.
    When the axis shrinks, phi is widened by the reduction (antialiasing). Each row is divided by
    its sum, so a flat picture stays flat.

    Args:
        phi: The interpolant.
        size_in: Input pixels along the axis, 1 or more.
        size_out: Output pixels along the axis, 1 or more.
    """
    step, period = _lowest(size_in, size_out)
    widening = max(1.0, step / period)
    # Twice the period times the position, an exact integer: equal phases give equal rows.
    position = (2 * np.arange(period, dtype=np.int64) + 1) * step - period
    whole, rest = np.divmod(position, 2 * period)
    reach = int(np.ceil(phi.support * widening))
    offsets = np.arange(-reach, reach + 2)
    distance = offsets - (rest / (2 * period))[:, None]
    coefficients = phi(distance / widening)
    coefficients /= coefficients.sum(axis=1, keepdims=True)
    used = np.flatnonzero(np.abs(coefficients).max(axis=0) > 0.0)
    kept = slice(used[0], used[-1] + 1)
    return Band(coefficients[:, kept], whole + offsets[kept.start], step)


def nearest(size_in: int, size_out: int) -> Band:
    """Return the band that copies the nearest input pixel: floor((o + 0.5) size_in / size_out).

    Args:
        size_in: Input pixels along the axis, 1 or more.
        size_out: Output pixels along the axis, 1 or more.
    """
    step, period = _lowest(size_in, size_out)
    starts = (2 * np.arange(period, dtype=np.int64) + 1) * step // (2 * period)
    return Band(np.ones((period, 1)), starts, step)


def transposed(taps: NDArray[np.float64], stride: int, padding: int) -> Band:
    """Return the band of a transposed convolution: tap t of input i lands on s i - p + t.

    Args:
        taps: Shape (k,), the kernel along this axis.
        stride: Output pixels per input pixel, s.
        padding: Output pixels cropped before the first, p; below 0 it adds some.
    """
    length = -(-len(taps) // stride)
    phase = np.arange(stride, dtype=np.int64)
    # The first input that reaches output o is the least i with o + p - s i <= k - 1.
    starts = -((len(taps) - 1 - phase - padding) // stride)
    tap = phase[:, None] + padding - stride * (starts[:, None] + np.arange(length))
    inside = (tap >= 0) & (tap < len(taps))
    return Band(np.where(inside, taps[np.where(inside, tap, 0)], 0.0), starts, 1)


def _lowest(size_in: int, size_out: int) -> tuple[int, int]:
    """Return the least whole numbers of input and output pixels that span the same length."""
    common = gcd(size_in, size_out)
    return size_in // common, size_out // common
