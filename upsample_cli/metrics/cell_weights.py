"""How much each cell of a picture tells: the quieter it is, the more.

Cells weigh 1 / (noise + 0.5^2), the noise being what differs between neighbours.
"""

import numpy as np

from upsample_cli.metrics.cells import Cells
from upsample_cli.metrics.rows import Floats

_LARGEST = np.float32(1e20)  # square: such cells have no weight to speak of
_LEAST = np.float32(1e-6)  # variance
_NOISE = 0.5  # levels: what is finer than rounding to 8 bits says nothing
_PLAIN_WEIGHT = 1 / 6  # of a plain cell at most: rounding may hide a faint pattern in it
_HEAVIEST = 32  # cells


def noise(cells: Cells, pixels: int) -> Floats:
    """Return the variance of the pixels of each cell, as far as its phases differ by chance.

    It is half the mean square of their change to the more alike of both neighbours, down or across,
    whichever is greater; or the geometric mean of that over the cells around, if it is greater. So
    where a pattern ends is no noise, but an edge is.

    Args:
        cells: All cells of a picture.
        pixels: How many pixels a cell has.

    Returns:
        Shape (m, n).
    """
    squares = np.full(cells.level.shape, np.nan, np.float32)
    for axis in (0, 1):
        phases, usable = np.moveaxis(cells.phases, 2 * axis, 0), np.moveaxis(cells.usable, axis, 0)
        with np.errstate(over="ignore"):  # floating-point samples may be of any size
            change = np.square(phases[1:] - phases[:-1]).sum(axis=2 if axis else 1)
        change = np.where(usable[1:] & usable[:-1], np.minimum(change, _LARGEST), np.nan)
        beyond = np.full((1, change.shape[1]), np.nan, np.float32)
        least = np.fmin(np.concatenate([change, beyond]), np.concatenate([beyond, change]))
        squares = np.fmax(squares, np.moveaxis(least, 0, axis))
    variance = np.nan_to_num(squares * (pixels / (2 * cells.phases.shape[1] ** 2)))
    known = np.isfinite(squares).astype(np.float32)
    logs = around(np.log(variance + _LEAST) * known) / np.maximum(around(known), 1.0)
    return np.asarray(np.maximum(variance, np.exp(logs)), np.float32)


def around(plane: Floats) -> Floats:
    """Return sums over each cell and the eight beside it, shape (m, n)."""
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if axis == other else (0, 0) for other in (0, 1)])
        count = plane.shape[axis]
        parts = (np.take(padded, range(start, start + count), axis) for start in range(3))
        plane = np.asarray(sum(parts), np.float32)
    return plane


def weights(cells: Cells, noises: Floats) -> Floats:
    """Return the weight of each cell, 0 where a pattern would not show, shape (m, n).

    Many share the greatest weight: what a few quiet cells have in common is no pattern.
    """
    weight = cells.usable / (noises + np.float32(_NOISE**2))
    rank = min(_HEAVIEST, int(np.count_nonzero(weight)) // 2 + 1)
    weight = np.minimum(weight, np.partition(weight.ravel(), -rank)[-rank])
    return np.asarray(np.where(cells.plain, np.minimum(weight, _PLAIN_WEIGHT), weight), np.float32)
