"""A still picture on its way to its file."""

from typing import BinaryIO

import numpy as np

from upsample_cli.images import files, png
from upsample_cli.images.image import Image, Samples
from upsample_cli.jobs.measured import Measured
from upsample_cli.jobs.task import Task
from upsample_cli.planes import Size


def write(
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
        What was lost on the way, each in a few words.
    """
    if format == "PNG":
        _stream(file, made, image, size)
        return ()
    from upsample_cli.images import plain  # PNGs go without

    if format in plain.PLAIN:
        layout = plain.Layout(made.channels, image.dtype, image.inks)
        file.write(plain.head(format, size, layout, image.metadata))
        for strip in made:
            assert strip.samples is not None  # a renderer without a compression keeps them
            file.write(plain.rows(format, strip.samples).data)
        return ()
    picture = files.picture(whole(made, image, size), image.inks)
    files.save(picture, format, image.metadata, file, task.quality)
    if format != "GIF":
        return ()
    from upsample_cli.images import gif

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
