import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import ripple_of
from strategies import seeds

from upsample_cli.metrics.layers import layer_ripple


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
