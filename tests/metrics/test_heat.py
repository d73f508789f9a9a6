import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics import heat
from upsample_cli.metrics.heat import HeatMeter
from upsample_cli.metrics.rows import Rows


def heated(levels: np.ndarray, stride: int, opaque: np.ndarray | None = None) -> np.ndarray:
    meter = HeatMeter((stride, stride), *levels.shape)
    for top in range(0, len(levels), 50):
        rows = slice(top, top + 50)
        part = None if opaque is None else opaque[rows]
        meter.feed(Rows(levels[rows].astype(np.float32), part))
    return meter.result()


@pytest.mark.parametrize("stride", [2, 3, 5, 8])
def test_heat_is_where_the_pattern_is(stride: int) -> None:
    """In the half with a pattern its strength is told, and nothing in the other."""
    noise = np.random.default_rng(0).normal(0, 1, (400, 400))
    levels = 128 + noise
    levels[:, 200:] += 3 * periodic_pattern(400, 200, stride)
    heat = heated(levels, stride)
    middle = heat.shape[1] // 2
    assert np.median(heat[:, middle + 3 :]) == pytest.approx(3.0, rel=0.1)
    assert (heat[:, : middle - 3] > 0).mean() < 0.05


def test_a_pattern_that_changes_its_sign_is_hot_on_both_sides() -> None:
    """Where the sum over the picture cancels, the map still shows the pattern."""
    levels = 128 + np.random.default_rng(0).normal(0, 1, (320, 320))
    pattern = 3 * periodic_pattern(320, 320, 2)
    pattern[:, 160:] *= -1
    heat = heated(levels + pattern, 2)
    assert (heat[:, :7] > 2).all()
    assert (heat[:, -7:] > 2).all()


def test_the_stairs_of_slopes_are_no_heat() -> None:
    """What goes with the gradient, as nearest-neighbour's stairs do, is left out."""
    y, x = np.mgrid[:160, :160] / 160
    low = 20 + 150 * x**2 + 75 * y**2 + 5 * natural_texture(160, 160, 3)[0]
    heat = heated(low.repeat(2, 0).repeat(2, 1), 2)
    assert np.nanmax(heat) < 0.1


def test_parts_that_tell_nothing_are_nan() -> None:
    """Hidden parts have no figure, and what is hidden in them is not seen around."""
    levels = 128 + np.random.default_rng(0).normal(0, 1, (320, 320))
    levels[:, :160] += 9 * periodic_pattern(320, 160, 2)
    opaque = np.ones(levels.shape, bool)
    opaque[:, :160] = False
    heat = heated(levels, 2, opaque)
    assert np.isnan(heat[:, :6]).all()
    assert np.nanmax(heat) < 0.5


@pytest.mark.parametrize("levels", [np.full((200, 200), 9.0), np.zeros((5, 5))])
def test_a_picture_without_content_has_no_map(levels: np.ndarray) -> None:
    """A flat or tiny picture gives a map of nothing."""
    assert np.isnan(heated(levels, 2)).all()


def test_power_and_error_are_those_of_a_weighted_mean(rng: np.random.Generator) -> None:
    """Around each tile: the mean by weight and nearness, and its squared error from the spread."""
    patterns, weights = rng.normal(size=(6, 7, 4)), 10 ** rng.uniform(-3, 3, (6, 7, 1))
    near = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    power, error = heat._near(patterns, weights)
    for i, j in np.ndindex(6, 7):
        around = [(y, x) for y, x in np.ndindex(6, 7) if abs(y - i) <= 2 and abs(x - j) <= 2]
        part = np.array([weights[y, x, 0] * near[y - i + 2, x - j + 2] for y, x in around])
        part /= part.sum()
        there = np.array([patterns[place] for place in around])
        mean = part @ there
        spread = np.square(part) @ np.square(there - mean)
        spread /= 1 - min(np.square(part).sum(), 0.9)
        np.testing.assert_allclose((power[i, j], error[i, j]), (np.mean(mean**2), spread.mean()))
