"""Separable stages: out = A_rows X A_columns^T, a banded matrix along each axis.

The matrices are never made whole. They are applied as small dense products (GEMM) over blocks of
outputs: the zeros inside a block cost less than leaving the fast path of the processor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from upsample_cli.kernels.band import Band
from upsample_cli.planes import Planes


@dataclass(frozen=True, slots=True, eq=False)
class Separable:
    """One linear step that is a band along each axis.

    Args:
        rows: Makes output rows of input rows.
        columns: Makes output columns of input columns.
    """

    rows: Band
    columns: Band

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        return self.rows.draws_on(rows), self.columns.draws_on(columns)

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
        for inputs, outputs, run in _blocks(self.rows, rows):
            np.matmul(self.rows.matrix(run, window.dtype), window[:, inputs], out=tall[:, outputs])
        out: Planes = np.empty((count, len(rows), len(columns)), window.dtype)
        lines, flat = tall.reshape(-1, width), out.reshape(-1, len(columns))
        for inputs, outputs, run in _blocks(self.columns, columns):
            matrix = self.columns.matrix(run, window.dtype)
            np.matmul(lines[:, inputs], matrix.T, out=flat[:, outputs])
        return out


def _blocks(band: Band, outputs: range) -> Iterator[tuple[slice, slice, range]]:
    """Cut a run of outputs; yield each piece's place in the window, in the output, and itself."""
    window_start = band.draws_on(outputs).start
    for start in range(outputs.start, outputs.stop, band.block):
        run = range(start, min(start + band.block, outputs.stop))
        needed = band.draws_on(run)
        yield (
            slice(needed.start - window_start, needed.stop - window_start),
            slice(run.start - outputs.start, run.stop - outputs.start),
            run,
        )
