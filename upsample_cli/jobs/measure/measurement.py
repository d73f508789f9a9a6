"""The checkerboard in every channel of a picture that has been read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from upsample_cli.images.image import Image
from upsample_cli.images.levels import COLOURS, LUMA, OPACITY, Channel
from upsample_cli.jobs.measure.reference import Reference, channel_rows
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.cells import CellReader, Cells
from upsample_cli.metrics.checkerboard import (
    CHECKERBOARD,
    STRIDES,
    Checkerboard,
    period,
    result_at,
)
from upsample_cli.metrics.meter import COLOUR_LEVELS, LEVELS, grid, judged

CHANNELS: dict[str, Channel] = {
    "luma": None, **{name: index for index, name in enumerate(COLOURS)}, "opacity": OPACITY,
}  # fmt: skip
_CellsByStride = Sequence[Cells | None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The checkerboard in each channel of a picture.

    Args:
        luma: In its luma.
        channels: In red, green, blue and opacity, as far as the picture has them.
        likeliest_stride: The stride found; without one, that of the clearest pattern.
        frame: The number of the frame, from 1, that is the worst of an animation; None for a still
            picture.
    """

    luma: Checkerboard
    channels: dict[str, Checkerboard]
    likeliest_stride: tuple[int, int]
    frame: int | None = None

    @property
    def overall(self) -> Checkerboard:
        """The result for luma, or the worst if only other channels have a checkerboard."""
        if self.luma.verdict != CHECKERBOARD and self.worst.verdict == CHECKERBOARD:
            return self.worst
        return self.luma

    @property
    def worst_channel(self) -> str:
        """The name of the channel with the strongest checkerboard."""
        results = {"luma": self.luma, **self.channels}
        return max(results, key=lambda name: results[name].rank)

    @property
    def worst(self) -> Checkerboard:
        """The result for the worst channel."""
        return self.channels.get(self.worst_channel, self.luma)


def measure_image(
    image: Image, stride: int | None, reference: Reference | None = None, threads: int = 1
) -> Measurement:
    """Return the checkerboard in a picture that has been read.

    Args:
        image: The picture.
        stride: Period to look for, in pixels; None to find it among 2..8.
        reference: What it was enlarged from; None if unknown.
        threads: How many channels to work on at once.
    """
    strides = STRIDES if stride is None else range(stride, stride + 1)
    with Workers(threads) as workers:
        cells = cells_by_channel(image, strides, reference, workers)
        names = list(cells)

        def results_of(name: str) -> dict[int, Checkerboard]:
            """Judge one channel at every stride."""
            least = least_levels(CHANNELS[name])
            return {
                s: judged(part, grid((s, s), image.size), least)[0]
                for s, part in zip(strides, cells[name], strict=True)
            }

        results = dict(zip(names, workers.in_order(results_of, names), strict=True))
    if stride is None:
        worst = {
            s: max((by[s] for by in results.values()), key=attrgetter("rank")) for s in strides
        }
        stride = period(worst)
    luma, *channels = (result_at(by_stride, stride) for by_stride in results.values())
    likeliest = stride or max(
        strides, key=lambda s: np.nan_to_num(results["luma"][s].contrast_db, nan=-99)
    )
    return Measurement(luma, dict(zip(names[1:], channels, strict=True)), (likeliest, likeliest))


def least_levels(channel: Channel) -> float:
    """Return the ripple, in levels, from which a channel is said to have a checkerboard."""
    return LEVELS if channel in (None, OPACITY) else COLOUR_LEVELS


def cells_by_channel(
    image: Image, strides: range, reference: Reference | None, workers: Workers
) -> Mapping[str, _CellsByStride]:
    """Return the cells of each channel at each stride, luma first, that is the sum of colours."""
    colours = COLOURS if image.samples.shape[2] >= 3 else ("luma",)
    names = (*colours, *("opacity",) * image.has_alpha)
    grids = [grid((s, s), image.size) for s in strides]

    def read(name: str) -> _CellsByStride:
        """Read the cells of one channel for all strides."""
        reader = CellReader(*grids)
        for rows in channel_rows(image, CHANNELS[name], reference):
            reader.feed(rows)
        return [reader.cells(index) for index in range(len(grids))]

    cells = dict(zip(names, workers.in_order(read, names), strict=True))
    if "luma" in cells:
        return cells
    together = zip(*(cells[name] for name in COLOURS), strict=True)
    luma = [
        None if parts[0] is None else Cells.mixed([part for part in parts if part], LUMA)
        for parts in together
    ]
    return {"luma": luma, **cells}
