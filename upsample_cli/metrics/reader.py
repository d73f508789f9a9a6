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
        held = joined([*self._held, rows]) if self._held else rows
        count = max(0, min(self._left, (len(held) - needed) // tall + 1))
        self._left -= count
        done = 0
        while done < count:
            most = min(self._grid.together, count - done)
            run = slice(done * tall, done * tall + needed + (most - 1) * tall)
            yield from self._grid.read(held.window(run))
            done += most
        self._held = [held.window(slice(count * tall, None)).copy()] if self._left else []
