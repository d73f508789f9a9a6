"""The stage of our learned network: the learned kernel, plus what the network adds to the luma.

It computes whole tiles of a grid that depends on the picture's size alone, so the result is the
same, bit for bit, for any strips and threads. If another stage follows, the windows that it draws
on overlap, so the tiles used last are kept.
"""

from collections.abc import Iterator
from itertools import product
from threading import Lock

import numpy as np

from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.residual import TileNetwork
from upsample_cli.methods.network_stage import NetworkStage, colours_of, eightfold, luma_of
from upsample_cli.planes import Planes, Size

BEYOND = 16  # input pixels of the grid beyond each edge: a next stage draws on some of them


class ResidualStage(NetworkStage):
    """The stage of the method `network`: the learned kernel, plus what a network adds to luma.

    Args:
        kernel: The learned kernel.
        tile_network: The network, arranged for tiles.
        ensemble: Whether to average over eight flips and rotations of a tile, which must be square.
        is_weighted: See `NetworkStage`.
        keep: How many of the tiles used last to keep; 0 if the windows do not overlap.
    """

    def __init__(
        self, kernel: Kernel, tile_network: TileNetwork, ensemble: bool, is_weighted: bool,
        keep: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(kernel, tile_network.network.halo, is_weighted)
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
        margin = self.margin
        rows, columns = (range((n - 2 * margin) * self.scale) for n in window.shape[1:])
        return self._output(window, (-margin, -margin), rows, columns)

    def _enlarged(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a tile's output; see `NetworkStage`."""
        out = self._by_kernel(planes, first, *window)
        colours, residual_of = colours_of(planes), self.tile_network.residual
        trim = self.margin - self.halo
        seen = luma_of(colours)[trim : -trim or None, trim : -trim or None]
        out[: len(colours)] += eightfold(residual_of, seen) if self.ensemble else residual_of(seen)
        return out


class _Kept:
    """A tile's output, once it is computed, and the lock to hold while computing it."""

    __slots__ = ("lock", "output")

    def __init__(self) -> None:
        self.lock = Lock()
        self.output: Planes | None = None
