"""Cells of a picture: all that the checkerboard metric keeps of it, read in one pass.

A cell is a few periods wide and high. It keeps the mean of its residual in each phase (see
`projection`), its level and its slopes.

Cells with many blocks of equal pixels (see `rows`) are plain: parts with flat colours and edges,
and parts enlarged by nearest-neighbour. Nearly black blocks do not count: in them a pattern in
proportion to the brightness, such as that of an uneven kernel, does not show.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.metrics.projection import Projection
from upsample_cli.metrics.rows import Floats, Marks, Mask, Rows, joined
from upsample_cli.metrics.spectrum import unexplained

Real = TypeVar("Real", bound=np.floating[Any])

# Pixels and periods along a side of a cell, at least: the first pair that gives enough cells.
_SIDES = ((8, 3), (8, 2), (6, 2))
_SHORT = 5  # strides up to this begin with the second pair: their cells have few phases
_LEAST = 4  # cells along each side of a picture, at least
_MOST = 30_000  # cells of a picture, at most: larger pictures get larger cells
_RUN = 150_000  # values computed at once: what fits the cache
_SATURATED = 0.1  # share of a cell's pixels at 0 or 255; with more, the cell is not usable
_PLAIN = 0.5  # least number of blocks of one colour, not black, per period of a plain cell
_HIDDEN = 0.25  # squared levels: power of a pattern that 8-bit rounding may hide in a plain cell
_SPREAD = 2.6  # variance in a cell over the variance of its slope: median of 72 photographs
_BLACK = 8.0  # levels: in darker pixels a pattern in proportion to the brightness does not show


class Cells(NamedTuple):
    """The figures of m x n cells.

    Args:
        phases: Shape (m, phases, n), mean of the residual in each phase, less the mean over phases.
        level: Shape (m, n), mean of the picture, in levels.
        slope: Shape (m, 2, n), mean gradient down and across, in levels per pixel.
        usable: Shape (m, n), whether a pattern would show in the cell.
        plain: Shape (m, n), whether the cell certainly has no pattern: its phases are set to 0.
        blocks: Shape (m, n), whether the cell may consist of one-colour blocks, one per period.
        flat: Shape (m, n), whether all pixels of the cell are equal.
    """

    phases: Floats
    level: Floats
    slope: Floats
    usable: Mask
    plain: Mask
    blocks: Mask
    flat: Mask

    def squares(self, cell: tuple[int, int]) -> NDArray[np.float64]:
        """Return the mean square of the picture in each cell, estimated from level and slopes.

        Args:
            cell: Rows and columns of a cell.
        """
        spread = [_SPREAD * (side**2 - 1) / 12 for side in cell]
        slopes = np.einsum("k,mkn->mn", spread, np.square(self.slope, dtype=np.float64))
        return np.asarray(np.square(self.level, dtype=np.float64) + slopes)

    @classmethod
    def mixed(cls, parts: "Sequence[Cells]", shares: Floats) -> "Cells":
        """Return the cells of a weighted sum of planes, such as luma, from each plane's cells."""
        phases, level, slope = (
            np.asarray(sum(share * array for share, array in zip(shares, same, strict=True)))
            for same in zip(*(part[:3] for part in parts), strict=True)
        )
        usable, *others = zip(*(part[3:] for part in parts), strict=True)
        plain, blocks, flat = (np.all(same, axis=0) for same in others)
        return cls(phases, level, slope, np.any(usable, axis=0), plain, blocks, flat)


class CellGrid:
    """How a picture is cut into cells for a stride.

    Args:
        stride: Period down and across, in pixels, each 1 or more; (1, 1) gives no cells.

    Attributes:
        cell: Rows and columns of a cell, multiples of the stride.
        margin: Rows and columns that the residual loses on each side.
        shape: How many cells there are down and across; (0, 0) if the picture is too small.
        together: How many rows of cells to read at once: as many as fit the cache.
    """

    def __init__(self, stride: tuple[int, int], height: int, width: int) -> None:
        self.stride = stride
        self.margin = 2 * (stride[0] // 2), 2 * (stride[1] // 2)
        self.cell, self.shape, self.together = (1, 1), (0, 0), 1
        if max(stride) == 1:
            return
        for least in _SIDES[max(stride) <= _SHORT :]:
            self.cell = _multiple(stride[0], *least), _multiple(stride[1], *least)
            self.shape = self._shape(height, width)
            if min(self.shape) >= _LEAST:
                break
        else:
            self.shape = (0, 0)
        while self.shape[0] * self.shape[1] > _MOST:
            self.cell = 2 * self.cell[0], 2 * self.cell[1]
            self.shape = self._shape(height, width)
        self._projection = Projection(stride, self.cell, self.margin)
        self.together = max(1, _RUN // (width * self._projection.height))

    @property
    def pixels(self) -> int:
        """How many pixels a cell has."""
        return self.cell[0] * self.cell[1]

    def _shape(self, height: int, width: int) -> tuple[int, int]:
        return (
            max(0, height - 2 * self.margin[0]) // self.cell[0],
            max(0, width - 2 * self.margin[1]) // self.cell[1],
        )

    def read(self, rows: Rows, marks: Marks) -> tuple[Cells, Floats | None]:
        """Return the cells of whole rows of cells and their margin, and their expected phases."""
        (tall, wide), (top, left), n = self.cell, self.margin, self.shape[1]
        m = (len(rows) - 2 * top) // tall
        inside = slice(top, top + m * tall), slice(left, left + n * wide)
        with np.errstate(over="ignore", invalid="ignore"):  # such cells are not usable
            levels = rows.levels[:, : n * wide + 2 * left]
            phases, level, slope = self._projection.products(levels, m, n)
            remaining, expected = phases, None
            if rows.expected is not None:
                levels = rows.expected[:, : n * wide + 2 * left]
                expected = self._projection.products(levels, m, n)[0]
                remaining = phases - expected
            strength = np.square(remaining).mean(axis=1)
        blocks, periods = marks.equal_blocks(self.stride), self.pixels / prod(self.stride)
        equal = lit_blocks = self._counts(blocks[inside])
        flat, is_blocks = equal == self.pixels, equal >= periods
        if (equal >= _PLAIN * periods).any():
            is_lit = rows.levels >= _BLACK
            lit = self._counts(is_lit[inside])
            lit_blocks = self._counts((blocks & is_lit[: len(blocks), : blocks.shape[1]])[inside])
            is_blocks &= lit_blocks >= _PLAIN * periods * (lit / self.pixels)
        plain = (lit_blocks >= _PLAIN * periods) & ((strength > _HIDDEN) | flat)
        phases *= ~plain[:, None]
        if expected is not None:
            expected *= ~plain[:, None]
        slope *= ~plain[:, None]
        usable = plain | (self._counts(marks.ends[inside]) <= _SATURATED * self.pixels)
        if rows.is_unclipped:  # nor is 0 clipped, but it shows no pattern
            usable |= self._opaque(rows.levels > 0.0)
        usable &= ~(flat & (level < _BLACK))
        if rows.opaque is not None:
            usable &= self._opaque(rows.opaque)
        return Cells(phases, level, slope, usable, plain, is_blocks, flat), expected

    def _opaque(self, opaque: Mask) -> Mask:
        """Return which cells are opaque in all pixels that their residual draws on."""
        (tall, wide), (top, left) = self.cell, self.margin
        starts = range(0, len(opaque) - 2 * top, tall)
        columns = np.stack([opaque[i : i + tall + 2 * top].all(axis=0) for i in starts])
        around = sliding_window_view(columns, wide + 2 * left, axis=1)
        return np.asarray(around[:, ::wide].all(axis=2))

    def _counts(self, mask: Mask) -> NDArray[np.integer[Any]]:
        """Return how many pixels of each cell are true."""
        (tall, wide), (height, width) = self.cell, mask.shape
        m, n = height // tall, width // wide
        if not mask.any():
            return np.zeros((m, n), np.uint16)
        rows = np.ascontiguousarray(mask).view(np.uint8).reshape(m, tall, width)
        columns = np.add.reduce(rows, axis=1, dtype=np.uint16)
        return np.asarray(columns.reshape(m, n, wide).sum(axis=2))


class CellReader:
    """Reads the cells of a picture for several strides, from runs of rows fed from the top down.

    Args:
        grids: How the picture is cut for each stride.
    """

    def __init__(self, *grids: CellGrid) -> None:
        self.grids = grids
        self._parts: list[list[tuple[Cells, Floats | None]]] = [[] for _ in grids]
        self._next = [0] * len(grids)  # the row at which the next row of cells begins
        self._top = 0  # the first row that is held
        self._held: Rows | None = None

    def feed(self, rows: Rows) -> None:
        """Take the next rows; `opaque` and `expected` are each given in every call or in none."""
        held = rows if self._held is None else joined([self._held, rows])
        marks = Marks.of(held.levels)
        needed = [self._top + len(held)]
        for index, grid in enumerate(self.grids):
            self._read(index, held, marks)
            if self._next[index] < grid.shape[0] * grid.cell[0]:
                needed.append(self._next[index])
        done = min(needed) - self._top
        self._top += done
        self._held = joined([held.window(slice(done, None))])

    def _read(self, index: int, held: Rows, marks: Marks) -> None:
        """Read the rows of cells of one grid whose pixel rows are all held."""
        grid, start = self.grids[index], self._next[index] - self._top
        (tall, _), (top, _) = grid.cell, grid.margin
        count = (len(held) - start - 2 * top) // tall
        count = max(0, min(count, grid.shape[0] - self._next[index] // tall))
        for first in range(0, count, grid.together):
            last = min(first + grid.together, count)
            part = slice(start + first * tall, start + last * tall + 2 * top)
            self._parts[index].append(grid.read(held.window(part), marks.window(part)))
        self._next[index] += count * tall

    def cells(self, index: int) -> Cells | None:
        """Return all cells of the grid at `index`; None if there are none."""
        if not self._parts[index]:
            return None
        parts, expected_parts = zip(*self._parts[index], strict=True)
        cells = Cells(*map(np.concatenate, zip(*parts, strict=True)))
        expected = None if expected_parts[0] is None else np.concatenate(expected_parts)
        self._parts[index] = [(cells, expected)]
        if expected is None:
            return cells
        stride = self.grids[index].stride
        return cells._replace(phases=unexplained(cells.phases, expected, cells.usable, stride))


def sum_3x3(plane: NDArray[Real]) -> NDArray[Real]:
    """Return sums over each cell and its eight neighbours, shape (m, n)."""
    padded = np.pad(plane, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    sums: NDArray[Real] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums


def maximum_within(plane: Floats, cells: int) -> Floats:
    """Return the greatest value, 0 or more, within `cells` cells of each cell, down and across."""
    for _ in range(2):
        padded = np.pad(plane, ((cells, cells), (0, 0)))
        plane = sliding_window_view(padded, 2 * cells + 1, axis=0).max(axis=2).T
    return plane


def _multiple(stride: int, side: int, periods: int) -> int:
    """Return the least multiple of the stride of at least `side` pixels and `periods` strides."""
    return stride * max(periods, -(-side // stride))
