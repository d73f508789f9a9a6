import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter
from strategies import cuts, seeds
from textures import natural_texture, periodic_pattern

from upsample_cli.images.levels import LUMA
from upsample_cli.metrics.cells import CellGrid, CellReader, Cells, maximum_within, sum_3x3
from upsample_cli.metrics.rows import Rows


def cells_of(
    levels: np.ndarray, stride: tuple[int, int] = (2, 2), opaque: np.ndarray | None = None
) -> Cells:
    reader = CellReader(CellGrid(stride, *levels.shape))
    reader.feed(Rows(levels.astype(np.float32), opaque))
    cells = reader.cells(0)
    assert cells is not None
    return cells


@given(seeds, st.integers(2, 4), st.integers(1, 4))
def test_cells_are_usable_where_all_they_draw_on_is_opaque(seed: int, s: int, t: int) -> None:
    """A transparent pixel takes out the cells whose pixels or margin hold it, and no other."""
    rng = np.random.default_rng(seed)
    height, width = (int(item) for item in rng.integers(60, 110, 2))
    levels = rng.uniform(1, 254, (height, width))
    opaque = np.ones(levels.shape, bool)
    opaque[rng.integers(height, size=2), rng.integers(width, size=2)] = False
    grid = CellGrid((s, t), height, width)
    (tall, wide), (top, left) = grid.cell, grid.margin
    used = cells_of(levels, (s, t), opaque).usable
    assert used.shape == ((height - 2 * top) // tall, (width - 2 * left) // wide)
    for i, j in np.ndindex(grid.shape):
        y, x = i * tall, j * wide
        assert used[i, j] == opaque[y : y + tall + 2 * top, x : x + wide + 2 * left].all()


@pytest.mark.parametrize("end", [0.0, 255.0])
def test_cells_of_which_a_tenth_is_clipped_are_not_usable(end: float) -> None:
    """Either end of the range counts alone, from more than a tenth of a cell's pixels on."""
    levels = np.random.default_rng(0).uniform(80, 120, (36, 36))
    levels[2, 2:8] = end  # 6 of 64
    levels[2, 10:17] = end
    assert cells_of(levels).usable[0].tolist() == [True, False, True, True]


def test_cells_of_opacity_are_usable_inside_shapes() -> None:
    """Opacities of 255 count inside a shape; its edges and what lies beyond it do not."""
    levels = np.zeros((36, 36))
    levels[:, 10:] = np.tile([[113.0, 227.0], [227.0, 255.0]], (18, 13))
    reader = CellReader(CellGrid((2, 2), 36, 36))
    reader.feed(Rows(levels.astype(np.float32), is_unclipped=True))
    cells = reader.cells(0)
    assert cells is not None
    assert cells.usable.tolist() == [[False, False, True, True]] * 4
    assert not cells_of(levels).usable.any()


@settings(max_examples=60)
@given(cuts(150), st.integers(2, 5), st.integers(2, 5))
def test_cells_do_not_depend_on_the_runs_they_are_fed_in(
    cut: list[range], stride: int, other: int
) -> None:
    """Any cut of a picture into runs of rows gives the cells that it gives when fed at once."""
    levels = np.random.default_rng(0).uniform(0, 255, (150, 90)).astype(np.float32)
    grids = [CellGrid((s, s), 150, 90) for s in (stride, other)]
    whole, fed = CellReader(*grids), CellReader(*grids)
    whole.feed(Rows(levels))
    for run in cut:
        fed.feed(Rows(levels[run.start : run.stop]))
    for index in (0, 1):
        for actual, expected in zip(fed.cells(index) or (), whole.cells(index) or (), strict=True):
            assert np.array_equal(actual, expected)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_blocks_of_one_colour_hold_no_pattern(stride: int) -> None:
    """Cells of nearest-neighbour and of flat colours are plain; a pattern on them is not."""
    low = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(float)
    nearest = low.repeat(stride, 0).repeat(stride, 1)
    cells = cells_of(nearest, (stride, stride))
    assert cells.plain.mean() > 0.9  # what is left is so faint that rounding might hide it
    assert cells.blocks.all()
    assert not (cells.phases * cells.plain[:, None]).any()
    patterned = nearest + 2 * periodic_pattern(*nearest.shape, stride)
    assert not cells_of(patterned, (stride, stride)).plain.any()
    flat = np.full((90, 90), 60.0)
    flat[:, 41:] = 200
    cells = cells_of(flat, (stride, stride))
    assert (cells.plain & cells.usable).all()
    assert cells.flat.any()


def test_black_tells_nothing() -> None:
    """Where a picture is flat and black, a pattern in proportion to the brightness may be."""
    assert not cells_of(np.full((60, 60), 5.0)).usable.any()
    assert cells_of(np.full((60, 60), 15.0)).usable.all()


def test_cells_of_luma_are_the_sum_of_those_of_the_colours() -> None:
    """What is linear in the picture need not be read again for a sum of planes."""
    colours = 20 + 200 * natural_texture(120, 130, 3, 3)
    mixed = Cells.mixed([cells_of(plane) for plane in colours], LUMA)
    luma = cells_of(np.tensordot(LUMA, colours, 1))
    for name in ("phases", "level", "slope"):
        np.testing.assert_allclose(getattr(mixed, name), getattr(luma, name), atol=1e-3)
    assert np.array_equal(mixed.usable, luma.usable)


def test_large_pictures_have_larger_cells() -> None:
    """The memory for cells has a bound, whatever the size of the picture."""
    for side in (100, 5_000, 40_000):
        grid = CellGrid((2, 2), side, side)
        assert grid.shape[0] * grid.shape[1] <= 30_000
        assert grid.cell[0] % 2 == 0


def test_around_is_the_sum_of_nine() -> None:
    """Beyond the edges there is nothing."""
    ones = np.ones((3, 4), np.float32)
    assert sum_3x3(ones).tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5), seeds)
def test_strongest_is_a_running_maximum(m: int, n: int, cells: int, seed: int) -> None:
    """The same as SciPy's, with nothing beyond the edges."""
    plane = np.random.default_rng(seed).random((m, n), np.float32)
    expected = maximum_filter(plane, 2 * cells + 1, mode="constant")
    assert (maximum_within(plane, cells) == expected).all()


@pytest.mark.parametrize("contrast", [0.5, 1.0])
def test_squares_count_how_the_brightness_varies_in_a_cell(contrast: float) -> None:
    """Slopes tell of most of it: far nearer to the truth than the level's square alone."""
    levels = 20 + 200 * contrast * natural_texture(304, 304)[0]
    cells, grid = cells_of(levels), CellGrid((2, 2), *levels.shape)
    (tall, wide), (top, left), (m, n) = grid.cell, grid.margin, grid.shape
    inner = levels[top : top + m * tall, left : left + n * wide].reshape(m, tall, n, wide)
    true = np.square(inner).mean(axis=(1, 3)).sum()
    level = np.square(cells.level).sum()
    assert abs(cells.squares(grid.cell).sum() - true) < 0.5 * (true - level)
