"""Stages of networks: a window of the output is made of tiles, each from what lies around it too.

Our own network works in whole tiles of a grid that depends on the picture's size alone, so that
its bytes do not depend on strips and threads. Any other is given tiles that cover the window.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from upsample_cli.images.levels import LUMA
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.stages import Band, Separable
from upsample_cli.planes import Planes

if TYPE_CHECKING:  # each method needs the one of its own
    from upsample_cli.kernels.residual import Residual
    from upsample_cli.networks.enlargers.image_model import ImageModel


class TiledStage(ABC):
    """A network, and a kernel of its scale: for opacity, and under or beside what it makes.

    Args:
        kernel: Of the network's scale.
        halo: Input pixels that the network draws on beyond each side of a tile.
        ensemble: Whether to average over eight positions of a tile.
    """

    copies = False

    def __init__(self, kernel: Kernel, halo: int, ensemble: bool) -> None:
        self.linear, self.scale, self.halo = kernel.stage(), kernel.stride, halo
        self.ensemble = ensemble
        first, _ = self.linear.draws_on(range(self.scale), range(self.scale))
        self.margin = max(halo, -first.start, first.stop - 1)

    @abstractmethod
    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        """Yield where tiles start, in input pixels, and their side: down, then across."""

    @abstractmethod
    def _tile(self, window: Planes) -> Planes:
        """Return the output of a tile, given with its margin."""

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns of the tiles that cover these rows and columns."""
        down, across = (
            range(starts[0] - self.margin, starts[-1] + side + self.margin)
            for starts, side in self._tiles(rows, columns)
        )
        return down, across

    def counting(self) -> Separable:
        """Return the stage that counts, in a mask of the input, all within a margin of outputs."""
        ones, first = np.ones((self.scale, 2 * self.margin + 1)), np.full(self.scale, -self.margin)
        band = Band(ones, first, 1)
        return _CountingColours(band, band)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        scale, margin = self.scale, self.margin
        (tops, tall), (lefts, wide) = self._tiles(rows, columns)
        shape = (tops[-1] + tall - tops[0]) * scale, (lefts[-1] + wide - lefts[0]) * scale
        whole: Planes = np.empty((len(window), *shape), window.dtype)
        for top in tops:
            for left in lefts:
                y, x = top - tops[0], left - lefts[0]
                part = window[:, y : y + tall + 2 * margin, x : x + wide + 2 * margin]
                tile = self._tile(np.ascontiguousarray(part))
                whole[:, y * scale :, x * scale :][:, : tall * scale, : wide * scale] = tile
        top, left = rows.start - tops[0] * scale, columns.start - lefts[0] * scale
        return whole[:, top : top + len(rows), left : left + len(columns)]

    def _linear(self, planes: Planes) -> Planes:
        """Return a tile, given with its margin, by the kernel."""
        rows, columns = (range((n - 2 * self.margin) * self.scale) for n in planes.shape[1:])
        down, across = (
            slice(run.start + self.margin, run.stop + self.margin)
            for run in self.linear.draws_on(rows, columns)
        )
        return self.linear(np.ascontiguousarray(planes[:, down, across]), rows, columns)

    def _by(self, network: Callable[[Planes], Planes], planes: Planes) -> Planes:
        """Return what a network makes of planes, shape (..., H, W), given with the margin."""
        less = slice(self.margin - self.halo, self.halo - self.margin or None)
        seen = planes[..., less, less]
        return eightfold(network, seen) if self.ensemble else network(seen)


class ResidualStage(TiledStage):
    """The learned kernel, and what the learned network adds to the luma of its output.

    Args:
        kernel: The learned one.
        residual: The network, made ready for tiles.
        ensemble: Whether to average over eight positions of a tile, which then is a square.
    """

    def __init__(self, kernel: Kernel, residual: "Residual", ensemble: bool) -> None:
        super().__init__(kernel, residual.network.halo, ensemble)
        self.residual = residual

    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        for run, side in ((rows, self.residual.rows), (columns, self.residual.columns)):
            step = side * self.scale
            yield range(run.start // step * side, -(-run.stop // step) * side, side), side

    def _tile(self, window: Planes) -> Planes:
        out = self._linear(window)
        colours = _colours(window)
        out[: len(colours)] += self._by(self.residual.added, _luma(colours))
        return out


class OnnxStage(TiledStage):
    """One pass of a network in ONNX.

    Args:
        kernel: Of its scale: for opacity, and for colours beside a network of luma.
        model: The network.
        tall: Input rows of a tile at most, without the halo.
        wide: Input columns of a tile at most.
        ensemble: Whether to average over eight positions of a tile.
    """

    def __init__(
        self, kernel: Kernel, model: "ImageModel", tall: int, wide: int, ensemble: bool
    ) -> None:
        super().__init__(kernel, model.halo, ensemble)
        self.model, self.most = model, (tall, wide)

    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        for axis, run in enumerate((rows, columns)):
            start, stop = run.start // self.scale, -(-run.stop // self.scale)
            if self.model.size:
                side = self.model.size[axis] - 2 * self.halo
            else:
                multiple, count = self.model.multiple, -(-(stop - start) // self.most[axis])
                side = -(-(stop - start) // count)
                side = -(-(side + 2 * self.halo) // multiple) * multiple - 2 * self.halo
            yield range(start, stop, side), side

    def _tile(self, window: Planes) -> Planes:
        colours = _colours(window)
        if self.model.channels == 3:
            outcome = self._run(np.broadcast_to(colours, (3, *colours.shape[1:])))
            if len(colours) == 1:
                outcome = _luma(outcome)[None]
            if len(window) == len(colours):
                return outcome
            return np.concatenate([outcome, self._linear(window[len(colours) :])])
        out = self._linear(window)
        out[: len(colours)] += self._run(_luma(colours)[None])[0] - _luma(out[: len(colours)])
        return out

    def _run(self, planes: Planes) -> Planes:
        """Return the tile that the network makes of planes, given with the margin."""
        outcome = self._by(self.model.run, planes)
        edge = self.halo * self.scale - self.model.border
        return outcome[:, edge : outcome.shape[1] - edge, edge : outcome.shape[2] - edge]


class _CountingColours(Separable):
    """Counts for all colours together, since each draws on the luma of all."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window; see `Separable`."""
        out = super().__call__(window, rows, columns)
        if len(out) >= 3:
            out[:3] = out[:3].sum(0)
        return out


def _colours(planes: Planes) -> Planes:
    """Return planes without their opacity."""
    return planes[:3] if len(planes) >= 3 else planes[:1]


def _luma(colours: Planes) -> Planes:
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
