import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_planes, seeds

from upsample_cli.kernels.interpolants import (
    BICUBIC,
    BILINEAR,
    LANCZOS,
    interpolation_band,
    nearest_band,
)
from upsample_cli.kernels.stages import Band, Separable, transposed_convolution_band

PHIS = st.sampled_from([BILINEAR, BICUBIC, LANCZOS])
sizes = st.integers(1, 40)


@st.composite
def bands(draw: st.DrawFn) -> Band:
    kind = draw(st.sampled_from(["interpolating", "nearest", "transposed"]))
    if kind == "transposed":
        taps = np.random.default_rng(draw(seeds)).uniform(-1, 1, draw(st.integers(1, 9)))
        return transposed_convolution_band(taps, draw(st.integers(1, 5)), draw(st.integers(-3, 5)))
    before, after = draw(sizes), draw(sizes)
    if kind == "nearest":
        return nearest_band(before, after)
    return interpolation_band(draw(PHIS), before, after)


def row(actual: Band, output: int) -> dict[int, float]:
    """Return the weights of one output, by the drawing at the head of `stages.py`."""
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
