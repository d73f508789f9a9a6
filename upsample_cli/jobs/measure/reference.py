"""What a picture would be without a checkerboard: a balanced upsampling of its original."""

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.colour.levels import OPACITY, Channel, in_levels
from upsample_cli.images.image import Image
from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.methods.interpolation import Bicubic
from upsample_cli.metrics.rows import Floats
from upsample_cli.planes import Planes, Size


class Reference:
    """A picture enlarged by bicubic interpolation, a run of rows at a time.

    Args:
        low: The picture.
        size: Height and width to enlarge it to.

    Raises:
        SettingError: That would be no enlargement.
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
        """Tell whether there is such a channel."""
        return channel != OPACITY or self._low.has_alpha

    def rows(self, rows: range, channel: Channel) -> Floats:
        """Return rows of the enlarged picture in levels of 0..255.

        Args:
            rows: Which.
            channel: A colour, or luma.
        """

        def fetch(down: range, across: range) -> Planes:
            """Return a window of the channel, as planes of levels."""
            window = self._low.samples[down.start : down.stop, across.start : across.stop]
            return in_levels(window, channel)[None]

        picture = Picture(self._low.size, fetch)
        return np.asarray(run(self._stages, picture, rows, range(self._width))[0])
