"""Enlarge an animation frame by frame, and write it."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image
from upsample_cli.images.read import animation
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.opening import ANIMATED, image_errors
from upsample_cli.images.write import animations, gif
from upsample_cli.jobs.enlarge.render import MeasuredStrips
from upsample_cli.jobs.enlarge.still import assembled, prepared
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size


def enlarge_and_write(
    source: Animation, size: Size, format: str, file: BinaryIO, task: Task
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Enlarge an animation and write it.

    Returns:
        The checkerboard of the worst frame, and notes on what is lost.

    Raises:
        ImageFileError: The format cannot hold the animation.
    """
    if format not in ANIMATED:
        raise ImageFileError(
            f"{source.name} is an animation of {len(source.durations)} frames and {format} holds "
            f"one; write {', '.join(sorted(ANIMATED.values()))} or give a still picture"
        )
    with Workers(task.threads) as workers:
        frames = _Frames(source, size, format, task, workers)
        notes: tuple[str, ...] = ()
        if format == "PNG":
            _write_png(file, frames)
        elif format == "GIF" and frames.are_copies:
            _copy_gif(file, frames, task.drop_metadata)
        else:
            durations, plays, notes = animations.held_times(format, source.durations, source.plays)
            if format == "GIF":
                notes += _write_gif(file, frames, durations, plays)
            else:
                pictures = frames.pictures()
                file.write(animations.encode_webp_or_avif(
                    format, pictures, durations, plays, frames.metadata, task.encoding
                ))  # fmt: skip
                next(pictures, None)  # the encoder stops at the last picture; this measures it
        checkerboard, more_notes = frames.worst()
        return checkerboard, frames.notes + notes + more_notes


class _Frames:
    """Enlarges the frames of an animation one by one, and keeps what the metric measures."""

    def __init__(
        self, source: Animation, size: Size, format: str, task: Task, workers: Workers
    ) -> None:
        metadata = source.metadata.stripped() if task.drop_metadata else source.metadata
        self.metadata = metadata.resized(size)
        self.notes: tuple[str, ...] = ()  # those of the first frame
        self.source, self.size = source, size
        self.is_flattened = task.encoding.background is not None
        self._format, self._task, self._workers = format, task, workers
        self._results: list[tuple[Checkerboard, tuple[str, ...]]] = []

    @property
    def are_copies(self) -> bool:
        """Whether the source is a GIF whose pixels are only repeated, not flattened or cropped."""
        is_cropped = self.size != self._task.target_size.uncropped(self.source.size)
        is_gif = self.source.format == "GIF" and self._task.method.copies
        return is_gif and not (self.is_flattened or is_cropped)

    def strips(self) -> Iterator[MeasuredStrips]:
        """Yield the strips of each frame; take all of them before the next frame."""
        for picture in animation.frames(self.source):
            frame = Image(np.asarray(picture), self._format, self.metadata)
            frame, notes = prepared(frame, self.size, self._format, self._task)
            self.notes = self.notes if self._results else notes
            is_png = self._format == "PNG"
            strips = MeasuredStrips(frame, self.size, self._task, is_png, self._workers)
            yield strips
            self._results.append(strips.checkerboard())

    def pictures(self) -> Iterator[Any]:
        """Yield each enlarged frame as one Pillow image."""
        for strips in self.strips():
            yield assembled(strips, self._format, self._task.encoding)

    def worst(self) -> tuple[Checkerboard, tuple[str, ...]]:
        """Return the strongest checkerboard of all frames, and notes on it."""
        return max(self._results, key=lambda result: result[0].rank)


def _write_png(file: BinaryIO, frames: _Frames) -> None:
    source = frames.source
    count, channels = len(source.durations), 3 if frames.is_flattened else len(source.mode)
    timed = zip(frames.strips(), source.durations, strict=True)
    file.writelines(animations.encode_png(
        timed, count, frames.size, channels, source.plays, frames.metadata
    ))  # fmt: skip


def _copy_gif(file: BinaryIO, frames: _Frames, strip: bool) -> None:
    """Write a GIF by repeating the pixels of its stored frames, once all frames are measured."""
    from upsample_cli.kernels.interpolants import nearest_band

    rows, columns = (
        nearest_band(before, after).sources(np.arange(after))
        for before, after in zip(frames.source.size, frames.size, strict=True)
    )
    for _ in frames.pictures():  # measures them, and checks that they fit in memory
        pass
    with image_errors(frames.source.name):
        parts = [*gif.enlarged(frames.source.data, rows, columns, strip)]
    file.writelines(parts)


def _write_gif(
    file: BinaryIO, frames: _Frames, durations: list[int], plays: int
) -> tuple[str, ...]:
    """Write a GIF, and return a note if the colours of any frame had to be rounded."""
    note: tuple[str, ...] = ()
    file.write(gif.header(frames.size, plays, frames.metadata))
    for picture, duration in zip(frames.pictures(), durations, strict=True):
        file.write(gif.frame(picture, duration))
        note = note or gif.rounding_note(picture)
    file.write(gif.TRAILER)
    return note
