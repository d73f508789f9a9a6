"""Repair an image: remove its checkerboard, and leave everything else as it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod, sqrt
from typing import NamedTuple

import numpy as np

from upsample_cli import memory
from upsample_cli.images.image import Image, with_visible_colours
from upsample_cli.images.levels import COLOURS, Channel, Conversion, channel_levels
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.jobs.measure.measurement import (
    CHANNELS,
    Measurement,
    Reference,
    cells_by_channel,
    least_ripple,
    luma_of,
    measure_image,
    measure_luma_first,
)
from upsample_cli.metrics.cells import CellGrid, Cells
from upsample_cli.metrics.checkerboard import CHECKERBOARD
from upsample_cli.metrics.meter import PatternMap, grid, verdict_and_map
from upsample_cli.metrics.pattern import is_striped
from upsample_cli.metrics.pattern_removal import PatternRemoval, pattern_removal
from upsample_cli.metrics.rows import Floats
from upsample_cli.metrics.shared_pattern import pattern_left_over

_CellsOf = Mapping[str, Cells | None]  # by channel
_FieldsOf = Mapping[str, tuple[PatternMap, PatternMap]]  # by channel, see `_fields`

_WHITE = np.float32(255)
_LEAST_USABLE = 0.1  # share of a colour's cells: if fewer are usable, luma's are used
_ROUNDS = 3  # the most patterns, of different strides, to remove one after the other
_MOST_CHANGE = 4.5  # largest RMS of a repair's change, in multiples of the ripple
_ROWS = 256  # to compare at a time
_MOST_LEFT = 0.9  # share of the ripple that a further round may leave; else it is dropped


class Repaired(NamedTuple):
    """A picture that was repaired."""

    image: Image  # without its checkerboard; the same object as the input if nothing was repaired
    before: Measurement  # the checkerboard in the input
    after: Measurement  # what is left of the checkerboard
    moved: float  # the RMS of the change over all channels, in levels of 0..255


def repaired(
    image: Image,
    stride: int | None = None,
    strength: float = 1.0,
    reference: Reference | None = None,
    threads: int = 1,
) -> Repaired:
    """Return a picture without its checkerboard; the same object if none is found.

    If neither a stride nor a reference is given, stripes along one axis alone are left.

    Args:
        image: A picture, not CMYK.
        stride: Period to look for, in pixels; None to find it among 2..8.
        strength: Share of the pattern to remove, 0..1.
        reference: What the picture was enlarged from; None if unknown.
        threads: How many threads share the work.
    """
    before = measure_luma_first(image, stride, reference, threads)
    result, after = image, before
    leaves_stripes = stride is None and reference is None
    for _ in range(_ROUNDS if stride is None else 1):
        if after.worst.verdict != CHECKERBOARD or strength == 0:
            break
        period = after.overall.stride[0]
        repair = _repaired_at(result, period, reference, threads, leaves_stripes)
        if repair is result:  # only stripes are left
            break
        of_luma = (None,) if after.overall is after.luma else ()
        if _rms_of_change(result, repair, of_luma) > _MOST_CHANGE * after.overall.ripple:
            break  # it would do more harm than the pattern
        remaining = measure_image(repair, period, reference, threads)
        if result is not image and remaining.overall.ripple > _MOST_LEFT * after.overall.ripple:
            break
        result, after = repair, remaining
        if stride is None:  # layers of several strides leave several patterns
            at_any_stride = measure_image(luma_of(result), None, reference, threads)
            after = at_any_stride if at_any_stride.luma.verdict == CHECKERBOARD else after
    if strength < 1 and result is not image:
        result = _blended(image, result, strength)
        after = measure_image(result, before.overall.stride[0], reference, threads)
    return Repaired(result, before, after, _rms_of_change(image, result))


def _fields(cells: _CellsOf, cut: CellGrid) -> _FieldsOf:
    """Return maps of each channel's checkerboard, with and without the pattern its cells share."""
    fields = dict[str, tuple[PatternMap, PatternMap]]()
    for name, of_channel in cells.items():  # luma comes first
        if name in COLOURS and "luma" in fields:  # a colour has luma's fields, if luma has any
            fields[name] = fields["luma"]
            continue
        result, field = verdict_and_map(of_channel, cut, least_ripple(CHANNELS[name]))
        if result.verdict == CHECKERBOARD and of_channel is not None:
            fields[name] = field, pattern_left_over(of_channel, cut)
    return {name: fields[name] for name in fields if name != "luma" or "red" not in cells}


def _blended(image: Image, result: Image, strength: float) -> Image:
    """Return a picture with a share of its repair."""
    samples = image.samples.copy()
    for index in range(samples.shape[2]):
        old, new = (picture.samples[..., index].astype(np.float32) for picture in (image, result))
        planes = (old + np.float32(strength) * (new - old))[None] / np.float32(image.peak)
        samples[..., index] = Conversion(image.dtype).levels(planes)[0]
    return image._replace(samples=samples)


def _repaired_at(image: Image, stride: int, reference: Reference | None, threads: int,
                 leaves_stripes: bool) -> Image:  # fmt: skip
    """Return a picture without its checkerboard; the same object if that consists of stripes."""
    needed = (10 if image.has_alpha else 3) * image.samples.nbytes
    memory.check(needed, f"a repair of {image.size[1]}x{image.size[0]}")
    cut, visible = grid((stride, stride), image.size), image
    if image.has_alpha:  # a pattern is in proportion to the brightness of what is visible
        visible = image._replace(samples=with_visible_colours(image.samples))
    with Workers(threads) as workers:
        by_stride = cells_by_channel(visible, range(stride, stride + 1), reference, workers)
        cells = {name: of_channel for name, (of_channel,) in by_stride.items()}
        fields = _fields(cells, cut)
        if leaves_stripes and _are_stripes(cells, cut, fields):
            return image
        samples = image.samples.copy()
        is_lossy = image.format in formats.WITH_QUALITY and not image.metadata.lossless

        def planned(name: str) -> PatternRemoval:
            """Return how to repair a channel, with luma's cells if nearly all of it is clipped."""
            of_channel = cells[name]
            assert of_channel is not None  # a picture with a checkerboard has cells
            if name in COLOURS and of_channel.usable.mean() < _LEAST_USABLE:
                of_channel = cells["luma"] or of_channel
            fetch = partial(_rows, visible, reference, CHANNELS[name])
            return pattern_removal(of_channel, cut, fields[name], image.size, fetch, is_lossy)

        def repair(part: tuple[str, PatternRemoval, range]) -> None:
            """Repair some rows of a channel in place."""
            name, plan, rows = part
            channel = CHANNELS[name]
            new = Conversion(image.dtype).levels(plan.without_pattern(rows)[None] / _WHITE)[0]
            old = image.samples[rows.start : rows.stop]
            is_visible = old[..., -1] > 0 if image.has_alpha else True
            np.copyto(samples[rows.start : rows.stop, :, channel or 0], new,
                      "unsafe", is_visible)  # fmt: skip

        plans = zip(fields, workers.in_order(planned, list(fields)), strict=True)
        parts = [(name, plan, rows) for name, plan in plans for rows in plan.strips()]
        for _ in workers.in_order(repair, parts):
            pass
    return image._replace(samples=samples)


def _rms_of_change(old: Image, new: Image, channels: Sequence[Channel] = ()) -> float:
    """Return the RMS of the change of a picture over some channels, by default all, in levels."""
    if new is old:
        return 0.0
    # Opacity is channel -1, and colours are counted from 0.
    channels = channels or range(-old.has_alpha, old.samples.shape[2] - old.has_alpha)
    squares = 0.0
    for top in range(0, old.size[0], _ROWS):
        for channel in channels:
            rows = (channel_levels(item.samples[top : top + _ROWS], channel) for item in (old, new))
            squares += float(np.square(np.subtract(*rows), dtype=np.float64).sum())
    return sqrt(squares / (len(channels) * prod(old.size)))


def _rows(image: Image, reference: Reference | None, channel: Channel, rows: range) -> list[Floats]:
    """Return rows of a channel in levels, and those of its reference if there is one."""
    levels = channel_levels(image.samples[rows.start : rows.stop], channel)
    expected = None if reference is None else reference.rows(rows, channel)
    return [levels] if expected is None else [levels, expected]


def _are_stripes(cells: _CellsOf, cut: CellGrid, fields: _FieldsOf) -> bool:
    """Return whether the patterns of all channels repeat along one axis alone."""
    for name, (field, _) in fields.items():
        of_channel, power = cells[name], np.square(np.nan_to_num(field.rms))
        if of_channel is None or not is_striped(of_channel, cut, power):
            return False
    return bool(fields)
