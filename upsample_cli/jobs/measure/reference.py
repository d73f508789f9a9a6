"""The rows of a picture for the metric, beside those of an even enlargement of its original."""

from collections.abc import Iterator

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.levels import OPACITY, Channel, in_levels
from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.methods.interpolation import Bicubic
from upsample_cli.metrics.rows import Floats, Rows
from upsample_cli.planes import Planes, Size

_ROWS = 256  # at a time


class Reference:
    """The picture that another was enlarged from, enlarged by bicubic interpolation.

    Args:
        low: The picture.
        size: Height and width to enlarge it to.

    Raises:
        SettingError: The picture is larger than that.
    """

    def __init__(self, low: Image, size: Size) -> None:
        if low.size[0] > size[0] or low.size[1] > size[1]:
            (height, width), (tall, wide) = low.size, size
            raise SettingError(
                f"--reference is {width}x{height}, larger than the picture, {wide}x{tall}; "
                "give what the picture was enlarged from"
            )
        self._low = low
        self._width = size[1]
        self._stages = Bicubic().stages(low.size, size)

    def has(self, channel: Channel) -> bool:
        """Tell whether the picture has a channel."""
        return channel != OPACITY or self._low.has_alpha

    def rows(self, rows: range, channel: Channel) -> Floats:
        """Return rows of a channel of the enlarged picture, in levels of 0..255."""

        def fetch(down: range, across: range) -> Planes:
            """Return a window of the channel."""
            window = self._low.samples[down.start : down.stop, across.start : across.stop]
            return in_levels(window, channel)[None]

        picture = Picture(self._low.size, fetch)
        return np.asarray(run(self._stages, picture, rows, range(self._width))[0])


def channel_rows(
    image: Image, channel: Channel, reference: Reference | None = None
) -> Iterator[Rows]:
    """Yield the rows of a channel in levels of 0..255, from the top down.

    Args:
        image: The picture.
        channel: A colour, the opacity, or luma.
        reference: What it was enlarged from; None if unknown.
    """
    is_masked = image.has_alpha and channel != OPACITY
    if reference is not None and not reference.has(channel):
        reference = None
    for top in range(0, image.size[0], _ROWS):
        rows = range(top, min(top + _ROWS, image.size[0]))
        samples = image.samples[rows.start : rows.stop]
        yield Rows(
            in_levels(samples, channel),
            samples[..., -1] > 0 if is_masked else None,
            None if reference is None else reference.rows(rows, channel),
        )
