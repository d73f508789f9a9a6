import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.kernels import interpolants
from upsample_cli.kernels.interpolants import Interpolant, b_spline, cardinal_spline
from upsample_cli.kernels.stages import Separable

sizes = st.integers(1, 40)
INTERPOLATING = [
    interpolants.BILINEAR,
    interpolants.BICUBIC,
    interpolants.LANCZOS,
    *map(cardinal_spline, (2, 3, 4, 5)),
]


@pytest.mark.parametrize("phi", INTERPOLATING, ids=lambda phi: phi.name)
def test_interpolants_pass_through_the_samples(phi: Interpolant) -> None:
    """An interpolant is 1 at its own sample and exactly 0 at every other."""
    at = np.arange(-40.0, 41.0)
    np.testing.assert_allclose(phi(at), (at == 0).astype(float), atol=2e-8)
    assert not phi(at)[at != 0].any()


@pytest.mark.parametrize("phi", INTERPOLATING, ids=lambda phi: phi.name)
def test_interpolants_are_even(phi: Interpolant) -> None:
    """An interpolant has no left and right."""
    at = np.linspace(0.01, 30, 500)
    np.testing.assert_allclose(phi(at), phi(-at), atol=1e-12)


@pytest.mark.parametrize("phi", INTERPOLATING, ids=lambda phi: phi.name)
def test_support_is_where_an_interpolant_ends(phi: Interpolant) -> None:
    """An interpolant is not 0 just inside its support, and 0 at and beyond it."""
    assert np.abs(phi(np.linspace(phi.support - 0.9, phi.support - 1e-3, 50))).max() > 0.0
    np.testing.assert_array_equal(phi(np.array([phi.support, -phi.support, phi.support + 9])), 0.0)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5])
def test_b_splines_are_scipys(order: int) -> None:
    """The recursion gives the B-splines that SciPy has."""
    at = np.linspace(-3.9, 3.9, 313)
    knots = np.arange(order + 2) - (order + 1) / 2
    element = scipy.interpolate.BSpline.basis_element(knots, extrapolate=False)
    np.testing.assert_allclose(b_spline(order, at), np.nan_to_num(element(at)), atol=1e-14)


def test_keys_cubic_at_half_a_pixel() -> None:
    """Keys' cubic with a = -0.5 weighs the four neighbours of a midpoint -1, 9, 9, -1 of 16."""
    actual = interpolants.BICUBIC(np.array([1.5, 0.5, -0.5, -1.5]))
    np.testing.assert_allclose(actual * 16, [-1.0, 9.0, 9.0, -1.0])


@pytest.mark.parametrize("phi", INTERPOLATING, ids=lambda phi: phi.name)
def test_shifted_interpolants_sum_to_one(phi: Interpolant) -> None:
    """Between samples the weights sum to 1, Lanczos' nearly."""
    at = np.linspace(0, 1, 21)[:, None] + np.arange(-40, 41)
    tolerance = 0.02 if phi.name == "lanczos" else 1e-7
    np.testing.assert_allclose(phi(at).sum(axis=1), 1.0, atol=tolerance)


def test_gaussian_falls_by_its_deviation() -> None:
    """A Gaussian is exp(-1/2) at one deviation, and 0 from four on."""
    actual = interpolants.gaussian(0.7)(np.array([0.0, 0.7, 2.8]))
    np.testing.assert_allclose(actual, [1.0, np.exp(-0.5), 0.0])


def test_the_gaussian_ends_at_four_deviations() -> None:
    """It falls as its definition says, and is 0 from four deviations on."""
    distance = np.array([0.0, 0.7, -1.4, 2.7, 2.8, 9.0])
    expected = [1.0, np.exp(-0.5), np.exp(-2.0), np.exp(-0.5 * (2.7 / 0.7) ** 2), 0.0, 0.0]
    np.testing.assert_allclose(interpolants.gaussian(0.7)(distance), expected)


@given(st.sampled_from(INTERPOLATING[:3]), sizes, sizes)
def test_interpolating_weights_sum_to_one(phi: object, before: int, after: int) -> None:
    """Every row of an interpolation sums to 1, enlarging or shrinking."""
    actual = interpolants.interpolation_band(phi, before, after)
    np.testing.assert_allclose(actual.coefficients.sum(axis=1), 1.0, atol=1e-12)


@given(sizes, sizes)
def test_bilinear_samples_at_half_pixel_centres(before: int, after: int) -> None:
    """Output o samples the input at (o + 0.5) / scale - 0.5: a linear ramp shows the place."""
    if after < before:
        before, after = after, before
    actual = interpolants.interpolation_band(interpolants.BILINEAR, before, after)
    needed = actual.draws_on(range(after))
    places = actual.matrix(range(after), np.dtype(np.float64)) @ np.arange(
        needed.start, needed.stop
    )
    expected = (np.arange(after) + 0.5) * before / after - 0.5
    np.testing.assert_allclose(places, expected, atol=1e-9)


@given(sizes, sizes)
def test_nearest_copies_the_pixel_under_the_centre(before: int, after: int) -> None:
    """Output o copies input floor((o + 0.5) / scale)."""
    actual = interpolants.nearest_band(before, after)
    expected = [(2 * o + 1) * before // (2 * after) for o in range(after)]
    assert actual.sources(np.arange(after)).tolist() == expected
    assert Separable(actual, actual).copies


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_area_is_the_mean_of_the_pixels_under_an_output(stride: int) -> None:
    """Shrinking by whole numbers with the box gives plain means."""
    actual = interpolants.interpolation_band(interpolants.AREA, 12 * stride, 12)
    x = np.random.default_rng(0).random(12 * stride)
    outputs = range(12)
    needed = actual.draws_on(outputs)
    assert needed == range(12 * stride)
    np.testing.assert_allclose(
        actual.matrix(outputs, np.dtype(np.float64)) @ x, x.reshape(12, stride).mean(axis=1)
    )
