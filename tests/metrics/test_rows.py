import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds
from textures import periodic_pattern

from upsample_cli.metrics.rows import Rows, high_pass, joined


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("referred", [False, True])
def test_rows_are_cut_and_joined_with_all_their_parts(masked: bool, referred: bool) -> None:
    """Runs of rows, joined, are the rows they were cut from."""
    levels = np.arange(60, dtype=np.float32).reshape(10, 6)
    rows = Rows(levels, levels > 7 if masked else None, levels / 2 if referred else None)
    again = joined([rows.window(slice(3)), rows.window(slice(3, 4)), rows.window(slice(4, None))])
    assert len(again) == 10
    for name in ("levels", "opaque", "expected", "unexplained"):
        assert np.array_equal(getattr(again, name), getattr(rows, name)), name
    assert (again.expected is None) == (not referred)


def test_what_is_expected_is_taken_off() -> None:
    """The unexplained rest is the levels less the reference's."""
    levels = np.full((2, 3), 5, np.float32)
    assert (Rows(levels, expected=levels - 1).unexplained == 1).all()


@settings(max_examples=60)
@given(seeds, st.integers(2, 9), st.integers(0, 9), st.integers(0, 9))
def test_residual_is_its_definition(seed: int, stride: int, tall: int, wide: int) -> None:
    """The residual is the picture minus its moving average, twice."""
    margin = 4 * (stride // 2)
    plane = np.random.default_rng(seed).uniform(0, 255, (margin + 1 + tall, margin + 1 + wide))
    actual = high_pass(plane.astype(np.float32), (stride, stride))
    np.testing.assert_allclose(actual, reference.residual(plane, stride), atol=2e-3)


@pytest.mark.parametrize("stride", range(2, 9))
def test_a_pattern_passes_unchanged(stride: int) -> None:
    """A pattern of the stride's period goes through with gain 1."""
    pattern = periodic_pattern(60, 66, stride)
    margin = 2 * (stride // 2)
    actual = high_pass(pattern + 100, (stride, stride))
    expected = pattern[margin : 60 - margin, margin : 66 - margin]
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@pytest.mark.parametrize("stride", range(2, 9))
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_polynomials_do_not_pass(stride: int, degree: int) -> None:
    """A picture that is a polynomial of degree 3 at most leaves nothing."""
    y, x = np.mgrid[:60, :66] / 66
    plane = 255 * (x**degree + 0.5 * y**degree - x * y ** max(0, degree - 1)) / 2
    actual = high_pass(plane.astype(np.float32), (stride, stride))
    assert np.abs(actual).max() < 2e-3


def test_an_axis_of_stride_1_is_left_alone() -> None:
    """With stride 1 across, only rows are averaged: a column pattern of mean 0 down passes."""
    rows = np.tile(np.array([[5.0], [-5.0]], np.float32), (20, 12))
    actual = high_pass(rows, (2, 1))
    assert actual.shape == (36, 12)
    np.testing.assert_allclose(actual, rows[2:-2], atol=1e-5)
