"""Where in a picture the checkerboard is: its strength around each tile.

One tile is not enough to tell a faint pattern from texture. With its neighbours it is: a pattern is
the same in all of them, and their differences show what is chance. So the mean of the phase means
over tiles nearby, weighted as for the whole picture, is compared with its own standard error.
"""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.tile_sums import Sums
from upsample_cli.metrics.tiles import TileGrid, TileReader, Tiles

_SIDE = 16  # about how many pixels a tile has along a side
_PERIODS = 3  # in a tile, at least
_NEAR = np.array([1, 4, 6, 4, 1]) / 16  # weights of tiles nearby, along each axis
_CLEAR = 4.0  # of a pattern's power over its error
Plane = NDArray[np.float64]


class HeatMeter:
    """Measures one picture around each of its tiles, fed from the top down in runs of rows.

    Args:
        stride: Period down and across, in pixels.
    """

    def __init__(self, stride: tuple[int, int], height: int, width: int) -> None:
        self.grid = TileGrid(stride, height, width, max(_SIDE, _PERIODS * max(stride)))
        self._reader = TileReader(self.grid)
        self._sums = Sums(stride)
        self._tiles: list[Tiles] = []

    def feed(self, rows: Rows) -> None:
        """Take the next rows; each run with the same parts."""
        for tiles in self._reader.feed(rows):
            self._tiles.append(tiles)
            self._sums.add(tiles)

    def result(self) -> Plane:
        """Return the RMS of the pattern around each tile, in levels, shape (tiles down, across).

        0 where it is not clear of chance; NaN where there is no figure, as in flat, saturated or
        transparent parts.
        """
        if not self._sums.count:
            return np.full((1, 1), np.nan)
        tiles = Tiles.joined(self._tiles)
        patterns, weights = self._patterns(tiles), self._sums.weights(tiles)
        power, error = _near(patterns, weights.reshape(*self.grid.shape, 1))
        clear = np.sqrt(np.maximum(power - error, 0.0)) * (power > _CLEAR * error)
        return np.where(np.isnan(power), np.nan, clear)

    def _patterns(self, tiles: Tiles) -> Plane:
        """Return the phase means without the stairs of slopes, shape (down, across, phases)."""
        count = tiles.phases[0].size
        stairs = np.fft.ifft2(self._sums.everywhere.stairs).real * count
        patterns = tiles.phases - np.tensordot(tiles.slope, stairs, 1)
        patterns -= patterns.mean(axis=(1, 2), keepdims=True)
        return np.asarray(patterns.reshape(*self.grid.shape, count), np.float64)


def _near(patterns: Plane, weights: Plane) -> tuple[Plane, Plane]:
    """Return the mean square of the pattern around each tile, and that of its error.

    Args:
        patterns: Shape (down, across, phases).
        weights: Shape (down, across, 1).
    """
    squares, total = _NEAR**2, _around(weights, _NEAR)
    total[total == 0.0] = np.nan
    mean = _around(weights * patterns, _NEAR) / total
    share = _around(weights**2, squares) / total**2
    crossed = _around(weights**2 * patterns, squares) / total**2
    square = _around((weights * patterns) ** 2, squares) / total**2
    # The mean is drawn towards the tiles themselves: their spread about it is short by `share`.
    error = np.maximum(square - 2 * mean * crossed + mean**2 * share, 0.0)
    error /= 1 - np.minimum(share, 0.9)
    return np.square(mean).mean(axis=-1), error.mean(axis=-1)


def _around(planes: Plane, weights: Plane) -> Plane:
    """Return weighted sums over neighbours along the first two axes; beyond the edges all is 0."""
    reach = len(weights) // 2
    for axis in (0, 1):
        pad = [(reach, reach) if other == axis else (0, 0) for other in range(planes.ndim)]
        padded, count = np.pad(planes, pad), planes.shape[axis]
        parts = (np.take(padded, range(i, i + count), axis) for i in range(len(weights)))
        planes = np.sum([w * part for w, part in zip(weights, parts, strict=True)], axis=0)
    return planes
