import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from upsample_cli.metrics.reader import TileReader
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.tiles import TileGrid, Tiles


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
    assert sum(len(each.level) for each in whole) == grid.shape[0] * grid.shape[1]
    if grid.shape[0] == 0:
        assert fed == whole == []
        return
    for made, expected in zip(Tiles.joined(fed), Tiles.joined(whole), strict=True):
        np.testing.assert_allclose(made, expected, atol=1e-3)
