"""Fixtures and the one profile of hypothesis."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    # A fixture that only makes values is as good for the hundredth example as for the first.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fixed")


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of the same numbers in every test."""
    return np.random.default_rng(20160303)
