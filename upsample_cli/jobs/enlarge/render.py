"""From a run of output rows to a strip that is ready to be measured and written."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.colour.levels import Colour
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.write import png
from upsample_cli.jobs.enlarge.strips import Picture, run, tiles
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.methods.method import Method, Stage
from upsample_cli.planes import Planes, Size


class Strip(NamedTuple):
    """A run of output rows, ready to be measured and written.

    Args:
        rows: Which.
        samples: Shape (rows, W, C); not for a streamed PNG.
        piece: For a streamed PNG.
        luma: Shape (rows, W), in levels of 0..255.
        opacity: Likewise, 0 where the picture is not seen; None for 255 everywhere.
    """

    rows: range
    samples: Samples | None
    piece: png.Piece | None
    luma: NDArray[np.float32]
    opacity: NDArray[np.float32] | None


class Renderer(NamedTuple):
    """Makes strips of one picture; its calls may run at once.

    Args:
        stages: From input to output.
        picture: The input.
        colour: How levels and planes correspond.
        size: Height and width of the output.
        channels: Samples a pixel.
        compression: Of a streamed PNG; None for any other output.
        cut: The columns of the tiles.
    """

    stages: tuple[Stage, ...]
    picture: Picture
    colour: Colour
    size: Size
    channels: int
    compression: int | None
    cut: tuple[range, ...]

    def strip(self, rows: range) -> Strip:
        """Return a run of output rows."""
        height, width = self.size
        samples = np.empty((len(rows), width, self.channels), self.colour.dtype)
        light = np.empty((len(rows), width), np.float32)
        opacity = np.empty((len(rows), width), np.float32) if self.colour.alpha else None
        for columns in self.cut:
            levels = self.colour.levels(run(self.stages, self.picture, rows, columns))
            across = slice(columns.start, columns.stop)
            for channel, plane in enumerate(levels):
                # To whole numbers first: to spread the samples at the same time takes longer.
                samples[:, across, channel] = plane.astype(self.colour.dtype, copy=False)
            light[:, across] = self.colour.luma(levels)
            if opacity is not None:
                opacity[:, across] = levels[-1]
        if self.colour.peak != 255:
            for plane in (light,) if opacity is None else (light, opacity):
                plane *= np.float32(255 / self.colour.peak)
        if self.compression is None:
            return Strip(rows, samples, None, light, opacity)
        piece = png.piece(samples, self.compression, rows.stop == height)
        return Strip(rows, None, piece, light, opacity)


def renderer(image: Image, size: Size, task: Task, compression: int | None) -> Renderer:
    """Return what makes the strips of a picture.

    Args:
        image: The input.
        size: Height and width of the output.
        task: What to do.
        compression: Of a streamed PNG; None for any other output.
    """
    colour = Colour(image.dtype, image.has_alpha, task.premultiplied, task.linear, image.inks)

    def fetch(rows: range, columns: range) -> Planes:
        """Return the planes of a window inside the picture."""
        return colour.planes(image.samples[rows.start : rows.stop, columns.start : columns.stop])

    return Renderer(
        stages=_stages(task.method, image.size, size),
        picture=Picture(image.size, fetch, task.boundary),
        colour=colour,
        size=size,
        channels=image.channels,
        compression=compression,
        cut=tuple(tiles(size[1], size[1] / image.size[1])),
    )


@lru_cache(8)  # pictures of a folder are often of one size
def _stages(method: Method, size_in: Size, size_out: Size) -> tuple[Stage, ...]:
    return method.stages(size_in, size_out)
