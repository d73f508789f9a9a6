import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import ripple_of
from strategies import seeds

from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.named import uniform
from upsample_cli.metrics.ripple import (
    layer_ripple,
    lines,
    noise_gain,
    overshoot,
    peak_to_peak,
    ramp_error,
    ripple,
)


def ripple_of_uniform(size: int, stride: int) -> float:
    """Return the closed form: r phases of an axis get one tap more than the others."""
    more, whole = size % stride, size // stride
    along = more * (stride - more) / stride**2 / (whole + more / stride) ** 2
    return float(np.sqrt((1 + along) ** 2 - 1))


@pytest.mark.parametrize(
    ("size", "stride", "expected"), [(3, 2, 0.4843), (5, 2, 0.2857), (4, 3, 0.5154), (4, 2, 0.0)]
)
def test_published_ripples_of_uniform_kernels(size: int, stride: int, expected: float) -> None:
    """The classic kernels have the ripples of the table."""
    assert round(ripple(uniform(stride, size).phase_sums), 4) == expected


@given(st.integers(1, 16), st.integers(1, 6))
def test_uniform_kernels_follow_the_closed_form(size: int, stride: int) -> None:
    """Ripple of a uniform kernel follows from the remainder of its size by the stride alone."""
    actual = ripple(uniform(stride, size).phase_sums)
    np.testing.assert_allclose(actual, ripple_of_uniform(size, stride), atol=1e-7)
    assert (actual < 1e-12) == (size % stride == 0)


@given(seeds, st.integers(1, 6), st.integers(1, 9))
def test_ripples_of_a_product_multiply(seed: int, stride: int, size: int) -> None:
    """For a separable kernel 1 + ripple^2 is the product of both axes' own."""
    down, across = np.random.default_rng(seed).uniform(0.1, 1, (2, size))
    actual = ripple(Kernel("both", np.outer(down, across), stride).phase_sums)
    box = np.ones(stride)
    one = ripple(Kernel("down", np.outer(down, box), stride).phase_sums)
    other = ripple(Kernel("across", np.outer(box, across), stride).phase_sums)
    np.testing.assert_allclose(1 + actual**2, (1 + one**2) * (1 + other**2), rtol=1e-9)


@given(seeds, st.integers(1, 6), st.floats(0.01, 100))
def test_ripple_is_relative(seed: int, stride: int, factor: float) -> None:
    """Brighter or darker taps, or taps of the other sign, have the same ripple."""
    sums = np.random.default_rng(seed).uniform(0.1, 1, (stride, stride))
    np.testing.assert_allclose(ripple(-factor * sums), ripple(sums), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-170, 1e170, 1e300])
def test_ripple_is_relative_at_any_size(factor: float) -> None:
    """Neither a kernel's nor a layer's ripple is lost where squares would over- or underflow."""
    sums = np.random.default_rng(0).uniform(0.1, 1, (3, 2, 2, 2))
    one, other = layer_ripple(sums, sums[:, 0]), layer_ripple(factor * sums, factor * sums[:, 0])
    for figure in (ripple, peak_to_peak, lines):
        np.testing.assert_allclose(figure(factor * sums[0, 0]), figure(sums[0, 0]))
    even, moments = np.ones((2, 2)), sums[:2, 0]
    error = ramp_error(factor * even, factor * moments)
    np.testing.assert_allclose(error, ramp_error(even, moments))
    np.testing.assert_allclose((other.average, other.bias), (one.average, one.bias))
    np.testing.assert_allclose(other.channels, one.channels)


def test_sums_that_cancel_have_infinite_ripple() -> None:
    """A kernel that gives no brightness at all has no finite ripple."""
    assert ripple(np.array([[1.0, -1.0], [-1.0, 1.0]])) == float("inf")


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


@given(seeds, *[st.integers(1, 4)] * 4)
def test_ripple_of_a_layer_is_its_definition(
    seed: int, out: int, into: int, s: int, t: int
) -> None:
    """Ripples over all channels, of each, and of the bias are the sums of their definition."""
    rng = np.random.default_rng(seed)
    gains, bias = rng.uniform(0.1, 1, (out, into, s, t)), rng.normal(size=(out, s, t))
    result = layer_ripple(gains, bias)
    np.testing.assert_allclose(result.average, ripple_of(gains), atol=1e-12)
    np.testing.assert_allclose(
        result.channels, [ripple_of(item[None]) for item in gains], atol=1e-12
    )
    # A flat input of 1 a channel, of independent signs, becomes this in the mean of squares.
    gain = np.sqrt((gains.mean(axis=(2, 3)) ** 2).sum(axis=1).mean())
    np.testing.assert_allclose(result.gain, gain)
    deviation = bias - bias.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(result.bias * gain, np.sqrt((deviation**2).mean()), atol=1e-12)


@pytest.mark.parametrize(("level", "expected"), [(0.0, 0.0), (1.0, np.inf)])
def test_a_layer_of_nothing(level: float, expected: float) -> None:
    """Weights that are all 0 are even, and any pattern of the bias is endless beside them."""
    result = layer_ripple(np.zeros((1, 2, 2, 2)), np.array([[[0.0, level], [0.0, 0.0]]]))
    assert (result.average, result.channels.tolist(), result.bias) == (0.0, [0.0], expected)
