"""Enlarge label masks: classes are enlarged as planes, and a pixel gets the class of the largest.

The plane of a class is 1 at its pixels and 0 elsewhere. The labels of a palette picture are its
indices, those of a grey picture its levels as stored. A tile of the output needs only the classes
in the window that it draws on. They are enlarged a few at a time, and only the largest value so far
is kept, so memory does not grow with the number of classes. Where planes are equal up to rounding,
the lower label counts.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.raw_modes import rescaled
from upsample_cli.jobs.enlarge import still
from upsample_cli.jobs.enlarge.strips import ExtendedInput, stages_to, tiles
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.interpolation import Nearest
from upsample_cli.methods.method import Stage, windows_of
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Planes, Size

_LOSSY = {"JPEG", "WEBP", "JPEG2000", "AVIF", "HEIF", "JPEG XL"}
_TOGETHER = 8  # classes that are enlarged at once
_TILE = 256  # output pixels along a side: larger tiles hold more classes, smaller tiles more margin
_ROUNDING = 1e-5  # largest error of float32 after all stages


def check(decoded: "Image | Animation", name: str) -> None:
    """Refuse a decoded picture whose samples, shape (H, W, 1), are not labels.

    Raises:
        ImageFileError: Its samples are not labels.
    """
    if not isinstance(decoded, Image):
        raise ImageFileError(f"{name} is animated; give a still picture")
    if decoded.format in _LOSSY:
        raise ImageFileError(
            f"{name} is a {decoded.format}, which may blur labels; give the mask as a PNG"
        )
    if decoded.channels > 1 or decoded.dtype.kind != "u":
        raise ImageFileError(
            f"{name} has pixels of {decoded.channels} x {decoded.dtype}, which are not labels; "
            "give a palette or grey picture"
        )


def enlarge_and_write(
    mask: Image, size: Size, format: str, file: BinaryIO, task: Task
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Enlarge a mask and write it.

    Returns:
        A checkerboard whose status is "labels", and notes on what is lost.

    Raises:
        ImageFileError: The format is not one for these labels.
    """
    mask = _as_stored(mask)
    formats = ["PNG", "TIFF"]
    if mask.bits <= 8:
        formats.append("BMP")
    if not mask.palette:
        formats += ["PPM", "PGM"]
    if format not in formats:
        *others, last = formats
        raise ImageFileError(
            f"these labels are not written as {format}; write {', '.join(others)} or {last}"
        )
    notes: tuple[str, ...] = ()
    if mask.palette and mask.palette.opacity and format != "PNG":
        mask = mask._replace(palette=mask.palette._replace(opacity=b""))
        notes = (f"{format} cannot hold the transparency of labels, so it was left out",)
    memory.check(2 * size[0] * size[1] * mask.dtype.itemsize, f"an output of {size[1]}x{size[0]}")
    stages = stages_to(task.method, task.target_size, mask.size)
    labels = enlarged(mask.samples[..., 0], stages, size, task.boundary, task.threads)
    copies = task._replace(method=Nearest(), target_size=TargetSize(1))
    mask = mask._replace(samples=labels[..., None])
    _, lost = still.enlarge_and_write(mask, size, format, file, copies)
    return Checkerboard((1, 1), status="labels"), notes + lost


def _as_stored(mask: Image) -> Image:
    """Return a mask with the labels of its file, where reading has scaled them as levels."""
    if not mask.highest:
        return mask
    stored = rescaled(np.arange(mask.peak + 1), mask.peak, mask.highest).astype(mask.dtype)
    palette = mask.palette
    if palette:  # a ramp of greys, one of them transparent
        palette = palette._replace(opacity=palette.opacity[:: mask.peak // mask.highest])
    return mask._replace(samples=stored[mask.samples], palette=palette, highest=0)


def enlarged(
    labels: Samples, stages: Sequence[Stage], size: Size, boundary: str, threads: int
) -> Samples:
    """Return labels enlarged; every output label is one of the input labels nearby.

    Args:
        labels: Shape (H, W).
        stages: The stages from the size of the mask to that of the output.
        size: Height and width of the output.
        boundary: symmetric, nearest or zero.
        threads: How many threads share the work.
    """
    picture = ExtendedInput(  # of the labels plus 1, as 0 means no label
        (labels.shape[0], labels.shape[1]),
        lambda *window: labels[window][None].astype(np.float32) + np.float32(1),
        boundary,
    )
    out = np.empty(size, labels.dtype)
    sides = zip(size, labels.shape, strict=True)
    row_runs, column_runs = (tiles(after, after / before, _TILE) for after, before in sides)

    def fill(rows: range) -> None:
        """Compute these rows of the output."""
        for columns in column_runs:
            window = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            out[window] = _labels_of_tile(stages, picture, rows, columns)

    with Workers(threads) as workers:
        for _ in workers.in_order(fill, row_runs):
            pass
    return out


def _labels_of_tile(
    stages: Sequence[Stage], picture: ExtendedInput, rows: range, columns: range
) -> NDArray[np.int64] | int:
    """Return the label of the largest plane at each pixel of a tile, or the only label there."""
    *windows, first = windows_of(stages, rows, columns)
    window = picture.window(*first)
    classes = np.unique(window[window > 0])
    if len(classes) == 0:  # outside the picture, with boundary "zero": take the nearest label
        classes = np.unique(picture._replace(boundary="nearest").window(*first))[:1]
    if len(classes) == 1:
        return int(classes[0]) - 1
    labels = np.full((len(rows), len(columns)), -1, np.int64)
    best: NDArray[Any] = np.full(labels.shape, -np.inf, np.float32)
    for start in range(0, len(classes), _TOGETHER):
        group = classes[start : start + _TOGETHER]
        planes: Planes = (window == group[:, None, None]).astype(np.float32)
        for stage, output in zip(stages, reversed(windows), strict=True):
            planes = stage(planes, *output)
        for label, plane in zip(group, planes, strict=True):
            better = plane > best + np.float32(_ROUNDING)
            np.copyto(best, plane, where=better)
            labels[better] = int(label) - 1
    return labels
