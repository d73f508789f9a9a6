"""Rows in, tiles out: only what the next row of tiles draws on is held."""

from collections.abc import Iterator

import numpy as np

from upsample_cli.metrics.tiles import Floats, Mask, TileGrid, Tiles


class TileReader:
    """Collects the rows of a picture until they hold a row of tiles.

    Args:
        grid: How the picture is cut.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._rows: list[Floats] = []
        self._opaque: list[Mask] = []
        self._left = grid.shape[0]

    def feed(self, rows: Floats, opaque: Mask | None) -> Iterator[Tiles]:
        """Take the next rows; yield the tiles that are whole with them.

        Args:
            rows: Shape (r, W).
            opaque: Same shape, or always None.
        """
        tall, needed = self._grid.tile[0], self._grid.tile[0] + 2 * self._grid.margin[0]
        self._rows.append(rows)
        if opaque is not None:
            self._opaque.append(opaque)
        count = min(self._left, (sum(map(len, self._rows)) - needed) // tall + 1)
        if count <= 0:
            return
        self._left -= count
        held = np.concatenate(self._rows)
        seen = np.concatenate(self._opaque) if self._opaque else None
        # A row of tiles at a time: more would leave the cache.
        for top in range(0, count * tall, tall):
            window = slice(top, top + needed)
            yield from self._grid.read(held[window], None if seen is None else seen[window])
        self._rows = [held[count * tall :].copy()]
        self._opaque = [] if seen is None else [seen[count * tall :].copy()]
