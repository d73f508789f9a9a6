"""Rows in, tiles out: only what the next row of tiles draws on is held."""

from collections.abc import Iterator

from upsample_cli.metrics.rows import Rows, joined
from upsample_cli.metrics.tiles import TileGrid, Tiles


class TileReader:
    """Collects the rows of a picture until they hold a row of tiles.

    Args:
        grid: How the picture is cut.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._held: list[Rows] = []
        self._left = grid.shape[0]

    def feed(self, rows: Rows) -> Iterator[Tiles]:
        """Take the next rows; yield the tiles that are whole with them."""
        tall, needed = self._grid.tile[0], self._grid.tile[0] + 2 * self._grid.margin[0]
        self._held.append(rows)
        count = min(self._left, (sum(map(len, self._held)) - needed) // tall + 1)
        if count <= 0:
            return
        self._left -= count
        held = joined(self._held)
        # A row of tiles at a time: more would leave the cache.
        for top in range(0, count * tall, tall):
            yield from self._grid.read(held.window(slice(top, top + needed)))
        self._held = [held.window(slice(count * tall, None)).copy()]
