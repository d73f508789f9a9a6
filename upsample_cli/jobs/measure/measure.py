"""Measure the checkerboard in a picture that any tool made."""

import os
from dataclasses import dataclass

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import COLOURS, OPACITY, Channel
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import files
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.reference import Reference, channel_rows
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import STRIDES, Checkerboard, period, result_at
from upsample_cli.metrics.meter import COLOUR_LEVELS, LEVELS, Search

LARGEST_STRIDE = 16
_CHANNELS: dict[str, Channel] = {
    "luma": None, **{name: index for index, name in enumerate(COLOURS)}, "opacity": OPACITY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How to measure pictures.

    Args:
        stride: Period to look for, in pixels, 2..16; None to find it among 2..8.
        reference: The file that the picture was enlarged from, if any.
        heat_map: Where to draw a map of the checkerboard, if anywhere.
        spectrum: Where to draw the spectrum, if anywhere.
        force: Whether figures may replace files.
        max_pixels: The most pixels to read.
    """

    stride: int | None = None
    reference: Place | None = None
    heat_map: Place | None = None
    spectrum: Place | None = None
    force: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        """Check the stride."""
        if self.stride is not None and not 2 <= self.stride <= LARGEST_STRIDE:
            raise SettingError(
                f"--stride {self.stride} is out of range; give 2..{LARGEST_STRIDE}, or auto"
            )


@dataclass(frozen=True, slots=True)
class Measurement:
    """The checkerboard in each channel of a picture.

    Args:
        luma: In its luma.
        channels: In red, green, blue and opacity, as far as the picture has them.
        likeliest_stride: The stride found; without one, that of the strongest patterns of changing
            sign.
    """

    luma: Checkerboard
    channels: dict[str, Checkerboard]
    likeliest_stride: tuple[int, int]

    @property
    def overall(self) -> Checkerboard:
        """The result for luma, or the worst if only other channels have a checkerboard."""
        if self.luma.verdict != "checkerboard" and self.worst.verdict == "checkerboard":
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


def measure(source: Place, options: MeasureOptions) -> Measurement:
    """Return the checkerboard in a picture, and draw the figures asked for.

    Raises:
        SettingError: The reference is too large, or a figure is no PNG.
        ImageFileError: A picture cannot be read or a figure written.
    """
    for path in (options.heat_map, options.spectrum):
        if path is not None:
            measure_figures.check(path, source, options.force)
    image = files.read(source, options.max_pixels)
    reference = None
    if options.reference:
        reference = Reference(files.read(options.reference, options.max_pixels), image.size)
    measurement = measure_image(image, options.stride, reference)
    _draw(source, image, reference, measurement, options)
    return measurement


def _draw(
    source: Place,
    image: Image,
    reference: Reference | None,
    measurement: Measurement,
    options: MeasureOptions,
) -> None:
    stride, name = measurement.likeliest_stride, measurement.worst_channel
    channel = _CHANNELS[name]
    title = f"{source.name}, {name}: stride {stride[0]}"
    if options.heat_map:
        is_found = measurement.overall.verdict == "checkerboard"
        start = "Checkerboard" if is_found else "No checkerboard found"
        sheet = measure_figures.heat(image, channel, stride, f"{start} in {title}", reference)
        measure_figures.write(sheet, options.heat_map, options.force)
    if options.spectrum:
        title = f"Spectrum of {title} in rings, cycles a pixel"
        sheet = measure_figures.spectrum(image, channel, stride, title, reference)
        measure_figures.write(sheet, options.spectrum, options.force)


def measure_image(
    image: Image, stride: int | None, reference: Reference | None = None
) -> Measurement:
    """Return the checkerboard in a picture that has been read.

    Args:
        image: The picture.
        stride: Period to look for, in pixels; None to find it among 2..8.
        reference: What it was enlarged from; None if unknown.
    """
    strides = STRIDES if stride is None else range(stride, stride + 1)
    colours = COLOURS if image.samples.shape[2] >= 3 else ()
    names = ("luma", *colours, *("opacity",) * image.has_alpha)

    def search(name: str) -> Search:
        """Measure one channel with every stride."""
        channel = _CHANNELS[name]
        result = Search(*image.size, strides, COLOUR_LEVELS if name in COLOURS else LEVELS)
        for rows in channel_rows(image, channel, reference):
            result.feed(rows)
        return result

    with Workers(os.cpu_count() or 1) as workers:
        searches = list(workers.in_order(search, names))
    if stride is None:
        ripples = [search.own_ripples() for search in searches]
        stride = period({s: max(by_stride[s] for by_stride in ripples) for s in strides})
    results = [search.results() for search in searches]
    luma, *channels = (result_at(by_stride, stride) for by_stride in results)
    likeliest = stride or max(strides, key=lambda s: np.nan_to_num(results[0][s].local_db, nan=-99))
    return Measurement(luma, dict(zip(names[1:], channels, strict=True)), (likeliest, likeliest))
