"""Antiringing: hold the output of a method at edges within the range of nearby input pixels.

    held = y + strength (min(max(y, low), high) - y)

Here y is an output pixel. `low` and `high` are the least and the greatest of the input pixels that
lie at most `reach` pixels from its centre on each axis. With a reach of 1 these are 2x2 pixels, or
3 on an axis where the centre is also that of an input pixel. At strength 1 an edge has no
overshoot; values within the range are not changed. For opacity, and for the black of CMYK, the
reach is always 1, because a kernel computes them even where a network computes the colours.
Networks always hold the opacity of pictures at strength 1.

Source: mpv, `scale-antiring` (video/out/gpu/video.c, `pass_sample_separated_gen`); libplacebo,
    `pl_shader_sample_ortho2` (src/shaders/sampling.c).
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.methods.method import Stage, windows_of
from upsample_cli.planes import Planes

_EXTREMES = (np.minimum, np.maximum)


class Neighbours(NamedTuple):
    """Which input pixels along one axis are neighbours of an output pixel: near its centre.

    Args:
        before: Length of the axis in input pixels.
        after: Length of the axis in output pixels.
        reach: The greatest distance of a neighbour from the centre, in input pixels.
    """

    before: int
    after: int
    reach: int

    def ends(self, outputs: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first and the last neighbour of each output pixel in a run."""
        # The centre of output o is (o + 1/2) before / after - 1/2, here as an exact fraction.
        o = np.arange(outputs.start, outputs.stop, dtype=np.int64)
        numerator, denominator = (2 * o + 1) * self.before - self.after, 2 * self.after
        return -(-numerator // denominator) - self.reach, numerator // denominator + self.reach

    def draws_on(self, outputs: range) -> range:
        """Return the run of input pixels that holds all neighbours of a run of output pixels."""
        first, last = self.ends(outputs)
        return range(int(first[0]), int(last[-1]) + 1)

    def extreme(self, choose: np.ufunc, x: Planes, outputs: range, axis: int) -> Planes:
        """Return the least or the greatest neighbour of each output pixel, along one axis.

        Args:
            choose: np.minimum or np.maximum.
            x: The input pixels that the outputs draw on along the axis; shape (C, H, W).
            outputs: The run of output pixels.
            axis: 1 for down, 2 for across.
        """
        first, last = (end - self.draws_on(outputs).start for end in self.ends(outputs))
        count, runs = 2 * self.reach, x.shape[axis] - 2 * self.reach + 1
        parts = (np.take(x, range(k, k + runs), axis) for k in range(count))
        run: Planes = reduce(choose, parts)
        out: Planes = np.take(run, first, axis)
        later = last - count + 1  # differs from `first` where the centre is also an input pixel's
        return out if (later == first).all() else choose(out, np.take(run, later, axis))


class AntiRing(NamedTuple):
    """A chain of stages whose result is held within the range of the neighbouring input pixels.

    Args:
        stages: The chain, from the input to the output.
        rows: The neighbours along the height of the picture.
        columns: The neighbours along its width.
        strength: 0..1: the share of the overshoot to remove.
    """

    stages: tuple[Stage, ...]
    rows: Neighbours
    columns: Neighbours
    strength: float

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that the stages need or that hold the neighbours."""
        near = self.rows.draws_on(rows), self.columns.draws_on(columns)
        down, across = (
            range(min(drawn.start, close.start), max(drawn.stop, close.stop))
            for drawn, close in zip(windows_of(self.stages, rows, columns)[-1], near, strict=True)
        )
        return down, across

    def counting(self) -> "AntiRing":
        """Return a stage for masks: its output is > 0 where it draws on marked input pixels."""
        return _Reached(tuple(stage.counting() for stage in self.stages), *self[1:])

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        out = self._without_antiring(window, rows, columns)
        reach = self.rows.reach
        low, high = (self._extreme(choose, window, rows, columns, reach) for choose in _EXTREMES)
        if reach > 1 and len(window) in (2, 4):
            for limits, choose in zip((low, high), _EXTREMES, strict=True):
                limits[-1:] = self._extreme(choose, window[-1:], rows, columns, 1)
        if self.strength == 1:
            return np.clip(out, low, high, out=out)
        held = np.clip(out, low, high)
        held -= out
        held *= held.dtype.type(self.strength)
        out += held
        return out

    def _without_antiring(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output by the stages alone, without antiringing."""
        *windows, first = windows_of(self.stages, rows, columns)
        planes = self._part(window, first, rows, columns)
        for stage in self.stages:
            planes = stage(planes, *windows.pop())
        return planes

    def _extreme(
        self, choose: np.ufunc, window: Planes, rows: range, columns: range, reach: int
    ) -> Planes:
        """Return the least or the greatest input pixel within `reach` of each output pixel."""
        down, across = (axis._replace(reach=reach) for axis in (self.rows, self.columns))
        part = self._part(window, (down.draws_on(rows), across.draws_on(columns)), rows, columns)
        return across.extreme(choose, down.extreme(choose, part, rows, 1), columns, 2)

    def _part(
        self, window: Planes, part: tuple[range, range], rows: range, columns: range
    ) -> Planes:
        """Return the input rows and columns `part` from the window that these outputs draw on."""
        down, across = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(part, self.draws_on(rows, columns), strict=True)
        )
        return window[:, down, across]


class _Reached(AntiRing):
    """For masks: counts the marked pixels that the stages use, plus 1 if a neighbour is marked."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window."""
        counts = self._without_antiring(window, rows, columns)
        return counts + self._extreme(np.maximum, window, rows, columns, self.rows.reach)


class NearestRange(NamedTuple):
    """A stage with twice as many planes: the least values near each output, then the greatest.

    Args:
        rows: The neighbours along the height of the picture.
        columns: The neighbours along its width.
    """

    rows: Neighbours
    columns: Neighbours

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that hold the neighbours."""
        return self.rows.draws_on(rows), self.columns.draws_on(columns)

    def counting(self) -> Stage:
        """Return a stage for masks: its output is > 0 where a neighbour is marked."""
        return self

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        down = ((choose, self.rows.extreme(choose, window, rows, 1)) for choose in _EXTREMES)
        return np.concatenate([self.columns.extreme(*pair, columns, 2) for pair in down])
