import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.tiles import TileGrid, TileReader, Tiles


@given(seeds, st.integers(2, 4), st.integers(1, 4))
def test_tiles_are_usable_where_all_they_draw_on_is_opaque(seed: int, s: int, t: int) -> None:
    """A transparent pixel takes out the tiles whose pixels or margin hold it, and no other."""
    rng = np.random.default_rng(seed)
    height, width = (int(item) for item in rng.integers(30, 80, 2))
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
    result = Tiles.joined(list(TileGrid((2, 2), 16, 28, 12).read(Rows(levels))))
    assert result.usable.tolist() == [True, False]


@settings(max_examples=60)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=12), st.integers(2, 5))
def test_tiles_do_not_depend_on_the_runs_they_are_fed_in(runs: list[int], stride: int) -> None:
    """Any cut of a picture into runs of rows gives the tiles that it gives when fed at once."""
    height, width = sum(runs), 70
    levels = np.random.default_rng(height).uniform(0, 255, (height, width)).astype(np.float32)
    grid = TileGrid((stride, stride), height, width, 16)
    reader, fed = TileReader(grid), []
    for top, length in zip(np.cumsum([0, *runs]), runs, strict=False):
        fed.extend(reader.feed(Rows(levels[top : top + length])))
    whole = list(TileReader(grid).feed(Rows(levels)))
    assert sum(len(item.level) for item in whole) == grid.shape[0] * grid.shape[1]
    if grid.shape[0] == 0:
        assert fed == whole == []
        return
    actual, expected = Tiles.joined(fed), Tiles.joined(whole)
    for name in Tiles._fields:
        np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), atol=1e-3)
