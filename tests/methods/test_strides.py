from itertools import combinations_with_replacement
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.methods.strides import strides_for, whole_stride


@given(st.floats(1, 64), st.sets(st.integers(2, 6), min_size=1, max_size=3))
def test_composed_strides_reach_the_scale_with_the_least_product(
    scale: float, strides: set[int]
) -> None:
    """No other strides reach the scale with a smaller product, nor fewer with the same."""
    result = strides_for(scale, tuple(strides))
    assert prod(result) >= scale
    reaching = [
        others
        for count in range(7)
        for others in combinations_with_replacement(sorted(strides), count)
        if prod(others) >= scale
    ]
    assert min((prod(others), len(others)) for others in reaching) == (prod(result), len(result))
    assert list(result) == sorted(result, reverse=True)


@pytest.mark.parametrize(
    ("scale", "stride"), [(1, 1), (1.01, 2), (2, 2), (2 + 1e-12, 2), (2.5, 3), (64, 64)]
)
def test_whole_is_the_next_stride(scale: float, stride: int) -> None:
    """A scale between whole numbers goes to the next; rounding of the division does not count."""
    assert whole_stride(scale) == stride
