import numpy as np
import pytest
from textures import periodic_pattern

from upsample_cli.metrics.spectrum import line_power, periodogram, phase_lines, unexplained


def test_white_noise_has_its_variance_at_every_frequency() -> None:
    """The mean over the frequencies is the variance, and none stands out."""
    noise = np.random.default_rng(0).normal(0, 3, (700, 900)).astype(np.float32)
    power = periodogram(noise)
    assert power.shape == (256, 256)
    assert power.mean() == pytest.approx(9, rel=0.05)
    assert np.percentile(power, 99.9) < 4 * 9


def test_a_pattern_is_a_point_at_its_frequency() -> None:
    """A checkerboard of period 2 shows at half a cycle a pixel along both axes."""
    y, x = np.mgrid[:300, :300]
    plane = ((-1.0) ** (x + y) + np.random.default_rng(0).normal(0, 0.1, (300, 300))).astype("f4")
    power = periodogram(plane)
    assert np.unravel_index(power.argmax(), power.shape) == (0, 0)


@pytest.mark.parametrize("shape", [(16, 16), (17, 500), (255, 257)])
def test_any_size_has_a_spectrum(shape: tuple[int, int]) -> None:
    """Small and odd pictures have one of the size they allow."""
    power = periodogram(periodic_pattern(*shape, 3))
    assert len(power) == min(256, *shape) // 2 * 2
    assert np.isfinite(power).all()


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_what_is_expected_is_explained_at_any_gain(gain: float) -> None:
    """A pattern that is expected is subtracted, however strong it is; any other stays."""
    rng, usable = np.random.default_rng(0), np.ones((9, 9))
    noise = rng.normal(0, 1, (9, 16, 9))
    screen, other = (periodic_pattern(4, 4, 4, seed).reshape(1, 16, 1) for seed in (1, 2))
    rest = unexplained(gain * (10 * screen + noise), 10 * screen + noise, usable, (4, 4))
    assert rest.std() < 0.05 * 10 * gain
    rest = unexplained(gain * noise + other, noise, usable, (4, 4))
    assert np.abs((rest - other).mean(axis=(0, 2))).max() < 0.2


def test_cells_that_are_not_usable_do_not_change_the_gain() -> None:
    """Values in them that are no numbers, as of huge samples, stay where they are."""
    expected = np.random.default_rng(0).normal(0, 9, (6, 4, 6))
    phases, usable = 2 * expected, np.ones((6, 6), bool)
    usable[2, 3] = False
    whole = unexplained(phases, expected, usable, (2, 2))
    phases[2, :, 3] = expected[2, :, 3] = np.nan
    part = unexplained(phases, expected, usable, (2, 2))
    parts = (one.swapaxes(1, 2)[usable] for one in (part, whole))
    np.testing.assert_allclose(*parts)


def test_lines_have_the_power_of_the_pattern() -> None:
    """Parseval: the powers of all lines add up to the mean square of the phases."""
    phases = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    power = line_power(phases, (3, 4))
    np.testing.assert_allclose(power.sum(axis=1), np.square(phases).mean(axis=1), rtol=1e-5)
    lines = phase_lines(phases, (3, 4)).reshape(5, 12)
    np.testing.assert_allclose(power, np.square(np.abs(lines)), rtol=1e-4, atol=1e-6)
