"""Label masks enlarged: every class is a plane, and the largest plane wins at each pixel.

A tile of the output takes only the classes in the window that it draws on, a few at a time, and
keeps the largest value so far; so memory does not grow with the number of classes. Where planes
are equal up to rounding, the lower label wins.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.places.place import Place
from upsample_cli.images.read import label_mask as masks
from upsample_cli.images.read.label_mask import Labels, Mask
from upsample_cli.jobs.enlarge.strips import Picture, cut, stages_to
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.methods.method import Stage, windows_of
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Planes, Size

_TOGETHER = 8  # classes
_TILE = 256  # output pixels a side: larger tiles hold more classes, smaller ones more margin
_ROUNDING = 1e-5  # of float32 through all stages


def write(mask: Mask, size: Size, format: str, to: Place, task: Task) -> Checkerboard:
    """Enlarge a mask and write it; return a checkerboard whose status is "labels".

    Raises:
        ImageFileError: The format does not keep labels, or the target cannot be written.
    """
    masks.check_format(mask, format)
    if task.drop_metadata:
        mask = replace(mask, options=tuple(option for option in mask.options if option[0] != "dpi"))
    with to.writing(task.force, task.mode) as file:
        labels = enlarged(
            mask.labels,
            stages_to(task.method, task.target, mask.size),
            size,
            task.boundary,
            task.threads,
        )
        masks.write(mask, labels, format, file, task.encoding.deflate)
    return Checkerboard((1, 1), status="labels")


def enlarged(
    labels: Labels, stages: Sequence[Stage], size: Size, boundary: str, threads: int
) -> Labels:
    """Return labels enlarged; every one is a label of the input nearby.

    Args:
        labels: Shape (H, W).
        stages: From its size to that of the output.
        size: Height and width of the output.
        boundary: symmetric, nearest or zero.
        threads: How many work at once.
    """

    def fetch(rows: range, columns: range) -> Planes:
        """Return labels counted from 1; 0 means no label."""
        window = labels[rows.start : rows.stop, columns.start : columns.stop]
        return window[None].astype(np.float32) + np.float32(1)

    picture = Picture((labels.shape[0], labels.shape[1]), fetch, boundary)
    out = np.empty(size, labels.dtype)
    unit = [max(1, round(16 * after / n)) for after, n in zip(size, labels.shape, strict=True)]
    tall, wide = (cut(n, step * max(1, _TILE // step)) for n, step in zip(size, unit, strict=True))

    def make(rows: range) -> None:
        """Fill these rows."""
        for columns in wide:
            window = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            out[window] = _winners(stages, picture, rows, columns)

    with Workers(threads) as workers:
        for _ in workers.in_order(make, tall):
            pass
    return out


def _winners(
    stages: Sequence[Stage], picture: Picture, rows: range, columns: range
) -> NDArray[np.int64] | int:
    """Return the label with the largest plane at each pixel of a tile."""
    *windows, first = windows_of(stages, rows, columns)
    window = picture.window(*first)
    classes = np.unique(window[window > 0])
    if len(classes) == 0:  # all of it lies beyond a boundary of zeros: take the nearest label
        classes = np.unique(picture._replace(boundary="nearest").window(*first))[:1]
    if len(classes) == 1:
        return int(classes[0]) - 1
    winners = np.full((len(rows), len(columns)), -1, np.int64)
    best: NDArray[Any] = np.full(winners.shape, -np.inf, np.float32)
    for start in range(0, len(classes), _TOGETHER):
        some = classes[start : start + _TOGETHER]
        planes: Planes = (window == some[:, None, None]).astype(np.float32)
        for stage, place in zip(stages, reversed(windows), strict=True):
            planes = stage(planes, *place)
        for label, plane in zip(some, planes, strict=True):
            better = plane > best + np.float32(_ROUNDING)
            np.copyto(best, plane, where=better)
            winners[better] = int(label) - 1
    return winners
