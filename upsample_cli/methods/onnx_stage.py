"""The stage of a network in ONNX: tiles cover each window; the network gets each with a halo."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.network_stage import NetworkStage, colours_of, luma_of
from upsample_cli.planes import Planes, Size

if TYPE_CHECKING:  # it imports onnxruntime, which need not be installed
    from upsample_cli.networks.enlargers.image_model import ImageModel
    from upsample_cli.networks.enlargers.picture_trial import Run


class _Tile(NamedTuple):
    """A tile along one axis, in input pixels: what the network sees, and whose output is kept."""

    seen: range
    kept: range


class OnnxStage(NetworkStage):
    """One pass of a network in ONNX.

    Args:
        kernel: Enlarges opacity; also colours, if there is opacity or the network is for luma.
        model: The network.
        most: The most rows and columns of a tile, without the halo.
        size: Height and width of the picture if the network pads its edges itself; None if the
            windows include pixels beyond them.
        ensemble: Whether to average over eight flips and rotations of the picture.
        is_weighted: See `NetworkStage`.
    """

    def __init__(
        self, kernel: Kernel, model: "ImageModel", most: Size, size: Size | None, ensemble: bool,
        is_weighted: bool,
    ) -> None:  # fmt: skip
        super().__init__(kernel, model.halo, is_weighted)
        self.model, self.most, self.size, self.ensemble = model, most, size, ensemble

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that the tiles of an output window draw on."""
        return self._drawn(0, rows), self._drawn(1, columns)

    def _drawn(self, axis: int, run: range) -> range:
        """Return the input rows or columns that the tiles of a run of outputs draw on."""
        steps = (1, -1) if self.ensemble else (1,)
        seen = [tile.seen for step in steps for tile in self._tiles(axis, run, step)]
        start = min(run.start // self.scale - self.reach, *(part.start for part in seen))
        stop = max(-(-run.stop // self.scale) + self.reach, *(part.stop for part in seen))
        return range(start - self.filled, stop + self.filled)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        down, across = self.draws_on(rows, columns)
        return self._output(window, (down.start, across.start), rows, columns)

    def _enlarged(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a window of the output; see `NetworkStage`."""
        colours = colours_of(planes)
        count, is_of_luma = len(colours), self.model.channels == 1
        seen = luma_of(colours)[None] if is_of_luma else colours
        seen = np.broadcast_to(seen, (self.model.channels, *seen.shape[1:]))
        out = self._by_network(seen, first, *window)
        if count == 1 and not is_of_luma:
            out = luma_of(out)[None].astype(planes.dtype)
        if not is_of_luma and len(planes) == count:
            return out
        linear = self._by_kernel(planes, first, *window)
        if is_of_luma:
            linear[:count] += out - luma_of(linear[:count])
        else:
            linear[:count] = out
        return linear

    def _by_network(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a window of the output by the network; `planes` begin at input pixel `first`."""
        if not self.ensemble:
            return self._by_tiles(self.model.run, planes, first, window, (1, 1))
        total: Planes = np.zeros(1, np.float32)
        for run, *steps in product((self.model.run, self._turned), (1, -1), (1, -1)):
            total = total + self._by_tiles(run, planes, first, window, steps)
        return total / np.float32(8)

    def _turned(self, planes: Planes) -> Planes:
        """Return the network's output, computed with rows and columns exchanged."""
        return self.model.run(planes.swapaxes(1, 2)).swapaxes(1, 2)

    def _by_tiles(
        self, run: "Run", planes: Planes, first: Size, window: Sequence[range], steps: Sequence[int]
    ) -> Planes:
        """Return a window of the output, tile by tile; a step of -1 flips the picture there."""
        scale, border = self.scale, self.model.border
        tiles = [self._tiles(axis, window[axis], steps[axis]) for axis in (0, 1)]
        starts = [on_axis[0].kept.start for on_axis in tiles]
        ends = [on_axis[-1].kept.stop for on_axis in tiles]
        shape = [(stop - start) * scale for start, stop in zip(starts, ends, strict=True)]
        whole: Planes = np.empty((len(planes), *shape), planes.dtype)
        flipped = [slice(None, None, step) for step in steps]
        for pair in product(*tiles):
            seen = (_slice_of(pair[axis].seen, first[axis]) for axis in (0, 1))
            kept = (_slice_of(tile.kept, tile.seen.start, scale, border) for tile in pair)
            into = (_slice_of(pair[axis].kept, starts[axis], scale) for axis in (0, 1))
            whole[:, *into] = run(planes[:, *seen][:, *flipped])[:, *flipped][:, *kept]
        top, left = starts
        rows, columns = (self._indices(axis, run) for axis, run in enumerate(window))
        return whole[:, _as_slice(rows - top * scale)][:, :, _as_slice(columns - left * scale)]

    def _indices(self, axis: int, run: range) -> NDArray[np.int64]:
        """Return which rows or columns of the output to compute for a run of them.

        If the network pads the edges, its output ends there and is mirrored beyond.
        """
        indices = np.arange(run.start, run.stop)
        if self.size:
            length = self.size[axis] * self.scale
            indices %= 2 * length
            indices = np.minimum(indices, 2 * length - 1 - indices)
        return indices

    def _tiles(self, axis: int, run: range, step: int) -> list[_Tile]:
        """Return the tiles that cover a run of output rows or columns; see `_by_tiles`."""
        indices, end = self._indices(axis, run), self._end(axis)
        start, stop = int(indices.min()) // self.scale, -(-(int(indices.max()) + 1) // self.scale)
        if step == 1:
            return list(self._along(axis, start, stop))
        tiles = reversed(list(self._along(axis, end - stop, end - start)))
        return [_Tile(*(range(end - run.stop, end - run.start) for run in tile)) for tile in tiles]

    def _along(self, axis: int, start: int, stop: int) -> Iterator[_Tile]:
        """Yield the tiles that cover a run of input rows or columns.

        Each tile begins at a multiple of `model.grid`, since the network may work in blocks.
        """
        grid, side = self.model.grid, self._side(axis, stop - start)
        end = self._end(axis)
        while start < stop:
            first = (start - self.halo) // grid * grid
            if end:
                first = max(0, min(first, (end - side) // grid * grid))
            last = first + side
            if end and not self.model.size and end - last < grid:
                last = end
            after = stop if end and last >= end else last - self.halo
            yield _Tile(range(first, last), range(start, min(after, stop)))
            start = after

    def _side(self, axis: int, length: int) -> int:
        """Return the side of tiles, halo included, for a run of `length` input pixels."""
        if self.model.size:
            return self.model.size[axis]
        grid, end = self.model.grid, self._end(axis)
        side = -(-length // -(-length // self.most[axis])) + 2 * self.halo + grid - 1
        side = -(-max(side, self.model.least) // grid) * grid
        if end and self.model.is_global and end <= self.most[axis]:
            return end
        return min(side, end) if end else side

    def _end(self, axis: int) -> int:
        """Return a picture's length along an axis if the network pads its edges, else 0.

        It is rounded up to what the network takes; the boundary fills the pixels that are added.
        """
        multiple = self.model.multiple
        return -(-max(self.size[axis], self.model.least) // multiple) * multiple if self.size else 0


def _as_slice(indices: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """Return indices, as a slice if they are consecutive, because slices copy nothing."""
    first, last = int(indices[0]), int(indices[-1])
    is_run = last - first == len(indices) - 1
    return slice(first, last + 1) if is_run else indices


def _slice_of(run: range, start: int, scale: int = 1, border: int = 0) -> slice:
    """Return where a run of input pixels lies in an array that begins at input pixel `start`.

    The array is enlarged by `scale`, and lacks its first `border` pixels.
    """
    return slice((run.start - start) * scale - border, (run.stop - start) * scale - border)
