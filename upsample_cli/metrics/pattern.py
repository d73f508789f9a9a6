"""The pattern that a whole picture has: a regression over its cells, with honest errors.

The phases of a cell are regressed on its slopes and on 1, or on its brightness. What goes with the
slopes are stairs, as nearest-neighbour makes them; the rest is the pattern: of one strength
everywhere, or in proportion to the brightness, as uneven kernels leave it. The quieter a cell is,
the more it tells: cells weigh 1 / (noise + 0.5^2), the noise being what differs between neighbours.

Cells along an edge or a line of a table are alike, not independent. So the error is that of a
jackknife: all is estimated again without one row of cells, or column, after the other, and the
greater spread of the two counts. Source: B. Efron, "The Jackknife, the Bootstrap and Other
Resampling Plans", 1982, section 3.
"""

from typing import NamedTuple

import numpy as np

from upsample_cli.metrics.cells import CellGrid, Cells, around
from upsample_cli.metrics.checkerboard import CONTRAST_DB
from upsample_cli.metrics.rows import ROUNDING, Floats
from upsample_cli.metrics.spectrum import Estimate, Numbers, line_power, phase_lines

_LARGEST = np.float32(1e20)  # square: such cells have no weight to speak of
_LEAST = np.float32(1e-6)  # variance
_NOISE = 0.5  # levels: what is finer than rounding to 8 bits says nothing
_PLAIN_WEIGHT = 1 / 6  # of a plain cell at most: rounding may hide a faint pattern in it
_HEAVIEST = 32  # cells
_GROUP = 3  # rows or columns of cells that are left out together, in large pictures
_MANY = 12  # of them
_STAIR = 0.3  # pixels: about how far stairs move an edge
_TILE = 1024  # pixels, over which stairs are one
_SLOPES = 1.1  # strides: how far the slopes of an uneven kernel reach, about
_ONE_AXIS = 0.98  # of the power of stripes lies along one axis; of most uneven kernels half
_SAME = 4.0  # times the error, of patterns that may be the same


class Pattern(NamedTuple):
    """The pattern of a picture.

    Args:
        additive: As one of equal strength everywhere, in levels.
        relative: As one in proportion to the brightness, relative to it.
        stairs: Shape (2, phases), what goes with a slope of 1 level a pixel down and across.
    """

    additive: Estimate
    relative: Estimate
    stairs: Numbers

    @property
    def contrast_db(self) -> float:
        """The contrast of the clearer of both."""
        return max(self.additive.contrast_db, self.relative.contrast_db)

    @property
    def is_additive(self) -> bool:
        """Whether it is clearer as one of equal strength than as one in proportion."""
        return self.additive.contrast_db >= self.relative.contrast_db

    def may_be(self, other: "Pattern") -> bool:
        """Return whether the errors allow that another pattern is the same."""
        change = np.square(np.abs(self.additive.lines - other.additive.lines)).ravel()[1:]
        return bool(change.sum() <= _SAME * self.additive.error.ravel()[1:].sum())

    @property
    def shape(self) -> Numbers | None:
        """The phases of the clearer of both, shape (phases,); None if neither is clear."""
        clearer = self.additive if self.is_additive else self.relative
        return clearer.phases if clearer.contrast_db >= CONTRAST_DB else None

    def power_at(self, square: Numbers) -> Numbers:
        """Return the mean square of the pattern in cells, by that of the picture in each."""
        if self.is_additive:
            return np.full_like(square, self.additive.power)
        return self.relative.power * square


def noise(cells: Cells, pixels: int) -> Floats:
    """Return the variance of the pixels of each cell, as far as its phases differ by chance.

    It is half the mean square of their change to the more alike of both neighbours, down or across,
    whichever is greater; or the geometric mean of that over the cells around, if it is greater. So
    where a pattern ends is not noise, but an edge is.

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


def weights(cells: Cells, noises: Floats) -> Floats:
    """Return the weight of each cell, 0 where a pattern would not show, shape (m, n).

    Many share the greatest weight: what a few quiet cells have in common is no pattern.
    """
    weight = cells.usable / (noises + np.float32(_NOISE**2))
    rank = min(_HEAVIEST, int(np.count_nonzero(weight)) // 2 + 1)
    weight = np.minimum(weight, np.partition(weight.ravel(), -rank)[-rank])
    return np.asarray(np.where(cells.plain, np.minimum(weight, _PLAIN_WEIGHT), weight), np.float32)


def pattern(cells: Cells, weight: Floats, noises: Floats, grid: CellGrid) -> Pattern:
    """Return the pattern of the cells that have a weight.

    Args:
        cells: All cells of a picture.
        weight: Shape (m, n).
        noises: Same shape, see `noise`.
        grid: How the picture is cut.
    """
    stride = grid.stride
    x = np.empty((len(weight), 4, weight.shape[1]), np.float32)  # what may explain the phases
    x[:, 0], x[:, 1], x[:, 2:] = 1.0, cells.level, cells.slope
    parts = x * weight[:, None], x, cells.phases
    rows, columns = _Groups.of(*parts), _Groups.of(*(np.ascontiguousarray(p.T) for p in parts))
    count = int((weight > 0).sum()) * grid.pixels
    prior = float((weight * noises).sum()) / (count / _TILE) / _STAIR**2
    least = ROUNDING / count * float(weight.sum())
    fits = []
    for base in (0, 1):
        fit = _solved(rows.xx.sum(axis=0), rows.xa.sum(axis=0), base, prior)
        changes = [groups.changes(fit, base, prior) for groups in (rows, columns)]
        errors = [line_power(one[0], stride).sum(axis=0).reshape(stride) for one in changes]
        power = float(rows.xx[:, base, base].sum())
        if min(weight.shape) < _MANY:  # too few groups to rely on
            errors.append(_error_of_single_cells(parts, fit, base, stride) / power**2)
        error = np.max(errors, axis=0) + least / power
        fits.append((Estimate(phase_lines(fit[0], stride), error), fit[1:], changes))
    (additive, stairs, changes), (relative, *_) = fits
    return Pattern(additive, relative, _clear(stairs, changes))


def _clear(stairs: Numbers, changes: list[Numbers]) -> Numbers:
    """Return stairs, less of each the more their error's power is: few edges make odd ones."""
    doubt = np.max([np.square(one[1:]).sum(axis=(1, 2)) for one in changes], axis=0)
    power = np.square(stairs).sum(axis=1)
    return np.asarray(stairs * np.maximum(0.0, 1 - doubt / np.maximum(power, 1e-30))[:, None])


def shares(cells: Cells, grid: CellGrid) -> tuple[Floats, float, Floats]:
    """Return what all cells share, shape (4, phases), how far stairs move an edge, and the light.

    The light is what a pattern may go with, shape (4, m, n): 1, the brightness and its slopes.
    """
    light = np.stack([np.ones_like(cells.level), cells.level, *np.moveaxis(cells.slope, 1, 0)])
    weighted, stride = light * weights(cells, noise(cells, grid.pixels)), grid.stride[0]
    normal = np.einsum("imn,jmn->ij", weighted, light, dtype=np.float64)
    normal += 1e-9 * np.diag(np.diag(normal)) + 1e-30 * np.eye(4)
    products = np.einsum("imn,mpn->ip", weighted, cells.phases, dtype=np.float64)
    shared = np.linalg.solve(normal, products)
    mean = np.sqrt(normal[1, 1] / normal[0, 0]) + 1e-30
    share = np.sqrt(np.square(shared[0] / mean + shared[1]).mean())
    slopes = np.sqrt(np.square(shared[2:]).mean())
    kept = np.clip(2 - slopes / (_SLOPES * stride * share + 1e-30), 0, 1)
    shared[2:] *= kept
    return shared.astype(np.float32), float((1 - kept) * slopes), light


def is_striped(cells: Cells, grid: CellGrid, power: Floats) -> bool:
    """Return whether a pattern repeats along one axis alone, as a fence does.

    So does an uneven kernel only if it is even along the other axis.

    Args:
        cells: All cells of a picture.
        grid: How the picture is cut.
        power: Shape (m, n), of the pattern in each cell.
    """
    phases = np.stack([around(one) for one in np.moveaxis(cells.phases, 1, 0)], axis=-1)
    lines = np.tensordot(power, line_power(phases, grid.stride), 2).reshape(grid.stride)
    return bool(max(lines[0].sum(), lines[:, 0].sum()) >= _ONE_AXIS * lines.sum())


class _Groups(NamedTuple):
    """Weighted sums of products over groups of rows of cells.

    Args:
        xx: Shape (groups, 4, 4), of what may explain the phases: 1, level, slope down and across.
        xa: Shape (groups, 4, phases), of that and the phases.
    """

    xx: Numbers
    xa: Numbers

    @classmethod
    def of(cls, wx: Floats, x: Floats, phases: Floats) -> "_Groups":
        """Return the sums over rows of cells; each part has shape (m, values, n)."""
        products = wx @ x.swapaxes(1, 2), wx @ phases.swapaxes(1, 2)
        starts = range(0, len(x), _GROUP if len(x) >= _MANY else 1)
        return cls(*(np.add.reduceat(p, starts, axis=0, dtype=np.float64) for p in products))

    def changes(self, whole: Numbers, base: int, prior: float) -> Numbers:
        """Return how a fit changes without one group after the other, shape (3, groups, phases).

        The sum of the squares over the groups is the power of the error.
        """
        rest = _solved(self.xx.sum(axis=0) - self.xx, self.xa.sum(axis=0) - self.xa, base, prior)
        return np.asarray((rest - whole).swapaxes(0, 1) * np.sqrt(1 - 1 / len(rest)))


def _solved(xx: Numbers, xa: Numbers, base: int, prior: float) -> Numbers:
    """Return what goes with the base and both slopes, shape (..., 3, phases)."""
    used = [base, 2, 3]
    normal = xx[..., used, :][..., used] + np.diag([0.0, prior, prior])
    scale = np.maximum(np.abs(xx[..., base, base]), 1e-30)[..., None, None]
    return np.asarray(np.linalg.solve(normal + 1e-9 * scale * np.eye(3), xa[..., used, :]))


def _error_of_single_cells(
    parts: tuple[Floats, Floats, Floats], fit: Numbers, base: int, stride: tuple[int, int]
) -> Numbers:
    """Return the weighted power of what the fit leaves of each cell, by line."""
    wx, x, phases = parts
    left = phases - np.einsum("ik,min->mkn", fit, x[:, [base, 2, 3]])
    left *= wx[:, base][:, None]
    power = line_power(left.swapaxes(1, 2), stride).sum(axis=(0, 1))
    return np.asarray(power.reshape(stride), np.float64)
