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
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.reader import TileReader
from upsample_cli.metrics.tiles import TileGrid, Tiles

_NOISE = 0.5  # levels: what is finer than rounding to 8 bits tells nothing
_SIGNIFICANT = 12.0  # of a line's power over its error; by chance e^-12 of all lines pass
_LEAST_TILES = 9
_CHUNK = 1 << 14  # tiles at once
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
        self._tiles: list[Tiles] = []

    def feed(self, rows: NDArray[np.float32], opaque: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows.

        Args:
            rows: Shape (r, W), luma in levels of 0..255, not rounded where the picture is deeper.
            opaque: Same shape, false where the picture is transparent; given always or never.
        """
        if self._reader is not None:
            self._tiles.extend(self._reader.feed(rows, opaque))

    def result(self) -> Checkerboard:
        """Return what the rows so far hold."""
        if max(self._stride) == 1:
            return Checkerboard(self._stride, status="no-stride")
        if not self._tiles:
            return Checkerboard(self._stride, status="too-small")
        phases, variance, level, slope, local, usable = (
            np.concatenate([getattr(tiles, name) for tiles in self._tiles])
            for name in ("phases", "variance", "level", "slope", "local", "usable")
        )
        if not (variance > 1e-6).any():
            return Checkerboard(self._stride, 0.0, nan, 0.0, 0.0, nan, "none", "constant")
        told = (variance > 1e-6) & usable
        if told.sum() < _LEAST_TILES:
            return Checkerboard(self._stride, status="saturated")
        weights = 1 / (variance[told].astype(np.float64) + _NOISE**2)
        weights /= weights.sum()
        found = _lines(phases[told], slope[told], variance[told], level[told], weights)
        local_db = float(10 / np.log(10) * (weights @ local[told]))
        return Checkerboard(self._stride, *found, local_db, _verdict(found[0], found[1]))


def _grid(stride: tuple[int, int], height: int, width: int) -> TileGrid | None:
    """Return the grid of the largest tiles of which there are enough, None where there are none."""
    if max(stride) == 1:
        return None
    for side in (32, 24, 16, 8):
        grid = TileGrid(stride, height, width, side)
        if grid.shape[0] * grid.shape[1] >= _LEAST_TILES and side >= 2 * max(stride):
            return grid
    return None


def _lines(
    phases: NDArray[np.float32],
    slope: NDArray[np.float32],
    variance: NDArray[np.float32],
    level: NDArray[np.float32],
    weights: NDArray[np.float64],
) -> tuple[float, float, float, float]:
    """Return ripple, contrast in dB, floor and relative ripple of tiles with these weights."""
    count, s, t = phases.shape
    design = np.column_stack([np.ones(count), slope])
    coefficients = _regressed(phases.reshape(count, -1), design, variance, weights)
    lines = _spectrum(_without_stairs(coefficients[0].reshape(s, t), slope, weights))
    error_power = np.full((s, t), 1e-6 / count)
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        error = phases[part] - (design[part] @ coefficients).reshape(-1, s, t)
        spread = np.square(np.abs(_spectrum(error)))
        error_power += np.tensordot(np.square(weights[part]), spread, axes=1)
    power = np.abs(lines) ** 2
    harmonic = np.ones((s, t), bool)
    harmonic[0, 0] = False
    ratio = (power / error_power)[harmonic]
    significant = ratio > _SIGNIFICANT
    excess = np.maximum(power - error_power, 0.0)[harmonic]
    brightness = weights * level
    relative = np.tensordot(brightness, phases, axes=1) / max(1e-12, float(brightness @ level))
    relative_power = np.abs(_spectrum(relative))[harmonic] ** 2
    return (
        float(np.sqrt(excess[significant].sum())),
        float(10 * np.log10(ratio.mean() + 1e-30)),
        float(np.sqrt(error_power[harmonic].sum())),
        float(np.sqrt(relative_power[significant].sum())),
    )


def _regressed(
    values: NDArray[np.float32],
    design: NDArray[np.float64],
    variance: NDArray[np.float32],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the part of values that does not go with the slope, then what goes with each."""
    weighted = weights[:, None] * design
    normal = design.T @ weighted
    # A staircase moves an edge by a fraction of a pixel; that prior keeps the slopes determined.
    prior = float(weights @ variance) / len(values) / 0.3**2
    normal[[1, 2], [1, 2]] += prior + 1e-12
    right = sum(
        weighted[start : start + _CHUNK].T @ values[start : start + _CHUNK]
        for start in range(0, len(values), _CHUNK)
    )
    return np.asarray(np.linalg.solve(normal, right), np.float64)


def _without_stairs(
    pattern: NDArray[np.float64], slope: NDArray[np.float32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a pattern less what stairs of the picture's mean slope explain of it.

    Stairs of slope g deviate from the ramp by g ((s - 1) / 2 - phase), at most. Where the slope is
    the same everywhere, the regression cannot tell them from a checkerboard; the more it varies,
    the less is left to explain here.
    """
    for axis, mean in enumerate(weights @ slope):
        length = pattern.shape[axis]
        stairs = mean * ((length - 1) / 2 - np.arange(length))
        power = float(stairs @ stairs)
        if power > 0.0:
            even = mean**2 / float(weights @ np.square(slope[:, axis]))
            share = float(pattern.mean(axis=1 - axis) @ stairs) / power
            stairs = stairs * even * min(max(share, 0.0), 1.0)
            pattern = pattern - (stairs[:, None] if axis == 0 else stairs[None, :])
    return pattern


def _spectrum(pattern: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    return np.asarray(np.fft.fft2(pattern) / (pattern.shape[-1] * pattern.shape[-2]))


def _verdict(ripple: float, contrast_db: float) -> str:
    return "checkerboard" if contrast_db >= CONTRAST_DB and ripple >= LEVELS else "none"
