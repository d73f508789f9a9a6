"""Cut the output into strips, and compute any window of it.

A strip is a run of whole output rows. It is computed in tiles that fit the processor's cache, each
from the window of the input that it draws on. The cut depends on the sizes and the method alone, so
the result does not depend on the number of threads.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.enlarge.task import TargetSize
from upsample_cli.kernels.stages import Band, Separable
from upsample_cli.methods.antiring import NearestRange, Neighbours
from upsample_cli.methods.method import Method, Stage, windows_of
from upsample_cli.planes import Planes, Size

Fetch = Callable[[slice, slice], Planes]
"""Returns the planes of a window inside the picture, given its rows and columns."""

BOUNDARIES = ("symmetric", "nearest", "zero")
# Larger strips do not fit the cache; smaller strips make threads wait for the interpreter.
_STRIP_SAMPLES = 3 << 20
_LEAST_ROWS = 4
_TILE = 4096  # output columns of a tile, about: see `tiles`
_UNIT = 16  # input pixels of one matrix product (see `Band.block`): cuts lie between products


class ExtendedInput(NamedTuple):
    """An input extended beyond its edges.

    Args:
        size: Height and width.
        fetch: Returns windows inside the picture.
        boundary: symmetric (d c b a | a b c d | d c b a), nearest (a a | a b c d | d d) or zero.
    """

    size: Size
    fetch: Fetch
    boundary: str = "symmetric"

    def window(self, rows: range, columns: range) -> Planes:
        """Return a window that may cross the edges, shape (C, len(rows), len(columns))."""
        (row_index, inner_rows), (column_index, inner_columns) = (
            self._inside(run, n) for run, n in zip((rows, columns), self.size, strict=True)
        )
        planes = self.fetch(inner_rows, inner_columns)
        if row_index is not None:
            planes = np.take(planes, row_index - inner_rows.start, axis=1)
        if column_index is not None:
            edges = (min(max(0, edge - columns.start), len(columns)) for edge in (0, self.size[1]))
            planes = _columns(planes, column_index - inner_columns.start, slice(*edges))
        if self.boundary == "zero" and not (row_index is None and column_index is None):
            indices = zip((np.array(rows), np.array(columns)), self.size, strict=True)
            inside = ((index >= 0) & (index < n) for index, n in indices)
            planes = np.where(np.outer(*inside), planes, planes.dtype.type(0))
        return planes

    def _inside(self, run: range, n: int) -> tuple[NDArray[np.int64] | None, slice]:
        """Return the pixels of a run (None if it lies inside), and the slice that holds them."""
        if run.start >= 0 and run.stop <= n:
            return None, slice(run.start, run.stop)
        index = np.arange(run.start, run.stop)
        if self.boundary == "symmetric":
            index %= 2 * n
            index = np.minimum(index, 2 * n - 1 - index)
        else:
            index = np.clip(index, 0, n - 1)
        return index, slice(int(index.min()), int(index.max()) + 1)


def _columns(planes: Planes, index: NDArray[np.int64], inside: slice) -> Planes:
    """Return the columns at `index`; those `inside` the picture are copied as one block."""
    count, height, _ = planes.shape
    columns: Planes = np.empty((count, height, len(index)), planes.dtype)
    if (block := index[inside]).size:
        columns[..., inside] = planes[..., block[0] : block[-1] + 1]
    for outside in slice(inside.start), slice(inside.stop, None):
        columns[..., outside] = planes[..., index[outside]]
    return columns


def output_window(
    stages: Sequence[Stage], picture: ExtendedInput, rows: range, columns: range
) -> Planes:
    """Apply stages to a picture, and return one window of their output.

    Returns:
        Shape (C, len(rows), len(columns)).
    """
    *windows, first = windows_of(stages, rows, columns)
    planes = picture.window(*first)
    for stage in stages:
        planes = stage(planes, *windows.pop())
    return planes


@lru_cache(1)  # pictures of a folder often share a size
def stages_to(method: Method, target: TargetSize, size_in: Size) -> tuple[Stage, ...]:
    """Return the stages from a picture of `size_in` to its output, including any crop."""
    return (*method.stages(size_in, target.uncropped(size_in)), *_crop(target, size_in))


def opacity_limits(target: TargetSize, size_in: Size) -> tuple[Stage, ...]:
    """Return stages from opacity to its least and greatest value in the inputs near an output."""
    sides = zip(size_in, target.uncropped(size_in), strict=True)
    return NearestRange(*(Neighbours(*lengths, 1) for lengths in sides)), *_crop(target, size_in)


def _crop(target: TargetSize, size_in: Size) -> tuple[Stage, ...]:
    """Return a stage that crops the output; none if there is nothing to crop."""
    size, uncropped = target.size(size_in), target.uncropped(size_in)
    if size == uncropped:
        return ()
    # A band of one tap, 1, that starts at the first pixel to keep.
    before = ((outer - inner) // 2 for outer, inner in zip(uncropped, size, strict=True))
    return (Separable(*(Band(np.ones((1, 1)), np.array([n]), 1) for n in before)),)


def strips(size_out: Size, channels: int, scale: float, at_once: int = 0) -> list[range]:
    """Return the rows of each strip of an output.

    Args:
        size_out: Height and width of the output.
        channels: Samples per pixel.
        scale: Output rows per input row.
        at_once: Rows of a strip, as the method asks; 0 to suit the cache.
    """
    height, width = size_out
    if at_once:
        return cut(height, at_once)
    rows = min(128, max(_LEAST_ROWS, _STRIP_SAMPLES // (width * channels)))
    # A strip holds whole matrix products; if one is too tall, whole input rows.
    unit = max(1, round(_UNIT * scale))
    if unit > rows:
        unit = max(1, min(rows, round(scale)))
    return cut(height, unit * max(1, round(rows / unit)))


def tiles(width: int, scale: float, about: int = _TILE) -> list[range]:
    """Return the columns of each tile of an output.

    Args:
        width: Output columns.
        scale: Output columns per input column.
        about: Output columns of a tile, which holds whole matrix products.
    """
    unit = max(1, round(_UNIT * scale))
    return cut(width, unit * max(1, round(about / unit)))


def cut(length: int, step: int) -> list[range]:
    """Return runs of `step` numbers that cover 0..`length` - 1; the last run may be shorter."""
    return [range(start, min(start + step, length)) for start in range(0, length, step)]
