"""A still picture on its way to its file."""

from typing import BinaryIO

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.places import target
from upsample_cli.images.write import format_limits, png
from upsample_cli.jobs.enlarge.measured_strips import Measured, Progress
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size


def write(
    image: Image, size: Size, format: str, to: str, task: Task, progress: Progress | None
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Enlarge a picture and write it.

    Args:
        image: The input.
        size: Height and width of the output.
        format: One of the values of `formats.FORMATS`.
        to: A file, or "-" for standard output.
        task: What to do.
        progress: Wraps the strips as they end, given how many there will be.

    Returns:
        What the metric found on the way, and what was lost, each in a few words.

    Raises:
        UpsampleError: The task cannot be done or the target written.
    """
    if task.strip:
        image = image._replace(metadata=image.metadata.stripped())
    image, losses = format_limits.fitted(image, format)
    if image.inks and task.linear:
        raise ImageFileError("inks are no light; leave --linear out or write a PNG")
    if task.linear:
        from upsample_cli.images.colour import transfer_curve

        losses += transfer_curve.assumed(image.metadata)
    image = image._replace(metadata=image.metadata.resized(size))
    with target.opened(to, task.force) as file, Workers(task.threads) as workers:
        made = Measured(image, size, task, format == "PNG", workers, progress)
        losses += _write(file, made, image, size, format, task)
        found, told = made.result()
        return found, losses + told


def _write(
    file: BinaryIO, made: Measured, image: Image, size: Size, format: str, task: Task
) -> tuple[str, ...]:
    """Write an enlarged picture, strip by strip where the format can be written so.

    Args:
        file: Where to.
        made: Its strips; pieces for a PNG.
        image: The input.
        size: Height and width of the output.
        format: One of the values of `formats.FORMATS`.
        task: What to do.

    Returns:
        What was lost in the writing.
    """
    if format == "PNG":
        _stream(file, made, image, size)
        return ()
    from upsample_cli.images.write import raw_rows  # PNGs go without

    if format in raw_rows.PLAIN:
        layout = raw_rows.Layout(made.channels, image.dtype, image.inks)
        file.write(raw_rows.head(format, size, layout, image.metadata))
        for strip in made:
            assert strip.samples is not None  # a renderer without a compression keeps them
            file.write(raw_rows.rows(format, strip.samples).data)
        return ()
    from upsample_cli.images.read import files

    picture = files.picture(whole(made, image, size), image.inks)
    files.save(picture, format, image.metadata, file, task.quality)
    if format != "GIF":
        return ()
    from upsample_cli.images.write import gif

    return gif.losses(picture)


def whole(made: Measured, image: Image, size: Size) -> Samples:
    """Return all strips of a picture as one, for formats that are not written strip by strip."""
    samples: Samples = np.empty((*size, made.channels), image.dtype)
    for strip in made:
        assert strip.samples is not None  # a renderer without a compression keeps them
        samples[strip.rows.start : strip.rows.stop] = strip.samples
    return samples


def _stream(file: BinaryIO, made: Measured, image: Image, size: Size) -> None:
    bits = 8 * image.dtype.itemsize
    file.write(png.head(size, made.channels, bits, image.metadata))
    checksum = png.Checksum()
    for strip in made:
        assert strip.piece is not None  # a renderer with a compression makes pieces
        checksum.add(strip.piece)
        file.write(strip.piece.chunk)
    file.write(png.tail(checksum))
