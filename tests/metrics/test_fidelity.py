import numpy as np
import pytest
import reference
from hypothesis import given
from strategies import planes, seeds

from upsample_cli.metrics.fidelity import psnr, ssim


@given(planes(), seeds)
def test_psnr_is_its_definition(x: np.ndarray, seed: int) -> None:
    """PSNR is what loops over the pixels give."""
    y = x + np.random.default_rng(seed).normal(0, 0.1, x.shape)
    np.testing.assert_allclose(psnr(x, y), reference.psnr_by_pixel(x, y))


def test_psnr_of_equals_is_infinite() -> None:
    """Two pictures that do not differ have no finite PSNR."""
    assert psnr(np.ones((2, 2)), np.ones((2, 2))) == float("inf")


def slow_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Return SSIM window by window."""
    along = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights = np.outer(along, along) / along.sum() ** 2
    result = []
    for i, j in np.ndindex(x.shape[0] - 10, x.shape[1] - 10):
        a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        variance_a = (weights * (a - mean_a) ** 2).sum()
        variance_b = (weights * (b - mean_b) ** 2).sum()
        covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
        light = (2 * mean_a * mean_b + 2.55**2) / (mean_a**2 + mean_b**2 + 2.55**2)
        rest = (2 * covariance + 7.65**2) / (variance_a + variance_b + 7.65**2)
        result.append(light * rest)
    return float(np.mean(result))


def test_ssim_is_its_definition(rng: np.random.Generator) -> None:
    """SSIM is the mean over all windows of what each gives."""
    x = rng.uniform(0, 255, (16, 19))
    y = x + rng.normal(0, 30, x.shape)
    assert ssim(x, y) == pytest.approx(slow_ssim(x, y), abs=1e-9)
    assert ssim(x, x) == pytest.approx(1.0)
    assert ssim(x, y) < ssim(x, (x + y) / 2) < 1.0
