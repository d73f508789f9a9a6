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
        old = sum(map(len, self._held))
        count = max(0, min(self._left, (old + len(rows) - needed) // tall + 1))
        self._left -= count
        # Only what begins among the rows that are held needs those and new ones in one piece.
        seam = joined([*self._held, rows.window(slice(needed))])

        def since(top: int) -> Rows:
            """Return the rows from one on: those of a row of tiles at least."""
            return (
                seam.window(slice(top, None)) if top < old else rows.window(slice(top - old, None))
            )

        done = 0
        while done < count:
            top = done * tall
            most = min(self._grid.together, count - done) if top >= old else 1
            yield from self._grid.read(since(top).window(slice(needed + (most - 1) * tall)))
            done += most
        self._held = [since(count * tall).copy()] if self._left else []
