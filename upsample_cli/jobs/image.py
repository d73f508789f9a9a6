"""One picture: read, strips, write, with its report."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import PictureTooLargeError
from upsample_cli.images import files, formats, png, target
from upsample_cli.images.colour import Colour, luma
from upsample_cli.images.decoding import Decoded, decode
from upsample_cli.images.image import Image, Samples
from upsample_cli.jobs.scale import stride
from upsample_cli.jobs.strips import Picture, run, strips, tiles
from upsample_cli.jobs.task import Report, Task
from upsample_cli.jobs.workers import Workers
from upsample_cli.methods.method import Stage
from upsample_cli.metrics.checkerboard import Checkerboard, Meter
from upsample_cli.metrics.ripple import ripple
from upsample_cli.planes import Planes, Size

Progress = Callable[[Iterable["Strip"], int], Iterator["Strip"]]
_OUTPUT_LIMIT = 64  # times --max-pixels: eight times the largest picture that is read


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A run of output rows, ready to be measured and written.

    Args:
        rows: Which.
        samples: Shape (rows, W, C); not for a streamed PNG.
        piece: For a streamed PNG.
        luma: Shape (rows, W), in levels of 0..255.
        opaque: Same shape, where the picture is seen; None for everywhere.
    """

    rows: range
    samples: Samples | None
    piece: png.Piece | None
    luma: NDArray[np.float32]
    opaque: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Renderer:
    """Makes strips of one picture; its calls may run at once."""

    stages: tuple[Stage, ...]
    picture: Picture
    colour: Colour
    size: Size
    channels: int
    compression: int | None  # None where the output is no streamed PNG
    cut: tuple[range, ...] = field(default=())

    def __call__(self, rows: range) -> Strip:
        height, width = self.size
        samples = np.empty((len(rows), width, self.channels), self.colour.dtype)
        light = np.empty((len(rows), width), np.float32)
        opaque = np.empty((len(rows), width), bool) if self.colour.alpha else None
        for columns in self.cut:
            levels = self.colour.levels(run(self.stages, self.picture, rows, columns))
            across = slice(columns.start, columns.stop)
            for channel, plane in enumerate(levels):
                samples[:, across, channel] = plane
            light[:, across] = luma(levels)
            if opaque is not None:
                opaque[:, across] = levels[-1] > 0
        if self.colour.peak != 255:
            light *= np.float32(255 / self.colour.peak)
        if self.compression is None:
            return Strip(rows, samples, None, light, opaque)
        piece = png.piece(samples, self.compression, rows.stop == height)
        return Strip(rows, None, piece, light, opaque)


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
    size = task.target.size(image.size)
    if size[0] * size[1] > task.max_pixels * _OUTPUT_LIMIT:
        raise PictureTooLargeError(
            f"{to} would be {size[1]}x{size[0]}, more than {_OUTPUT_LIMIT} times the limit of "
            f"{task.max_pixels} pixels; raise --max-pixels"
        )
    format = formats.format_of(to, task.format, image.format)
    image, losses = files.fitted(image, format)
    if task.strip:
        image = replace(image, metadata=image.metadata.stripped())
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


def _made(
    image: Image, size: Size, format: str, to: str, task: Task, progress: Progress | None
) -> Checkerboard:
    """Write the picture, strip by strip; return what the metric found on the way."""
    streamed = format == "PNG"
    render = _renderer(image, size, task, task.compression if streamed else None)
    runs = strips(size, render.channels, size[0] / image.size[0])
    with target.opened(to) as file, Workers(task.threads) as workers:
        meter = Meter(stride(image.size, size), *size)
        made: Iterable[Strip] = workers.in_order(render, runs)
        measured = _measured(progress(made, len(runs)) if progress else made, meter)
        if streamed:
            _stream(file, measured, image, size)
        else:
            samples = np.empty((*size, render.channels), image.samples.dtype)
            for strip in measured:
                assert strip.samples is not None  # a renderer without a compression keeps them
                samples[strip.rows.start : strip.rows.stop] = strip.samples
            files.save(samples, format, image.metadata, file, task.quality)
        return meter.result()


def _renderer(image: Image, size: Size, task: Task, compression: int | None) -> _Renderer:
    samples = image.samples
    colour = Colour(samples.dtype, image.has_alpha, task.premultiplied, task.linear)

    def fetch(rows: range, columns: range) -> Planes:
        return colour.planes(samples[rows.start : rows.stop, columns.start : columns.stop])

    return _Renderer(
        stages=task.method.stages(image.size, size),
        picture=Picture(image.size, fetch, task.boundary),
        colour=colour,
        size=size,
        channels=samples.shape[2],
        compression=compression,
        cut=tuple(tiles(size[1], size[1] / image.size[1])),
    )


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
