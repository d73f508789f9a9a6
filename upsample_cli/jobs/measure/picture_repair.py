"""Repair a picture: remove its checkerboard, and leave all else as it is."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import BinaryIO, NamedTuple

import numpy as np

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import COLOURS, Channel, Conversion, channel_levels
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import files
from upsample_cli.images.read.decode import Decoded, decode
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge import still
from upsample_cli.jobs.enlarge.task import Report, Task, output_mode
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.measure import MeasureOptions, draw
from upsample_cli.jobs.measure.measurement import (
    CHANNELS,
    Measurement,
    Reference,
    cells_by_channel,
    least_ripple,
    luma_of,
    measure_image,
    measure_luma_first,
    rms_of_change,
)
from upsample_cli.metrics.cells import CellGrid, Cells
from upsample_cli.metrics.checkerboard import CHECKERBOARD
from upsample_cli.metrics.meter import PatternMap, grid, verdict_and_map
from upsample_cli.metrics.pattern import is_striped
from upsample_cli.metrics.pattern_removal import PatternRemoval, pattern_removal
from upsample_cli.metrics.rows import Floats
from upsample_cli.metrics.shared_pattern import pattern_left_over

_CellsOf = Mapping[str, Sequence[Cells | None]]  # by channel, for the one stride
_FieldsOf = Mapping[str, tuple[PatternMap, PatternMap]]  # by channel, see `_fields`

_BY_NATURE = (
    "brickwork, halftones and screens repeat by nature; if it shows one of these, give --stride "
    "or --reference, or keep the original"
)
_ROUNDS = 3  # patterns of different strides that are removed one after the other, at most
_WORTH = 0.9  # of its ripple: what a further round may leave, or it is not worth its changes
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


class Repaired(NamedTuple):
    """A picture that was repaired."""

    image: Image  # without its checkerboard; the same object as the input if nothing was repaired
    before: Measurement  # the checkerboard in the input
    after: Measurement  # what is left of the checkerboard
    moved: float  # the RMS of the change over all channels, in levels of 0..255


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
    formats.check_size(formats.format_of(to, task.encoding.format, image.format), image.size)
    reference = None
    if options.reference is not None:
        reference = Reference(files.read(options.reference, task.max_pixels), image.size)
    result = repaired(image, options, strength, reference, task.threads)
    notes = tuple[str, ...]()
    if options.stride is None and reference is None:
        if result.image is not image:
            notes += (_BY_NATURE,)
        elif result.before.worst.verdict == CHECKERBOARD and strength > 0:
            notes += (_STRIPES_STAY.format(result.before.overall.stride[0]),)
    notes += _write(result.image, image, loaded, to, task._replace(mode=output_mode(source)))
    draw(source, image, reference, result.before, replace(options, force=task.force))
    return Report(
        str(source), str(to), "done", size=image.size, method="repair",
        seconds=perf_counter() - start, checkerboard=result.after.overall, notes=notes,
        before=result.before.overall, moved=result.moved,
    )  # fmt: skip


def repaired(
    image: Image,
    options: MeasureOptions,
    strength: float = 1.0,
    reference: Reference | None = None,
    threads: int = 1,
) -> Repaired:
    """Return a picture without its checkerboard; the same object if none is found.

    If neither a stride nor a reference is given, stripes along one axis alone are left.

    Args:
        image: A picture, not CMYK.
        options: How to look for the checkerboard.
        strength: Share of the pattern to remove, 0..1.
        reference: What the picture was enlarged from; None if unknown.
        threads: How many threads share the work.
    """
    before = measure_luma_first(image, options.stride, reference, threads)
    result, after = image, before
    is_free = options.stride is None and reference is None
    for _ in range(_ROUNDS if options.stride is None and strength == 1 else 1):
        if after.worst.verdict != CHECKERBOARD or strength == 0:
            break
        stride = after.overall.stride[0]
        mended = _mended(result, stride, reference, strength, threads, is_free)
        if mended is result:  # only stripes are left
            break
        left = measure_image(mended, stride, reference, threads)
        if result is not image and left.overall.ripple > _WORTH * after.overall.ripple:
            break
        result, after = mended, left
        if options.stride is None:  # layers of several strides leave several patterns
            others = measure_image(luma_of(result), None, reference, threads)
            after = others if others.luma.verdict == CHECKERBOARD else after
    return Repaired(result, before, after, rms_of_change(image, result))


def _still(source: Place, max_pixels: int) -> Image:
    decoded = decode(source, max_pixels)
    if not isinstance(decoded, Decoded):
        raise ImageFileError(f"{decoded.name} is animated; give a still picture")
    image = files.to_image(decoded)
    if image.is_cmyk:
        raise ImageFileError(f"{decoded.name} is CMYK; convert it to RGB first")
    return image


def _fields(cells: _CellsOf, cut: CellGrid) -> _FieldsOf:
    """Return where each channel has a checkerboard, and where beyond the shared pattern.

    The shared pattern is that of the whole picture. Colours have luma's fields, if luma has any.
    """
    fields = dict[str, tuple[PatternMap, PatternMap]]()
    for name, (of_channel,) in cells.items():  # luma comes first
        if name in COLOURS and "luma" in fields:
            fields[name] = fields["luma"]
            continue
        result, field = verdict_and_map(of_channel, cut, least_ripple(CHANNELS[name]))
        if result.verdict == CHECKERBOARD and of_channel is not None:
            fields[name] = field, pattern_left_over(of_channel, cut)
    return {name: fields[name] for name in fields if name != "luma" or "red" not in cells}


def _mended(image: Image, stride: int, reference: Reference | None, strength: float, threads: int,
            leaves_stripes: bool) -> Image:  # fmt: skip
    """Return a picture without its checkerboard; the same object if that is stripes."""
    memory.check(3 * image.samples.nbytes, f"a repair of {image.size[1]}x{image.size[0]}")
    cut = grid((stride, stride), image.size)
    with Workers(threads) as workers:
        cells = cells_by_channel(image, range(stride, stride + 1), reference, workers)
        fields = _fields(cells, cut)
        if leaves_stripes and _are_stripes(cells, cut, fields):
            return image
        samples = image.samples.copy()
        is_lossy = image.format in formats.WITH_QUALITY and not image.metadata.lossless

        def planned(name: str) -> PatternRemoval:
            """Return how to repair a channel."""
            of_channel = cells[name][0]
            assert of_channel is not None  # a picture with a checkerboard has cells
            fetch = partial(_rows, image, reference, CHANNELS[name])
            return pattern_removal(of_channel, cut, fields[name], image.size, fetch, is_lossy)

        def repair(part: tuple[str, PatternRemoval, range]) -> None:
            """Repair some rows of a channel in place."""
            name, plan, rows = part
            channel = CHANNELS[name]
            old = channel_levels(image.samples[rows.start : rows.stop], channel)
            mended = old + np.float32(strength) * (plan.without_pattern(rows) - old)
            planes = Conversion(image.dtype).levels(mended[None] / np.float32(255))
            samples[rows.start : rows.stop, :, channel or 0] = planes[0]

        plans = zip(fields, workers.in_order(planned, list(fields)), strict=True)
        parts = [(name, plan, rows) for name, plan in plans for rows in plan.strips()]
        for _ in workers.in_order(repair, parts):
            pass
    return image._replace(samples=samples)


def _rows(image: Image, reference: Reference | None, channel: Channel, rows: range) -> list[Floats]:
    """Return rows of a channel in levels, and those of its reference if there is one."""
    levels = channel_levels(image.samples[rows.start : rows.stop], channel)
    expected = None if reference is None else reference.rows(rows, channel)
    return [levels] if expected is None else [levels, expected]


def _are_stripes(cells: _CellsOf, cut: CellGrid, fields: _FieldsOf) -> bool:
    """Return whether the patterns of all channels repeat along one axis alone."""
    for name, (field, _) in fields.items():
        of_channel, power = cells[name][0], np.square(np.nan_to_num(field.rms))
        if of_channel is None or not is_striped(of_channel, cut, power):
            return False
    return bool(fields)


def _write(result: Image, image: Image, loaded: _Loaded, to: Place, task: Task) -> tuple[str, ...]:
    """Write the result, or the bytes of the input if nothing has changed; return notes."""
    format = formats.format_of(to, task.encoding.format, image.format)
    if result is not image or format != image.format:
        notes = still.enlarge_and_write(result, image.size, format, to, task, None)[1]
        untouched = (f"nothing was repaired, so it was only written as {format}",)
        return image.notes + notes + (untouched if result is image else ())
    with to.writing(task.force, task.mode) as file:
        file.write(loaded.data)
    return ("nothing was repaired, so it was copied unchanged",)
