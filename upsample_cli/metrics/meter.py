"""The checkerboard in a picture: is there a pattern that repeats with the stride, and how strong?

A picture y in levels of 0..255 goes through r = (I - B)^2 y, B the symmetric moving average over
one stride. B nulls every harmonic of the stride, so r holds a pattern of that period with gain 1;
and polynomials up to degree 3 are gone from it. r is cut into tiles. A tile gives the mean of each
phase, its variance, its mean gradient and its spectrum around the harmonics. Over the tiles, the
phase means are regressed on the gradient (the staircases of nearest-neighbour go with the
gradient, a checkerboard does not), weighted by 1 / (variance + 0.5^2), the variance that about the
phase means: what is left is the pattern.

Its lines (DFT over the phases) are compared with their own standard error, from the spread between
tiles; so a picture in which nothing could be seen says so, by its `floor`.
"""

from functools import lru_cache
from math import log, nan

from upsample_cli.metrics.checkerboard import CONTRAST_DB, Checkerboard
from upsample_cli.metrics.lines import Lines, Pattern, pattern
from upsample_cli.metrics.reader import TileReader
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.sums import Sums
from upsample_cli.metrics.tiles import TileGrid, Tiles

_LEAST_TILES = 9
_PERIODS = 3  # in a tile, or lines would stand in what is around others
_TOGETHER = 16  # rows of tiles
LEVELS = 0.2
# Chroma is stored at half size by many formats: single colours often hold up to 0.3 of that.
COLOUR_LEVELS = 0.5


class Meter:
    """Measures one picture, fed from the top down in runs of rows.

    Args:
        stride: Period to look for, down and across, in pixels.
        height: Rows of the picture.
        width: Columns of the picture.
        least: The ripple that matters, in levels.
    """

    def __init__(
        self, stride: tuple[int, int], height: int, width: int, least: float = LEVELS
    ) -> None:
        self._stride = stride
        self._least = least
        self._grid = _grid(stride, height, width)
        self._reader = TileReader(self._grid) if self._grid else None
        self._sums = Sums(stride)
        self._waiting: list[Tiles] = []

    def feed(self, rows: Rows) -> None:
        """Take the next rows; each run with the same parts."""
        if self._reader is not None:
            self._waiting.extend(self._reader.feed(rows))
            if len(self._waiting) >= _TOGETHER:
                self._take()

    def _take(self) -> None:
        """Sum up the tiles that wait; many at a time is faster."""
        if self._waiting:
            self._sums.add(Tiles.joined(self._waiting))
            self._waiting = []

    def result(self) -> Checkerboard:
        """Return what the rows so far hold."""
        status = self._status()
        if status == "constant":
            return Checkerboard(self._stride, 0.0, nan, 0.0, 0.0, nan, "none", "constant")
        if status != "ok":
            return Checkerboard(self._stride, status=status)
        found, sums = pattern(self._sums), self._sums
        which = found.harmonics
        return Checkerboard(
            self._stride,
            ripple=found.ripple(which),
            contrast_db=found.contrast_db(which),
            floor=found.floor(which),
            ripple_rel=found.ripple_rel(which),
            local_db=10 / log(10) * sums.local / sums.weight,
            verdict="checkerboard" if self._matters(found, which) else "none",
        )

    def own_ripple(self) -> float:
        """Return the RMS, in levels, of a checkerboard of no shorter period than the stride."""
        if self._status() != "ok":
            return 0.0
        found = pattern(self._sums)
        return found.ripple(found.own) if self._matters(found, found.own) else 0.0

    def _matters(self, found: Pattern, which: Lines) -> bool:
        """Tell whether lines are both clear of their errors and strong enough."""
        return found.contrast_db(which) >= CONTRAST_DB and found.ripple(which) >= self._least

    def _status(self) -> str:
        self._take()
        if max(self._stride) == 1:
            return "no-stride"
        if not self._sums.seen:
            return "too-small"
        if not self._sums.lively:
            return "constant"
        return "ok" if self._sums.count >= _LEAST_TILES else "saturated"


@lru_cache(8)  # pictures of a folder are often of one size
def _grid(stride: tuple[int, int], height: int, width: int) -> TileGrid | None:
    """Return the grid of the largest tiles of which there are enough, None where there are none."""
    if max(stride) == 1:
        return None
    for side in (32, 24, 16, 8):
        grid = TileGrid(stride, height, width, side)
        if grid.shape[0] * grid.shape[1] >= _LEAST_TILES and side >= _PERIODS * max(stride):
            return grid
    return None
