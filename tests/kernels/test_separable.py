import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_planes, seeds

from upsample_cli.kernels import separable
from upsample_cli.kernels.interpolants import AREA, BICUBIC, BILINEAR, LANCZOS
from upsample_cli.kernels.separable import Band, Separable

PHIS = st.sampled_from([BILINEAR, BICUBIC, LANCZOS])
sizes = st.integers(1, 40)


@st.composite
def bands(draw: st.DrawFn) -> Band:
    kind = draw(st.sampled_from(["interpolating", "nearest", "transposed"]))
    if kind == "transposed":
        taps = np.random.default_rng(draw(seeds)).uniform(-1, 1, draw(st.integers(1, 9)))
        return separable.transposed_convolution_band(
            taps, draw(st.integers(1, 5)), draw(st.integers(-3, 5))
        )
    before, after = draw(sizes), draw(sizes)
    if kind == "nearest":
        return separable.nearest_band(before, after)
    return separable.interpolation_band(draw(PHIS), before, after)


def row(actual: Band, output: int) -> dict[int, float]:
    """Return the weights of one output, by the drawing at the head of `separable.py`."""
    cycle, phase = divmod(output, actual.period)
    start = int(actual.starts[phase]) + actual.step * cycle
    return {start + t: float(value) for t, value in enumerate(actual.coefficients[phase])}


@given(bands(), st.integers(-30, 60), st.integers(1, 50))
def test_matrix_has_the_rows_of_the_band(actual: Band, start: int, length: int) -> None:
    """A dense block of the matrix holds each output's weights where its inputs are."""
    outputs = range(start, start + length)
    needed = actual.draws_on(outputs)
    dense = actual.matrix(outputs, np.dtype(np.float64))
    expected = np.zeros((length, len(needed)))
    for i, output in enumerate(outputs):
        for column, value in row(actual, output).items():
            assert column in needed
            expected[i, column - needed.start] = value
    np.testing.assert_array_equal(dense, expected)


@given(bands(), bands(), st.integers(-20, 40), st.integers(1, 90), seeds)
def test_separable_applies_both_matrices(
    down: Band, across: Band, start: int, length: int, seed: int
) -> None:
    """A separable stage is A_rows X A_columns^T, for any run of outputs."""
    rows, columns = range(start, start + length), range(3, 3 + 2 * length)
    stage = Separable(down, across)
    tall, wide = stage.draws_on(rows, columns)
    x = random_planes(2, len(tall), len(wide), seed)
    dtype = np.dtype(np.float64)
    expected = down.matrix(rows, dtype) @ x @ across.matrix(columns, dtype).T
    np.testing.assert_allclose(stage(x, rows, columns), expected, atol=1e-10)


@given(PHIS, sizes, sizes)
def test_interpolating_weights_sum_to_one(phi: object, before: int, after: int) -> None:
    """Every row of an interpolation sums to 1, enlarging or shrinking."""
    actual = separable.interpolation_band(phi, before, after)
    np.testing.assert_allclose(actual.coefficients.sum(axis=1), 1.0, atol=1e-12)


@given(sizes, sizes)
def test_bilinear_samples_at_half_pixel_centres(before: int, after: int) -> None:
    """Output o samples the input at (o + 0.5) / scale - 0.5: a linear ramp shows the place."""
    if after < before:
        before, after = after, before
    actual = separable.interpolation_band(BILINEAR, before, after)
    places = [sum(i * weight for i, weight in row(actual, o).items()) for o in range(after)]
    expected = (np.arange(after) + 0.5) * before / after - 0.5
    np.testing.assert_allclose(places, expected, atol=1e-9)


@given(sizes, sizes)
def test_nearest_copies_the_pixel_under_the_centre(before: int, after: int) -> None:
    """Output o copies input floor((o + 0.5) / scale)."""
    actual = separable.nearest_band(before, after)
    expected = [{(2 * o + 1) * before // (2 * after): 1.0} for o in range(after)]
    assert [row(actual, o) for o in range(after)] == expected


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_area_is_the_mean_of_the_pixels_under_an_output(stride: int) -> None:
    """Shrinking by whole numbers with the box gives plain means."""
    actual = separable.interpolation_band(AREA, 12 * stride, 12)
    x = np.random.default_rng(0).random(12 * stride)
    outputs = range(12)
    needed = actual.draws_on(outputs)
    assert needed == range(12 * stride)
    np.testing.assert_allclose(
        actual.matrix(outputs, np.dtype(np.float64)) @ x, x.reshape(12, stride).mean(axis=1)
    )
