import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds
from textures import periodic_pattern

from upsample_cli.metrics.projection import Projection

strides = st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda pair: pair != (1, 1))


def projected(
    plane: np.ndarray, stride: tuple[int, int], cell: tuple[int, int]
) -> tuple[np.ndarray, ...]:
    margin = 2 * (stride[0] // 2), 2 * (stride[1] // 2)
    m, n = ((plane.shape[axis] - 2 * margin[axis]) // cell[axis] for axis in (0, 1))
    plane = plane[: m * cell[0] + 2 * margin[0], : n * cell[1] + 2 * margin[1]]
    projection = Projection(stride, cell, margin)
    return projection.products(np.ascontiguousarray(plane, np.float32), m, n)


@settings(max_examples=60)
@given(seeds, strides, st.integers(2, 3), st.integers(2, 4))
def test_phases_are_the_means_of_the_residual(
    seed: int, stride: tuple[int, int], periods: int, more: int
) -> None:
    """In each cell they are those of the picture less its moving average, twice; mean 0."""
    (s, t), rng = stride, np.random.default_rng(seed)
    cell = s * periods, t * more
    plane = rng.uniform(0, 255, (4 * (s // 2) + 2 * cell[0], 4 * (t // 2) + 3 * cell[1]))
    phases, level, _ = projected(plane, stride, cell)
    residual = reference.residual(plane, stride)
    top, left = 2 * (s // 2), 2 * (t // 2)
    for i, j in np.ndindex(2, 3):
        rows, columns = (k * side + np.arange(side) for k, side in zip((i, j), cell, strict=True))
        part = residual[np.ix_(rows, columns)]
        expected = np.array([
            [part[(rows + top) % s == p][:, (columns + left) % t == q].mean() for q in range(t)]
            for p in range(s)
        ])  # fmt: skip
        expected -= expected.mean()
        np.testing.assert_allclose(phases[i, :, j].reshape(s, t), expected, atol=2e-3)
        inside = plane[np.ix_(rows + top, columns + left)]
        assert level[i, j] == pytest.approx(inside.mean(), abs=1e-3)


@pytest.mark.parametrize("stride", range(2, 9))
def test_a_pattern_passes_unchanged_and_has_no_slope(stride: int) -> None:
    """The phases of a pattern are its own; on a ramp, the slope is that of the ramp alone."""
    pattern = periodic_pattern(10 * stride, 12 * stride, stride)
    y, x = np.mgrid[: 10 * stride, : 12 * stride]
    phases, _, slope = projected(
        9 * pattern + 100 + 0.5 * y - 0.25 * x, (stride, stride), (2 * stride, 2 * stride)
    )
    expected = 9 * pattern[:stride, :stride].ravel()
    np.testing.assert_allclose(phases, np.broadcast_to(expected[:, None], phases.shape), atol=2e-3)
    np.testing.assert_allclose(slope[:, 0], 0.5, atol=1e-3)
    np.testing.assert_allclose(slope[:, 1], -0.25, atol=1e-3)


@pytest.mark.parametrize("stride", range(2, 9))
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_polynomials_do_not_pass(stride: int, degree: int) -> None:
    """A picture that is a polynomial of degree 3 at most leaves nothing."""
    y, x = np.mgrid[: 8 * stride, : 9 * stride] / (9 * stride)
    plane = 255 * (x**degree + 0.5 * y**degree - x * y ** max(0, degree - 1)) / 2
    phases, _, _ = projected(plane, (stride, stride), (2 * stride, 2 * stride))
    assert np.abs(phases).max() < 2e-3
