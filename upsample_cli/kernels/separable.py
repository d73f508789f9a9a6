"""Separable stages: out = A_rows X A_columns^T, a banded matrix along each axis.

A band is the matrix of one axis, given by the rows of one period. Its row o computes output pixel
o from `taps` neighbouring input pixels:

    out[o] = sum_t coefficients[o mod period, t] * in[start(o) + t]
    start(o) = starts[o mod period] + step * (o div period)

`period` outputs lie over `step` inputs: 2 over 1 for a stride of 2, 3 over 2 for a scale of 1.5.
Input and output are endless here; the edges are up to the caller who cuts the window.

The matrices are never built whole. They are applied as small dense products (GEMM) over blocks of
outputs: the zeros inside a block cost less than leaving the fast path of the processor. All blocks
that share a matrix are one call, over overlapping views of the input.
"""

from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.planes import Planes, Size

if TYPE_CHECKING:  # learned kernels do without
    from upsample_cli.kernels.interpolants import Interpolant


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The rows of one period of a banded matrix.

    Args:
        coefficients: Shape (period, taps).
        starts: Shape (period,), the first input pixel of each row; never falling.
        step: Input pixels from one period to the next.
    """

    coefficients: NDArray[np.float64]
    starts: NDArray[np.int64]
    step: int
    _matrices: dict[tuple[int, int, str], NDArray[Any]] = field(default_factory=dict, init=False)

    @property
    def period(self) -> int:
        """Output pixels after which the coefficients repeat."""
        return len(self.starts)

    @property
    def block(self) -> int:
        """Output pixels of one product: whole periods if they are short, over about 16 inputs."""
        if self.repeats:
            return self.period * round(16 / self.step)
        return max(1, 16 * self.period // self.step)

    @property
    def repeats(self) -> bool:
        """Whether blocks are whole periods, so that they all have one matrix."""
        return self.step < 16

    @property
    def copies(self) -> bool:
        """Whether every output is a copy of one input."""
        return self.coefficients.shape[1] == 1 and bool((self.coefficients == 1).all())

    def draws_on(self, outputs: range) -> range:
        """Return the input pixels that a run of output pixels needs."""
        last = self._start(outputs.stop - 1) + self.coefficients.shape[1]
        return range(self._start(outputs.start), last)

    def sources(self, count: int) -> NDArray[np.int64]:
        """Return the first input pixel of each of the first outputs."""
        cycle, phase = np.divmod(np.arange(count), self.period)
        return np.asarray(self.starts[phase] + self.step * cycle)

    def matrix(self, outputs: range, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the dense block for a run of outputs, shape (outputs, inputs it draws on)."""
        key = (outputs.start % self.period, len(outputs), dtype.char)
        matrix = self._matrices.get(key)
        if matrix is None:
            matrix = self._matrices[key] = self._dense(outputs).astype(dtype)
        return matrix

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


def interpolation_band(phi: "Interpolant", size_in: int, size_out: int) -> Band:
    """Return the band that resamples an axis with an interpolant.

    Half-pixel centres: output pixel o samples the input at (o + 0.5) size_in / size_out - 0.5.
    When the axis shrinks, phi is widened by the reduction (antialiasing). Each row is divided by
    its sum, so a flat picture stays flat.

    Args:
        phi: The interpolant.
        size_in: Input pixels along the axis, 1 or more.
        size_out: Output pixels along the axis, 1 or more.
    """
    step, period = _lowest_terms(size_in, size_out)
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


def nearest_band(size_in: int, size_out: int) -> Band:
    """Return the band that copies the nearest input pixel: floor((o + 0.5) size_in / size_out)."""
    step, period = _lowest_terms(size_in, size_out)
    starts = (2 * np.arange(period, dtype=np.int64) + 1) * step // (2 * period)
    return Band(np.ones((period, 1)), starts, step)


def transposed_convolution_band(taps: NDArray[np.float64], stride: int, padding: int) -> Band:
    """Return the band of a transposed convolution: tap t of input i lands on s i - p + t.

    Args:
        taps: Shape (k,), the kernel along this axis.
        stride: Output pixels per input pixel, s.
        padding: Output pixels cropped before the first, p; a negative number adds some.
    """
    length = -(-len(taps) // stride)
    phase = np.arange(stride, dtype=np.int64)
    # The first input that reaches output o is the least i with o + p - s i <= k - 1.
    starts = -((len(taps) - 1 - phase - padding) // stride)
    tap = phase[:, None] + padding - stride * (starts[:, None] + np.arange(length))
    inside = (tap >= 0) & (tap < len(taps))
    return Band(np.where(inside, taps[np.where(inside, tap, 0)], 0.0), starts, 1)


class Separable(NamedTuple):
    """One linear step that is a band along each axis.

    Args:
        rows: From input rows to output rows.
        columns: From input columns to output columns.
    """

    rows: Band
    columns: Band

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return self.rows.copies and self.columns.copies

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        return self.rows.draws_on(rows), self.columns.draws_on(columns)

    def touching(self) -> "Separable":
        """Return the stage that counts, in a mask of the input, the pixels an output draws on."""
        return Separable(self.rows.touching(), self.columns.touching())

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output, shape (C, len(rows), len(columns)).

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly what it draws on.
            rows: The output rows to compute.
            columns: The output columns to compute.
        """
        count, _, width = window.shape
        tall: Planes = np.empty((count, len(rows), width), window.dtype)
        _apply(self.rows, window, rows, tall)
        out: Planes = np.empty((count, len(rows), len(columns)), window.dtype)
        # Along the columns the same is done to the transposes, all rows of all planes at once.
        lines, flat = tall.reshape(1, -1, width), out.reshape(1, -1, len(columns))
        _apply(self.columns, lines.transpose(0, 2, 1), columns, flat.transpose(0, 2, 1))
        return out


def resampling(phi: "Interpolant", size_in: Size, size_out: Size) -> Separable:
    """Return the stage that resamples planes from one size to another with an interpolant."""
    rows, columns = zip(size_in, size_out, strict=True)
    return Separable(interpolation_band(phi, *rows), interpolation_band(phi, *columns))


def spline_resampling(order: int, size_in: Size, size_out: Size) -> Separable:
    """Return the stage of spline interpolation, order 0 to 5; 0 copies the nearest pixel."""
    if order == 0:
        rows, columns = zip(size_in, size_out, strict=True)
        return Separable(nearest_band(*rows), nearest_band(*columns))
    from upsample_cli.kernels.interpolants import cardinal_spline

    return resampling(cardinal_spline(order), size_in, size_out)


def _apply(band: Band, x: Planes, outputs: range, out: Planes) -> None:
    """Apply a band along axis 1 of x, shape (C, inputs, W), into out, shape (C, outputs, W)."""
    blocks = len(outputs) // band.block if band.repeats else 0
    start = outputs.start + blocks * band.block
    if blocks:
        run = range(outputs.start, outputs.start + band.block)
        matrix = band.matrix(run, x.dtype)
        views = sliding_window_view(x, matrix.shape[1], axis=1).transpose(1, 0, 3, 2)
        step = band.step * (band.block // band.period)
        count, _, width = out.shape
        target = out[:, : start - outputs.start].reshape(count, blocks, band.block, width)
        _product(matrix, views[: step * blocks : step], target.transpose(1, 0, 2, 3))
    first = band.draws_on(outputs).start
    for top in range(start, outputs.stop, band.block):
        run = range(top, min(top + band.block, outputs.stop))
        needed = band.draws_on(run)
        inputs = slice(needed.start - first, needed.stop - first)
        place = slice(run.start - outputs.start, run.stop - outputs.start)
        _product(band.matrix(run, x.dtype), x[:, inputs], out[:, place])


def _product(matrix: Planes, x: Planes, out: Planes) -> None:
    """Write matrix @ x into out; where out lies transposed in memory, as x^T @ matrix^T."""
    if out.strides[-1] == out.itemsize:
        np.matmul(matrix, x, out=out)
    else:
        # NumPy multiplies small matrices without packing them first if they lie as they are read.
        turned = np.ascontiguousarray(matrix.T)
        np.matmul(x.swapaxes(-1, -2), turned, out=out.swapaxes(-1, -2))


def _lowest_terms(size_in: int, size_out: int) -> tuple[int, int]:
    """Return the least whole numbers of input and output pixels that span the same length."""
    common = gcd(size_in, size_out)
    return size_in // common, size_out // common
