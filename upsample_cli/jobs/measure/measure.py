"""Measure the checkerboard in a picture or an animation that any tool made."""

from dataclasses import dataclass, replace

import numpy as np

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import animation, files
from upsample_cli.images.read.decode import Decoded, decode
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.measurement import CHANNELS, Measurement, measure_image
from upsample_cli.jobs.measure.reference import Reference
from upsample_cli.metrics.checkerboard import NONE

LARGEST_STRIDE = 16


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


def measure(source: Place, options: MeasureOptions, threads: int = 1) -> Measurement:
    """Return the checkerboard in a picture, and draw the figures asked for.

    Args:
        source: Where the picture is read; of an animation the worst frame counts.
        options: How to measure.
        threads: How many channels to work on at once.

    Raises:
        SettingError: The reference is too large, or a figure is no PNG.
        ImageFileError: A picture cannot be read or a figure written.
    """
    figures = [path for path in (options.heat_map, options.spectrum) if path is not None]
    for path in figures:
        measure_figures.check(path, source, options.force)
    decoded = decode(source, options.max_pixels)
    if not isinstance(decoded, Decoded):
        if figures or options.reference:
            raise ImageFileError(
                f"{decoded.name} is animated; give --map, --spectrum or --reference a still picture"
            )
        return _worst_frame(decoded, options.stride, threads)
    image = files.to_still(decoded)
    reference = None
    if options.reference:
        reference = Reference(files.read(options.reference, options.max_pixels), image.size)
    measurement = measure_image(image, options.stride, reference, threads)
    _draw(source, image, reference, measurement, options)
    return measurement


def _worst_frame(source: animation.Animation, stride: int | None, threads: int) -> Measurement:
    """Return the measurement of the frame with the strongest checkerboard."""
    measurements = (
        replace(
            measure_image(Image(np.asarray(frame), source.format), stride, None, threads), frame=n
        )
        for n, frame in enumerate(animation.frames(source), 1)
    )
    return max(measurements, key=lambda one: one.overall.rank)


def _draw(
    source: Place,
    image: Image,
    reference: Reference | None,
    measurement: Measurement,
    options: MeasureOptions,
) -> None:
    stride, name = measurement.likeliest_stride, measurement.worst_channel
    channel = CHANNELS[name]
    title = f"{source.name}, {name}: stride {stride[0]}"
    if options.heat_map:
        verdict = measurement.overall.verdict
        start = verdict.capitalize() if verdict not in (NONE, "") else "No checkerboard found"
        sheet = measure_figures.heat(image, channel, stride, f"{start} in {title}", reference)
        measure_figures.write(sheet, options.heat_map, options.force)
    if options.spectrum:
        title = f"Spectrum of {title} in rings, cycles a pixel"
        sheet = measure_figures.spectrum(image, channel, stride, title, reference)
        measure_figures.write(sheet, options.spectrum, options.force)
