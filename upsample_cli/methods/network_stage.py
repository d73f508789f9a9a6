"""The stage of our own network, and what it shares with that of others (see `onnx_stage`).

Ours is the learned kernel, and what the network adds to the luma. It works in whole tiles of a grid
that depends on the picture's size alone, so that its bytes do not depend on strips and threads.
Where another stage follows, the windows that this draws on overlap; so the last tiles are kept.
"""

from collections.abc import Callable, Iterator
from itertools import product
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from upsample_cli.images.levels import LUMA
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.stages import Band, Separable
from upsample_cli.planes import Planes

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.residual import Residual


_AROUND = 3  # input pixels: as far as a network sharpens an edge
BEYOND = 16  # input pixels of a grid beyond the picture: what follows draws on a few of them


class NetworkStage:
    """A network, and a kernel of its scale: for opacity, and under or beside what it makes.

    Args:
        kernel: Of the network's scale.
        halo: Input pixels that the network draws on beyond each side of a tile.
    """

    copies = False

    def __init__(self, kernel: Kernel, halo: int) -> None:
        self.linear, self.scale, self.halo = kernel.stage(), kernel.stride, halo
        first, _ = self.linear.draws_on(range(self.scale), range(self.scale))
        self.reach = _AROUND + max(-first.start, first.stop - 1)
        self.margin = max(halo, self.reach)

    def counting(self) -> Separable:
        """Return the stage that counts, in a mask of the input, all within a margin of outputs."""
        ones, first = np.ones((self.scale, 2 * self.margin + 1)), np.full(self.scale, -self.margin)
        band = Band(ones, first, 1)
        return _CountingColours(band, band)

    def _by_kernel(self, planes: Planes, first: tuple[int, int], *window: range) -> Planes:
        """Return a window by the kernel, of planes whose first row and column are given."""
        down, across = (
            slice(run.start - start, run.stop - start)
            for run, start in zip(self.linear.draws_on(*window), first, strict=True)
        )
        return self.linear(np.ascontiguousarray(planes[:, down, across]), *window)

    def _share(self, opacity: Planes, first: tuple[int, int], *window: range) -> Planes:
        """Return how much of what a network adds is right beside transparency, 0..1.

        A network sharpens the edge of a sprite in colours that are weighted by opacity, and the
        kernel leaves that of opacity soft: what is added there would be a dark or light fringe.
        """
        if np.ptp(opacity) == 0:
            return np.ones((1, 1), np.float32)
        side, least, most = 2 * _AROUND + 1, opacity, opacity
        for axis in (0, 1):
            least = sliding_window_view(least, side, axis).min(-1)
            most = sliding_window_view(most, side, axis).max(-1)
        even = np.divide(least, most, out=np.zeros_like(least), where=most > 0)
        top, left = first
        larger = self._by_kernel(even[None], (top + _AROUND, left + _AROUND), *window)
        share: Planes = np.clip(larger[0], 0, 1)
        return share


class ResidualStage(NetworkStage):
    """The learned kernel, and what the learned network adds to the luma of its output.

    Args:
        kernel: The learned one.
        residual: The network, made ready for tiles.
        ensemble: Whether to average over eight positions of a tile, which then is a square.
        keep: How many tiles are kept for windows to come; 0 where windows do not overlap.
    """

    def __init__(self, kernel: Kernel, residual: "Residual", ensemble: bool, keep: int = 0) -> None:
        super().__init__(kernel, residual.network.halo)
        self.residual, self.ensemble, self.keep = residual, ensemble, keep
        self._kept: dict[bytes, _Kept] = {}  # tiles by their input, the latest use last
        self._lock = Lock()

    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        """Yield where tiles start, in input pixels, and their side: down, then across."""
        for run, side in ((rows, self.residual.rows), (columns, self.residual.columns)):
            step, beyond = side * self.scale, BEYOND if self.keep else 0
            start, stop = run.start + beyond * self.scale, run.stop + beyond * self.scale
            yield range(start // step * side - beyond, -(-stop // step) * side - beyond, side), side

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns of the tiles that cover these rows and columns."""
        down, across = (
            range(starts[0] - self.margin, starts[-1] + side + self.margin)
            for starts, side in self._tiles(rows, columns)
        )
        return down, across

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        scale, margin = self.scale, self.margin
        (tops, tall), (lefts, wide) = self._tiles(rows, columns)
        shape = (tops[-1] + tall - tops[0]) * scale, (lefts[-1] + wide - lefts[0]) * scale
        whole: Planes = np.empty((len(window), *shape), window.dtype)
        for top, left in product(tops, lefts):
            y, x = top - tops[0], left - lefts[0]
            part = window[:, y : y + tall + 2 * margin, x : x + wide + 2 * margin]
            tile = self._tile(np.ascontiguousarray(part))  # only read: others may get it too
            whole[:, y * scale :, x * scale :][:, : tall * scale, : wide * scale] = tile
        top, left = rows.start - tops[0] * scale, columns.start - lefts[0] * scale
        return whole[:, top : top + len(rows), left : left + len(columns)]

    def _tile(self, window: Planes) -> Planes:
        """Return the output of a tile, given with its margin; only one thread computes it."""
        if not self.keep:
            return self._computed(window)
        key = window.tobytes()
        with self._lock:
            tile = self._kept[key] = self._kept.pop(key) if key in self._kept else _Kept()
            while len(self._kept) > self.keep:
                del self._kept[next(iter(self._kept))]
        with tile.lock:
            if tile.output is None:
                tile.output = self._computed(window)
            return tile.output

    def _computed(self, window: Planes) -> Planes:
        """Return the output of a tile, given with its margin."""
        margin, less = self.margin, self.margin - self.halo
        rows, columns = (range((n - 2 * margin) * self.scale) for n in window.shape[1:])
        out = self._by_kernel(window, (-margin, -margin), rows, columns)
        colours, added = colours_of(window), self.residual.added
        seen = luma_of(colours)[less : -less or None, less : -less or None]
        residual = eightfold(added, seen) if self.ensemble else added(seen)
        if len(window) > len(colours):
            residual = residual * self._share(window[-1], (-margin, -margin), rows, columns)
        out[: len(colours)] += residual
        return out


class _Kept:
    """A tile that is computed, or about to be."""

    __slots__ = ("lock", "output")

    def __init__(self) -> None:
        self.lock = Lock()
        self.output: Planes | None = None


class _CountingColours(Separable):
    """Counts for all colours together, since each draws on the luma and the opacity of all."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window; see `Separable`."""
        out = super().__call__(window, rows, columns)
        colours_of(out)[:] = out.sum(0)
        return out


def colours_of(planes: Planes) -> Planes:
    """Return planes without their opacity."""
    return planes[:3] if len(planes) >= 3 else planes[:1]


def luma_of(colours: Planes) -> Planes:
    """Return the luma of one or three planes, in one order of sums on all systems."""
    luma: Planes = np.zeros(colours.shape[1:], np.float32)
    weights = LUMA if len(colours) == 3 else np.ones(1, np.float32)
    for weight, plane in zip(weights, colours, strict=True):
        luma += weight * plane
    return luma


def eightfold(function: Callable[[Planes], Planes], planes: Planes) -> Planes:
    """Return the mean of what a function makes of planes, turned and mirrored in eight ways.

    Source: Timofte, Rothe, van Gool, "Seven ways to improve example-based single image super
    resolution" (CVPR 2016), enhanced prediction.

    Args:
        function: Of planes, shape (..., H, W), to planes that are larger by a whole factor.
        planes: Of a shape that it takes, also with height and width exchanged.

    >>> float(eightfold(lambda planes: planes, np.eye(2, dtype=np.float32))[0, 0])
    1.0
    """
    total: Planes = np.zeros(1, np.float32)
    for turns in range(4):
        turned = np.rot90(planes, turns, (-2, -1))
        for step in (1, -1):
            outcome = function(np.ascontiguousarray(turned[..., ::step]))[..., ::step]
            total = total + np.rot90(outcome, -turns, (-2, -1))
    return total / np.float32(8)
