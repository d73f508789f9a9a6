"""Measure the checkerboard in every channel of a picture that has been read.

The reference, if there is one, is the small picture that it was enlarged from. A pattern does not
count if the bicubic enlargement of the reference has it, too, or the one to the nearest pixel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import COLOURS, LUMA, OPACITY, Channel, channel_levels
from upsample_cli.jobs.enlarge.strips import ExtendedInput, cut, output_window
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.interpolation import Bicubic, Nearest
from upsample_cli.methods.method import Method
from upsample_cli.metrics.cells import CellReader, Cells
from upsample_cli.metrics.checkerboard import (
    CHECKERBOARD,
    STRIDES,
    Checkerboard,
    period,
    result_at,
)
from upsample_cli.metrics.meter import LEAST_COLOUR_RIPPLE, LEAST_RIPPLE, grid, verdict_and_map
from upsample_cli.metrics.rows import Floats, Rows
from upsample_cli.planes import Size

CHANNELS: dict[str, Channel] = {
    "luma": None, **{name: index for index, name in enumerate(COLOURS)}, "opacity": OPACITY,
}  # fmt: skip
_CellsByStride = Sequence[Cells | None]
_ABOVE_WHITE = 1.001  # times full scale: rounding alone makes no sample larger
_ROWS = 256  # to read at a time
_CROPPED = 8  # pixels that layers may have added to or taken off an enlargement, along an axis


class Reference:
    """The small picture that another was enlarged from, enlarged by interpolation.

    Args:
        low: The small picture.
        size: Height and width to enlarge it to.
        method: The interpolation.

    Raises:
        SettingError: `low` is larger than `size`, or as large, or of another shape.
    """

    def __init__(self, low: Image, size: Size, method: type[Method] = Bicubic) -> None:
        (height, width), (tall, wide) = low.size, size
        fault = ""
        if height > tall or width > wide:
            fault = "larger than the picture"
        elif low.size == size:
            fault = "as large as the picture"
        elif abs(tall * width - wide * height) > _CROPPED * (height + width):
            fault = "of another shape than the picture"
        if fault:
            raise SettingError(
                f"--reference is {width}x{height}, {fault}, {wide}x{tall}; "
                "give what the picture was enlarged from"
            )
        self._low, self._size = low, size
        self.notes = tuple(f"--reference: {note}" for note in low.caveats)
        self._stages = method().stages(low.size, size)

    def by_nearest(self) -> "Reference":
        """Return the same picture, enlarged to the nearest pixel: that has all its frequencies."""
        return Reference(self._low, self._size, Nearest)

    def rows(self, rows: range, channel: Channel) -> Floats | None:
        """Return rows of a channel in levels of 0..255; None for opacity if `low` has none."""
        low = self._low
        if channel == OPACITY and not low.has_alpha:
            return None
        picture = ExtendedInput(
            low.size, lambda *window: channel_levels(low.samples[window], channel)[None]
        )
        return np.asarray(output_window(self._stages, picture, rows, range(self._size[1]))[0])


def channel_rows(
    image: Image, channel: Channel, reference: Reference | None = None
) -> Iterator[Rows]:
    """Yield the rows of a channel in levels of 0..255, from the top down.

    Args:
        image: The picture.
        channel: A colour, the opacity, or luma.
        reference: What it was enlarged from; None if unknown.
    """
    is_masked = image.has_alpha and channel != OPACITY
    is_float = image.dtype.kind == "f"  # its samples are not clipped if any is above full scale
    is_unclipped = channel == OPACITY or (is_float and bool((image.samples > _ABOVE_WHITE).any()))
    for rows in cut(image.size[0], _ROWS):
        samples = image.samples[rows.start : rows.stop]
        yield Rows(
            channel_levels(samples, channel),
            samples[..., -1] > 0 if is_masked else None,
            None if reference is None else reference.rows(rows, channel),
            is_unclipped,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """The checkerboard in each channel of a picture.

    Args:
        luma: The checkerboard in its luma.
        channels: By name, those in red, green, blue and opacity, as far as the picture has them.
        likeliest_stride: The stride found, down and across; without one, the stride at which
            luma has the clearest pattern.
        frame: The number, from 1, of the worst frame of an animation; None for a still picture.
        notes: What users may not expect, each in a few words.
    """

    luma: Checkerboard
    channels: dict[str, Checkerboard]
    likeliest_stride: tuple[int, int]
    frame: int | None = None
    notes: tuple[str, ...] = ()

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
    result = _measured(image, stride, reference, threads)
    if reference is None or result.overall.verdict != CHECKERBOARD:
        return result
    other = _measured(image, stride, reference.by_nearest(), threads)
    return min(result, other, key=lambda item: item.overall.rank)


def _measured(
    image: Image, stride: int | None, reference: Reference | None, threads: int
) -> Measurement:
    """Return the checkerboard in a picture; see `measure_image`."""
    strides = STRIDES if stride is None else range(stride, stride + 1)
    with Workers(threads) as workers:
        cells = cells_by_channel(image, strides, reference, workers)
        names = list(cells)

        def results_of(name: str) -> dict[int, Checkerboard]:
            """Return the result for one channel, by stride."""
            least = least_ripple(CHANNELS[name])
            return {
                s: verdict_and_map(part, grid((s, s), image.size), least)[0]
                for s, part in zip(strides, cells[name], strict=True)
            }

        results = dict(zip(names, workers.in_order(results_of, names), strict=True))
    if stride is None:
        stride = period(results["luma"])
        if stride is None or results["luma"][stride].verdict != CHECKERBOARD:
            worst = {
                s: max((by_stride[s] for by_stride in results.values()), key=attrgetter("rank"))
                for s in strides
            }
            stride = period(worst)
    luma, *channels = (result_at(by_stride, stride) for by_stride in results.values())
    likeliest = stride or max(
        strides, key=lambda s: np.nan_to_num(results["luma"][s].contrast_db, nan=-99)
    )
    return Measurement(luma, dict(zip(names[1:], channels, strict=True)), (likeliest, likeliest))


def measure_luma_first(
    image: Image, stride: int | None, reference: Reference | None = None, threads: int = 1
) -> Measurement:
    """Return the checkerboard in a picture; of RGB only luma's, if luma has a checkerboard."""
    if image.samples.shape[2] == 3:
        result = measure_image(luma_of(image), stride, reference, threads)
        if result.luma.verdict == CHECKERBOARD:
            return result
    return measure_image(image, stride, reference, threads)


def luma_of(image: Image) -> Image:
    """Return the luma of a picture of three channels; other pictures as they are."""
    if image.samples.shape[2] != 3:
        return image
    levels = channel_levels(image.samples, None)[..., None]
    return image._replace(samples=levels / np.float32(255))


def least_ripple(channel: Channel) -> float:
    """Return the least ripple, in levels, that counts as a checkerboard in a channel."""
    return LEAST_RIPPLE if channel in (None, OPACITY) else LEAST_COLOUR_RIPPLE


def cells_by_channel(
    image: Image, strides: range, reference: Reference | None, workers: Workers
) -> Mapping[str, _CellsByStride]:
    """Return the cells of each channel at each stride; luma, mixed from the colours, is first."""
    colours = COLOURS if image.samples.shape[2] >= 3 else ("luma",)
    names = (*colours, *("opacity",) * image.has_alpha)
    grids = [grid((s, s), image.size) for s in strides]

    def read(name: str) -> _CellsByStride:
        """Return the cells of one channel, for each stride."""
        reader = CellReader(*grids)
        for rows in channel_rows(image, CHANNELS[name], reference):
            reader.feed(rows)
        return [reader.cells(index) for index in range(len(grids))]

    cells = dict(zip(names, workers.in_order(read, names), strict=True))
    if "luma" in cells:
        return cells
    colours_by_stride = zip(*(cells[name] for name in COLOURS), strict=True)
    luma = [
        None if parts[0] is None else Cells.mixed([part for part in parts if part], LUMA)
        for parts in colours_by_stride
    ]
    return {"luma": luma, **cells}
