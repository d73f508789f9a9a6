"""Separable stages: out = A_rows X A_columns^T, a banded matrix along each axis.

The matrices are never made whole. They are applied as small dense products (GEMM) over blocks of
outputs: the zeros inside a block cost less than leaving the fast path of the processor. All blocks
that share a matrix are one call, over overlapping views of the input.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from upsample_cli.kernels import band
from upsample_cli.kernels.band import Band
from upsample_cli.planes import Planes, Size

if TYPE_CHECKING:  # learned kernels have none
    from upsample_cli.kernels.interpolants import Interpolant


class Separable(NamedTuple):
    """One linear step that is a band along each axis.

    Args:
        rows: Makes output rows of input rows.
        columns: Makes output columns of input columns.
    """

    rows: Band
    columns: Band

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return all(
            axis.coefficients.shape[1] == 1 and bool((axis.coefficients == 1).all())
            for axis in (self.rows, self.columns)
        )

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        return self.rows.draws_on(rows), self.columns.draws_on(columns)

    def touching(self) -> "Separable":
        """Return the stage that counts, of ones and zeros, the ones that an output draws on."""
        return Separable(self.rows.touching(), self.columns.touching())

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output.

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly what it draws on.
            rows: The output rows to make.
            columns: The output columns to make.

        Returns:
            Shape (C, len(rows), len(columns)), of the window's type.
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
    return Separable(band.interpolating(phi, *rows), band.interpolating(phi, *columns))


def spline_resampling(order: int, size_in: Size, size_out: Size) -> Separable:
    """Return the stage of spline interpolation, order 0 to 5; 0 copies the nearest pixel."""
    if order == 0:
        rows, columns = zip(size_in, size_out, strict=True)
        return Separable(band.nearest(*rows), band.nearest(*columns))
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
        made = out[:, : start - outputs.start].reshape(count, blocks, band.block, width)
        _product(matrix, views[: step * blocks : step], made.transpose(1, 0, 2, 3))
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
        # Small products of matrices that lie as they are read go without packing them first.
        turned = np.ascontiguousarray(matrix.T)
        np.matmul(x.swapaxes(-1, -2), turned, out=out.swapaxes(-1, -2))
