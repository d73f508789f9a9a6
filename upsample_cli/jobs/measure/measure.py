"""Measure the checkerboard in a picture that any tool made."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.colour.levels import COLOURS, OPACITY, Channel
from upsample_cli.images.image import Image
from upsample_cli.images.places.source import MAX_PIXELS
from upsample_cli.images.read import files
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.reference import Reference
from upsample_cli.jobs.measure.runs import runs
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import STRIDES, Checkerboard, period, result_at
from upsample_cli.metrics.meter import COLOUR_LEVELS, LEVELS, Search

LARGEST_STRIDE = 16
_CHANNELS: dict[str, Channel] = {
    "luma": None, **{name: place for place, name in enumerate(COLOURS)}, "opacity": OPACITY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure.

    Args:
        stride: Period to look for, in pixels, 2..16; None to find it among 2..8.
        reference: The file of the picture that this one was enlarged from; None without one.
        heat: Where to write a figure of where the checkerboard is; None for nowhere.
        spectrum: Where to write a figure of the spectrum; None for nowhere.
        force: Whether figures may replace files.
        max_pixels: The most pixels to read.
    """

    stride: int | None = None
    reference: str | None = None
    heat: str | None = None
    spectrum: str | None = None
    force: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        """Refuse strides out of range."""
        if self.stride is not None and not 2 <= self.stride <= LARGEST_STRIDE:
            raise SettingError(
                f"--stride {self.stride} is out of range; give 2..{LARGEST_STRIDE}, or auto"
            )


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was found in a picture.

    Args:
        luma: In its luma.
        channels: In red, green and blue, and in the opacity; of those what the picture has.
        likeliest: The stride found, or else the one that patterns of changing sign speak for.
    """

    luma: Checkerboard
    channels: dict[str, Checkerboard]
    likeliest: tuple[int, int]

    @property
    def whole(self) -> Checkerboard:
        """What is found in luma, or in the worst channel where only others have a checkerboard."""
        own = self.luma.verdict == "checkerboard"
        return self.most if self.most.verdict == "checkerboard" and not own else self.luma

    @property
    def worst(self) -> str:
        """The worst channel, luma among them."""
        planes = {"luma": self.luma, **self.channels}
        return max(planes, key=lambda name: planes[name].rank)

    @property
    def most(self) -> Checkerboard:
        """What was found in the worst channel."""
        return self.luma if self.worst == "luma" else self.channels[self.worst]


def measure(source: str, request: Request) -> Measurement:
    """Return the checkerboard in a picture, and write the figures asked for.

    Args:
        source: A file, or "-" for standard input.
        request: What to measure.

    Raises:
        SettingError: The reference is too large, or a figure no PNG.
        ImageFileError: A picture cannot be read or a figure written.
    """
    for path in (request.heat, request.spectrum):
        if path is not None:
            measure_figures.check(path, source, request.force)
    image = files.read(source, request.max_pixels)
    low = None
    if request.reference:
        low = Reference(files.read(request.reference, request.max_pixels), image.size)
    found = in_image(image, request.stride, low)
    channel = _CHANNELS[found.worst]
    title = f"{Path(source).name}, {found.worst}: stride {found.likeliest[0]}"
    if request.heat:
        is_there = found.whole.verdict == "checkerboard"
        word = "Checkerboard" if is_there else "No checkerboard found"
        sheet = measure_figures.heat(image, channel, found.likeliest, f"{word} in {title}", low)
        measure_figures.write(sheet, request.heat, request.force)
    if request.spectrum:
        title = f"Spectrum of {title} in rings, cycles a pixel"
        sheet = measure_figures.spectrum(image, channel, found.likeliest, title, low)
        measure_figures.write(sheet, request.spectrum, request.force)
    return found


def in_image(image: Image, stride: int | None, reference: Reference | None = None) -> Measurement:
    """Return the checkerboard in a picture that has been read.

    Args:
        image: The picture.
        stride: Period to look for, in pixels; None to find it among 2..8.
        reference: What it was enlarged from; None if unknown.
    """
    strides = STRIDES if stride is None else range(stride, stride + 1)
    colours = COLOURS if image.samples.shape[2] >= 3 else ()
    names = ("luma", *colours, *("opacity",) * image.has_alpha)

    def searched(channel: Channel) -> Search:
        """Return the figures of one channel."""
        least = LEVELS if channel in (None, OPACITY) else COLOUR_LEVELS
        search = Search(*image.size, strides, least)
        for rows in runs(image, channel, reference):
            search.feed(rows)
        return search

    with Workers(os.cpu_count() or 1) as workers:
        searches = list(workers.in_order(searched, [_CHANNELS[name] for name in names]))
    found = stride
    if stride is None:
        ripples = [each.own_ripples() for each in searches]
        found = period({each: max(of[each] for of in ripples) for each in strides})
    light, *channels = (each.results() for each in searches)
    likeliest = found or max(light, key=lambda each: np.nan_to_num(light[each].local_db, nan=-99))
    whole, *parts = (result_at(each, found) for each in (light, *channels))
    return Measurement(whole, dict(zip(names[1:], parts, strict=True)), (likeliest, likeliest))
