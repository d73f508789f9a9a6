"""The checkerboard in a picture: is there a pattern that repeats with the stride, and how strong?

The residual of a picture in levels of 0..255 (see `rows`) holds a pattern of the stride's period
with gain 1. It is cut into tiles. A tile gives the mean of each phase, its variance, its mean
gradient and its spectrum around the harmonics. Over the tiles, the phase means are regressed on
the gradient (the staircases of nearest-neighbour go with the gradient, a checkerboard does not),
weighted by 1 / (variance + 0.5^2), the variance that about the phase means: the rest is the
pattern.

Its lines (DFT over the phases) are compared with their own standard error, from the spread between
tiles; so the `floor` says of a picture how weak a pattern could not have been seen in it.
"""

from functools import lru_cache
from math import log, nan

from upsample_cli.metrics.checkerboard import CONTRAST_DB, STRIDES, Checkerboard
from upsample_cli.metrics.pattern import Lines, Pattern
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.tile_sums import Sums
from upsample_cli.metrics.tiles import TileGrid, TileReader, Tiles

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
                self._add_waiting()

    def result(self) -> Checkerboard:
        """Return the checkerboard of the rows so far."""
        status = self._status()
        if status == "constant":
            return Checkerboard(self._stride, 0.0, nan, 0.0, 0.0, nan, "none", "constant")
        if status != "ok":
            return Checkerboard(self._stride, status=status)
        pattern, sums = Pattern.of(self._sums), self._sums
        which = pattern.harmonics
        return Checkerboard(
            self._stride,
            ripple=pattern.ripple(which),
            contrast_db=pattern.contrast_db(which),
            floor=pattern.floor(which),
            ripple_rel=pattern.ripple_rel(which),
            local_db=10 / log(10) * sums.local / sums.weight,
            verdict="checkerboard" if self._matters(pattern, which) else "none",
        )

    def own_ripple(self) -> float:
        """Return the RMS, in levels, of a checkerboard of no shorter period than the stride."""
        if self._status() != "ok":
            return 0.0
        pattern = Pattern.of(self._sums)
        return pattern.ripple(pattern.own) if self._matters(pattern, pattern.own) else 0.0

    def _add_waiting(self) -> None:
        """Add the waiting tiles to the sums; many at a time is faster."""
        if self._waiting:
            self._sums.add(Tiles.joined(self._waiting))
            self._waiting = []

    def _matters(self, pattern: Pattern, which: Lines) -> bool:
        """Return whether lines are both clear of their errors and strong enough."""
        return pattern.contrast_db(which) >= CONTRAST_DB and pattern.ripple(which) >= self._least

    def _status(self) -> str:
        self._add_waiting()
        if max(self._stride) == 1:
            return "no-stride"
        if not self._sums.seen:
            return "too-small"
        if not self._sums.lively:
            return "constant"
        return "ok" if self._sums.count >= _LEAST_TILES else "saturated"


class Search:
    """Measures one picture at several strides, fed from the top down in runs of rows.

    Args:
        strides: Periods to look for, in pixels.
        least: The ripple that matters, in levels.
    """

    def __init__(
        self, height: int, width: int, strides: range = STRIDES, least: float = LEVELS
    ) -> None:
        self._meters = {s: Meter((s, s), height, width, least) for s in strides}

    def feed(self, rows: Rows) -> None:
        """Take the next rows; each run with the same parts."""
        for meter in self._meters.values():
            meter.feed(rows)

    def own_ripples(self) -> dict[int, float]:
        """Return for each stride the RMS, in levels, of the pattern that has no shorter period."""
        return {stride: meter.own_ripple() for stride, meter in self._meters.items()}

    def results(self) -> dict[int, Checkerboard]:
        """Return for each stride the checkerboard of the rows so far."""
        return {stride: meter.result() for stride, meter in self._meters.items()}


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
