"""The checkerboard in a picture: is there a pattern that repeats with the stride, and how strong?

A picture y in levels of 0..255 goes through r = (I - B)^2 y, B the symmetric moving average over
one stride. B nulls every harmonic of the stride, so r holds a pattern of that period with gain 1;
and polynomials up to degree 3 are gone from it. r is cut into tiles. A tile gives the mean of each
phase, its variance, its mean gradient and its spectrum around the harmonics. Over the tiles, the
phase means are regressed on the gradient (the staircases of nearest-neighbour go with the
gradient, a checkerboard does not), weighted by 1 / (variance + 0.5^2): what is left is the pattern.

Its lines (DFT over the phases) are compared with their own standard error, from the spread between
tiles; so a picture in which nothing could be seen says so, by its `floor`.
"""

from dataclasses import dataclass
from math import log, nan

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.reader import TileReader
from upsample_cli.metrics.sums import Sums
from upsample_cli.metrics.tiles import TileGrid, Tiles

_SIGNIFICANT = 12.0  # of a line's power over its error; by chance e^-12 of all lines pass
_LEAST_TILES = 9
_TOGETHER = 16  # rows of tiles
CONTRAST_DB = 10.0
LEVELS = 0.2


@dataclass(frozen=True, slots=True)
class Checkerboard:
    """What was found in a picture.

    Args:
        stride: Period looked for, down and across, in pixels.
        ripple: RMS of the significant lines, in levels of 0..255.
        contrast_db: Mean power of the lines over their error; 0 dB is nothing.
        floor: RMS of the errors, in levels: what could not have been seen here.
        ripple_rel: RMS of the pattern relative to the brightness it stands on.
        local_db: Lines over the spectrum around them, tile by tile: patterns of changing sign.
        verdict: "checkerboard" or "none"; empty where there is no figure.
        status: "ok", "too-small", "constant", "saturated" or "no-stride".
    """

    stride: tuple[int, int]
    ripple: float = nan
    contrast_db: float = nan
    floor: float = nan
    ripple_rel: float = nan
    local_db: float = nan
    verdict: str = ""
    status: str = "ok"


class Meter:
    """Measures one picture, fed from the top down in runs of rows.

    Args:
        stride: Period to look for, down and across, in pixels.
        height: Rows of the picture.
        width: Columns of the picture.
    """

    def __init__(self, stride: tuple[int, int], height: int, width: int) -> None:
        self._stride = stride
        self._grid = _grid(stride, height, width)
        self._reader = TileReader(self._grid) if self._grid else None
        self._sums = Sums(stride)
        self._waiting: list[Tiles] = []

    def feed(self, rows: NDArray[np.float32], opaque: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows.

        Args:
            rows: Shape (r, W), luma in levels of 0..255, not rounded where the picture is deeper.
            opaque: Same shape, false where the picture is transparent; given always or never.
        """
        if self._reader is not None:
            self._waiting.extend(self._reader.feed(rows, opaque))
            if len(self._waiting) >= _TOGETHER:
                self._take()

    def _take(self) -> None:
        """Sum up the tiles that wait; many at a time is faster."""
        if self._waiting:
            self._sums.add(Tiles.joined(self._waiting))
            self._waiting = []

    def result(self) -> Checkerboard:
        """Return what the rows so far hold."""
        self._take()
        sums = self._sums
        if max(self._stride) == 1:
            return Checkerboard(self._stride, status="no-stride")
        if not sums.seen:
            return Checkerboard(self._stride, status="too-small")
        if not sums.lively:
            return Checkerboard(self._stride, 0.0, nan, 0.0, 0.0, nan, "none", "constant")
        if sums.count < _LEAST_TILES:
            return Checkerboard(self._stride, status="saturated")
        ripple, contrast_db, floor, relative = _lines(sums)
        local_db = 10 / log(10) * sums.local / sums.weight
        checkerboard = contrast_db >= CONTRAST_DB and ripple >= LEVELS
        verdict = "checkerboard" if checkerboard else "none"
        return Checkerboard(self._stride, ripple, contrast_db, floor, relative, local_db, verdict)


def _grid(stride: tuple[int, int], height: int, width: int) -> TileGrid | None:
    """Return the grid of the largest tiles of which there are enough, None where there are none."""
    if max(stride) == 1:
        return None
    for side in (32, 24, 16, 8):
        grid = TileGrid(stride, height, width, side)
        if grid.shape[0] * grid.shape[1] >= _LEAST_TILES and side >= 2 * max(stride):
            return grid
    return None


def _lines(sums: Sums) -> tuple[float, float, float, float]:
    """Return ripple, contrast in dB, floor and relative ripple."""
    regression = sums.regression()
    error = sums.error(regression)
    power = np.square(np.abs(_without_stairs(regression[0], sums)))
    harmonic = np.ones(power.shape, bool)
    harmonic[0, 0] = False
    ratio = (power / error)[harmonic]
    significant = ratio > _SIGNIFICANT
    excess = np.maximum(power - error, 0.0)[harmonic]
    relative = np.square(np.abs(sums.relative / max(1e-12, sums.brightness)))[harmonic]
    return (
        float(np.sqrt(excess[significant].sum())),
        float(10 * np.log10(ratio.mean() + 1e-30)),
        float(np.sqrt(error[harmonic].sum())),
        float(np.sqrt(relative[significant].sum())),
    )


def _without_stairs(lines: NDArray[np.complex128], sums: Sums) -> NDArray[np.complex128]:
    """Return the lines of a pattern less what stairs of the picture's mean slope explain of it.

    Stairs of slope g deviate from the ramp by g ((s - 1) / 2 - phase), at most. Where the slope is
    the same everywhere, the regression cannot tell them from a checkerboard; the more it varies,
    the less is left to explain here.
    """
    lines = lines.copy()
    for axis, (mean, power) in enumerate(zip(sums.slope, sums.slope_power, strict=True)):
        length = lines.shape[axis]
        stairs = np.fft.fft(mean * ((length - 1) / 2 - np.arange(length))) / length
        total = float(np.square(np.abs(stairs)).sum())
        if total > 0.0:
            along = lines[:, 0] if axis == 0 else lines[0]  # a view: the lines of that axis alone
            share = float(np.vdot(stairs, along).real) / total
            along -= stairs * (mean**2 / power * min(max(share, 0.0), 1.0))
    return lines
