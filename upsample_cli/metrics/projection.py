"""Computes phases, level and slopes of cells: linear maps of a picture, one axis at a time.

With B the symmetric moving average over one stride along each axis, r = (I - B)^2 y is the residual
of a picture y. B nulls every harmonic of the stride, so a pattern of that period passes into r with
gain 1; polynomials up to degree 3 do not pass. (I - B)^2 = I - 2 B + B^2, and B is separable. So
the mean of each phase of r in a cell is the sum of three products, each of y and two small
matrices, one for each axis. The slopes are those of B y, in which no pattern is left.
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Floats

_FACTORS = np.array([1.0, -2.0, 1.0])  # of I, B and B^2


class Projection:
    """The matrices that give phases, levels and slopes of cells of one size.

    Args:
        stride: Period down and across, in pixels, (s, t).
        cell: Rows and columns of a cell, multiples of the stride, twice it or more.
        margin: Rows and columns on each side of a cell that its residual draws on.
    """

    def __init__(
        self, stride: tuple[int, int], cell: tuple[int, int], margin: tuple[int, int]
    ) -> None:
        self._stride, self._cell, self._margin = stride, cell, margin
        self._down = np.concatenate(_rows(stride[0], cell[0], margin[0])).astype(np.float32)
        *phases, moments = _rows(stride[1], cell[1], margin[1])
        signed = [sign * rows for sign, rows in zip(_FACTORS, phases, strict=True)]
        self._across = [_in_blocks(rows, cell[1], margin[1]) for rows in (*signed, moments)]

    @property
    def height(self) -> int:
        """How many values `products` computes per pixel column of each row of cells."""
        return len(self._down)

    def products(self, levels: Floats, m: int, n: int) -> tuple[Floats, Floats, Floats]:
        """Return the phases, the level and the slopes of cells.

        Args:
            levels: Rows and columns of m x n cells, with the margin around.
            m: Cells down.
            n: Cells across.

        Returns:
            Shapes (m, s t, n), (m, n) and (m, 2, n), as in `Cells`.
        """
        (tall, wide), (top, left), (s, t) = self._cell, self._margin, self._stride
        # One more block on each side holds the margin that the residual draws on.
        down = np.zeros((m, self.height, (n + 2) * wide), np.float32)
        for i, rows in enumerate(down[..., wide - left : (n + 1) * wide + left]):
            np.matmul(self._down, levels[i * tall : (i + 1) * tall + 2 * top], out=rows)
        blocks = down.reshape(m, self.height, n + 2, wide).swapaxes(2, 3)
        phases = np.zeros((m, s, t, n), np.float32)
        for order in range(3):
            _add_products(phases, self._across[order], blocks[:, order * s : (order + 1) * s])
        phases -= phases.mean(axis=(1, 2), keepdims=True)
        moments = np.zeros((m, 2, 2, n), np.float32)
        _add_products(moments, self._across[3], blocks[:, 3 * s :])
        slope = np.stack([moments[:, 1, 0], moments[:, 0, 1]], axis=1)
        return phases.reshape(m, s * t, n), moments[:, 0, 0], slope


def _add_products(total: Floats, matrix: Floats, blocks: Floats) -> None:
    """Add the products of a matrix with each cell and its neighbours.

    Args:
        total: Shape (m, rows, values, n).
        matrix: Shape (3 values, wide): for the block before a cell, the cell, the block after.
        blocks: Shape (m, rows, wide, n + 2).
    """
    values, n = total.shape[2:]
    product = matrix @ blocks
    for shift in range(3):
        total += product[:, :, shift * values : (shift + 1) * values, shift : shift + n]


def _rows(s: int, cell: int, margin: int) -> list[NDArray[np.float64]]:
    """Return the matrices of an axis: for the phases of y, B y and B^2 y, and for mean and slope.

    Returns:
        Three matrices of s rows and one of two rows, each of cell + 2 margin columns: the pixels
        of a cell and of the margin on both sides.
    """
    place = np.arange(cell + 2 * margin)
    inside = (place >= margin) & (place < margin + cell)
    average = np.ones(s) / s if s % 2 else np.convolve(np.ones(s), [0.5, 0.5]) / s
    matrices = [(place % s == np.arange(s)[:, None]) * inside * (s / cell)]
    for _ in range(2):
        matrices.append(_smoothed(matrices[-1], average))
    centred = (place - place.mean()) * inside
    slope = _smoothed(centred[None] / np.square(centred).sum(), average)
    return [*matrices, np.concatenate([inside[None] / cell, slope])]


def _smoothed(rows: NDArray[np.float64], average: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.convolve(row, average, "same") for row in rows])


def _in_blocks(rows: NDArray[np.float64], cell: int, margin: int) -> Floats:
    """Return rows cut into blocks before, at and after a cell, stacked to (3 rows, cell)."""
    spare = cell - margin
    blocks = np.split(np.pad(rows, ((0, 0), (spare, spare))), 3, axis=1)
    return np.concatenate(blocks).astype(np.float32)
