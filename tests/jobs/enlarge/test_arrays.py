from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from variants import label, variants

from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.methods.method import Method


def enlarge_array(method: Method, x: Any, scale: float) -> Any:
    """Return planes enlarged by a method."""
    size = (round(x.shape[1] * scale), round(x.shape[2] * scale))
    return enlarge(x, method.stages((x.shape[1], x.shape[2]), size), size)


@pytest.mark.parametrize("method", [one for one in variants() if one.is_linear], ids=label)
@pytest.mark.parametrize("scale", [2, 1.5])
def test_nan_affects_only_outputs_that_depend_on_it(method: Method, scale: float) -> None:
    """An output is NaN exactly when it depends on the pixel that is NaN."""
    x = np.random.default_rng(0).uniform(1, 2, (2, 24, 20))
    low, high = x.copy(), x.copy()
    low[0, 11, 7], high[0, 11, 7] = -1e3, 1e3
    changed = np.abs(enlarge_array(method, low, scale) - enlarge_array(method, high, scale)) > 1e-9
    x[0, 11, 7] = np.nan
    actual = enlarge_array(method, x, scale)
    is_nan = np.isnan(actual)
    # A tap that is almost 0 passes NaN on, but does not change the output visibly.
    assert not (changed & ~is_nan).any()
    assert is_nan.sum() - changed.sum() <= 0.3 * is_nan.sum()
    assert not is_nan[1].any()
    np.testing.assert_allclose(
        actual[~is_nan], enlarge_array(method, low, scale)[~is_nan], atol=1e-9
    )


@pytest.mark.parametrize("name", ["bicubic", "lanczos", "spline"])
def test_nan_leaves_the_centres_of_other_pixels(name: str) -> None:
    """At an odd scale the output at a pixel's centre is that pixel, whatever is beside it."""
    x = np.ones((1, 25, 25))
    x[0, 12, 12] = np.nan
    assert np.isnan(upsample(x, name, scale=3)[0, 1::3, 1::3]).sum() == 1


def test_nearest_copies_infinities() -> None:
    """Nearest copies infinity as any other value; methods that compute turn it into NaN."""
    x = np.zeros((1, 6, 5), np.float32)
    x[0, 2, 2], x[0, 3, 3], x[0, 0, 0] = np.inf, -np.inf, np.nan
    np.testing.assert_array_equal(upsample(x, "nearest"), np.kron(x, np.ones((2, 2), np.float32)))
    blurred = upsample(x, "bilinear")
    assert not np.isinf(blurred).any()
    assert np.isnan(blurred).sum() == 9 + 16 + 16 - 4


@given(st.integers(1, 20), seeds)
def test_channels_do_not_affect_one_another(count: int, seed: int) -> None:
    """Channels are processed in groups, and each gets the result that it gets alone."""
    x = np.random.default_rng(seed).random((count, 5, 6))
    together = upsample(x, "bicubic", threads=2)
    np.testing.assert_allclose(together[-1:], upsample(x[-1:], "bicubic"), atol=1e-12)
