"""Antiringing: what a kernel with negative taps makes of edges, kept within its neighbours' range.

    held = y + strength (min(max(y, low), high) - y)

Low and high are the least and the largest of the input pixels that lie at most `reach` pixels from
the output's centre on each axis: 2x2 pixels for a reach of 1, and 3 on an axis where the centre is
a pixel's own. A step so has no overshoot at strength 1; what is within the range is not changed.
Opacity, and the black of CMYK, has a reach of 1 always: it comes from a kernel, whatever makes the
colours.

Source: mpv, `scale-antiring` (video/out/gpu/video.c, `pass_sample_separated_gen`); libplacebo,
    `pl_shader_sample_ortho2` (src/shaders/sampling.c).
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.methods.method import Stage, windows_of
from upsample_cli.planes import Planes, Size


class Neighbours(NamedTuple):
    """The input pixels of one axis near an output pixel's centre.

    Args:
        before: Input pixels along the axis.
        after: Output pixels along the axis.
        reach: How far from the centre they may lie, in input pixels.
    """

    before: int
    after: int
    reach: int

    @property
    def nearest(self) -> "Neighbours":
        """The same within a reach of 1."""
        return self._replace(reach=1)

    def ends(self, outputs: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first and the last neighbour of each of a run of output pixels."""
        # Half-pixel centres, as a fraction: (o + 1/2) before / after - 1/2.
        o = np.arange(outputs.start, outputs.stop, dtype=np.int64)
        above, below = (2 * o + 1) * self.before - self.after, 2 * self.after
        return -(-above // below) - self.reach, above // below + self.reach

    def draws_on(self, outputs: range) -> range:
        """Return the input pixels among which all neighbours of a run of output pixels are."""
        first, last = self.ends(outputs)
        return range(int(first[0]), int(last[-1]) + 1)

    def extreme(self, least: np.ufunc, x: Planes, outputs: range, axis: int) -> Planes:
        """Return the least or the largest neighbour along an axis of what outputs draw on."""
        first, last = (end - self.draws_on(outputs).start for end in self.ends(outputs))
        count, runs = 2 * self.reach, x.shape[axis] - 2 * self.reach + 1
        parts = (np.take(x, range(k, k + runs), axis) for k in range(count))
        run: Planes = reduce(least, parts)
        out: Planes = np.take(run, first, axis)
        later = last - count + 1  # differs where the centre is a pixel's own
        return out if (later == first).all() else least(out, np.take(run, later, axis))


class AntiRing(NamedTuple):
    """Stages in a row whose result is held within the range of the input's neighbours.

    Args:
        stages: From the input to the output.
        rows: The neighbours down the picture.
        columns: The neighbours across it.
        strength: 0..1; see above.
    """

    stages: tuple[Stage, ...]
    rows: Neighbours
    columns: Neighbours
    strength: float

    @classmethod
    def of(
        cls, stages: tuple[Stage, ...], size_in: Size, size_out: Size, strength: float, reach: int
    ) -> "AntiRing":
        """Return stages from one size to another, held back."""
        sides = zip(size_in, size_out, strict=True)
        rows, columns = (Neighbours(before, after, reach) for before, after in sides)
        return cls(stages, rows, columns, strength)

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return False

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that kernels or neighbours need."""
        near = self.rows.draws_on(rows), self.columns.draws_on(columns)
        down, across = (
            range(min(one.start, other.start), max(one.stop, other.stop))
            for one, other in zip(windows_of(self.stages, rows, columns)[-1], near, strict=True)
        )
        return down, across

    def counting(self) -> "AntiRing":
        """Return a stage for masks: it counts the marked input pixels that each output draws on."""
        return _Reached(tuple(stage.counting() for stage in self.stages), *self[1:])

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        out = self._unheld(window, rows, columns)
        low, high = (self._extreme(least, window, rows, columns) for least in _EXTREMES)
        if self.rows.reach > 1 and len(window) in (2, 4):
            nearest = self._replace(rows=self.rows.nearest, columns=self.columns.nearest)
            part = self._part(window, nearest.draws_on(rows, columns), rows, columns)[-1:]
            for limits, least in zip((low, high), _EXTREMES, strict=True):
                limits[-1:] = nearest._extreme(least, part, rows, columns)
        if self.strength == 1:
            return np.clip(out, low, high, out=out)
        held = np.clip(out, low, high)
        held -= out
        held *= held.dtype.type(self.strength)
        out += held
        return out

    def _unheld(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return what the stages alone make of a window."""
        *windows, first = windows_of(self.stages, rows, columns)
        planes = self._part(window, first, rows, columns)
        for stage in self.stages:
            planes = stage(planes, *windows.pop())
        return planes

    def _extreme(self, least: np.ufunc, window: Planes, rows: range, columns: range) -> Planes:
        """Return the least or the largest neighbour of each output pixel."""
        near = self.rows.draws_on(rows), self.columns.draws_on(columns)
        part = self._part(window, near, rows, columns)
        tall = self.rows.extreme(least, part, rows, 1)
        return self.columns.extreme(least, tall, columns, 2)

    def _part(
        self, window: Planes, part: tuple[range, range], rows: range, columns: range
    ) -> Planes:
        """Return those rows and columns of a window that are a part of what outputs draw on."""
        down, across = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(part, self.draws_on(rows, columns), strict=True)
        )
        return window[:, down, across]


class _Reached(AntiRing):
    """Counts what the stages draw on, and the neighbours."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window."""
        counts = self._unheld(window, rows, columns)
        return counts + self._extreme(np.maximum, window, rows, columns)


_EXTREMES = (np.minimum, np.maximum)
