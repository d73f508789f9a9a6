"""The stages that apply kernels, separable or not, to windows of planes.

A separable stage computes out = A_rows X A_columns^T, with a banded matrix along each axis. A band
is such a matrix, given by the rows of one period. Its row o computes output pixel o from `taps`
neighbours in the input:

    out[o] = sum_t coefficients[o mod period, t] * in[start(o) + t]
    start(o) = starts[o mod period] + step * (o div period)

`period` outputs span `step` inputs: 2 span 1 for a stride of 2, 3 span 2 for a scale of 1.5. The
input and output have no edges here: the caller supplies windows that may go beyond the picture.

The matrices are never built whole. They are applied as small dense products (GEMM) over blocks of
outputs: multiplying the zeros inside a block costs less than sparse arithmetic would. All blocks
that share a matrix are computed in one call, over overlapping views of the input.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.planes import Planes, Size

_CELLS = 8  # cells per product: with more, too many zeros are multiplied; fewer are slower


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The rows of one period of a banded matrix.

    Args:
        coefficients: Shape (period, taps).
        starts: Shape (period,), the first input pixel of each row; non-decreasing.
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
        """Output pixels of one product, which span about 16 inputs; whole periods if `repeats`."""
        if self.repeats:
            return self.period * round(16 / self.step)
        return max(1, 16 * self.period // self.step)

    @property
    def repeats(self) -> bool:
        """Whether blocks are whole periods, so that they all share one matrix."""
        return self.step < 16

    def draws_on(self, outputs: range) -> range:
        """Return the input pixels that a run of output pixels draws on."""
        first, last = self.sources(np.array([outputs.start, outputs.stop - 1])).tolist()
        return range(first, last + self.coefficients.shape[1])

    def sources(self, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first input pixel that each output pixel draws on."""
        cycle, phase = np.divmod(outputs, self.period)
        return np.asarray(self.starts[phase] + self.step * cycle)

    def matrix(self, outputs: range, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the dense matrix of a run of outputs, shape (outputs, inputs they draw on)."""
        key = (outputs.start % self.period, len(outputs), dtype.char)
        if key not in self._matrices:
            needed, run = self.draws_on(outputs), np.arange(outputs.start, outputs.stop)
            columns = (self.sources(run) - needed.start)[:, None]
            columns = columns + np.arange(self.coefficients.shape[1])
            dense = np.zeros((len(outputs), len(needed)))
            np.put_along_axis(dense, columns, self.coefficients[run % self.period], axis=1)
            self._matrices[key] = dense.astype(dtype)
        return self._matrices[key]


def transposed_convolution_band(taps: NDArray[np.float64], stride: int, padding: int) -> Band:
    """Return the band of a transposed convolution: tap t of input i lands on s i - p + t.

    Args:
        taps: Shape (k,), the kernel along this axis.
        stride: Output pixels per input pixel, s.
        padding: Output pixels cropped before the first, p; a negative number adds pixels there.
    """
    length = -(-len(taps) // stride)
    phase = np.arange(stride, dtype=np.int64)
    # The first input that reaches output o is the least i with o + p - s i <= k - 1.
    starts = -((len(taps) - 1 - phase - padding) // stride)
    tap = phase[:, None] + padding - stride * (starts[:, None] + np.arange(length))
    inside = (tap >= 0) & (tap < len(taps))
    return Band(np.where(inside, taps[np.where(inside, tap, 0)], 0.0), starts, 1)


class Separable(NamedTuple):
    """A linear stage that applies a band along each axis.

    Args:
        rows: The band from input rows to output rows.
        columns: The band from input columns to output columns.
    """

    rows: Band
    columns: Band

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return all(np.array_equal(band.coefficients, np.ones((band.period, 1))) for band in self)

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        return self.rows.draws_on(rows), self.columns.draws_on(columns)

    def counting(self) -> "Separable":
        """Return a stage for masks: it counts the marked input pixels that each output draws on."""
        down, across = (replace(band, coefficients=(band.coefficients != 0) * 1.0) for band in self)
        return Separable(down, across)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output, shape (C, len(rows), len(columns)).

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly the input needed.
            rows: The output rows to compute.
            columns: The output columns to compute.
        """
        count, _, width = window.shape
        between: Planes = np.empty((count, len(rows), width), window.dtype)
        _apply(self.rows, window, rows, between)
        out: Planes = np.empty((count, len(rows), len(columns)), window.dtype)
        # The same along the columns, on transposed views: all rows of all planes at once.
        lines, flat = between.reshape(1, -1, width), out.reshape(1, -1, len(columns))
        _apply(self.columns, lines.transpose(0, 2, 1), columns, flat.transpose(0, 2, 1))
        return out


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
    """Write matrix @ x into `out`; as x^T @ matrix^T if `out` lies transposed in memory."""
    if out.strides[-1] == out.itemsize:
        np.matmul(matrix, x, out=out)
    else:
        # A contiguous transpose is faster: NumPy need not pack small matrices before it multiplies.
        turned = np.ascontiguousarray(matrix.T)
        np.matmul(x.swapaxes(-1, -2), turned, out=out.swapaxes(-1, -2))


class Polyphase:
    """The stage of a transposed convolution whose kernel need not be separable.

    Each input pixel has a cell of s x s output pixels. A run of cells draws on one patch of the
    input, and its outputs are one dense product of that patch and a layout of the taps. So no
    picture with zeros between its pixels is built.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel on both axes.
        padding: Rows and columns of the output cropped before the first.
    """

    def __init__(self, taps: NDArray[np.float64], stride: int, padding: Size) -> None:
        self._taps, self._stride, self._padding = taps, stride, padding
        # These bands hold indices of taps, counted from 1, in place of their values; 0 is no tap.
        self._down, self._across = (
            transposed_convolution_band(np.arange(1.0, length + 1), stride, before)
            for length, before in zip(taps.shape, padding, strict=True)
        )
        down = self._down.matrix(range(stride), np.dtype(np.intp)).T
        across = self._across.matrix(range(stride * _CELLS), np.dtype(np.intp)).T
        self._patch = len(down), len(across)
        numbered = np.pad(taps, ((1, 0), (1, 0)))
        layout = numbered[down[:, None, :, None], across[:, None, :]]
        self._layout = layout.reshape(len(down) * len(across), -1)

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        down, across = self._cells(rows, 1), self._cells(columns, _CELLS)
        return self._down.draws_on(down), self._across.draws_on(across)

    def counting(self) -> "Polyphase":
        """Return a stage for masks: it counts the marked input pixels that each output draws on."""
        return Polyphase((self._taps != 0).astype(np.float64), self._stride, self._padding)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Separable`."""
        whole_rows, whole_columns = self._cells(rows, 1), self._cells(columns, _CELLS)
        count, cells, across = len(window), len(whole_rows) // self._stride, self._stride * _CELLS
        patches = sliding_window_view(window, self._patch, axis=(1, 2))[:, :, ::_CELLS]
        layout = self._layout.astype(window.dtype)
        out = np.empty((count, len(whole_rows), len(whole_columns)), window.dtype)
        for block in range(patches.shape[2]):
            outputs = patches[:, :, block].reshape(count * cells, -1) @ layout
            out[:, :, block * across :][:, :, :across] = outputs.reshape(count, -1, across)
        top, left = rows.start - whole_rows.start, columns.start - whole_columns.start
        return out[:, top : top + len(rows), left : left + len(columns)]

    def _cells(self, outputs: range, count: int) -> range:
        """Return a run of outputs, widened to a multiple of `count` whole cells."""
        first, last = outputs.start // self._stride, -(-outputs.stop // self._stride)
        cells = -(-(last - first) // count) * count
        return range(first * self._stride, (first + cells) * self._stride)
