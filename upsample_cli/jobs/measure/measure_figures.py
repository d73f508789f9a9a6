"""Draw where the checkerboard in a picture is, and its lines in the spectrum."""

from collections.abc import Sequence

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.figures.drawing import Sheet
from upsample_cli.images.figures.pattern_figures import heat_figure, spectrum_figure
from upsample_cli.images.image import Image
from upsample_cli.images.levels import Channel, channel_levels
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.enlarge.task import output_mode
from upsample_cli.jobs.measure.measurement import Reference, channel_rows, least_ripple
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.spectrum import periodogram

_LEAST_SIDE = 16


def check(path: Place, sources: Sequence[Place], force: bool) -> None:
    """Check the target of a figure before any work is done.

    Args:
        path: Where to write the figure.
        sources: Where the picture and its reference are read from.
        force: Whether to replace a figure that exists.

    Raises:
        SettingError: The target is not a PNG.
        ImageFileError: The target cannot be written.
    """
    if path.suffix != ".png":
        raise SettingError(f"{path} is not a .png file; name a .png file")
    path.check_target(sources, force)


def write(sheet: Sheet, path: Place, source: Place, force: bool = False) -> None:
    """Write a figure of the picture `source`; with `force` it replaces a file that exists."""
    with path.writing(force, output_mode(source)) as file:
        sheet.save(file, "PNG")


def heat(
    image: Image,
    channel: Channel,
    stride: tuple[int, int],
    title: str,
    reference: Reference | None = None,
) -> Sheet:
    """Return a picture with the strength of its checkerboard laid over it.

    Args:
        image: The picture.
        channel: A colour, the opacity, or luma.
        stride: Period down and across, in pixels.
        title: One line.
        reference: What the picture was enlarged from; None if unknown.
    """
    meter = Meter(image.size, stride, least=least_ripple(channel))
    for rows in channel_rows(image, channel, reference):
        meter.feed(rows)
    field = meter.pattern_map()
    return heat_figure(
        channel_levels(image.samples, None), field.rms, field.cell, field.margin, title
    )


def spectrum(
    image: Image,
    channel: Channel,
    stride: tuple[int, int],
    title: str,
    reference: Reference | None = None,
) -> Sheet:
    """Return the spectrum of a picture, with the lines of a stride marked.

    Args:
        image: The picture, 16 x 16 pixels or more.
        channel: A colour, the opacity, or luma.
        stride: Period down and across, in pixels.
        title: One line.
        reference: What the picture was enlarged from; None if unknown.

    Raises:
        SettingError: The picture is smaller than 16 x 16 pixels.
    """
    if min(image.size) < _LEAST_SIDE:
        height, width = image.size
        raise SettingError(
            f"a picture of {width}x{height} has no spectrum to show; "
            f"give {_LEAST_SIDE}x{_LEAST_SIDE} or more"
        )
    runs = channel_rows(image, channel, reference)
    plane = np.concatenate([rows.unexplained for rows in runs])
    return spectrum_figure(periodogram(plane), stride, title)
