import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from upsample_cli.kernels import winograd
from upsample_cli.kernels.convolve import conv2d
from upsample_cli.kernels.winograd import LEAK, Maps, layer, rectify, transformed


def convolved(maps: Maps, weights: Maps, bias: Maps, rows: int) -> Maps:
    """Return rows of a layer of maps, shape (rows + 2, width, channels)."""
    _, width, channels = maps.shape
    tall = np.zeros((rows + 5, width * channels), np.float32)
    tall[: rows + 2] = maps.reshape(rows + 2, -1)
    out = layer(tall, transformed(weights), np.tile(bias, width), rows)
    assert np.isfinite(out).all()
    assert len(out) >= rows + 3
    return out[:rows].reshape(rows, width, channels)


@settings(max_examples=30, deadline=None)
@given(
    seeds, st.integers(1, 19), st.integers(3, 20), st.sampled_from([1, 3, 8]), st.integers(1, 900)
)
def test_it_is_the_rectified_convolution(
    seed: int, rows: int, width: int, channels: int, cached: int
) -> None:
    """Every row and every column but the last two are those of a plain one, in parts or at once."""
    rng = np.random.default_rng(seed)
    maps = rng.standard_normal((rows + 2, width, channels), np.float32)
    weights = rng.standard_normal((channels, channels, 3, 3), np.float32)
    bias = rng.standard_normal(channels, np.float32)
    planes = maps.transpose(2, 0, 1)[None].astype(np.float64)
    expected = conv2d(planes, weights.astype(np.float64), bias.astype(np.float64))
    expected = np.where(expected < 0, LEAK * expected, expected)[0].transpose(1, 2, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_CACHED", cached)
        actual = convolved(maps, weights, bias, rows)[:, : width - 2]
    np.testing.assert_allclose(actual, expected, atol=2e-5 * np.sqrt(9 * channels))


def test_every_run_is_the_same() -> None:
    """All numbers are the same in two runs, those that mean nothing too."""
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((45, 30 * 32), np.float32)
    matrices = transformed(rng.standard_normal((32, 32, 3, 3), np.float32))
    bias = np.zeros(30 * 32, np.float32)
    first = layer(maps, matrices, bias, 40).tobytes()
    for _ in range(5):
        np.full((2, 6, 60_000), np.nan, np.float32)  # leaves its numbers in freed memory
        assert layer(maps, matrices, bias, 40).tobytes() == first


def test_rectify_leaks() -> None:
    """Negative numbers are multiplied by the leak, others stay, with memory or without."""
    maps = np.array([[-1.0, 0.0], [2.0, -0.5]], np.float32)
    expected = [[np.float32(-LEAK), 0.0], [2.0, np.float32(-LEAK / 2)]]
    for memory in (None, np.empty(7, np.float32)):
        actual = maps.copy()
        rectify(actual, memory)
        np.testing.assert_array_equal(actual, np.array(expected, np.float32))
