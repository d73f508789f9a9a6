import numpy as np
import pytest
from exported import exported
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_drawn import drawn, residual, unbalanced
from onnx.reference import ReferenceEvaluator
from strategies import seeds

from upsample_cli.kernels import residual as arithmetic
from upsample_cli.kernels.convolve import conv2d
from upsample_cli.kernels.network_weights import LEAK
from upsample_cli.kernels.residual import Maps, TileNetwork, layer, rectify, winograd_weights


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([2, 3, 4]), st.integers(1, 13), st.integers(1, 17))
def test_it_is_the_network(seed: int, stride: int, rows: int, columns: int) -> None:
    """A tile is what the layers give one after the other, for every stride and size of tile."""
    network = drawn(seed, stride)
    shape = rows + 2 * network.halo, columns + 2 * network.halo
    luma = np.random.default_rng(seed).random(shape, np.float32)
    actual = TileNetwork.of(network, rows, columns).residual_even_if_flat(luma)
    np.testing.assert_allclose(actual, residual(network, luma), atol=1e-5)


@pytest.mark.parametrize(("size", "layers"), [(3, 0), (3, 1), (7, 2), (5, 6)])
def test_bodies_of_any_depth(size: int, layers: int) -> None:
    """The first layer has taps of any odd size, and any number of layers may follow."""
    network = drawn(1, 2, 8, size, layers)
    luma = np.random.default_rng(1).random((9 + 2 * network.halo, 8 + 2 * network.halo), np.float32)
    np.testing.assert_allclose(
        TileNetwork.of(network, 9, 8).residual_even_if_flat(luma),
        residual(network, luma),
        atol=1e-5,
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([2, 3, 4]), st.floats(0, 1, width=32))
def test_flat_luma_gets_nothing(seed: int, stride: int, level: float) -> None:
    """Whatever the weights and the brightness, what is added to a flat tile is rounding."""
    network = drawn(seed, stride)
    luma = np.full((8 + 2 * network.halo, 8 + 2 * network.halo), level, np.float32)
    assert np.abs(TileNetwork.of(network, 8, 8).residual_even_if_flat(luma)).max() < 2e-6


def test_taps_that_do_not_sum_to_0_are_seen() -> None:
    """The test above can fail: such a head adds a pattern to a flat tile."""
    network = unbalanced(drawn(0))
    luma = np.full((8 + 2 * network.halo, 8 + 2 * network.halo), 0.75, np.float32)
    assert np.abs(TileNetwork.of(network, 8, 8).residual_even_if_flat(luma)).max() > 1e-3


def test_it_tells_rounding_and_nothing_else_of_where_a_tile_lies() -> None:
    """Tiles side by side are the tile of both, but for rounding."""
    network = drawn(5)
    halo = network.halo
    luma = np.random.default_rng(5).random((6 + 2 * halo, 20 + 2 * halo), np.float32)
    whole = TileNetwork.of(network, 6, 20).residual(luma)
    half = TileNetwork.of(network, 6, 10)
    parts = [half.residual(np.ascontiguousarray(luma[:, x : x + 10 + 2 * halo])) for x in (0, 10)]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-6)


def test_a_flat_tile_gets_exactly_nothing() -> None:
    """No rounding is left on a tile that is flat."""
    network = drawn(6)
    luma = np.full((8 + 2 * network.halo, 8 + 2 * network.halo), 0.3, np.float32)
    assert not TileNetwork.of(network, 8, 8).residual(luma).any()
    assert TileNetwork.of(network, 8, 8).residual(luma).shape == (16, 16)
    luma[0, 0] = 1
    assert TileNetwork.of(network, 8, 8).residual(luma).any()


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_it_is_what_onnx_makes_of_the_network(stride: int) -> None:
    """The network exported as a transposed convolution after convolutions gives the same."""
    network = drawn(7, stride)
    luma = np.random.default_rng(7).random((20 + 2 * network.halo,) * 2, np.float32)
    (expected,) = ReferenceEvaluator(exported(network)).run(None, {"x": luma[None, None]})
    actual = TileNetwork.of(network, 20, 20).residual(luma)
    np.testing.assert_allclose(actual, expected[0, 0], atol=1e-5)


def convolved(maps: Maps, weights: Maps, bias: Maps, rows: int) -> Maps:
    """Return rows of a layer of maps, shape (rows + 2, width, channels)."""
    _, width, channels = maps.shape
    tall = np.zeros((rows + 5, width * channels), np.float32)
    tall[: rows + 2] = maps.reshape(rows + 2, -1)
    out = layer(tall, winograd_weights(weights), np.tile(bias, width), rows)
    assert np.isfinite(out).all()
    assert len(out) >= rows + 3
    return out[:rows].reshape(rows, width, channels)


@settings(max_examples=30, deadline=None)
@given(
    seeds, st.integers(1, 19), st.integers(3, 20), st.sampled_from([1, 3, 8]), st.integers(1, 900)
)
def test_a_layer_is_the_rectified_convolution(
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
        patch.setattr(arithmetic, "_CACHED", cached)
        actual = convolved(maps, weights, bias, rows)[:, : width - 2]
    np.testing.assert_allclose(actual, expected, atol=2e-5 * np.sqrt(9 * channels))


def test_every_run_is_the_same() -> None:
    """All numbers are the same in two runs, those that mean nothing too."""
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((45, 30 * 32), np.float32)
    matrices = winograd_weights(rng.standard_normal((32, 32, 3, 3), np.float32))
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
