"""One picture enlarged by many methods, with scores and figures of each result."""

from collections.abc import Iterator, Sequence
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, UpsampleError
from upsample_cli.images.figures.pattern_figures import block_means
from upsample_cli.images.figures.small_pictures import smaller
from upsample_cli.images.image import Image
from upsample_cli.images.levels import OPACITY, rounded
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.write import png
from upsample_cli.images.write.formats import Encoding
from upsample_cli.jobs.batch.picture_job import is_not_picture
from upsample_cli.jobs.batch.walk import Globs, files_in
from upsample_cli.jobs.compare.subject import (
    NamedMethod,
    Options,
    Plane,
    Subject,
    default_methods,
    luma_over_black,
    read_subject,
    rendered,
)
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.jobs.enlarge.render import pattern_period
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.jobs.measure.measurement import channel_rows
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.flat_ripple import flat_ripple
from upsample_cli.methods.method import Method
from upsample_cli.methods.strides import whole_stride
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.fidelity import psnr, ssim
from upsample_cli.metrics.meter import Meter, PatternMap
from upsample_cli.metrics.spectrum import periodogram
from upsample_cli.planes import Size

BLOCK = 16
"""Output pixels along a side of the blocks in which methods are compared."""

_WHOLE, _HEAT = 960, 480  # most pixels on the longer side of a reduced picture
_SPECTRUM = 1024  # pixels along a side of the middle part whose spectrum is taken
_LEAST_SPECTRUM, _LEAST_SSIM = 16, 11  # pixels on the shorter side
_REACH = 24  # input pixels around an impulse: beyond them even a spline's response is about 0
_LUMA, _FIDELITY = 12, 40  # bytes per output pixel beside its samples, measured


class Scores(NamedTuple):
    """The figures of an enlargement; an unknown figure is NaN or None."""

    label: str
    kernel: Kernel | None
    flat_ripple: float
    seconds: float  # on one thread
    megabytes: float  # of the output as a PNG
    psnr: float
    ssim: float
    checkerboard: Checkerboard


class PagePictures(NamedTuple):
    """The pictures that a page shows of an enlargement."""

    field: PatternMap  # where the metric sees a checkerboard
    power: NDArray[np.float64] | None  # the spectrum; None if the output is too small
    light: Plane  # the luma, reduced
    error: Plane | None  # the absolute error of the luma, reduced; None without a reference
    step: int  # output pixels per pixel of `light` and `error`, on each axis
    picture: NDArray[np.uint8]  # the enlargement, reduced


class Comparison(NamedTuple):
    """A picture, and the results of the methods in the order in which they are listed."""

    subject: Subject
    methods: Sequence[NamedMethod]
    scores: Sequence[Scores]
    drawn: Sequence[PagePictures]
    differences: Plane  # between methods, RMS in each block, in levels


def compare_all(
    place: Place | Folder, methods: Sequence[NamedMethod] | None, options: Options
) -> Iterator[tuple[Place, Comparison | UpsampleError]]:
    """Yield each picture with its comparison, or with the error that prevented it.

    Raises:
        UpsampleError: The options do not suit the one picture.
    """
    for source, is_in_folder in files_in([place], Globs()):
        try:
            if is_in_folder and is_not_picture(source):
                continue
            result = compare(source, methods, options, repairs=not is_in_folder)
            if is_in_folder:  # other folders may hold the same name
                name = str(source).removeprefix(str(place)).lstrip("/\\")
                result = result._replace(subject=result.subject._replace(name=name))
            yield source, result
        except UpsampleError as error:
            if not (is_in_folder or isinstance(error, ImageFileError)):
                raise
            yield source, error


def compare(
    source: Place, methods: Sequence[NamedMethod] | None, options: Options, repairs: bool = False
) -> Comparison:
    """Return the comparison of methods on one picture.

    Args:
        source: The picture.
        methods: The methods to enlarge it by; None for the default ones at the scale.
        options: How to compare.
        repairs: Whether to repair a picture that has a checkerboard, and enlarge the result by the
            first method, too.

    Raises:
        UpsampleError: The picture cannot be read or enlarged, or a setting is out of range.
    """
    subject = read_subject(source, options)
    methods = methods or default_methods(options.scale or subject.scale)
    if repairs:
        from upsample_cli.jobs.measure.image_repair import repaired

        repair = repaired(subject.image, threads=options.threads)
        if repair.image is not subject.image:
            subject = subject._replace(repaired=repair.image, checkerboard=repair.before.overall)
            first = methods[0]
            methods = [*methods, NamedMethod(f"repaired, {first.label}", first.method, True)]
    bytes_per_pixel = 2 * subject.image.channels * subject.image.dtype.itemsize + _LUMA
    bytes_per_pixel += 0 if subject.truth is None else _FIDELITY
    pixels = subject.size[0] * subject.size[1] * (options.threads + 1)
    memory.check(pixels * bytes_per_pixel, f"{subject.name} at x{subject.scale:g}")
    truth = None if subject.truth is None else luma_over_black(subject.truth)
    scores, drawn, differences = list[Scores](), list[PagePictures](), list[Plane]()
    previous: NDArray[np.uint8] | int = 0
    with Workers(options.threads) as workers:
        results = workers.in_order(lambda named: _result(subject, truth, named), methods)
        for score, pictures, luma in results:
            # Compare neighbours, not all with their mean: a method that is off everywhere, as by a
            # checkerboard, is then in two differences at most, and the median ignores them.
            differences.append(_block_rms(luma.astype(np.float32) - previous))
            scores.append(score)
            drawn.append(pictures)
            previous = luma
    median = np.median(differences[1:] or differences, axis=0)
    return Comparison(subject, methods, scores, drawn, median)


def _result(
    subject: Subject, truth: Plane | None, named: NamedMethod
) -> tuple[Scores, PagePictures, NDArray[np.uint8]]:
    """Return the scores and pictures of one method, and the luma of its output in whole levels."""
    start = perf_counter()
    subject, method = subject.enlarged_by(named), named.method
    rows = method.rows_at_once(subject.size, subject.scale)
    image = subject.image._replace(samples=rendered(subject.renderer(method), rows))
    seconds, samples, luma = perf_counter() - start, image.samples, luma_over_black(image)
    meter = _worse_meter(image, pattern_period(subject.image.size, subject.size))
    light, step = block_means(luma, _HEAT)
    fidelity, error = (nan, nan), None
    if truth is not None:
        ours, true = luma.astype(np.float64), truth.astype(np.float64)
        fidelity = psnr(ours, true), ssim(ours, true) if min(ours.shape) >= _LEAST_SSIM else nan
        error, _ = block_means(np.abs(luma - truth), _HEAT)
    megabytes = nan
    if samples.dtype.kind == "u":
        megabytes = len(png.encode_strip(samples, Encoding().deflate, True).chunk) / 1e6
    top, left = (max(0, (n - _SPECTRUM) // 2) for n in luma.shape)
    middle = luma[top : top + _SPECTRUM, left : left + _SPECTRUM]
    power = periodogram(middle) if min(middle.shape) >= _LEAST_SPECTRUM else None
    return (
        Scores(named.label, kernel_of(method, subject.scale),
               flat_ripple(method, subject.image.size, subject.size),
               seconds, megabytes, *fidelity, meter.result()),
        PagePictures(meter.pattern_map(), power, light, error, step,
              smaller(rounded(samples), _WHOLE)),
        np.asarray(np.clip(luma + 0.5, 0, 255), np.uint8),
    )  # fmt: skip


def _worse_meter(image: Image, stride: Size) -> Meter:
    """Return the meter of a picture's luma, or of its opacity if its checkerboard is the worse."""
    meters = [Meter(image.size, stride) for _ in range(1 + image.has_alpha)]
    for meter, channel in zip(meters, (None, OPACITY), strict=False):
        for rows in channel_rows(image, channel):
            meter.feed(rows)
    return max(meters, key=lambda meter: meter.result().rank)


def kernel_of(method: Method, scale: float) -> Kernel | None:
    """Return a linear method's kernel at the least whole stride >= `scale`; None for other methods.

    The kernel of an interpolation is its impulse response.
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
    """Return the RMS of each block; pixels beyond the last whole block are left out."""
    down, across = (min(BLOCK, n) for n in plane.shape)
    rows, columns = plane.shape[0] // down, plane.shape[1] // across
    cut = plane[: rows * down, : columns * across].reshape(rows, down, columns, across)
    return np.asarray(np.sqrt(np.einsum("abcd,abcd->ac", cut, cut) / np.float32(down * across)))
