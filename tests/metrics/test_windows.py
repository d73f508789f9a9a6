from typing import NamedTuple

import numpy as np
import pytest

from upsample_cli.metrics.cells import CellGrid
from upsample_cli.metrics.windows import least_db, search

GRID = CellGrid((2, 2), 500, 500)
PATTERN = np.array([3.0, -1.0, -1.0, -1.0])


class Outcome(NamedTuple):
    """What is shown of windows."""

    contrast_db: float
    power: np.ndarray
    full: np.ndarray


def phases_with(power: np.ndarray, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Return phases with a pattern of some RMS in each cell, and noise."""
    rng = np.random.default_rng(seed)
    phases = PATTERN[:, None] / 3**0.5 * power[:, None] + rng.normal(0, noise, (20, 4, 24))
    return (phases - phases.mean(axis=1, keepdims=True)).astype(np.float32)


def searched(
    phases: np.ndarray,
    weight: np.ndarray | None = None,
    noise: float = 0.5,
    level: np.ndarray | None = None,
):
    ones = np.ones((20, 24), np.float32)
    chance = np.float32(noise**2 * 0.75) * ones
    weight, level = (ones if one is None else one.astype(np.float32) for one in (weight, level))
    contrast_db, patches = search(
        phases, level, np.square(level, dtype=float), weight, chance, GRID
    )
    return Outcome(contrast_db, patches.power, patches.full)


def test_a_patch_is_found_where_it_is() -> None:
    """Its cells have its power, and what a cell has by chance adds nothing on average."""
    strength = np.zeros((20, 24))
    strength[5:12, 8:17] = 3.0
    windows = searched(phases_with(strength))
    assert windows.contrast_db > least_db((2, 2))
    inside, outside = windows.power[5:12, 8:17], np.nan_to_num(windows.power)[strength == 0]
    assert inside.mean() == pytest.approx(9, rel=0.05)
    assert abs(outside.mean()) < 0.1
    assert np.isnan(windows.power[:, :3]).all()
    assert np.nanmean(windows.full[5:12, 8:17]) == pytest.approx(9, rel=0.15)


def test_signs_may_change_from_window_to_window() -> None:
    """Each window is asked for itself."""
    strength = np.where(np.arange(24) // 8 % 2, 3.0, -3.0) * np.ones((20, 1))
    windows = searched(phases_with(strength))
    assert np.nanmean(windows.power) == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize("is_relative", [False, True])
def test_a_patch_may_be_in_proportion_to_the_brightness(is_relative: bool) -> None:
    """Cells have its power at their own brightness, or that of a patch of one strength."""
    level = np.random.default_rng(0).choice([20.0, 40.0, 120.0], (20, 24))
    strength = np.zeros((20, 24))
    strength[4:16, 4:20] = (0.05 * level if is_relative else 3.0 * np.ones_like(level))[4:16, 4:20]
    power = searched(phases_with(strength), level=level).power
    for one in (20, 40, 120):
        which = (level == one) & (strength > 0)
        assert power[which].mean() == pytest.approx(np.square(strength[which]).mean(), rel=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_window(seed: int) -> None:
    """Of many windows of noise, however loud, none is clear."""
    windows = searched(phases_with(np.zeros((20, 24)), 4.0, seed), noise=4.0)
    assert np.isnan(windows.contrast_db)
    assert np.isnan(windows.power).all()


def test_an_edge_in_a_patch_has_no_more_than_four_times_its_power() -> None:
    """What such a cell shows by chance, and weighs little, does not make the patch stronger."""
    strength = np.zeros((20, 24))
    strength[5:13, 8:16] = 3.0
    phases, weight = phases_with(strength), np.ones((20, 24))
    phases[9, :, 12] *= 100
    weight[9, 12] = 1e-4
    windows = searched(phases, weight)
    assert windows.power[9, 12] == pytest.approx(4 * windows.full[9, 12])
    assert windows.full[9, 12] == pytest.approx(9, rel=0.15)


def test_what_is_too_loud_for_a_window_is_measured_from_beside() -> None:
    """Cells beside a window may have its pattern: what they share with it counts, on average."""
    inside, outside = [], []
    for seed in range(40):
        strength, loud = np.zeros((20, 24)), np.random.default_rng(seed).normal(0, 12, (20, 4, 12))
        strength[5:11, 8:16] = 3.0
        phases = phases_with(strength, seed=seed)
        phases[..., 12:] += (loud - loud.mean(axis=1, keepdims=True)).astype(np.float32)
        power = np.nan_to_num(searched(phases).power)
        inside.append(power[5:11, 12:16])
        outside.append(power[strength == 0])
    assert np.mean(inside) == pytest.approx(9, rel=0.15)
    assert abs(np.mean(outside)) < 0.2


@pytest.mark.parametrize("axis", [0, 1])
def test_one_row_of_cells_is_no_pattern(axis: int) -> None:
    """Cells along an edge are alike: without their row or column nothing is left."""
    strength = np.zeros((20, 24))
    np.moveaxis(strength, axis, 0)[9] = 30.0
    assert np.isnan(searched(phases_with(strength)).power).all()


def test_cells_without_weight_do_not_count() -> None:
    """Two cells of great weight make no window."""
    strength = np.zeros((20, 24))
    strength[4:8, 4:8] = 3.0
    assert np.isfinite(searched(phases_with(strength)).power).any()
    weight = np.full((20, 24), 1e-3)
    weight[5, 5] = weight[6, 6] = 1.0
    assert np.isnan(searched(phases_with(strength, 0.3), weight, 0.3).power).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_cells_that_alone_have_weight_make_no_pattern(axis: int) -> None:
    """Of a row of cells beside others without weight, as at letterbox bars, nothing is known."""
    strength, weight = np.zeros((20, 24)), np.zeros((20, 24))
    np.moveaxis(strength, axis, 0)[9] = 30.0
    np.moveaxis(weight, axis, 0)[9] = 1.0
    assert np.isnan(searched(phases_with(strength), weight).power).all()
