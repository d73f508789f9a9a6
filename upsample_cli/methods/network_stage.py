"""What the stages of networks share: a kernel beside the network, opacity, and luma.

At the edge of a sprite, a network would sharpen colours that are weighted by opacity, while the
kernel leaves the opacity soft; the result would be a dark or light fringe. So the network gets
colours without weights, and hidden pixels get the colours of visible neighbours. Where pixels of
different opacity meet, as beside a shadow, each has to count by its opacity, so the kernel's result
is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from upsample_cli.images.levels import LUMA
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.stages import Band, Separable
from upsample_cli.methods.antiring import NearestRange, Neighbours
from upsample_cli.methods.method import Stage
from upsample_cli.planes import Planes, Size

_AROUND = 1  # input pixels around an output pixel that need even opacity to use the network
_FILLED = 8  # input pixels beyond the visible ones to fill with their colours
_HIDDEN = 1 / 512  # opacity, below half a level of 8 bits, of a pixel without a colour
_BOX = Separable(*[Band(np.ones((1, 3)), np.array([-1]), 1)] * 2)  # sums over 3x3 pixels


class NetworkStage(ABC):
    """A network, and a linear kernel: for opacity, and to combine with the network's output.

    Args:
        kernel: Its stride is the network's scale.
        halo: Input pixels that the network draws on beyond each side of a tile.
        is_weighted: Whether the last plane is opacity, and the others are weighted by it.
    """

    def __init__(self, kernel: Kernel, halo: int, is_weighted: bool) -> None:
        self.linear, self.scale, self.halo = kernel.stage(), kernel.stride, halo
        self.is_weighted = is_weighted
        self.nearest = NearestRange(*[Neighbours(1, self.scale, 1)] * 2)
        # Input pixels beyond each side that the kernel and `_evenness` need (reach), and that the
        # network needs, too (margin).
        first, _ = self.linear.draws_on(range(self.scale), range(self.scale))
        self.reach = _AROUND + max(-first.start, first.stop - 1)
        self.filled = _FILLED * is_weighted
        self.margin = max(halo + self.filled, self.reach)

    @abstractmethod
    def _enlarged(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a window of the output by network and kernel, whatever the last plane is.

        Args:
            planes: They begin at input pixel `first`.
            first: Row and column.
            *window: Output rows and columns.
        """

    def counting(self) -> Separable:
        """Return a stage for masks: it counts the marked inputs within `margin` of each output."""
        ones, first = np.ones((self.scale, 2 * self.margin + 1)), np.full(self.scale, -self.margin)
        band = Band(ones, first, 1)
        return _CountingColours(band, band)

    def _by_kernel(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a window of the output by the kernel; see `_enlarged`."""
        return _applied(self.linear, planes, first, *window)

    def _output(self, planes: Planes, first: Size, *window: range) -> Planes:
        """Return a window of the output, with care for opacity; see `_enlarged`."""
        if not self.is_weighted or planes[-1].min() == 1:
            return self._enlarged(planes, first, *window)
        out = self._by_kernel(planes, first, *window)
        low, high = np.split(_applied(self.nearest, planes, first, *window), 2)
        np.clip(out, low, high, out=out)  # else a later pass would take ringing for colours
        if planes[-1].max() > _HIDDEN:
            colours = self._enlarged(_unweighted(planes), first, *window)
            out[:-1] += self._evenness(planes[-1], first, *window) * (out[-1] * colours - out[:-1])
        return out

    def _evenness(self, opacity: Planes, first: Size, *window: range) -> Planes:
        """Return how alike the opacities of nearby pixels are, apart from hidden ones, 0..1."""
        side, least, most = 2 * _AROUND + 1, np.where(opacity > _HIDDEN, opacity, np.inf), opacity
        for axis in (0, 1):
            least = sliding_window_view(least, side, axis).min(-1)
            most = sliding_window_view(most, side, axis).max(-1)
        ratio = np.divide(least, most, out=np.zeros_like(most), where=most > _HIDDEN)
        top, left = first
        even = self._by_kernel(ratio[None], (top + _AROUND, left + _AROUND), *window)
        return np.asarray(np.clip(even[0], 0, 1))


class _CountingColours(Separable):
    """Sums the counts of all planes for each colour, which depends on their luma and opacity."""

    __slots__ = ()

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return the counts of a window; see `Separable`."""
        out = super().__call__(window, rows, columns)
        colours_of(out)[:] = out.sum(0)
        return out


def _applied(stage: Stage, planes: Planes, first: Size, *window: range) -> Planes:
    """Return a window of a stage's output; `planes` begin at input pixel `first`."""
    down, across = (
        slice(run.start - start, run.stop - start)
        for run, start in zip(stage.draws_on(*window), first, strict=True)
    )
    return stage(np.ascontiguousarray(planes[:, down, across]), *window)


def _unweighted(planes: Planes) -> Planes:
    """Return colours without their weights; those of hidden pixels are the mean of neighbours.

    Args:
        planes: The last is opacity, which weights the others.
    """
    opacity = planes[-1]
    # The last plane is 1 where a colour is known, else 0.
    known = np.divide(planes, opacity, out=np.zeros_like(planes), where=opacity > _HIDDEN)
    for _ in range(_FILLED):
        if known[-1].all():
            break
        near = _BOX(np.pad(known, ((0, 0), (1, 1), (1, 1))), *map(range, opacity.shape))
        np.divide(near, near[-1], out=known, where=(known[-1] == 0) & (near[-1] > 0))
    return np.asarray(known[:-1])


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
