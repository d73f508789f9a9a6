"""A picture as the metric takes it: a channel, a run of rows at a time."""

from collections.abc import Iterator

from upsample_cli.images.colour.levels import OPACITY, Channel, in_levels
from upsample_cli.images.image import Image
from upsample_cli.jobs.measure.reference import Reference
from upsample_cli.metrics.rows import Rows

_ROWS = 64


def runs(image: Image, channel: Channel, reference: Reference | None = None) -> Iterator[Rows]:
    """Yield the rows of a channel in levels of 0..255, from the top down.

    Args:
        image: The picture.
        channel: A colour, the opacity, or luma.
        reference: What it was enlarged from; None if unknown.
    """
    seen = image.has_alpha and channel != OPACITY
    known = reference if reference and reference.has(channel) else None
    for top in range(0, image.size[0], _ROWS):
        run = range(top, min(top + _ROWS, image.size[0]))
        samples = image.samples[run.start : run.stop]
        yield Rows(
            in_levels(samples, channel),
            samples[..., -1] > 0 if seen else None,
            known.rows(run, channel) if known else None,
        )
