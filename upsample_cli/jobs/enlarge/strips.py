"""Strips of the output: where the picture is cut, and how a piece of it is made.

A strip is a run of whole output rows. It is made in tiles that stay in the processor's cache, each
from the window of the input that it draws on. The cut depends only on the sizes, so the result
does not depend on how many threads there are.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.methods.method import Stage
from upsample_cli.planes import Planes, Size

Fetch = Callable[[range, range], Planes]
"""Gives the planes of a window that lies inside the picture."""

BOUNDARIES = ("symmetric", "nearest", "zero")
# Larger pieces would leave the cache; smaller ones keep threads waiting for the interpreter.
_STRIP_SAMPLES = 3 << 20
_TILE = 4096  # output columns


class Picture(NamedTuple):
    """An endless input: the picture and what lies beyond its edges.

    Args:
        size: Height and width.
        fetch: Gives windows inside the picture.
        boundary: symmetric (d c b a | a b c d | d c b a), nearest (a a | a b c d | d d) or zero.
    """

    size: Size
    fetch: Fetch
    boundary: str = "symmetric"

    def window(self, rows: range, columns: range) -> Planes:
        """Return a window that may run over the edges, shape (C, len(rows), len(columns))."""
        (down, tall), (across, wide) = (
            self._inside(run, n) for run, n in zip((rows, columns), self.size, strict=True)
        )
        planes = self.fetch(tall, wide)
        if down is not None:
            planes = np.take(planes, down - tall.start, axis=1)
        if across is not None:
            edges = (min(max(0, edge - columns.start), len(columns)) for edge in (0, self.size[1]))
            planes = _columns(planes, across - wide.start, slice(*edges))
        if self.boundary == "zero":
            for axis, run, n in ((1, rows, self.size[0]), (2, columns, self.size[1])):
                index = np.arange(run.start, run.stop)
                shape = [-1 if each == axis else 1 for each in range(3)]
                if run.start < 0 or run.stop > n:
                    planes = planes * ((index >= 0) & (index < n)).reshape(shape).astype(
                        planes.dtype
                    )
        return planes

    def _inside(self, run: range, n: int) -> tuple[NDArray[np.int64] | None, range]:
        """Return which pixels stand for a run (None: itself), and the least run that holds them."""
        if run.start >= 0 and run.stop <= n:
            return None, run
        index = np.arange(run.start, run.stop)
        if self.boundary == "symmetric":
            index %= 2 * n
            index = np.minimum(index, 2 * n - 1 - index)
        else:
            index = np.clip(index, 0, n - 1)
        return index, range(int(index.min()), int(index.max()) + 1)


def _columns(planes: Planes, index: NDArray[np.int64], inside: slice) -> Planes:
    """Return columns by their index; those inside the picture are neighbours, copied as such."""
    count, height, _ = planes.shape
    made: Planes = np.empty((count, height, len(index)), planes.dtype)
    if (neighbours := index[inside]).size:
        made[..., inside] = planes[..., neighbours[0] : neighbours[-1] + 1]
    for beyond in slice(inside.start), slice(inside.stop, None):
        made[..., beyond] = planes[..., index[beyond]]
    return made


def run(stages: Sequence[Stage], picture: Picture, rows: range, columns: range) -> Planes:
    """Return a window of what the stages make of a picture.

    Args:
        stages: In order.
        picture: The input.
        rows: Output rows.
        columns: Output columns.

    Returns:
        Shape (C, len(rows), len(columns)).
    """
    wanted = [(rows, columns)]
    for stage in reversed(stages):
        wanted.append(stage.draws_on(*wanted[-1]))
    planes = picture.window(*wanted.pop())
    for stage in stages:
        planes = stage(planes, *wanted.pop())
    return planes


def strips(size_out: Size, channels: int, scale: float) -> list[range]:
    """Return the fixed cut of an output into strips.

    Args:
        size_out: Height and width of the output.
        channels: Samples a pixel.
        scale: Output rows per input row.
    """
    height, width = size_out
    wanted = min(128, max(16, _STRIP_SAMPLES // (width * channels)))
    unit = max(1, round(16 * scale))
    if unit > wanted:
        unit = max(1, round(scale))
    return cut(height, unit * max(1, round(wanted / unit)))


def tiles(width: int, scale: float) -> list[range]:
    """Return the fixed cut of a strip's columns into tiles.

    Args:
        width: Columns of the output.
        scale: Output columns per input column.
    """
    unit = max(1, round(16 * scale))
    return cut(width, unit * max(1, round(_TILE / unit)))


def cut(length: int, step: int) -> list[range]:
    """Return runs of `step` that cover 0..length, the last one shorter."""
    return [range(start, min(start + step, length)) for start in range(0, length, step)]
