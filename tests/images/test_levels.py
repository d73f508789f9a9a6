import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.images.levels import Conversion, from_linear, luma, rounded, to_linear


def levels_of(colour: Conversion, values: list[float]) -> list[float]:
    planes = np.array(values, np.float32)[None, :, None]
    return colour.levels(planes)[0, :, 0].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("linear", [False, True])
def test_every_level_comes_back(dtype: type, linear: bool) -> None:
    """Levels converted to planes and back are the same, also in linear light."""
    colour = Conversion(dtype, linear=linear)
    samples = np.arange(colour.peak + 1, dtype=dtype).reshape(1, -1, 1)
    planes = colour.planes(samples)
    assert planes.dtype == np.float32
    assert (planes.min(), planes.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(colour.levels(planes)[0], samples[..., 0])


@pytest.mark.parametrize("premultiplied", [False, True])
def test_transparent_pictures_come_back(premultiplied: bool) -> None:
    """Every colour with every opacity but 0 is kept, premultiplied or not."""
    colour = Conversion(np.uint8, alpha=True, premultiplied=premultiplied)
    y, x = np.mgrid[:256, 1:256]
    samples = np.stack([y, x], axis=2).astype(np.uint8)
    result = colour.levels(colour.planes(samples))
    np.testing.assert_array_equal(result, samples.transpose(2, 0, 1))


def test_halves_are_rounded_up_once() -> None:
    """A value halfway between two levels becomes the higher; others are clipped to the range."""
    colour = Conversion(np.uint8)
    assert levels_of(colour, [0.5 / 255, 0.499 / 255, 1.5 / 255, 2.5 / 255]) == [1, 0, 2, 3]
    assert levels_of(colour, [-0.3, -1e-9, 1.0, 1.7]) == [0, 0, 255, 255]


def test_hidden_colours_are_black_and_do_not_bleed() -> None:
    """With premultiplied colours a transparent pixel adds no colour to its neighbours."""
    colour = Conversion(np.uint8, alpha=True)
    samples = np.array([[[200, 255], [90, 0]]], np.uint8)
    planes = colour.planes(samples)
    np.testing.assert_array_equal(planes[0, 0, 1], 0.0)
    between = planes.mean(axis=2, keepdims=True)
    np.testing.assert_array_equal(colour.levels(between).ravel(), [200, 128])
    straight = Conversion(np.uint8, alpha=True, premultiplied=False)
    between = straight.planes(samples).mean(axis=2, keepdims=True)
    np.testing.assert_array_equal(straight.levels(between).ravel(), [145, 128])


def test_pixels_that_round_to_transparent_are_black() -> None:
    """Where opacity rounds to 0, the invisible colour becomes black."""
    planes = np.array([0.0012, 0.0014, 0.0015, 0.0025], np.float32).reshape(4, 1, 1)
    result = Conversion(np.uint8, alpha=True).levels(planes[[0, 1, 0, 2]].copy())
    np.testing.assert_array_equal(result.ravel(), [0, 0, 0, 0])
    result = Conversion(np.uint8, alpha=True).levels(planes[[0, 1, 0, 3]].copy())
    np.testing.assert_array_equal(result.ravel(), [122, 143, 122, 1])


def test_linear_light_leaves_opacity_alone() -> None:
    """Only colours are converted to linear light."""
    samples = np.array([[[128, 128]]], np.uint8)
    planes = Conversion(np.uint8, alpha=True, premultiplied=False, linear=True).planes(samples)
    np.testing.assert_allclose(planes.ravel(), [0.21586, 128 / 255], atol=1e-5)


@given(st.floats(-0.5, 1.5))
def test_srgbs_curve_is_undone(value: float) -> None:
    """Converting to linear light and back changes nothing, also outside 0..1."""
    if value < 0:
        assert to_linear(np.array(value)) == pytest.approx(value / 12.92)
    assert from_linear(to_linear(np.array(value))) == pytest.approx(value, abs=1e-7)


def test_srgbs_curve_at_known_places() -> None:
    """IEC 61966-2-1: half of full scale is 21.4 % of the light."""
    np.testing.assert_allclose(to_linear(np.array([0.0, 0.5, 1.0])), [0, 0.21404, 1], atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_luma_weighs_colours_and_leaves_opacity_out(channels: int) -> None:
    """The luma of colours has the weights of BT.601; grey is its own luma."""
    levels = np.random.default_rng(0).uniform(0, 255, (channels, 3, 4)).astype(np.float32)
    expected = levels[0]
    if channels > 2:
        expected = 0.299 * levels[0] + 0.587 * levels[1] + 0.114 * levels[2]
    np.testing.assert_allclose(luma(levels), expected, rtol=1e-5)


@pytest.mark.parametrize(("dtype", "peak"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_any_depth_becomes_eight_bits(dtype: type, peak: int) -> None:
    """White stays white, black black, and what lies beyond is clipped."""
    samples = np.array([0, 0.6, 1]) * peak
    assert rounded(samples.astype(dtype)).tolist() == [0, 153, 255]
    assert rounded(np.array([-1.0, 2.0], np.float32)).tolist() == [0, 255]


def test_limits_of_opacity_leave_the_colours() -> None:
    """Colours are those of the opacity before; what is much fainter than its limit doubles."""
    colour = Conversion(np.float32, alpha=True)
    planes = np.array([[0.6, 0.45, 0.1, 0.01], [1.2, 0.9, 0.2, 0.02]], np.float32)[:, None]
    limits = np.array([[0, 1, 0, 0.5], [1, 1, 0, 1]], np.float32)[:, None]
    levels = colour.levels(planes, limits)[:, 0]
    np.testing.assert_allclose(levels[0], [0.5, 0.5, 0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(levels[1], [1, 1, 0, 0.04], rtol=1e-6)
