"""Enlarge a still picture and write it, strip by strip where its format allows that."""

from typing import Any, BinaryIO

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, count_colours
from upsample_cli.images.write import formats, png
from upsample_cli.images.write.formats import Encoding
from upsample_cli.jobs.enlarge.render import MeasuredStrips, Progress
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.method import RingingMethod
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size

_MOST_COLOURS = 32  # flat art has no more: sprites, pixel art, drawings without smooth edges


def enlarge_and_write(
    image: Image,
    size: Size,
    format: str,
    file: BinaryIO,
    task: Task,
    progress: Progress | None = None,
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Enlarge a picture and write it.

    Args:
        image: The input.
        size: Height and width of the output.
        format: One of the values of `formats.FORMATS`.
        file: The file to write to.
        task: How to enlarge it.
        progress: Wraps the strips to show a progress bar; None for no bar.

    Returns:
        The checkerboard in the output, and a note on each thing that was lost.

    Raises:
        UpsampleError: The picture cannot be enlarged or written in this way.
    """
    image, notes = prepared(image, size, format, task)
    with Workers(task.threads) as workers:
        strips = MeasuredStrips(image, size, task, format == "PNG", workers, progress)
        notes += _write(file, strips, format, task.encoding)
        checkerboard, metric_notes = strips.checkerboard()
        return checkerboard, notes + metric_notes


def prepared(image: Image, size: Size, format: str, task: Task) -> tuple[Image, tuple[str, ...]]:
    """Return the input with only what the output's format can hold, and notes on what is lost."""
    notes = _flat_art_note(image, size, task)
    if task.drop_metadata:
        image = image._replace(metadata=image.metadata.stripped())
    image, lost = formats.fitted_to_format(image, format, task.encoding)
    notes += lost
    if image.is_cmyk and task.linear:
        raise ImageFileError("--linear is not for CMYK; leave it out or write a PNG")
    if task.linear:
        from upsample_cli.images import profiles  # few pictures need it

        notes += profiles.notes_on_linear(image.metadata)
    return image._replace(metadata=image.metadata.resized(size)), notes


def _flat_art_note(image: Image, size: Size, task: Task) -> tuple[str, ...]:
    """Return a note if a picture has so few colours that the user may not want them mixed."""
    if task.method.copies or image.palette:
        return ()
    count = count_colours(image.samples, _MOST_COLOURS)
    if not count or count == 1:
        return ()
    method, remedy = task.method, "-m nearest keeps its pixels sharp"
    if isinstance(method, RingingMethod) and method.rings and not method.antiring:
        scale = max(after / before for before, after in zip(image.size, size, strict=True))
        kernel = method.equivalent(scale)  # the name of a file does not say whether it rings
        if kernel is None or (kernel.taps < 0).any():
            remedy += ", --antiring 1 avoids halos"
    return (f"it has only {count} colours; {remedy}",)


def _write(
    file: BinaryIO, strips: MeasuredStrips, format: str, encoding: Encoding
) -> tuple[str, ...]:
    """Write the strips, one by one if the format allows it; return notes on what is lost."""
    image, size = strips.image, strips.size
    if format == "PNG":
        file.write(png.header(size, image.channels, image.bits, image.metadata, image.palette))
        file.writelines(png.joined(strips))
        file.write(png.TRAILER)
        return ()
    from upsample_cli.images.write import tiff_and_ppm  # PNGs do not need it

    if format in tiff_and_ppm.FORMATS_OF_ROWS:
        file.write(tiff_and_ppm.header(format, size, image))
        for samples in strips:
            file.write(tiff_and_ppm.rows(format, samples, image.bits).data)
        return ()
    from upsample_cli.images.write import encode

    options = encode.options_for(format, image.metadata, encoding)
    if format == "JPEG" and not options.get("progressive"):
        from upsample_cli.images.write import jpeg

        file.writelines(jpeg.parts(strips, size, image.is_cmyk, options))
        return ()
    picture = assembled(strips, format, encoding)
    encode.save(picture, format, image.metadata, file, encoding)
    if format != "GIF":
        return ()
    from upsample_cli.images.write import gif

    return gif.rounding_note(picture)


def assembled(strips: MeasuredStrips, format: str, encoding: Encoding) -> Any:
    """Return all strips as one Pillow image, for formats that are encoded whole.

    Raises:
        PictureTooLargeError: The image, and the memory to encode it, exceed the budget.
    """
    from upsample_cli.images.write import encode

    image, size = strips.image, strips.size
    is_lossless = encoding.is_lossless(format, image.metadata.lossless)
    is_indexed = image.palette is not None
    pixel = encode.bytes_of_pixel(format, image.channels, is_lossless, is_indexed)
    needed = image.samples.nbytes + strips.memory + size[0] * size[1] * pixel
    memory.check(needed, f"an output of {size[1]}x{size[0]} as {format}", strips.threads)
    return encode.joined_strips(strips, size, image.is_cmyk, image.palette)
