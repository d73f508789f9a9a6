import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.cells import CellGrid, CellReader, Cells
from upsample_cli.metrics.checkerboard import CONTRAST_DB
from upsample_cli.metrics.pattern import (
    Estimate,
    Pattern,
    is_striped,
    noise,
    pattern,
    weights,
)
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.spectrum import phase_lines


def estimate(lines: np.ndarray, error: float) -> Estimate:
    return Estimate(lines.astype(complex), np.full(lines.shape, error))


def cells_of(levels: np.ndarray, stride: int = 2) -> tuple[Cells, CellGrid]:
    grid = CellGrid((stride, stride), *levels.shape)
    reader = CellReader(grid)
    reader.feed(Rows(levels.astype(np.float32)))
    cells = reader.cells(0)
    assert cells is not None
    return cells, grid


def estimated(levels: np.ndarray, stride: int = 2) -> Pattern:
    cells, grid = cells_of(levels, stride)
    noises = noise(cells, grid.pixels)
    return pattern(cells, weights(cells, noises), noises, grid)


def test_faint_lines_count_where_the_pattern_is_clear() -> None:
    """The power is that of all lines once they are clear together, else of significant ones."""
    lines = np.zeros((4, 4))
    lines[0, 1] = lines[0, 3] = 12.0
    lines[1, 1] = lines[3, 3] = 1.5
    clear = estimate(lines, 1.0)
    assert clear.contrast_db > CONTRAST_DB
    assert clear.power == pytest.approx(2 * (144 - 1) + 2 * (2.25 - 1))
    assert clear.axis_share == pytest.approx(288 / 292.5)
    faint = estimate(lines, 25.0)
    assert faint.contrast_db < CONTRAST_DB
    assert faint.power == 0.0


def test_contrast_is_the_mean_power_over_the_errors() -> None:
    """Lines as strong as their errors have 0 dB."""
    even = estimate(np.full((3, 3), 2.0), 4.0)
    assert even.contrast_db == pytest.approx(0.0)
    assert even.floor == pytest.approx(np.sqrt(8 * 4.0))


def test_likeness_minds_no_shift_turn_or_sign() -> None:
    """A pattern is like itself however it lies, and unlike another."""
    one, other = np.random.default_rng(0).normal(size=(2, 8, 8))
    lines = phase_lines(-3 * np.roll(one.T, (2, 5), (0, 1)).ravel(), (8, 8))
    assert estimate(lines, 1.0).likeness(one) == pytest.approx(1.0)
    assert estimate(lines, 1.0).likeness(other) < 0.5


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_errors_of_noise_are_its_own(stride: int) -> None:
    """In white noise the errors are those of a mean over so many pixels, or somewhat greater."""
    sigma, levels = 4.0, np.random.default_rng(0).normal(128, 4.0, (480, 480))
    result = estimated(levels, stride).additive
    expected = (stride**2 - 1) * sigma**2 / levels.size
    assert expected < result.floor**2 < 2.5 * expected
    assert result.contrast_db < 5


def test_a_pattern_goes_with_the_brightness_or_not() -> None:
    """The clearer of both is taken: it gives the power at any level."""
    texture = 30 + 180 * natural_texture(300, 300, 2)[0]
    lattice = periodic_pattern(300, 300, 2)
    fixed, growing = estimated(texture + 3 * lattice), estimated(texture * (1 + 0.05 * lattice))
    level = np.array([20.0, 200.0])
    np.testing.assert_allclose(fixed.power_at(level**2), 9, rtol=0.05)
    np.testing.assert_allclose(growing.power_at(level**2), (0.05 * level) ** 2, rtol=0.05)


def test_stairs_count_as_far_as_they_are_clear() -> None:
    """What goes with the slopes of many cells is kept, what one steep cell shows is not."""
    cells, grid = cells_of(np.random.default_rng(0).normal(128, 1.0, (400, 400)))
    ones = np.ones_like(cells.level)
    expected = np.array([-1.0, -1.0, 1.0, 1.0])

    def stairs(steep: np.ndarray) -> np.ndarray:
        """Return those of cells whose pixels are moved where they are steep."""
        slope = cells.slope + np.stack([steep, 0 * steep], axis=1).astype(np.float32)
        phases = cells.phases + (expected[:, None] * steep[:, None]).astype(np.float32)
        return pattern(cells._replace(phases=phases, slope=slope), ones, ones, grid).stairs[0]

    many, one = np.random.default_rng(1).normal(0, 3.0, ones.shape), np.zeros(ones.shape)
    one[20, 20] = 30.0
    np.testing.assert_allclose(stairs(many), expected, atol=0.05)
    np.testing.assert_allclose(stairs(one), 0, atol=0.1)


def test_patterns_may_be_the_same_within_their_errors() -> None:
    """Two that differ by more than their errors are not."""
    small, large = (estimate(np.full((2, 2), value), 0.01) for value in (1.0, 1.05))
    other = estimate(np.full((2, 2), 3.0), 0.01)
    stairs = np.zeros((2, 4))
    first, near, far = (Pattern(one, one, stairs) for one in (small, large, other))
    assert first.may_be(near)
    assert not first.may_be(far)


def test_noise_of_a_cell_is_the_variance_of_its_pixels() -> None:
    """Whatever pattern all cells have in common."""
    levels = np.random.default_rng(0).normal(128, 3.0, (300, 300))
    cells, grid = cells_of(levels + 20 * periodic_pattern(300, 300, 2))
    assert noise(cells, grid.pixels).mean() == pytest.approx(9 * 3 / 4, rel=0.2)


def test_the_end_of_a_pattern_is_no_noise_but_an_edge_is() -> None:
    """Where half of a picture has a pattern, no cell is much noisier; along an edge all are."""
    quiet = np.random.default_rng(0).normal(128, 1.0, (200, 200))
    half = quiet.copy()
    half[:, 98:] += 20 * periodic_pattern(200, 102, 2)
    cells, grid = cells_of(half)
    assert noise(cells, grid.pixels).max() < 30
    edge = quiet.copy()
    edge[:, 101:] += 60
    cells, grid = cells_of(edge)
    assert (noise(cells, grid.pixels)[:, 12] > 50).all()


def test_no_few_cells_have_all_the_weight() -> None:
    """Many cells share the greatest weight, however quiet one is; plain ones weigh little."""
    levels = np.random.default_rng(0).normal(128, 30.0, (300, 300))
    levels[100:108, 100:108] = 128
    levels[200:230, 200:230] = 60
    cells, grid = cells_of(levels)
    weight = weights(cells, noise(cells, grid.pixels))
    assert (weight == weight.max()).sum() >= 30
    assert weight[cells.plain].max() <= 1 / 6
    assert (weight > 0).all()


@pytest.mark.parametrize(("stride", "other"), [(2, 0.3), (3, 0.5), (4, 0.7), (8, 0.7)])
def test_stripes_repeat_along_one_axis_alone(stride: int, other: float) -> None:
    """With more along the other axis, where the pattern is, they are none."""
    levels = 100 + 40 * natural_texture(96, 96, 1)[0]
    stripes = 4 * np.resize(np.arange(stride) - (stride - 1) / 2, 96)
    part = (np.arange(96) < 50).astype(float)
    for pattern_of_one_axis in (stripes, stripes[:, None]):
        cells, grid = cells_of(levels + pattern_of_one_axis, stride)
        assert is_striped(cells, grid, np.ones(grid.shape, np.float32))
    cells, grid = cells_of(levels + part * (stripes + other * stripes[:, None]), stride)
    where = np.zeros(grid.shape, np.float32)
    where[:, : 40 // grid.cell[1]] = 1.0
    assert not is_striped(cells, grid, where)


@pytest.mark.parametrize(("stride", "expected"), [(2, False), (3, True), (8, True)])
def test_lines_of_text_are_stripes(stride: int, expected: bool) -> None:
    """Letters add a little along the other axis; at stride 2 uneven kernels do so, too."""
    levels = 100 + 40 * natural_texture(96, 96, 1)[0]
    lines = 4 * np.resize(np.arange(stride) - (stride - 1) / 2, 96)[:, None]
    cells, grid = cells_of(levels + lines + 0.35 * lines.T, stride)
    assert is_striped(cells, grid, np.ones(grid.shape, np.float32)) == expected
