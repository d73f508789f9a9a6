"""Measure the checkerboard in pictures and animations, several at once in worker processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from upsample_cli.errors import ImageFileError, SettingError, UpsampleError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import animation, files
from upsample_cli.images.read.decode import decode
from upsample_cli.jobs.batch.picture_job import is_not_picture
from upsample_cli.jobs.batch.pool import Pool
from upsample_cli.jobs.enlarge.threads import in_turn
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.measurement import CHANNELS, Measurement, Reference, measure_image
from upsample_cli.metrics.checkerboard import NONE

LARGEST_STRIDE = 16


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How to measure pictures.

    Args:
        stride: Period to look for, in pixels, 2..16; None to find it among 2..8.
        reference: The small picture that the picture was enlarged from; None if unknown.
        heat_map: Where to draw a map of the checkerboard, if anywhere.
        spectrum: Where to draw the spectrum, if anywhere.
        force: Whether figures may replace files.
        max_pixels: The most pixels that an input may have.
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
                f"--stride {self.stride} is out of range; give 2 to {LARGEST_STRIDE}, or auto"
            )

    def sources(self, picture: Place) -> tuple[Place, ...]:
        """Return what is read: a picture, and its reference if there is one."""
        return (picture,) if self.reference is None else (picture, self.reference)


def measure(source: Place, options: MeasureOptions, threads: int = 1) -> Measurement:
    """Return the checkerboard in a picture, and draw the figures asked for.

    Args:
        source: Where to read the picture from; of an animation the worst frame counts.
        options: How to measure.
        threads: How many channels to work on at once.

    Raises:
        SettingError: The reference is too large, a figure is not a PNG, or it cannot be drawn.
        ImageFileError: A picture cannot be read, or a figure cannot be written.
    """
    figures = [path for path in (options.heat_map, options.spectrum) if path is not None]
    for path in figures:
        measure_figures.check(path, options.sources(source), options.force)
    decoded = decode(source, options.max_pixels)
    if not isinstance(decoded, Image):
        if figures or options.reference:
            raise ImageFileError(
                f"{decoded.name} is animated; give --map, --spectrum or --reference a still picture"
            )
        return _worst_frame(decoded, options.stride, threads)
    image = files.in_srgb(decoded)
    reference = None
    if options.reference:
        reference = Reference(files.read(options.reference, options.max_pixels), image.size)
    measurement = measure_image(image, options.stride, reference, threads)
    draw(source, image, reference, measurement, options)
    return replace(measurement, notes=image.caveats + (reference.notes if reference else ()))


def _worst_frame(source: animation.Animation, stride: int | None, threads: int) -> Measurement:
    """Return the measurement of the frame with the strongest checkerboard."""
    measurements = (
        replace(
            measure_image(Image(np.asarray(frame), source.format), stride, None, threads), frame=n
        )
        for n, frame in enumerate(animation.frames(source), 1)
    )
    worst = max(measurements, key=lambda measurement: measurement.overall.rank)
    return replace(worst, notes=source.caveats)


def draw(
    source: Place,
    image: Image,
    reference: Reference | None,
    measurement: Measurement,
    options: MeasureOptions,
) -> None:
    """Draw the figures that `options` asks for, of a picture that has been measured."""
    stride, verdict = measurement.likeliest_stride, measurement.overall.verdict
    name = measurement.worst_channel if verdict else "luma"  # luma if unknown
    channel = CHANNELS[name]
    title = f"{source.name}, {name}: stride {stride[0]}"
    if options.heat_map:
        starts = {NONE: "No checkerboard found", "": "Checkerboard unknown"}
        start = starts.get(verdict, verdict.capitalize())
        sheet = measure_figures.heat(image, channel, stride, f"{start} in {title}", reference)
        measure_figures.write(sheet, options.heat_map, source, options.force)
    if options.spectrum:
        title = f"Spectrum of {source.name} ({name}); rings: stride {stride[0]}"
        sheet = measure_figures.spectrum(image, channel, stride, title, reference)
        measure_figures.write(sheet, options.spectrum, source, options.force)


class Result(NamedTuple):
    """The result of measuring one file.

    Args:
        source: Where the file was read from.
        measurement: The checkerboard in it; None if it has not been measured.
        error: Why it could not be measured; None if it was, or if it is not a picture.
    """

    source: Place
    measurement: Measurement | None = None
    error: str | None = None


def measure_one(
    source: Place, is_in_folder: bool, options: MeasureOptions, threads: int = 1
) -> Result:
    """Return the result for one file; errors in reading it are part of the result."""
    try:
        if is_in_folder and is_not_picture(source):
            return Result(source)
        return Result(source, measure(source, options, threads))
    except ImageFileError as error:
        return Result(source, error=str(error))
    except MemoryError:
        return Result(source, error=f"{source} needs more memory; pass fewer --jobs")


@contextmanager
def measuring(
    files: Sequence[tuple[Place, bool]], options: MeasureOptions, jobs: int
) -> Iterator[Iterator[Result]]:
    """Give the results in the order of the files.

    With one file or one job this process measures, by threads; otherwise worker processes do.

    Args:
        files: Each file, and whether it comes from a folder; see `files_in`.
        options: How to measure.
        jobs: How many files, or channels of a single file, to work on at once.
    """
    count = min(len(files), jobs)
    if count <= 1:
        yield (measure_one(*file, options, jobs) for file in files)
        return
    with Pool(count) as pool:
        try:
            yield _measured(files, options, pool)
        except BrokenPipeError:  # nobody reads the results any more: workers end without a message
            pool.shutdown(cancel_futures=True)
            raise


def _measured(
    files: Sequence[tuple[Place, bool]], options: MeasureOptions, pool: Pool
) -> Iterator[Result]:
    """Yield the result for each file, in order, by worker processes."""

    def begin(file: tuple[Place, bool]) -> Callable[[], Result]:
        """Begin with a file; standard input is measured here, as no other process can read it."""
        if file[0].is_stream:
            return partial(measure_one, *file, options)
        return pool.submit(measure_one, *file, options).result

    for (source, _), result in in_turn(begin, files, pool.ahead):
        try:
            yield result()
        except BrokenExecutor as error:
            fault = f"{source} crashed its worker process twice ({error}); pass fewer --jobs"
            yield Result(source, error=fault)
        except UpsampleError as error:
            yield Result(source, error=str(error))
