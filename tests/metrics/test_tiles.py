import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from upsample_cli.metrics.reader import TileReader
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.tiles import TileGrid, Tiles


@given(seeds, st.integers(2, 4), st.integers(1, 4))
def test_tiles_are_usable_where_all_they_draw_on_is_opaque(seed: int, s: int, t: int) -> None:
    """A transparent pixel takes out the tiles whose pixels or margin hold it, and no other."""
    rng = np.random.default_rng(seed)
    height, width = (int(each) for each in rng.integers(30, 80, 2))
    levels = rng.uniform(1, 254, (height, width)).astype(np.float32)
    opaque = np.ones(levels.shape, bool)
    opaque[rng.integers(height, size=2), rng.integers(width, size=2)] = False
    grid = TileGrid((s, t), height, width, 12)
    (tall, wide), (top, left) = grid.tile, grid.margin
    assert grid.shape == ((height - 2 * top) // tall, (width - 2 * left) // wide)
    tiles = Tiles.joined(list(TileReader(grid).feed(Rows(levels, opaque))))
    used = tiles.usable.reshape(grid.shape)
    for i, j in np.ndindex(grid.shape):
        y, x = i * tall, j * wide
        assert used[i, j] == opaque[y : y + tall + 2 * top, x : x + wide + 2 * left].all()


@pytest.mark.parametrize("end", [0.0, 255.0])
def test_tiles_of_which_a_tenth_is_clipped_are_not_usable(end: float) -> None:
    """Either end of the range counts alone, from more than a tenth of a tile's pixels on."""
    levels = np.full((16, 28), 99, np.float32)
    levels[2:14, 2:14].flat[:14] = end  # of 144
    levels[2:14, 14:26].flat[:15] = end
    found = Tiles.joined(list(TileGrid((2, 2), 16, 28, 12).read(Rows(levels))))
    assert found.usable.tolist() == [True, False]
