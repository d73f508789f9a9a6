import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics import bands


def strip(levels: np.ndarray, stride: int, cell: int) -> np.ndarray:
    """Return a picture of whole cells with what `bands.pattern` draws on around."""
    reach = bands.reach(stride, cell)
    down, across = (
        bands.repeated(-reach, length + reach, length, stride) for length in levels.shape
    )
    return levels.astype(np.float32)[np.ix_(down, across)]


@pytest.mark.parametrize(("stride", "cell"), [(2, 8), (3, 9), (4, 12)])
def test_a_pattern_on_a_smooth_picture_is_found_whole(stride: int, cell: int) -> None:
    """A pattern far above the rounding is returned up to the edges, and little of a ramp is."""
    height, width = 12 * cell, 9 * cell
    y, x = np.mgrid[:height, :width]
    truth = 5 * periodic_pattern(height, width, stride)
    levels = strip(60 + 0.2 * x + 0.3 * y + truth, stride, cell)
    found = bands.pattern(levels, (stride, stride), (cell, cell))
    assert np.sqrt(np.square(found - truth).mean()) < 0.25
    inside = np.s_[cell:-cell, cell:-cell]
    assert np.abs(found - truth)[inside].max() < 0.2
    flat = strip(60 + 0.2 * x + 0.3 * y, stride, cell)
    assert np.abs(bands.pattern(flat, (stride,) * 2, (cell,) * 2)[inside]).max() < 0.2


@pytest.mark.parametrize("stride", [2, 3])
def test_noise_and_textures_mostly_stay(stride: int) -> None:
    """What is as strong beside the lines as on them is no pattern."""
    cell = stride * (8 // stride + 1)
    noise = np.random.default_rng(0).normal(128, 5, (20 * cell, 20 * cell))
    photo = 250 * natural_texture(20 * cell, 20 * cell)[0]
    for levels in (noise, photo):
        window = strip(levels, stride, cell)
        found = bands.pattern(window, (stride, stride), (cell, cell))
        assert np.square(found).mean() < 0.1 * np.square(levels - levels.mean()).mean()


def test_units_are_the_power_of_white_noise() -> None:
    """Noise of power 1 leaves in each band what the unit says."""
    noise = np.random.default_rng(1).normal(0, 1, (600, 600)).astype(np.float32)
    powers = [float(np.square(one).mean()) for one in bands._bands(noise, (2, 2))]
    assert powers == pytest.approx(bands._units((2, 2)), rel=0.1)
