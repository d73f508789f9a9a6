"""Rows in, rows of tiles out: only the rows that a row of tiles draws on are held."""

from collections.abc import Iterator

import numpy as np

from upsample_cli.metrics.tiles import Floats, Mask, TileGrid, Tiles


class TileReader:
    """Collects rows until they make a row of tiles.

    Args:
        grid: How the picture is cut.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._rows: list[Floats] = []
        self._opaque: list[Mask | None] = []
        self._left = grid.shape[0]

    def feed(self, rows: Floats, opaque: Mask | None = None) -> Iterator[Tiles]:
        """Take the next rows of the picture; yield each row of tiles they complete."""
        tall, needed = self._grid.tile[0], self._grid.tile[0] + 2 * self._grid.margin[0]
        self._rows.append(rows)
        self._opaque.append(opaque)
        if sum(map(len, self._rows)) < needed or not self._left:
            return
        held = np.concatenate(self._rows)
        seen = (
            None if opaque is None else np.concatenate([o for o in self._opaque if o is not None])
        )
        start = 0
        while len(held) - start >= needed and self._left:
            stop = start + needed
            yield from self._grid.read(held[start:stop], None if seen is None else seen[start:stop])
            start += tall
            self._left -= 1
        self._rows, self._opaque = (
            [held[start:].copy()],
            [None if seen is None else seen[start:].copy()],
        )
