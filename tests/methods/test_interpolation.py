import numpy as np
import PIL.Image
import pytest
import reference
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import planes, random_planes

from upsample_cli.jobs.api import upsample
from upsample_cli.methods.catalogue import build
from upsample_cli.planes import Size

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def untied(before: int, after: int) -> np.ndarray:
    """Return the outputs of an axis that have only one nearest input."""
    return np.flatnonzero((2 * np.arange(after) + 1) * before % (2 * after))


def resampled(name: str, x: np.ndarray, size: Size, **parameters: object) -> np.ndarray:
    stages = build(name, **parameters).stages(x.shape[1:], size)
    (stage,) = stages
    return reference.apply_stage(stage, x, size)


@given(planes(), st.integers(1, 5))
def test_nearest_is_a_kronecker_product(x: np.ndarray, scale: int) -> None:
    """Nearest repeats every pixel in a square."""
    expected = np.kron(x, np.ones((1, scale, scale)))
    np.testing.assert_array_equal(upsample(x, "nearest", scale=float(scale)), expected)


@given(planes(most=12), SIZES)
def test_nearest_is_pillows_at_any_size(x: np.ndarray, grown: Size) -> None:
    """Nearest picks Pillow's pixels at any larger size; on a tie Pillow's rounding decides."""
    size = x.shape[1] + grown[0], x.shape[2] + grown[1]
    nearest = PIL.Image.Resampling.NEAREST
    expected = np.stack([reference.resize_by_pillow(plane, size, nearest) for plane in x])
    down, across = (untied(*n) for n in zip(x.shape[1:], size, strict=True))
    actual = resampled("nearest", x, size).astype(np.float32)
    np.testing.assert_array_equal(actual[:, down][..., across], expected[:, down][..., across])


@pytest.mark.parametrize("order", range(6))
@settings(max_examples=20)
@given(planes(least=16, most=24), st.sampled_from([1.0, 1.5, 2.0, 2.3, 3.0, 4.0]))
def test_the_scipy_backend_is_scipys_zoom(order: int, x: np.ndarray, scale: float) -> None:
    """A spline of any order agrees with SciPy's zoom everywhere, whole scale or not."""
    size = tuple(int(n * scale + 0.5) for n in x.shape[1:])
    expected = np.array([reference.zoom_by_scipy(plane, size, order) for plane in x])
    actual = resampled("spline", x, size, order=order, backend="scipy")
    if order == 0:  # where two pixels are equally near, the rounding of SciPy's zoom decides
        kept = np.ix_(range(len(x)), *(untied(*n) for n in zip(x.shape[1:], size, strict=True)))
        actual, expected = actual[kept], expected[kept]
    # On the shortest axes zoom's own prefilter is off by as much.
    np.testing.assert_allclose(actual, expected, atol=1e-4 if order > 3 else 1e-6)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("nearest", {}), ("bilinear", {}), *(("spline", {"order": order}) for order in range(6))],
)
@settings(max_examples=20)
@given(planes(most=12), SIZES)
def test_the_backends_agree(
    name: str, parameters: dict[str, int], x: np.ndarray, grown: Size
) -> None:
    """The fast backend computes what SciPy does, at any size and on the shortest axes."""
    size = x.shape[1] + grown[0], x.shape[2] + grown[1]
    expected = resampled(name, x, size, **parameters, backend="scipy")
    np.testing.assert_allclose(resampled(name, x, size, **parameters), expected, atol=1e-8)


@pytest.mark.parametrize("name", ["nearest", "bilinear", "spline"])
def test_the_backends_agree_in_single_precision(name: str) -> None:
    """What pictures are computed in agrees within 1e-5 of full scale, across strips and tiles."""
    x = random_planes(2, 200, 150, 1).astype(np.float32)
    expected = upsample(x, name, scale=2.3, backend="scipy")
    np.testing.assert_allclose(upsample(x, name, scale=2.3), expected, atol=1e-5)


@pytest.mark.parametrize(("order", "name"), [(0, "nearest"), (1, "bilinear")])
def test_the_lowest_splines_are_nearest_and_bilinear(order: int, name: str) -> None:
    """Splines of order 0 and 1 are other names of two methods."""
    x = random_planes(1, 9, 7, 2)
    for scale in (1.5, 2.0, 3.3):
        expected = upsample(x, name, scale=scale)
        np.testing.assert_array_equal(upsample(x, "spline", order=order, scale=scale), expected)


def test_the_scipy_backend_runs_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It computes by scipy.ndimage and nothing else; `nearest` takes the place of each pixel so."""

    def affine_transform(*arguments: object, output: np.ndarray, **options: object) -> None:
        output[:] = 3.0

    monkeypatch.setattr(scipy.ndimage, "affine_transform", affine_transform)
    x = np.arange(25.0).reshape(1, 5, 5)
    assert (upsample(x, "bilinear", backend="scipy") == 3.0).all()
    assert (upsample(x, "nearest", backend="scipy") == x[0, 3, 3]).all()


def test_nearest_by_scipy_copies_infinities() -> None:
    """Copies are exact in both backends: infinities stay, and reach no neighbour."""
    x = random_planes(1, 6, 6, 3)
    x[0, 2, 3], x[0, 4, 4] = np.inf, np.nan
    expected = upsample(x, "nearest", scale=2.5)
    np.testing.assert_array_equal(upsample(x, "nearest", scale=2.5, backend="scipy"), expected)


@pytest.mark.parametrize(
    ("name", "support"), [("bilinear", 1), ("bicubic", 2), ("lanczos", 3)], ids=str
)
@settings(max_examples=30)
@given(planes(least=8, most=24), st.sampled_from([1.0, 1.5, 2.0, 2.3, 3.0, 4.0]))
def test_interpolation_is_pillows(name: str, support: int, x: np.ndarray, scale: float) -> None:
    """Away from the border, where Pillow cuts its kernel off, both agree at any scale."""
    size = tuple(int(n * scale + 0.5) for n in x.shape[1:])
    resampling = PIL.Image.Resampling[name.upper()]
    expected = np.stack([reference.resize_by_pillow(plane, size, resampling) for plane in x])
    margin = int(np.ceil(support * scale)) + 1
    inner = (slice(None), *2 * (slice(margin, -margin),))
    actual = resampled(name, x, size)
    np.testing.assert_allclose(actual[inner], expected[inner], atol=2e-6)


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "spline"])
@pytest.mark.parametrize("scale", [1.5, 2.0, 3.0])
def test_ramps_stay_ramps(name: str, scale: float) -> None:
    """Away from the border a linear ramp is sampled at half-pixel centres."""
    ramp = np.arange(60.0)[None, :, None] + np.zeros((1, 1, 3))
    actual = upsample(ramp, name, scale=scale)[0, :, 0]
    expected = (np.arange(len(actual)) + 0.5) / scale - 0.5
    inner = slice(int(25 * scale), int(35 * scale))
    np.testing.assert_allclose(actual[inner], expected[inner], atol=1e-6)


def test_spline_passes_through_the_pixels() -> None:
    """At an odd scale every pixel's own centre is an output, and keeps its value."""
    x = random_planes(1, 20, 20, 1)
    np.testing.assert_allclose(upsample(x, "spline", scale=3.0)[:, 1::3, 1::3], x, atol=1e-6)
