"""Compute and measure the strips of an enlarged picture, ready to be written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.images.image import Image
from upsample_cli.images.levels import Conversion
from upsample_cli.images.write import png
from upsample_cli.jobs.enlarge.strips import (
    ExtendedInput,
    opacity_limits,
    output_window,
    stages_to,
    strips,
    tiles,
)
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.method import Stage
from upsample_cli.methods.network_methods import NetworkMethod
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.rows import Rows
from upsample_cli.planes import Planes, Size


class Strip(NamedTuple):
    """A run of output rows.

    Args:
        content: Samples of shape (rows, W, C); for a streamed PNG a `PngStrip`, the deflated rows.
        luma: Shape (rows, W), in levels of 0..255.
        opacity: Shape (rows, W), in levels of 0..255; None where all pixels are opaque.
    """

    content: Any
    luma: NDArray[np.float32]
    opacity: NDArray[np.float32] | None


Progress = Callable[[Iterable[Strip], int], Iterator[Strip]]
"""Passes strips on and shows how many of the given number are done."""

_METRIC_BYTES = 8  # per pixel: luma and opacity in float32
_WAITING = 3  # the most strips that wait to be written
_LARGEST_STRIDE = 16  # pixels: longer periods are not measured


class Renderer(NamedTuple):
    """Computes the strips of one picture; several threads may use it at once.

    Args:
        image: The input.
        size: Height and width of the output.
        stages: From the input's size to the output's.
        picture: The planes of the input.
        limits: Returns the least and the greatest opacity of each pixel of an output window; None
            for no limits.
        colour: Converts samples to planes, and planes to levels.
        compression: 0..9 for a streamed PNG; None for any other output.
        tiles: Runs of columns; the columns of a run are computed together.
    """

    image: Image
    size: Size
    stages: tuple[Stage, ...]
    picture: ExtendedInput
    limits: Callable[[range, range], Planes] | None
    colour: Conversion
    compression: int | None
    tiles: tuple[range, ...]

    def strip(self, rows: range) -> Strip:
        """Return the strip of these output rows."""
        height, width = self.size
        samples = np.empty((len(rows), width, self.image.channels), self.image.dtype)
        luma = np.empty((len(rows), width), np.float32)
        opacity = np.empty((len(rows), width), np.float32) if self.colour.has_opacity else None
        for columns in self.tiles:
            planes = output_window(self.stages, self.picture, rows, columns)
            limits = self.limits(rows, columns) if self.limits else None
            levels = self.colour.levels(planes, limits)
            across = slice(columns.start, columns.stop)
            for channel, plane in enumerate(levels):
                # Converting the type first, then interleaving is faster than both at once.
                samples[:, across, channel] = plane.astype(self.image.dtype, copy=False)
            luma[:, across] = self.colour.luma(levels)
            if opacity is not None:
                opacity[:, across] = self.colour.opacity(levels)
        if self.colour.peak != 255:
            for plane in (luma,) if opacity is None else (luma, opacity):
                plane *= np.float32(255 / self.colour.peak)
        if self.compression is None:
            return Strip(samples, luma, opacity)
        is_last = rows.stop == height
        deflated = png.encode_strip(samples, self.compression, is_last, self.image.bits)
        return Strip(deflated, luma, opacity)


def renderer(image: Image, size: Size, task: Task, compression: int | None) -> Renderer:
    """Return the renderer of a picture; see `Renderer`."""
    mixes = not (task.method.copies or image.palette)  # else samples are copied bit for bit
    is_linear, curve = task.linear and mixes, None
    if is_linear:
        from upsample_cli.images import profiles  # few pictures need it

        curve = profiles.curve_of(image.metadata)
    colour = Conversion(
        image.dtype, image.has_alpha, task.premultiplied and mixes, is_linear, image.is_cmyk,
        curve, image.palette, image.is_cmyk and isinstance(task.method, NetworkMethod),
    )  # fmt: skip
    method = task.method
    if isinstance(method, NetworkMethod) and colour.alpha and colour.premultiplied:
        method = replace(method, is_weighted=True)
    return Renderer(
        image=image,
        size=size,
        stages=stages_to(method, task.target_size, image.size),
        picture=ExtendedInput(
            image.size, lambda *window: colour.planes(image.samples[window]), task.boundary
        ),
        limits=_limits(image, task),
        colour=colour,
        compression=compression,
        tiles=tuple(tiles(size[1], task.target_size.uncropped(image.size)[1] / image.size[1])),
    )


def _limits(image: Image, task: Task) -> Callable[[range, range], Planes] | None:
    """Return the `limits` of a renderer: a function, or None where opacity needs no limits."""
    opacity, convert = image.samples[..., -1:], Conversion(image.dtype)
    if not (
        isinstance(task.method, NetworkMethod) and image.has_alpha and opacity.min() < convert.peak
    ):
        return None
    picture = ExtendedInput(
        image.size, lambda *window: convert.planes(opacity[window]), task.boundary
    )
    return partial(output_window, opacity_limits(task.target_size, image.size), picture)


def pattern_period(size_in: Size, size_out: Size) -> Size:
    """Return the period, down and across, of a pattern that upsampling can leave.

    A scale of p / q, in lowest terms, leaves a period of p output pixels; 1 stands for a period
    that is too long to measure.

    >>> pattern_period((100, 100), (150, 233))
    (3, 1)
    """
    sides = zip(size_in, size_out, strict=True)
    periods = (after // gcd(before, after) for before, after in sides)
    down, across = (period if period <= _LARGEST_STRIDE else 1 for period in periods)
    return down, across


class MeasuredStrips:
    """The strips of a picture in order; each is measured when it is taken.

    Args:
        image: The input.
        size: Height and width of the output.
        task: How to enlarge it.
        streamed: Whether strips are encoded as PNG one by one.
        workers: The threads that compute strips.
        progress: Wraps the strips to show a progress bar; None for no bar.
    """

    def __init__(
        self,
        image: Image,
        size: Size,
        task: Task,
        streamed: bool,
        workers: Workers,
        progress: Progress | None = None,
    ) -> None:
        self.image, self.size = image, size
        render = renderer(image, size, task, task.encoding.deflate if streamed else None)
        uncropped = task.target_size.uncropped(image.size)
        scale = uncropped[0] / image.size[0]
        runs = strips(size, image.channels, scale, task.method.rows_at_once(size, scale))
        pixel = image.channels * image.dtype.itemsize + _METRIC_BYTES
        self.threads = threads = min(task.threads, len(runs))
        window = len(runs[0]), len(render.tiles[0])
        self.memory = (threads + _WAITING) * window[0] * size[1] * pixel
        self.memory += task.method.memory(image.size, uncropped, window, threads)
        needed = image.samples.nbytes + self.memory
        memory.check(needed, f"an output of {size[1]}x{size[0]}", threads)
        computed: Iterable[Strip] = workers.in_order(render.strip, runs)
        self._strips = progress(computed, len(runs)) if progress else computed
        stride = pattern_period(image.size, uncropped)
        self._meters = {"colours": Meter(size, stride)}
        if render.colour.has_opacity:
            self._meters["opacity"] = Meter(size, stride)

    def __iter__(self) -> Iterator[Any]:
        """Yield the content of each strip once it is measured."""
        for strip in self._strips:
            if strip.opacity is None:
                self._meters["colours"].feed(Rows(strip.luma))
            else:
                self._meters["colours"].feed(Rows(strip.luma, strip.opacity > 0))
                self._meters["opacity"].feed(Rows(strip.opacity, is_unclipped=True))
            yield strip.content

    def checkerboard(self) -> tuple[Checkerboard, tuple[str, ...]]:
        """Return the worse of the checkerboards in colours and opacity, and notes on it.

        Call it after all strips have been taken.
        """
        results = {name: meter.result() for name, meter in self._meters.items()}
        worst = max(results, key=lambda name: results[name].rank)
        is_in_opacity = worst == "opacity" and results[worst].verdict == "checkerboard"
        return results[worst], ("the checkerboard is in the opacity",) if is_in_opacity else ()
