import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from upsample_cli.metrics.response import noise_gain, overshoot


@given(seeds, st.integers(1, 4), st.integers(1, 9))
def test_noise_gain_is_the_power_of_enlarged_noise(seed: int, stride: int, size: int) -> None:
    """Noise gain is the mean over the phases of the power that unit white noise gets."""
    taps = np.random.default_rng(seed).uniform(-1, 1, (size, size))
    powers = [np.square(taps[a::stride, b::stride]).sum() for a, b in np.ndindex(stride, stride)]
    np.testing.assert_allclose(noise_gain(taps, stride), np.mean(powers))


def test_overshoot_of_known_kernels() -> None:
    """The triangle never overshoots; taps of -1/4, 3/2, -1/4 overshoot a step by a quarter."""
    triangle = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    assert overshoot(triangle, 2) == pytest.approx(0.0, abs=1e-12)
    sharp = np.array([-0.25, 1.5, -0.25])
    assert overshoot(np.outer(sharp, sharp), 1) == pytest.approx(0.25)


@given(seeds, st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_overshoot_is_that_of_enlarged_steps(seed: int, stride: int, tall: int, wide: int) -> None:
    """Overshoot is how far steps, down and across, rise above 1 in the mean over their length."""
    taps = np.random.default_rng(seed).uniform(-1, 1, (tall, wide))
    taps *= stride**2 / np.abs(taps).sum()
    highest = 1.0
    for along in (taps.sum(axis=1), taps.sum(axis=0)):
        count = len(along) + 1
        out = np.zeros(stride * count + len(along))
        for pixel in range(count):
            out[pixel * stride : pixel * stride + len(along)] += along / stride
        highest = max(highest, out[: stride * count].max())
    assert overshoot(taps, stride) == pytest.approx(highest - 1.0, abs=1e-12)
