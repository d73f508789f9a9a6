"""The pattern of a whole picture: a regression over its cells, with estimates of the error.

The phases of the cells are regressed on their slopes and either on 1 or on their brightness. The
part in proportion to the slopes is stairs, such as nearest-neighbour's. The constant part is a
pattern of equal strength everywhere; the part in proportion to the brightness is a pattern such as
that of an uneven kernel. Quiet cells count more: a cell weighs 1 / (noise + 0.5^2), where the noise
is the variance that differences from neighbouring cells show.

Cells along an edge or a line of a table are alike, not independent. So the error is that of a
jackknife: the regression is repeated without each group of rows of cells in turn, then without each
group of columns, and the greater of the two spreads counts. Source: B. Efron, "The Jackknife, the
Bootstrap and Other Resampling Plans", 1982, section 3.
"""

from typing import NamedTuple

import numpy as np

from upsample_cli.metrics.cells import CellGrid, Cells, sum_3x3
from upsample_cli.metrics.checkerboard import CONTRAST_DB
from upsample_cli.metrics.rows import ROUNDING, Floats
from upsample_cli.metrics.spectrum import Estimate, Numbers, line_power, phase_lines, stripes_share

_LARGEST = np.float32(1e20)  # squared levels: the greatest change; such cells have almost no weight
_LEAST = np.float32(1e-6)  # variance, whose logarithm must be finite
_NOISE = 0.5  # levels, added to a cell's noise: differences below 8-bit rounding mean nothing
_PLAIN_WEIGHT = 1 / 6  # the most that a plain cell weighs: rounding may hide a faint pattern in it
_HEAVIEST = 32  # cells that share the greatest weight
_GROUP = 3  # rows or columns of cells left out together in a large picture, by the jackknife
_MANY = 12  # rows or columns of cells: a picture with as many is large
_STAIR = 0.3  # pixels: about how far stairs move an edge
_TILE = 1024  # pixels over which stairs are alike
# Least share of power along one axis that stripes have, for strides 2, 3 and more; one in fifty
# random patterns has as much. The patterns of uneven kernels have at most half.
_ONE_AXIS = 0.98, 0.85, 0.75
_SAME = 4.0  # greatest power of the difference of patterns that may be the same, over the error's


class Pattern(NamedTuple):
    """The pattern of a picture.

    Args:
        additive: Fitted with equal strength everywhere, in levels.
        relative: Fitted in proportion to the brightness, relative to it.
        stairs: Shape (2, phases), levels that a slope of 1 level per pixel, down or across, adds.
    """

    additive: Estimate
    relative: Estimate
    stairs: Numbers

    @property
    def contrast_db(self) -> float:
        """The contrast of the clearer of the two fits."""
        return max(self.additive.contrast_db, self.relative.contrast_db)

    @property
    def is_additive(self) -> bool:
        """Whether the additive fit is as clear as the relative one, or clearer."""
        return self.additive.contrast_db >= self.relative.contrast_db

    def may_be(self, other: "Pattern") -> bool:
        """Return whether another pattern may be the same, within this one's error."""
        change = np.square(np.abs(self.additive.lines - other.additive.lines)).ravel()[1:]
        return bool(change.sum() <= _SAME * self.additive.error.ravel()[1:].sum())

    @property
    def shape(self) -> Numbers | None:
        """The phases of the clearer fit, shape (phases,); None if neither is clear."""
        clearer = self.additive if self.is_additive else self.relative
        return clearer.phases if clearer.contrast_db >= CONTRAST_DB else None

    def power_at(self, square: Numbers) -> Numbers:
        """Return the mean square of the pattern in cells, given `square`, the picture's in each."""
        if self.is_additive:
            return np.full_like(square, self.additive.power)
        return self.relative.power * square


def noise(cells: Cells, pixels: int) -> Floats:
    """Return the noise of each cell: the pixel variance that explains how its phases change.

    On each axis, the change to the more similar of the two neighbours counts. The noise is half the
    mean square of the greater of these two changes, or its geometric mean over the cells around, if
    that is greater. So an edge is noise, but the end of a pattern is not.

    Args:
        cells: All cells of a picture.
        pixels: How many pixels a cell has.

    Returns:
        Shape (m, n), in squared levels.
    """
    squares = np.full(cells.level.shape, np.nan, np.float32)
    for axis in (0, 1):
        phases, usable = np.moveaxis(cells.phases, 2 * axis, 0), np.moveaxis(cells.usable, axis, 0)
        with np.errstate(over="ignore"):  # floating-point samples may be huge
            change = np.square(phases[1:] - phases[:-1]).sum(axis=2 if axis else 1)
        change = np.where(usable[1:] & usable[:-1], np.minimum(change, _LARGEST), np.nan)
        beyond = np.full((1, change.shape[1]), np.nan, np.float32)
        least = np.fmin(np.concatenate([change, beyond]), np.concatenate([beyond, change]))
        squares = np.fmax(squares, np.moveaxis(least, 0, axis))
    variance = np.nan_to_num(squares * (pixels / (2 * cells.phases.shape[1] ** 2)))
    known = np.isfinite(squares).astype(np.float32)
    logs = sum_3x3(np.log(variance + _LEAST) * known) / np.maximum(sum_3x3(known), 1.0)
    return np.asarray(np.maximum(variance, np.exp(logs)), np.float32)


def weights(cells: Cells, noises: Floats) -> Floats:
    """Return the weight of each cell, 0 where a pattern would not show, shape (m, n).

    Many cells share the greatest weight: what a few quiet cells have in common is no pattern.
    """
    weight = cells.usable / (noises + np.float32(_NOISE**2))
    rank = min(_HEAVIEST, int(np.count_nonzero(weight)) // 2 + 1)
    weight = np.minimum(weight, np.partition(weight.ravel(), -rank)[-rank])
    return np.asarray(np.where(cells.plain, np.minimum(weight, _PLAIN_WEIGHT), weight), np.float32)


def pattern(cells: Cells, weight: Floats, noises: Floats, grid: CellGrid) -> Pattern:
    """Return the pattern of the cells whose weight is not 0.

    Args:
        cells: All cells of a picture.
        weight: Shape (m, n).
        noises: Same shape, see `noise`.
        grid: How the picture is cut.
    """
    stride = grid.stride
    x = np.empty((len(weight), 4, weight.shape[1]), np.float32)  # the regressors of the phases
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
        errors = [line_power(change[0], stride).sum(axis=0).reshape(stride) for change in changes]
        power = float(rows.xx[:, base, base].sum())
        if min(weight.shape) < _MANY:  # too few groups to rely on
            errors.append(_error_of_single_cells(parts, fit, base, stride) / power**2)
        error = np.max(errors, axis=0) + least / power
        fits.append((Estimate(phase_lines(fit[0], stride), error), fit[1:], changes))
    (additive, stairs, changes), (relative, *_) = fits
    return Pattern(additive, relative, _reduced(stairs, changes))


def _reduced(stairs: Numbers, changes: list[Numbers]) -> Numbers:
    """Return stairs, reduced by the share of error in their power, which is large for few edges."""
    error = np.max([np.square(change[1:]).sum(axis=(1, 2)) for change in changes], axis=0)
    power = np.square(stairs).sum(axis=1)
    return np.asarray(stairs * np.maximum(0.0, 1 - error / np.maximum(power, 1e-30))[:, None])


def is_striped(cells: Cells, grid: CellGrid, power: Floats) -> bool:
    """Return whether a pattern repeats along one axis alone, as that of a fence does.

    That of an uneven kernel does so only if the kernel is even along the other axis.

    Args:
        cells: All cells of a picture.
        grid: How the picture is cut.
        power: Shape (m, n), the power of the pattern in each cell, in squared levels.
    """
    phases = np.stack([sum_3x3(phase) for phase in np.moveaxis(cells.phases, 1, 0)], axis=-1)
    lines = np.tensordot(power, line_power(phases, grid.stride), 2)
    least = _ONE_AXIS[min(grid.stride[0] - 2, len(_ONE_AXIS) - 1)]
    return stripes_share(lines, grid.stride) >= least


class _Groups(NamedTuple):
    """Weighted sums of products over groups of rows of cells.

    Args:
        xx: Shape (groups, 4, 4), of the regressors: 1, level, slope down, slope across.
        xa: Shape (groups, 4, phases), of the regressors and the phases.
    """

    xx: Numbers
    xa: Numbers

    @classmethod
    def of(cls, wx: Floats, x: Floats, phases: Floats) -> "_Groups":
        """Return the sums over groups of rows; each argument has shape (m, values, n)."""
        products = wx @ x.swapaxes(1, 2), wx @ phases.swapaxes(1, 2)
        starts = range(0, len(x), _GROUP if len(x) >= _MANY else 1)
        return cls(*(np.add.reduceat(p, starts, axis=0, dtype=np.float64) for p in products))

    def changes(self, whole: Numbers, base: int, prior: float) -> Numbers:
        """Return how a fit changes without each group in turn, shape (3, groups, phases).

        The changes are scaled so that their sum of squares over the groups is the error's power.
        """
        fits = _solved(self.xx.sum(axis=0) - self.xx, self.xa.sum(axis=0) - self.xa, base, prior)
        return np.asarray((fits - whole).swapaxes(0, 1) * np.sqrt(1 - 1 / len(fits)))


def _solved(xx: Numbers, xa: Numbers, base: int, prior: float) -> Numbers:
    """Return the coefficients of regressor `base` and both slopes, shape (..., 3, phases)."""
    used = [base, 2, 3]
    normal = xx[..., used, :][..., used] + np.diag([0.0, prior, prior])
    scale = np.maximum(np.abs(xx[..., base, base]), 1e-30)[..., None, None]
    return np.asarray(np.linalg.solve(normal + 1e-9 * scale * np.eye(3), xa[..., used, :]))


def _error_of_single_cells(
    parts: tuple[Floats, Floats, Floats], fit: Numbers, base: int, stride: tuple[int, int]
) -> Numbers:
    """Return the power of each line in the weighted residuals of the fit, summed over cells."""
    wx, x, phases = parts
    residuals = phases - np.einsum("ik,min->mkn", fit, x[:, [base, 2, 3]])
    residuals *= wx[:, base][:, None]
    power = line_power(residuals.swapaxes(1, 2), stride).sum(axis=(0, 1))
    return np.asarray(power.reshape(stride), np.float64)
