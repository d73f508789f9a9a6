"""Finds how a network's pictures can be cut into tiles, its reach and grid, by running it."""

from math import log, log2

import numpy as np

from upsample_cli import memory
from upsample_cli.networks.enlargers.picture_trial import (
    EQUAL,
    MULTIPLES,
    SIDE,
    Run,
    least_odd_multiple,
)
from upsample_cli.planes import Planes

_SIDES = (SIDE, 128, 256)  # pixels: height and width of the pictures that show the reach
_SEEN = 2e-4  # of full scale: smaller changes count as none
_INSIDE = 8  # least side, in input pixels, of the part in which two runs are compared
_GLOBAL_HALO = 32  # input pixels, for a network that sees the whole picture
_WHOLE = 1024  # input pixels along a side: such a network gets larger pictures in tiles
_SPACE = 2 << 30  # bytes for a picture in one piece; fixed: all machines give the same output
_PAIRS = 4.0  # memory grows at most by this power of the side: attention over pairs of pixels
_HIDDEN = 256 << 20  # bytes that earlier work of the process may hide
_STEEP = 3.0  # memory that grows by at most this power of the side grows as the pixels do


def reach_of(
    run: Run, channels: int, size: tuple[int, int] | None, multiple: int, scale: int
) -> tuple[int, int, int]:
    """Return a network's reach, its grid, and the largest side of a picture in one piece.

    All are in input pixels; with grid 0 the network needs the whole picture.

    First the lower half of a picture is replaced, then the right half: in the other half of the
    output, only pixels within reach of the middle change. Larger pictures are not tried if the
    memory might not suffice.
    """
    rng, peak_before, taken = np.random.default_rng(0), memory.peak(), list[tuple[int, int]]()
    for side in [0] if size else _SIDES:
        if taken and taken[-1][1] * (side / taken[-1][0]) ** _PAIRS > memory.limit():
            return min(_GLOBAL_HALO, taken[-1][0] // 4), 0, _largest(*taken[-1])
        trial = size or (least_odd_multiple(side, multiple),) * 2
        picture, other = rng.random((2, channels, *trial), np.float32)
        other *= np.float32(0.5)  # another mean, since a network may use the mean of the picture
        before, reaches = run(picture), []
        for axis, middle in ((1, trial[0] // 2), (2, trial[1] // 2)):
            half = np.arange(trial[axis - 1]) >= middle
            mixed = np.where(half[:, None] if axis == 1 else half, other, picture)
            changed = np.abs(run(mixed) - before).max(0) > _SEEN
            border = (trial[axis - 1] * scale - before.shape[axis]) // 2
            places = np.flatnonzero(changed.any(2 - axis)) + border
            reaches.append(-(-(middle * scale - int(min(places, default=middle * scale))) // scale))
        if all(2 * reach < n - 4 for reach, n in zip(reaches, trial, strict=True)):
            reach = max(0, *reaches)
            grid = multiple if size else _grid(run, channels, multiple, reach, scale)
            return reach, grid, _WHOLE
        taken.append((max(trial), memory.peak() - peak_before))
    is_steep = not size and _power(*taken[-2:]) > _STEEP
    whole = _largest(*taken[-1]) if is_steep else _WHOLE
    return min(_GLOBAL_HALO, min(trial) // 4), 0, whole


def _power(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return the power of the side by which memory grows, from two sides and the bytes of each."""
    growth = max(after[1], _HIDDEN) / max(before[1], _HIDDEN)
    return log(growth) / log(after[0] / before[0])


def _largest(side: int, size: int) -> int:
    """Return the largest power of 2 for the side of a picture for which `_SPACE` suffices.

    Args:
        side: The side of a picture that was tried, in pixels.
        size: The bytes that it took, above 0.
    """
    largest = side * (_SPACE / size) ** (1 / _PAIRS)
    return int(2 ** min(int(log2(largest)), log2(_WHOLE)))


def _grid(run: Run, channels: int, multiple: int, reach: int, scale: int) -> int:
    """Return the number of input pixels at whose multiples tiles can begin; 0 if there is none.

    A picture that begins so many pixels later has the same output, moved, away from its edges.
    Pooling and strides need whole steps; a network that aligns corners has no such step. If a
    network uses the picture's size, two outputs may agree by accident, so a tile of a picture twice
    as long has to agree, too.
    """
    rng = np.random.default_rng(0)
    for step in (n for n in MULTIPLES if n % multiple == 0):
        side = step + least_odd_multiple(max(SIDE, 2 * reach + _INSIDE), multiple)
        picture = rng.random((channels, 2 * side, 2 * side), np.float32)
        if all(
            _is_tile(run, picture[:, :end, :end], slice(step, step + length), reach, scale)
            for end, length in ((side, side - step), (2 * side, side // step * step))
        ):
            return step
    return 0


def _is_tile(run: Run, picture: Planes, part: slice, reach: int, scale: int) -> bool:
    """Return whether a part of a picture has the same output alone, away from the part's edges."""
    whole, alone = run(picture), run(picture[:, part, part])
    within = whole[:, part.start * scale :, part.start * scale :]
    rows, columns = (slice(reach * scale, n - reach * scale) for n in alone.shape[1:])
    return bool(np.abs(within[:, rows, columns] - alone[:, rows, columns]).max() <= EQUAL)
