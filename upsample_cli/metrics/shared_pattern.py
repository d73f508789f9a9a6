"""The pattern that the cells of a picture share, and how strong it is in each cell.

An uneven kernel adds to each phase a share of the brightness around and of its slopes. So the
phases of all cells are regressed on 1, the brightness and its slopes; the coefficients are the
shares. Shares of the slopes far above that of the brightness come from stairs, such as
nearest-neighbour's, and do not count.

The strength may differ by place: in a part of the picture, or with changing sign. Then the
strength of a cell is how much of the shared pattern its phases have, averaged over the cells
around; quiet ones count more. At first the phases' principal component, in proportion to the
brightness, stands for the shared pattern.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.cells import CellGrid, Cells, sum_3x3
from upsample_cli.metrics.meter import PatternMap, verdict_and_map
from upsample_cli.metrics.pattern import noise, weights
from upsample_cli.metrics.rows import Floats

Moments = NDArray[np.float64]

_SLOPES = 1.3  # strides: an uneven kernel's share of the slopes over that of the brightness, about
_WHITE = 255.0  # levels
_BEYOND = 2.5  # greatest strength of a fit at black or white, over its strength in the cells
# Shares of 1 and of the brightness: of a pattern that vanishes at black; in the middle, as of
# networks whose values run from -1 to 1; nowhere. A later one must explain clearly more.
_FORMS, _CLEARLY = ((0, 1), (-_WHITE / 2, 1), (1, 0)), 1.3
_ROUNDS = 2  # times to fit the strengths, then the shares
_PRIOR = 0.05  # share of the mean evidence that is added to each cell's, for a strength of 0
_DOMINATES = 20.0  # least power of a dominating pattern, over that of the phases by chance


class SharedPattern(NamedTuple):
    """A pattern that cells share.

    Args:
        shares: Shape (4, phases), of 1, the brightness, and its slopes down and across.
        strength: Shape (m, n), how strong the pattern is in each cell, relative to the strongest.
        stairs: How far stairs move an edge, in pixels.
    """

    shares: Floats
    strength: Floats
    stairs: float = 0.0

    @property
    def is_everywhere(self) -> bool:
        """Whether the strength is 1 in all cells."""
        return bool((self.strength == 1).all())

    def phases(self, cells: Cells) -> Floats:
        """Return what the pattern adds to the phases of cells, shape (m, phases, n)."""
        return np.asarray(np.einsum("imn,ip->mpn", _regressors(cells) * self.strength, self.shares))


def shared_pattern(cells: Cells, grid: CellGrid, strength: Floats | None = None) -> SharedPattern:
    """Return the pattern that all cells share, of a given strength in each; by default 1."""
    strength = np.ones_like(cells.level) if strength is None else strength
    regressors = _regressors(cells) * strength
    weighted, stride = regressors * weights(cells, noise(cells, grid.pixels)), grid.stride[0]
    normal = np.einsum("imn,jmn->ij", weighted, regressors, dtype=np.float64)
    normal += 1e-9 * np.diag(np.diag(normal)) + 1e-30 * np.eye(4)
    products = np.einsum("imn,mpn->ip", weighted, cells.phases, dtype=np.float64)
    shares = _fitted(normal, products)
    mean = np.sqrt(normal[1, 1] / normal[0, 0]) + 1e-30
    share = np.sqrt(np.square(shares[0] / mean + shares[1]).mean())
    slopes = np.sqrt(np.square(shares[2:]).mean())
    kept = np.clip(2 - slopes / (_SLOPES * stride * share + 1e-30), 0, 1)
    shares[2:] *= kept
    return SharedPattern(shares.astype(np.float32), strength, float((1 - kept) * slopes))


def _fitted(normal: Moments, products: Moments) -> Moments:
    """Return the shares that fit the phases best.

    If the brightness varies little, large shares of 1 and of the brightness may cancel each other,
    but not at black or white. Then the pattern is assumed to have one of `_FORMS`.

    Args:
        normal: Shape (4, 4), weighted sums of products of the regressors.
        products: Shape (4, phases), the same of regressors and phases.
    """
    shares = np.linalg.solve(normal, products)
    inside = np.einsum("ip,ij,jp->", shares[:2], normal[:2, :2], shares[:2]) / normal[0, 0]
    ends = (np.square(shares[0] + level * shares[1]).sum() for level in (0, _WHITE))
    if max(ends) <= _BEYOND**2 * inside:
        return np.asarray(shares)
    best = 0.0
    for form in _FORMS:
        basis = np.zeros((3, 4))
        basis[0, :2], basis[1, 2], basis[2, 3] = form, 1, 1
        fit = np.linalg.solve(basis @ normal @ basis.T, basis @ products)
        explained = float((fit * (basis @ products)).sum())
        if explained > _CLEARLY * best:
            best, shares = explained, basis.T @ fit
    return np.asarray(shares)


def shared_by_place(cells: Cells, grid: CellGrid, power: Floats) -> SharedPattern:
    """Return the pattern that cells share if its strength differs by place.

    Args:
        cells: All cells of a picture.
        grid: How the picture is cut.
        power: Shape (m, n), the power of the pattern that the metric finds in each cell; not all 0.
    """
    noises = noise(cells, grid.pixels)
    certain = cells.usable / (noises + 1.0)
    weight = weights(cells, noises) * (power > 0)
    moments = np.einsum("mn,mpn,mqn->pq", weight, cells.phases, cells.phases, dtype=np.float64)
    main = np.linalg.eigh(moments)[1][:, -1]
    expected = main[:, None] * cells.level[:, None]
    for _ in range(_ROUNDS):  # in float64: floating-point samples may be huge
        own = sum_3x3(sum_3x3(certain * (expected * cells.phases).sum(axis=1)))
        whole = sum_3x3(sum_3x3(certain * np.square(expected).sum(axis=1)))
        strength = own / (whole + _PRIOR * whole[power > 0].mean() + 1e-30)
        strength /= np.abs(strength[power > 0]).max() + 1e-30  # a black channel has none
        result = shared_pattern(cells, grid, np.clip(strength, -1, 1).astype(np.float32))
        expected = np.einsum("imn,ip->mpn", _regressors(cells), result.shares, dtype=np.float64)
    return result


def pattern_left_over(
    cells: Cells, grid: CellGrid, shared: SharedPattern | None = None
) -> PatternMap:
    """Return where the metric finds a pattern without `shared`; by default that of all cells."""
    shared = shared or shared_pattern(cells, grid)
    return verdict_and_map(cells._replace(phases=cells.phases - shared.phases(cells)), grid)[1]


def explaining_pattern(
    cells: Cells, grid: CellGrid, fields: tuple[PatternMap, PatternMap]
) -> tuple[SharedPattern, Floats]:
    """Return a shared pattern that explains half of the pattern's power or more, and the rest.

    Its strength is 1 everywhere if that explains as much; else it differs by place, if that does;
    else it is 0. It is also 0 if a pattern dominates the cells and differs by place: each cell
    then shows it better by itself.

    Args:
        cells: All cells of a channel.
        grid: How the picture is cut.
        fields: Where the metric finds a pattern, and where it still does without that of one
            strength, see `pattern_left_over`; for this channel, or for luma.

    Returns:
        The pattern; and the power, shape (m, n), of what the metric finds without it.
    """
    power, rest = map(power_of, fields)
    shared = shared_pattern(cells, grid)
    if 2 * rest.sum() > power.sum() > 0 and not _dominates(cells, grid, power):
        shared = shared_by_place(cells, grid, power)
        rest = power_of(pattern_left_over(cells, grid, shared))
    if rest.sum() > power.sum() / 2:
        return shared._replace(strength=np.zeros_like(power)), power
    return shared, rest


def _dominates(cells: Cells, grid: CellGrid, power: Floats) -> bool:
    """Return whether a pattern is far stronger than what cells with it have by chance."""
    chance = noise(cells, grid.pixels) * (cells.phases.shape[1] / grid.pixels)
    return bool(power[power > 0].mean() > _DOMINATES * np.median(chance[power > 0]))


def power_of(field: PatternMap) -> Floats:
    """Return the power of the pattern in each cell, in squared levels; 0 where it is unknown."""
    return np.square(np.nan_to_num(field.rms), dtype=np.float32)


def _regressors(cells: Cells) -> Floats:
    """Return 1, the brightness and its slopes, shape (4, m, n)."""
    return np.stack([np.ones_like(cells.level), cells.level, *np.moveaxis(cells.slope, 1, 0)])
