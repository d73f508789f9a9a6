import numpy as np
import pytest
from textures import periodic_pattern

from upsample_cli.metrics.cell_weights import around, noise, weights
from upsample_cli.metrics.cells import CellGrid, CellReader, Cells
from upsample_cli.metrics.rows import Rows


def cells_of(levels: np.ndarray) -> tuple[Cells, CellGrid]:
    grid = CellGrid((2, 2), *levels.shape)
    reader = CellReader(grid)
    reader.feed(Rows(levels.astype(np.float32)))
    cells = reader.cells(0)
    assert cells is not None
    return cells, grid


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


def test_around_is_the_sum_of_nine() -> None:
    """Beyond the edges there is nothing."""
    ones = np.ones((3, 4), np.float32)
    assert around(ones).tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]
