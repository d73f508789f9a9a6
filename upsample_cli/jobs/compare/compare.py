"""One picture enlarged by many methods, and what can be said of each result."""

from collections.abc import Sequence
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.images.figures.heat_map import reduced
from upsample_cli.images.figures.small_pictures import thumbnail
from upsample_cli.images.image import Samples
from upsample_cli.images.places.place import Place
from upsample_cli.images.write import png
from upsample_cli.images.write.formats import DEFAULT_COMPRESSION
from upsample_cli.jobs.compare.areas import Blocks, block_rms
from upsample_cli.jobs.compare.method_list import NamedMethod
from upsample_cli.jobs.compare.point_response import PointResponse, point_response
from upsample_cli.jobs.compare.subject import (
    CompareOptions,
    Plane,
    Subject,
    all_rows,
    read_subject,
)
from upsample_cli.jobs.enlarge.render import period
from upsample_cli.jobs.enlarge.strips import cut
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.fidelity import psnr, ssim
from upsample_cli.metrics.meter import Field, Meter
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.spectrum import periodogram

THUMBNAIL = 960
"""Pixels of the longer side of a whole picture that is reduced."""

_HEAT = 480  # likewise, of heat maps
_SPECTRUM = 1024  # pixels, the side of the part whose spectrum is taken
_LEAST_SPECTRUM, _LEAST_SSIM = 16, 11  # pixels
_BAND = 256  # rows at a time
_PIXEL = 48  # bytes of figures on a pixel of an output under way


class MethodResult(NamedTuple):
    """What can be said of an enlargement by one method.

    Args:
        label: The method's name.
        seconds: To enlarge, on one thread.
        megabytes: As PNG; NaN for samples that a PNG cannot hold.
        psnr: In dB, of luma; NaN without a reference.
        ssim: Of luma; NaN without a reference.
        checkerboard: What the metric sees.
        kernel: The method's kernel; None where it has none.
    """

    label: str
    seconds: float
    megabytes: float
    psnr: float
    ssim: float
    checkerboard: Checkerboard
    kernel: PointResponse | None


class MethodPictures(NamedTuple):
    """What is drawn of an enlargement by one method.

    Args:
        field: Where the metric sees a checkerboard.
        power: The spectrum, see `periodogram`; None of a picture that is too small.
        light: The luma, reduced by `step`.
        error: What its luma is off by, in levels, reduced; None without a reference.
        whole: The enlargement, reduced.
        step: Pixels of the enlargement for one of the reduced ones, on each axis.
    """

    field: Field
    power: NDArray[np.float64] | None
    light: Plane
    error: Plane | None
    whole: Plane
    step: int


class Comparison(NamedTuple):
    """A picture and the results of the methods.

    Args:
        subject: The picture.
        results: One a method, in the order of the list.
        pictures: Likewise.
        differences: How different the results are in each block, in levels.
    """

    subject: Subject
    results: Sequence[MethodResult]
    pictures: Sequence[MethodPictures]
    differences: Blocks


def compare(source: Place, methods: Sequence[NamedMethod], options: CompareOptions) -> Comparison:
    """Enlarge a picture by each method.

    Args:
        source: Where the picture is read.
        methods: One or more.
        options: How to compare.

    Raises:
        SettingError: The options do not suit the picture, or a method the scale.
        ImageFileError: A picture cannot be read.
    """
    subject = read_subject(source, options)
    pixels = subject.size[0] * subject.size[1]
    each = pixels * (_PIXEL + subject.image.channels * subject.image.dtype.itemsize)
    memory.check(each * (options.threads + 1), f"{subject.name} at x{subject.scale:g}")
    results, pictures = list[MethodResult](), list[MethodPictures]()
    steps, last = list[Blocks](), None
    with Workers(options.threads) as workers:
        for result, drawn, luma in workers.in_order(lambda one: _result(subject, one), methods):
            # Of neighbours in the list, not of all from their mean: one that is off everywhere,
            # as a checkerboard is, then counts twice at most, and the median leaves it out.
            if last is not None:
                steps.append(block_rms(luma.astype(np.float32) - last))
            results.append(result)
            pictures.append(drawn)
            last = luma
    assert last is not None  # there is one method at least
    blocks = np.median(steps, axis=0) if steps else block_rms(last.astype(np.float32))
    return Comparison(subject, results, pictures, blocks)


def _result(
    subject: Subject, named: NamedMethod
) -> tuple[MethodResult, MethodPictures, NDArray[np.uint8]]:
    """Enlarge by one method; return what can be said and drawn of it, and its luma in levels."""
    start = perf_counter()
    samples, luma, opacity = all_rows(subject.renderer(named.method))
    seconds = perf_counter() - start
    meter = Meter(subject.size, period(subject.image.size, subject.size))
    meter.feed(Rows(luma, None if opacity is None else opacity > 0))
    if opacity is not None:
        luma *= opacity / np.float32(255)
    light, step = reduced(luma, _HEAT)
    fidelity, error = (nan, nan), None
    if subject.luma is not None:
        fidelity = _fidelity(luma, subject.luma)
        error, _ = reduced(np.abs(luma - subject.luma), _HEAT)
    kernel = point_response(named.method, subject.scale)
    result = MethodResult(named.label, seconds, _megabytes(samples), *fidelity, meter.result(),
                          kernel)  # fmt: skip
    whole = thumbnail(samples, THUMBNAIL)
    drawn = MethodPictures(meter.field(), _power(luma), light, error, whole, step)
    return result, drawn, np.asarray(np.clip(luma + 0.5, 0, 255), np.uint8)


def _fidelity(luma: Plane, truth: Plane) -> tuple[float, float]:
    """Return PSNR and SSIM; the latter band by band, which stays in the cache."""
    one, other = luma.astype(np.float64), truth.astype(np.float64)
    height, reach = len(one), _LEAST_SSIM - 1
    if min(one.shape) < _LEAST_SSIM:
        return psnr(one, other), nan
    total = 0.0
    for rows in cut(height - reach, _BAND):
        band = slice(rows.start, rows.stop + reach)
        total += ssim(one[band], other[band]) * len(rows)
    return psnr(one, other), total / (height - reach)


def _power(luma: Plane) -> NDArray[np.float64] | None:
    """Return the spectrum of the middle of a picture."""
    if min(luma.shape) < _LEAST_SPECTRUM:
        return None
    top, left = (max(0, (n - _SPECTRUM) // 2) for n in luma.shape)
    return periodogram(luma[top : top + _SPECTRUM, left : left + _SPECTRUM])


def _megabytes(samples: Samples) -> float:
    """Return how large the PNG of an output is."""
    if samples.dtype.kind == "f":
        return nan
    parts = (samples[rows.start : rows.stop] for rows in cut(len(samples), _BAND))
    strips = (png.encode_strip(part, DEFAULT_COMPRESSION, False) for part in parts)
    return sum(len(strip.chunk) for strip in strips) / 1e6
