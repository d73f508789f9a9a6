"""The stage of our learned network, and the base class that `onnx_stage` shares with it.

Our stage enlarges by the learned kernel and adds the network's output to the luma. It computes
whole tiles of a grid that depends on the picture's size alone, so the result is the same, bit for
bit, for any strips and threads. Where another stage follows, the windows that it draws on overlap,
so the latest tiles are kept.
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

if TYPE_CHECKING:  # annotations alone need it
    from upsample_cli.kernels.residual import TileNetwork


_AROUND = 3  # input pixels from an edge within which a network sharpens it
BEYOND = 16  # input pixels of the grid beyond the picture: the next stage draws on some of them


class NetworkStage:
    """A network, and a linear kernel: for opacity, and to combine with the network's output.

    Args:
        kernel: Its stride is the network's scale.
        halo: Input pixels that the network draws on beyond each side of a tile.
    """

    copies = False

    def __init__(self, kernel: Kernel, halo: int) -> None:
        self.linear, self.scale, self.halo = kernel.stage(), kernel.stride, halo
        # Input pixels needed beyond each side: by the kernel and `_share_to_keep`; by these and the
        # network.
        first, _ = self.linear.draws_on(range(self.scale), range(self.scale))
        self.reach = _AROUND + max(-first.start, first.stop - 1)
        self.margin = max(halo, self.reach)

    def counting(self) -> Separable:
        """Return a stage for masks: it counts the marked inputs within `margin` of each output."""
        ones, first = np.ones((self.scale, 2 * self.margin + 1)), np.full(self.scale, -self.margin)
        band = Band(ones, first, 1)
        return _CountingColours(band, band)

    def _by_kernel(self, planes: Planes, first: tuple[int, int], *window: range) -> Planes:
        """Return a window of the output by the kernel; `planes` begin at input pixel `first`."""
        down, across = (
            slice(run.start - start, run.stop - start)
            for run, start in zip(self.linear.draws_on(*window), first, strict=True)
        )
        return self.linear(np.ascontiguousarray(planes[:, down, across]), *window)

    def _share_to_keep(self, opacity: Planes, first: tuple[int, int], *window: range) -> Planes:
        """Return how much of a network's addition to keep, 0..1: less near transparency.

        At the edge of a sprite a network sharpens the colours, which are weighted by opacity, while
        the kernel leaves the opacity soft: the addition there would be a dark or light fringe.
        """
        if np.ptp(opacity) == 0:
            return np.ones((1, 1), np.float32)
        side, least, most = 2 * _AROUND + 1, opacity, opacity
        for axis in (0, 1):
            least = sliding_window_view(least, side, axis).min(-1)
            most = sliding_window_view(most, side, axis).max(-1)
        evenness = np.divide(least, most, out=np.zeros_like(least), where=most > 0)
        top, left = first
        enlarged = self._by_kernel(evenness[None], (top + _AROUND, left + _AROUND), *window)
        share: Planes = np.clip(enlarged[0], 0, 1)
        return share


class ResidualStage(NetworkStage):
    """The stage of the method `network`: the learned kernel, plus what a network adds to luma.

    Args:
        kernel: The learned kernel.
        tile_network: The network, arranged for tiles.
        ensemble: Whether to average over eight flips and rotations of a tile, which must be square.
        keep: How many of the latest tiles to keep for later windows; 0 if windows do not overlap.
    """

    def __init__(
        self, kernel: Kernel, tile_network: "TileNetwork", ensemble: bool, keep: int = 0
    ) -> None:
        super().__init__(kernel, tile_network.network.halo)
        self.tile_network, self.ensemble, self.keep = tile_network, ensemble, keep
        self._kept: dict[bytes, _Kept] = {}  # tiles by their input; the one used last is at the end
        self._lock = Lock()

    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        """Yield the starts of tiles and their side, in input pixels: first down, then across."""
        for run, side in ((rows, self.tile_network.rows), (columns, self.tile_network.columns)):
            step, beyond = side * self.scale, BEYOND if self.keep else 0
            start, stop = run.start + beyond * self.scale, run.stop + beyond * self.scale
            yield range(start // step * side - beyond, -(-stop // step) * side - beyond, side), side

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that the tiles of an output window draw on."""
        down, across = (
            range(starts[0] - self.margin, starts[-1] + side + self.margin)
            for starts, side in self._tiles(rows, columns)
        )
        return down, across

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        scale, margin = self.scale, self.margin
        (tops, height), (lefts, width) = self._tiles(rows, columns)
        shape = (tops[-1] + height - tops[0]) * scale, (lefts[-1] + width - lefts[0]) * scale
        whole: Planes = np.empty((len(window), *shape), window.dtype)
        for top, left in product(tops, lefts):
            y, x = top - tops[0], left - lefts[0]
            part = window[:, y : y + height + 2 * margin, x : x + width + 2 * margin]
            tile = self._tile(np.ascontiguousarray(part))  # read only: other windows may get it too
            whole[:, y * scale :, x * scale :][:, : height * scale, : width * scale] = tile
        top, left = rows.start - tops[0] * scale, columns.start - lefts[0] * scale
        return whole[:, top : top + len(rows), left : left + len(columns)]

    def _tile(self, window: Planes) -> Planes:
        """Return a tile's output, given its input with the margin; only one thread computes it."""
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
        """Compute a tile's output, given its input with the margin."""
        margin, trim = self.margin, self.margin - self.halo
        rows, columns = (range((n - 2 * margin) * self.scale) for n in window.shape[1:])
        out = self._by_kernel(window, (-margin, -margin), rows, columns)
        colours, residual_of = colours_of(window), self.tile_network.residual
        seen = luma_of(colours)[trim : -trim or None, trim : -trim or None]
        residual = eightfold(residual_of, seen) if self.ensemble else residual_of(seen)
        if len(window) > len(colours):
            residual = residual * self._share_to_keep(window[-1], (-margin, -margin), rows, columns)
        out[: len(colours)] += residual
        return out


class _Kept:
    """A tile's output, once it is computed, and the lock to hold while computing it."""

    __slots__ = ("lock", "output")

    def __init__(self) -> None:
        self.lock = Lock()
        self.output: Planes | None = None


class _CountingColours(Separable):
    """Gives each colour the counts of all planes, since it draws on their luma and on opacity."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window; see `Separable`."""
        out = super().__call__(window, rows, columns)
        colours_of(out)[:] = out.sum(0)
        return out


def colours_of(planes: Planes) -> Planes:
    """Return planes without their opacity, or without the black of CMYK."""
    return planes[:3] if len(planes) >= 3 else planes[:1]


def luma_of(colours: Planes) -> Planes:
    """Return the luma of one or three planes, summed in the same order on all systems."""
    luma: Planes = np.zeros(colours.shape[1:], np.float32)
    weights = LUMA if len(colours) == 3 else np.ones(1, np.float32)
    for weight, plane in zip(weights, colours, strict=True):
        luma += weight * plane
    return luma


def eightfold(function: Callable[[Planes], Planes], planes: Planes) -> Planes:
    """Return the mean of a function's results for eight flips and rotations of planes, each undone.

    Source: Timofte, Rothe, van Gool, "Seven ways to improve example-based single image super
    resolution" (CVPR 2016), enhanced prediction.

    Args:
        function: From planes, shape (..., H, W), to planes larger by a whole factor.
        planes: The function has to take them with height and width exchanged, too.

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
