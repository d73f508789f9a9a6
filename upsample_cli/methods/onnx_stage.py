"""One pass of a network over a window of a picture, tile by tile."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from upsample_cli.images.levels import LUMA
from upsample_cli.kernels.ensemble import eightfold
from upsample_cli.kernels.polyphase import Polyphase
from upsample_cli.kernels.residual import touching
from upsample_cli.kernels.separable import Separable
from upsample_cli.networks.enlargers.image_model import ImageModel
from upsample_cli.planes import Planes


class OnnxStage(NamedTuple):
    """One pass of a network.

    Args:
        model: The network.
        linear: A kernel of its scale: for opacity, and for colours beside a network of luma.
        tall: Input rows of a tile at most, without the halo.
        wide: Input columns of a tile at most.
        ensemble: Whether to average over eight positions.
    """

    model: ImageModel
    linear: Separable | Polyphase
    tall: int
    wide: int
    ensemble: bool

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return False

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns of the tiles that cover these rows and columns."""
        down, across = (
            range(starts[0] - self._margin, starts[-1] + side + self._margin)
            for starts, side in self._tiles(rows, columns)
        )
        return down, across

    def touching(self) -> Separable:
        """Return the stage that counts, in a mask of the input, the pixels an output draws on."""
        return touching(self.model.scale, self.model.halo)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output; see `Stage`."""
        scale, margin = self.model.scale, self._margin
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

    @property
    def _margin(self) -> int:
        """Input pixels around a tile: what the network and the kernel draw on."""
        (first, _) = self.linear.draws_on(range(self.model.scale), range(self.model.scale))
        return max(self.model.halo, -first.start, first.stop - 1)

    def _tiles(self, rows: range, columns: range) -> Iterator[tuple[range, int]]:
        """Yield where tiles start, in input pixels, and their side: down, then across."""
        for run, most, axis in ((rows, self.tall, 0), (columns, self.wide, 1)):
            scale, multiple, halo = self.model.scale, self.model.multiple, self.model.halo
            start, stop = run.start // scale, -(-run.stop // scale)
            if self.model.size:
                side = self.model.size[axis] - 2 * halo
            else:
                count = -(-(stop - start) // most)
                side = -(-(stop - start) // count)
                side = -(-(side + 2 * halo) // multiple) * multiple - 2 * halo
            yield range(start, stop, side), side

    def _tile(self, window: Planes) -> Planes:
        """Return the output of one tile, given with its margin."""
        colours = window[:3] if len(window) >= 3 else window[:1]
        if self.model.channels == 3:
            three = np.broadcast_to(colours, (3, *colours.shape[1:]))
            outcome = self._run(three)
            if len(colours) == 1:
                outcome = _luma(outcome)[None]
            if len(window) == len(colours):
                return outcome
            return np.concatenate([outcome, self._linear(window[len(colours) :])])
        out = self._linear(window)
        luma = self._run(_luma(colours)[None])[0]
        out[: len(colours)] += luma - _luma(out[: len(colours)])
        return out

    def _run(self, planes: Planes) -> Planes:
        """Return what the network makes of the tile of planes given with its margin."""
        scale, less = self.model.scale, self._margin - self.model.halo
        seen = planes[:, less : planes.shape[1] - less, less : planes.shape[2] - less]
        outcome = eightfold(self.model.run, seen) if self.ensemble else self.model.run(seen)
        edge = self.model.halo * scale - self.model.border
        return outcome[:, edge : outcome.shape[1] - edge, edge : outcome.shape[2] - edge]

    def _linear(self, planes: Planes) -> Planes:
        """Return the tile of planes by the kernel."""
        scale, margin = self.model.scale, self._margin
        rows, columns = (range((n - 2 * margin) * scale) for n in planes.shape[1:])
        down, across = (
            slice(run.start + margin, run.stop + margin)
            for run in self.linear.draws_on(rows, columns)
        )
        part: Planes = np.ascontiguousarray(planes[:, down, across])
        outcome: Planes = self.linear(part, rows, columns)
        return outcome


def _luma(colours: Planes) -> Planes:
    """Return the luma of one or three planes, in one order of sums on all systems."""
    luma: Planes = np.zeros(colours.shape[1:], np.float32)
    weights = LUMA if len(colours) == 3 else np.ones(1, np.float32)
    for weight, plane in zip(weights, colours, strict=True):
        luma += weight * plane
    return luma
