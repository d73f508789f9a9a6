"""An animation: every frame enlarged in the same way, and written as it comes."""

from collections.abc import Iterator
from typing import BinaryIO

from upsample_cli.errors import ImageFileError
from upsample_cli.images.colour import transfer_curve
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.places import target
from upsample_cli.images.read import animation, files
from upsample_cli.images.read.animation import ANIMATED, Animation
from upsample_cli.images.write import apng, format_limits, gif
from upsample_cli.jobs.enlarge.render import MeasuredStrips
from upsample_cli.jobs.enlarge.still import whole
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size


class Frames:
    """The frames of an animation, enlarged one after the other, and the worst that was found.

    Args:
        moving: The input.
        size: Height and width of the output.
        format: One of `animation.ANIMATED`.
        task: What to do.
        workers: Who does it.
    """

    def __init__(
        self, moving: Animation, size: Size, format: str, task: Task, workers: Workers
    ) -> None:
        told = moving.metadata.stripped() if task.strip else moving.metadata
        self.metadata = told.resized(size)
        self.notes: tuple[str, ...] = ()
        self._moving, self._size, self._format = moving, size, format
        self._task, self._workers = task, workers
        self._found: list[tuple[Checkerboard, tuple[str, ...]]] = []

    def __iter__(self) -> Iterator[tuple[Image, MeasuredStrips]]:
        """Yield each frame and its strips, which are to be taken before the next."""
        for picture in animation.frames(self._moving):
            frame = files.image_of(picture, self._format, self.metadata)
            frame, self.notes = format_limits.fitted(frame, self._format)
            if self._task.linear:
                self.notes += transfer_curve.notes_on_linear(frame.metadata)
            streamed = self._format == "PNG"
            made = MeasuredStrips(frame, self._size, self._task, streamed, self._workers)
            yield frame, made
            self._found.append(made.checkerboard())

    def samples(self) -> Iterator[Samples]:
        """Yield each frame whole."""
        for frame, made in self:
            yield whole(made, frame, self._size)

    def worst(self) -> tuple[Checkerboard, tuple[str, ...]]:
        """Return what was found in the frame with the strongest checkerboard, and notes on it."""
        return max(self._found, key=lambda each: each[0].rank)


def write(
    moving: Animation, size: Size, format: str, to: str, task: Task
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Write an animation enlarged.

    Args:
        moving: The input.
        size: Height and width of the output.
        format: One of the values of `formats.FORMATS`.
        to: A file, or "-" for standard output.
        task: What to do.

    Returns:
        The checkerboard of the worst frame, and what could not be kept.

    Raises:
        ImageFileError: The format holds no animation, or it cannot be written.
    """
    if format not in ANIMATED:
        raise ImageFileError(
            f"{moving.name} is an animation of {len(moving.durations)} frames and {format} holds "
            f"one; write a {', '.join(sorted(ANIMATED.values()))} or give a still picture"
        )
    with target.opened(to, task.force) as file, Workers(task.threads) as workers:
        frames = Frames(moving, size, format, task, workers)
        rounded: tuple[str, ...] = ()
        if format == "PNG":
            _png(file, frames, moving, size)
        elif format == "GIF":
            file.write(gif.head(size, moving.plays, frames.metadata.comment))
            for samples, shown in zip(frames.samples(), moving.durations, strict=True):
                picture = files.picture(samples)
                file.write(gif.frame(picture, shown))
                rounded = rounded or gif.losses(picture)
            file.write(gif.TAIL)
        else:
            files.save_webp(frames.samples(), moving, frames.metadata, file, task.quality)
        found, told = frames.worst()
        return found, frames.notes + rounded + told


def _png(file: BinaryIO, frames: Frames, moving: Animation, size: Size) -> None:
    count, channels = len(moving.durations), len(moving.mode)
    file.write(apng.head(size, channels, frames.metadata, count, moving.plays))
    sequence = apng.Sequence(size)
    for (_, made), shown in zip(frames, moving.durations, strict=True):
        pieces = (strip.piece for strip in made if strip.piece is not None)
        for chunk in sequence.frame(pieces, shown):
            file.write(chunk)
    file.write(apng.TAIL)
