"""One picture enlarged by many methods, and what can be said of each result."""

from collections.abc import Iterator, Sequence
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import UpsampleError
from upsample_cli.images.figures.pattern_figures import reduced
from upsample_cli.images.figures.small_pictures import eight_bit, smaller
from upsample_cli.images.levels import in_levels
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.write import png
from upsample_cli.images.write.formats import DEFAULT_COMPRESSION
from upsample_cli.jobs.batch.picture_job import is_other
from upsample_cli.jobs.batch.walk import Globs, files_in
from upsample_cli.jobs.compare.subject import (
    NamedMethod,
    Options,
    Plane,
    Subject,
    luma_over_black,
    read_subject,
    whole,
)
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.jobs.enlarge.render import period
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.method import Method
from upsample_cli.methods.strides import whole_stride
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.fidelity import psnr, ssim
from upsample_cli.metrics.meter import Field, Meter
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.spectrum import periodogram

BLOCK = 16
"""Output pixels along a side of the blocks in which differences are counted."""

_WHOLE, _HEAT = 960, 480  # pixels of the longer side of reduced pictures
_SPECTRUM = 1024  # pixels along a side of the middle part whose spectrum is taken
_LEAST_SPECTRUM, _LEAST_SSIM = 16, 11  # pixels
_REACH = 24  # input pixels on each side of a bright one: a spline's kernel fades to nothing there
_LUMA, _FIDELITY = 12, 40  # bytes on a pixel of an output under way, measured


class Scores(NamedTuple):
    """What can be said of an enlargement in numbers; NaN and None where it cannot."""

    label: str
    kernel: Kernel | None
    flat_ripple: float  # of what has no kernel
    seconds: float  # on one thread
    megabytes: float  # as PNG
    psnr: float
    ssim: float
    checkerboard: Checkerboard


class Drawn(NamedTuple):
    """What a page shows of an enlargement."""

    field: Field  # where the metric sees a checkerboard
    power: NDArray[np.float64] | None  # the spectrum
    light: Plane  # its luma, reduced
    error: Plane | None  # what that is off by, reduced
    step: int  # pixels for one of these, on each axis
    whole: NDArray[np.uint8]  # reduced, too


class Comparison(NamedTuple):
    """A picture and the results of the methods, in the order of the list."""

    subject: Subject
    methods: Sequence[NamedMethod]
    scores: Sequence[Scores]
    drawn: Sequence[Drawn]
    differences: Plane  # of each block, in levels


def compare_all(
    place: Place | Folder, methods: Sequence[NamedMethod], options: Options
) -> Iterator[tuple[Place, Comparison | UpsampleError]]:
    """Yield the comparison of a picture, or of each in a folder, there also why there is none."""
    for source, is_in_folder in files_in([place], Globs()):
        try:
            if not (is_in_folder and is_other(source)):
                yield source, compare(source, methods, options, repairs=not is_in_folder)
        except UpsampleError as error:
            if not is_in_folder:
                raise
            yield source, error


def compare(
    source: Place, methods: Sequence[NamedMethod], options: Options, repairs: bool = False
) -> Comparison:
    """Return what becomes of a picture by each method; raise where it or a setting is at fault.

    Args:
        source: The picture.
        methods: What to enlarge it by.
        options: How.
        repairs: Whether a picture with a checkerboard is enlarged by the first method without it,
            too.
    """
    subject = read_subject(source, options)
    if repairs:
        from upsample_cli.jobs.measure.measure import MeasureOptions
        from upsample_cli.jobs.measure.mend import repaired

        mended = repaired(subject.image, MeasureOptions(), threads=options.threads).image
        if mended is not subject.image:
            subject = subject._replace(repaired=mended)
            first = methods[0]
            methods = [*methods, NamedMethod(f"repaired, {first.label}", first.method, True)]
    each = 2 * subject.image.channels * subject.image.dtype.itemsize + _LUMA
    each += 0 if subject.truth is None else _FIDELITY
    pixels = subject.size[0] * subject.size[1] * (options.threads + 1)
    memory.check(pixels * each, f"{subject.name} at x{subject.scale:g}")
    truth = None if subject.truth is None else luma_over_black(subject.truth)
    scores, drawn, steps, last = list[Scores](), list[Drawn](), list[Plane](), None
    with Workers(options.threads) as workers:
        results = workers.in_order(lambda one: _result(subject.of(one), truth, one), methods)
        for score, pictures, luma in results:
            # Of neighbours in the list, not of all from their mean: one that is off everywhere,
            # as a checkerboard is, then counts twice at most, and the median leaves it out.
            steps.append(_block_rms(luma.astype(np.float32) - (0 if last is None else last)))
            scores.append(score)
            drawn.append(pictures)
            last = luma
    return Comparison(subject, methods, scores, drawn, np.median(steps[1:] or steps, axis=0))


def _result(
    subject: Subject, truth: Plane | None, named: NamedMethod
) -> tuple[Scores, Drawn, NDArray[np.uint8]]:
    """Enlarge by one method; return also its luma in whole levels."""
    start = perf_counter()
    method = named.method
    rows = method.rows_at_once(subject.size, subject.scale)
    image = subject.image._replace(samples=whole(subject.renderer(method), rows))
    seconds, samples, luma = perf_counter() - start, image.samples, luma_over_black(image)
    meter = Meter(subject.size, period(subject.image.size, subject.size))
    meter.feed(Rows(in_levels(samples, None), samples[..., -1] > 0 if image.has_alpha else None))
    light, step = reduced(luma, _HEAT)
    fidelity, error = (nan, nan), None
    if truth is not None:
        one, other = luma.astype(np.float64), truth.astype(np.float64)
        fidelity = psnr(one, other), ssim(one, other) if min(one.shape) >= _LEAST_SSIM else nan
        error, _ = reduced(np.abs(luma - truth), _HEAT)
    megabytes = nan
    if samples.dtype.kind == "u":
        megabytes = len(png.encode_strip(samples, DEFAULT_COMPRESSION, True).chunk) / 1e6
    top, left = (max(0, (n - _SPECTRUM) // 2) for n in luma.shape)
    middle = luma[top : top + _SPECTRUM, left : left + _SPECTRUM]
    power = periodogram(middle) if min(middle.shape) >= _LEAST_SPECTRUM else None
    return (
        Scores(named.label, kernel_of(method, subject.scale),
               nan if getattr(method, "antiring", 0) else method.flat_ripple,
               seconds, megabytes, *fidelity, meter.result()),
        Drawn(meter.field(), power, light, error, step,
              smaller(eight_bit(samples, image.peak), _WHOLE)),
        np.asarray(np.clip(luma + 0.5, 0, 255), np.uint8),
    )  # fmt: skip


def kernel_of(method: Method, scale: float) -> Kernel | None:
    """Return a method's kernel at the least whole stride that reaches a scale, if it is linear.

    That of an interpolation is what it makes of one bright pixel.
    """
    stride, side = whole_stride(scale), 2 * _REACH + 1
    is_linear = method.is_linear and not getattr(method, "antiring", 0)
    kernel = method.equivalent(stride) if is_linear else None
    if kernel is not None or not is_linear:
        return kernel
    planes = np.zeros((1, side, side))
    planes[0, _REACH, _REACH] = 1.0
    length = side * stride
    size = (length, length)
    taps = enlarge(planes, method.stages((side, side), size), size)[0]
    used = np.flatnonzero(np.abs(taps).max(axis=0) > 1e-7)
    edge = min(int(used[0]), length - 1 - int(used[-1]))
    return Kernel(method.name, taps[edge : length - edge, edge : length - edge], stride)


def _block_rms(plane: Plane) -> Plane:
    """Return the RMS of each block; pixels beyond the last whole one belong to none."""
    down, across = (min(BLOCK, n) for n in plane.shape)
    rows, columns = plane.shape[0] // down, plane.shape[1] // across
    cut = plane[: rows * down, : columns * across].reshape(rows, down, columns, across)
    return np.asarray(np.sqrt(np.einsum("abcd,abcd->ac", cut, cut) / np.float32(down * across)))
