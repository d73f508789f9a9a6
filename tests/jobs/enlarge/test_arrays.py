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


def made(method: Method, x: Any, scale: float, **settings: Any) -> Any:
    """Return all that a method makes of planes."""
    size = (round(x.shape[1] * scale), round(x.shape[2] * scale))
    out = np.empty((len(x), *size), x.dtype)
    stages = method.stages((x.shape[1], x.shape[2]), size)
    enlarge(x, stages, out, x.dtype, "symmetric", 1, **settings)
    return out


@pytest.mark.parametrize("method", variants(), ids=label)
@pytest.mark.parametrize("scale", [2, 1.5])
def test_nan_reaches_what_draws_on_it_and_nothing_else(method: Method, scale: float) -> None:
    """An output is NaN exactly where changing the NaN's pixel would change it."""
    x = np.random.default_rng(0).uniform(1, 2, (2, 24, 20))
    low, high = x.copy(), x.copy()
    low[0, 11, 7], high[0, 11, 7] = -1e3, 1e3
    drawn = np.abs(made(method, low, scale) - made(method, high, scale)) > 1e-9
    x[0, 11, 7] = np.nan
    found = made(method, x, scale)
    touched = np.isnan(found)
    # A tap that is 0 but for rounding draws without showing it.
    assert not (drawn & ~touched).any()
    assert touched.sum() - drawn.sum() <= 0.3 * touched.sum()
    assert not touched[1].any()
    np.testing.assert_allclose(found[~touched], made(method, low, scale)[~touched], atol=1e-9)


def test_nearest_copies_infinities() -> None:
    """Where nothing is computed an infinity is a value like any other; elsewhere it gives NaN."""
    x = np.zeros((1, 6, 5), np.float32)
    x[0, 2, 2], x[0, 3, 3], x[0, 0, 0] = np.inf, -np.inf, np.nan
    np.testing.assert_array_equal(upsample(x, "nearest"), np.kron(x, np.ones((2, 2), np.float32)))
    blurred = upsample(x, "bilinear")
    assert not np.isinf(blurred).any()
    assert np.isnan(blurred).sum() == 9 + 16 + 16 - 4


@given(st.integers(1, 20), seeds)
def test_many_channels_are_each_their_own(count: int, seed: int) -> None:
    """Channels are worked some at a time, and each gets what it gets alone."""
    x = np.random.default_rng(seed).random((count, 5, 6))
    whole = upsample(x, "bicubic", threads=2)
    np.testing.assert_allclose(whole[-1:], upsample(x[-1:], "bicubic"), atol=1e-12)
