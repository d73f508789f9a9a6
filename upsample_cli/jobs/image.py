"""One picture: read, strips, write, with its report."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import BinaryIO

import numpy as np

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images import files, formats, plain, png, target
from upsample_cli.images.decoding import Decoded, decode
from upsample_cli.images.decoding import size as head_size
from upsample_cli.images.image import Image
from upsample_cli.jobs.render import Strip, renderer
from upsample_cli.jobs.scale import stride
from upsample_cli.jobs.strips import strips
from upsample_cli.jobs.task import Report, Task
from upsample_cli.jobs.workers import Workers
from upsample_cli.metrics.checkerboard import Checkerboard, Meter
from upsample_cli.metrics.ripple import ripple
from upsample_cli.planes import Size

Progress = Callable[[Iterable[Strip], int], Iterator[Strip]]
_OUTPUT_LIMIT = 64  # times --max-pixels: eight times the largest picture that is read


def upsample(
    source: str,
    to: str,
    task: Task,
    progress: Progress | None = None,
    decoded: Callable[[], Decoded] | None = None,
) -> Report:
    """Read a picture, enlarge it, write it, and report.

    Args:
        source: A file, or "-" for standard input.
        to: A file, or "-" for standard output.
        task: What to do.
        progress: Wraps the strips as they end, given how many there will be.
        decoded: Gives the picture, where the caller has begun to decode it already.

    Raises:
        UpsampleError: The picture cannot be read, the task cannot be done or the target written.
    """
    start = perf_counter()
    target.check(to, source, task.force)
    image = files.image(decoded() if decoded else decode(source, task.max_pixels))
    size = _size(to, image.size, task)
    format = formats.format_of(to, task.format, image.format)
    if task.strip:
        image = replace(image, metadata=image.metadata.stripped())
    image, losses = files.fitted(image, format)
    image = replace(image, metadata=image.metadata.resized(size))
    made = _made(image, size, format, to, task, progress)
    scale = max(after / before for before, after in zip(image.size, size, strict=True))
    kernel = task.method.equivalent(scale)
    return Report(
        input=source,
        output=to,
        status="done",
        size=size,
        method=task.method.name,
        kernel=getattr(task.method, "kernel", None),
        scale=scale if task.target.scale is None else task.target.scale,
        seconds=perf_counter() - start,
        checkerboard=made,
        kernel_ripple=ripple(kernel.phase_sums) if kernel else 0.0,
        shift=kernel.shift if kernel else (0.0, 0.0),
        notes=image.notes + losses,
    )


def planned(source: str, to: str, task: Task) -> Size:
    """Return the size that the output would have, after all checks that need no decoding.

    Args:
        source: A file, or "-", whose size is not known before it is read.
        to: A file, or "-" for standard output.
        task: What would be done.

    Raises:
        UpsampleError: The picture cannot be read, or the target not be written.
    """
    target.check(to, source, task.force)
    if source == target.STREAM:
        raise ImageFileError("standard input cannot be looked at beforehand; name a file")
    return _size(to, head_size(source), task)


def _size(to: str, size_in: Size, task: Task) -> Size:
    size = task.target.size(size_in)
    if size[0] * size[1] > task.max_pixels * _OUTPUT_LIMIT:
        raise PictureTooLargeError(
            f"{to} would be {size[1]}x{size[0]}, more than {_OUTPUT_LIMIT} times the limit of "
            f"{task.max_pixels} pixels; raise --max-pixels"
        )
    return size


def _made(
    image: Image, size: Size, format: str, to: str, task: Task, progress: Progress | None
) -> Checkerboard:
    """Write the picture, strip by strip; return what the metric found on the way."""
    streamed = format == "PNG"
    render = renderer(image, size, task, task.compression if streamed else None)
    runs = strips(size, render.channels, size[0] / image.size[0])
    with target.opened(to) as file, Workers(task.threads) as workers:
        meter = Meter(stride(image.size, size), *size)
        made: Iterable[Strip] = workers.in_order(render, runs)
        measured = _measured(progress(made, len(runs)) if progress else made, meter)
        if streamed:
            _stream(file, measured, image, size)
        elif format in plain.PLAIN:
            file.write(
                plain.head(format, size, render.channels, image.samples.dtype, image.metadata)
            )
            for strip in measured:
                assert strip.samples is not None  # a renderer without a compression keeps them
                file.write(plain.rows(format, strip.samples).data)
        else:
            samples = np.empty((*size, render.channels), image.samples.dtype)
            for strip in measured:
                assert strip.samples is not None  # a renderer without a compression keeps them
                samples[strip.rows.start : strip.rows.stop] = strip.samples
            files.save(samples, format, image.metadata, file, task.quality)
        return meter.result()


def _measured(made: Iterable[Strip], meter: Meter) -> Iterator[Strip]:
    for strip in made:
        meter.feed(strip.luma, strip.opaque)
        yield strip


def _stream(file: BinaryIO, made: Iterable[Strip], image: Image, size: Size) -> None:
    bits = 8 * image.samples.dtype.itemsize
    file.write(png.head(size, image.samples.shape[2], bits, image.metadata))
    checksum = png.Checksum()
    for strip in made:
        assert strip.piece is not None  # a renderer with a compression makes pieces
        checksum.add(strip.piece)
        file.write(strip.piece.chunk)
    file.write(png.tail(checksum))
