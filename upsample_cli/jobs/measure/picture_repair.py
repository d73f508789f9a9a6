"""Repair a picture's file: read it, remove its checkerboard, and write it."""

import io
from dataclasses import dataclass, replace
from time import perf_counter
from typing import BinaryIO

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import files
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import encode, formats
from upsample_cli.jobs.enlarge import still
from upsample_cli.jobs.enlarge.task import Report, Task, output_mode
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.image_repair import repaired
from upsample_cli.jobs.measure.measure import MeasureOptions, draw
from upsample_cli.jobs.measure.measurement import Reference
from upsample_cli.metrics.checkerboard import CHECKERBOARD

_BY_NATURE = (
    "brickwork, halftones and screens repeat by nature; if it shows one of these, give --stride "
    "or --reference, or keep the original"
)
_ANOTHER_IS_LEFT = "the checkerboard of stride {} was removed; what is left has stride {}"
_STRIPES_STAY = (
    "stripes along one axis alone, as of a fence, repeat by nature and were left; --stride {} "
    "removes them"
)


@dataclass(frozen=True, slots=True)
class _Loaded(Place):
    """A file whose bytes are in memory."""

    data: bytes

    def open(self) -> BinaryIO:
        """Return a stream of its bytes."""
        return io.BytesIO(self.data)


def repair_picture(
    options: MeasureOptions, strength: float, source: Place, to: Place, task: Task
) -> Report:
    """Remove the checkerboard from a picture, write the picture, and report on it.

    Args:
        options: How to look for the checkerboard, and where to draw a map of it.
        strength: Share of the pattern to remove, 0..1.
        source: Where to read from.
        to: Where to write.
        task: How to write; its method leaves a picture as it is.

    Raises:
        UpsampleError: The picture cannot be read or repaired, or the target cannot be written.
    """
    start = perf_counter()
    sources = options.sources(source)
    to.check_target(sources, task.force)
    if options.heat_map is not None:
        if options.heat_map.key == to.key:
            raise SettingError(f"-o and --map are both {to}; name two files")
        measure_figures.check(options.heat_map, sources, task.force)
    with source.open() as file:
        loaded = _Loaded(source.label, bytes(memory.read_all(file, source.label)))
    image = _still(loaded, task.max_pixels)
    format = formats.format_of(to, task.encoding.format, image.format)
    formats.check_size(format, image.size)
    reference = None
    if options.reference is not None:
        reference = Reference(files.read(options.reference, task.max_pixels), image.size)
    result = repaired(image, options.stride, strength, reference, task.threads)
    notes = () if reference is None else reference.notes
    if options.stride is None and reference is None:
        if result.image is not image:
            notes += (_BY_NATURE,)
        elif result.before.worst.verdict == CHECKERBOARD and strength > 0:
            notes += (_STRIPES_STAY.format(result.before.overall.stride[0]),)
    strides = [measured.overall.stride[0] for measured in (result.before, result.after)]
    if result.after.overall.verdict == CHECKERBOARD and strides[0] != strides[1]:
        notes += (_ANOTHER_IS_LEFT.format(*strides),)
    with to.writing(task.force, output_mode(source)) as file:
        notes += _write(result.image, image, loaded.data, format, file, task)
    draw(source, image, reference, result.before, replace(options, force=task.force))
    return Report(
        str(source), str(to), "done", size=image.size, method="repair",
        seconds=perf_counter() - start, checkerboard=result.after.overall, notes=notes,
        before=result.before.overall, moved=result.moved,
    )  # fmt: skip


def _still(source: Place, max_pixels: int) -> Image:
    image = decode(source, max_pixels)
    if not isinstance(image, Image):
        raise ImageFileError(f"{source.label} is animated; give a still picture")
    if image.is_cmyk:
        raise ImageFileError(f"{source.label} is CMYK; convert it to RGB first")
    return image


def _write(
    result: Image, image: Image, data: bytes, format: str, file: BinaryIO, task: Task
) -> tuple[str, ...]:
    """Write the result, or the bytes of the input if nothing has changed; return notes."""
    if result is not image or format != image.format:
        task = task._replace(encoding=encode.keeping_quality(task.encoding, format, image.metadata))
        notes = still.enlarge_and_write(result, image.size, format, file, task)[1]
        untouched = (f"nothing was repaired, so it was only written as {format}",)
        return image.notes + notes + (untouched if result is image else ())
    file.write(data)
    return (*image.caveats, "nothing was repaired, so it was copied unchanged")
