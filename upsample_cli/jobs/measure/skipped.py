"""Measure an output that was skipped, as the run that wrote it did."""

import sys
from collections.abc import Iterable

import numpy as np

from upsample_cli.errors import UpsampleError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import OPACITY
from upsample_cli.images.places.place import parse_file
from upsample_cli.images.read import animation, files, opening
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.decode import decode
from upsample_cli.jobs.enlarge.picture import kernel_figures
from upsample_cli.jobs.enlarge.render import pattern_period
from upsample_cli.jobs.enlarge.task import Report, Task
from upsample_cli.jobs.measure.measure import MeasureOptions, measure
from upsample_cli.jobs.measure.measurement import channel_rows
from upsample_cli.methods.interpolation import Unchanged
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.meter import Meter
from upsample_cli.planes import Size


def measured(report: Report, task: Task) -> Report:
    """Return the report on a skipped output with its checkerboard, or the report on a failure.

    An enlargement is measured only at the period of its scale, a repaired picture at all strides.

    Args:
        report: The report on the output, which may have any number of pixels.
        task: How the run would have written the output.
    """
    output = parse_file(report.output)
    try:
        if isinstance(task.method, Unchanged):
            options = MeasureOptions(max_pixels=sys.maxsize)  # only memory limits them
            return report._replace(checkerboard=measure(output, options).overall)
        size = opening.read_size(parse_file(report.input), task.max_pixels, must_fit=False)
        uncropped = task.target_size.uncropped(size)
        return report._replace(
            checkerboard=_worst(decode(output, sys.maxsize), pattern_period(size, uncropped)),
            kernel_ripple=kernel_figures(task.method, size, uncropped)[0],
        )
    except UpsampleError as error:
        return report._replace(status="failed", error=str(error))


def _worst(picture: Image | Animation, stride: Size) -> Checkerboard:
    """Return the strongest checkerboard in luma and opacity, in any frame, at a stride."""
    images: Iterable[Image]
    if isinstance(picture, Image):
        images = (files.in_srgb(picture),)
    else:
        frames = animation.frames(picture)
        images = (Image(np.asarray(frame), picture.format) for frame in frames)
    results = []
    for image in images:
        for channel in (None, OPACITY)[: 1 + image.has_alpha]:
            meter = Meter(image.size, stride)
            for rows in channel_rows(image, channel):
                meter.feed(rows)
            results.append(meter.result())
    return max(results, key=lambda result: result.rank)
