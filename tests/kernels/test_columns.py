import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.kernels.columns import overlap_slices, product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (48, 64, 5000), (3, 4, 40000), (700, 600, 50)])
def test_blocks_make_the_whole_product(shape: tuple[int, int, int], dtype: type) -> None:
    """The product is NumPy's, whether the length is a multiple of the blocks or not."""
    rows, inner, length = shape
    rng = np.random.default_rng(0)
    matrix, wide = (rng.standard_normal(s).astype(dtype) for s in ((rows, inner), (inner, length)))
    actual = product(matrix, wide)
    assert actual.dtype == dtype
    assert np.allclose(actual, matrix @ wide, atol=1e-3 if dtype == np.float32 else 1e-10)


def test_a_part_of_a_longer_row_will_do() -> None:
    """Columns of a wider matrix are taken as they lie."""
    rng = np.random.default_rng(0)
    matrix, wide = rng.standard_normal((6, 9)), rng.standard_normal((9, 90_000))
    assert np.allclose(product(matrix, wide[:, 7:60_000]), matrix @ wide[:, 7:60_000])


@given(
    st.integers(-9, 9), st.integers(1, 7), st.integers(1, 7), st.integers(0, 5), st.integers(0, 9)
)
def test_meeting_is_a_search(offset: int, stride: int, length: int, start: int, more: int) -> None:
    """The run that meets is the one that a search over all of the run finds, with its places."""
    run = range(start, start + more)
    expected = [i for i in run if 0 <= stride * i + offset < length]
    met = overlap_slices(offset, stride, length, run)
    assert (met is not None) == bool(expected)
    if met:
        assert list(run[met[0]]) == expected
        assert list(range(length)[met[1]]) == [stride * i + offset for i in expected]
