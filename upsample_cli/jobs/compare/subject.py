"""A picture that methods are compared on, and what it should become where that is known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.levels import in_levels
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import files
from upsample_cli.jobs.compare.areas import Box
from upsample_cli.jobs.enlarge.render import Renderer, renderer
from upsample_cli.jobs.enlarge.strips import strips, tiles
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.kernels.interpolants import BICUBIC
from upsample_cli.kernels.separable import resampling
from upsample_cli.methods.interpolation import Bicubic
from upsample_cli.methods.method import Method
from upsample_cli.planes import Size

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How to compare methods.

    Args:
        scale: Output pixels per input pixel; None for 2, or for what makes the reference's size.
        reference: What the enlarged picture should be, if that is known.
        shrink: Whether to shrink the picture first, so that it is its own reference.
        crop: The part to show, in pixels of the picture.
        max_pixels: The most pixels to read.
        threads: How many methods to work on at once.
    """

    scale: float | None = None
    reference: Place | None = None
    shrink: bool = False
    crop: Box | None = None
    max_pixels: int = MAX_PIXELS
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the scale, and that there is one truth."""
        TargetSize(scale=self.scale)
        if self.reference and self.shrink:
            raise SettingError("--reference and --shrink are two truths; give one")


class Subject(NamedTuple):
    """A picture to enlarge, and what it should become.

    Args:
        name: Its file's name.
        image: What is enlarged.
        size: Height and width of the outputs.
        truth: What the outputs should be; None if unknown.
        luma: Shape (H, W), its luma in levels.
        box: The part to show, in pixels of the outputs; None for any.
    """

    name: str
    image: Image
    size: Size
    truth: Image | None = None
    luma: Plane | None = None
    box: Box | None = None

    @property
    def scale(self) -> float:
        """Output pixels per input pixel, the larger of both axes."""
        return max(out / low for out, low in zip(self.size, self.image.size, strict=True))

    def window(self, method: Method, box: Box) -> Samples:
        """Return a part of the enlargement by a method."""
        columns = range(box.left, box.left + box.width)
        render = self.renderer(method)._replace(tiles=(columns,))
        samples = render.strip(range(box.top, box.top + box.height)).samples
        assert samples is not None  # they are not encoded
        return samples[:, box.left : box.left + box.width]

    def renderer(self, method: Method) -> Renderer:
        """Return what computes the enlargement by a method."""
        return renderer(self.image, self.size, Task(method, TargetSize()), None)


def read_subject(source: Place, options: CompareOptions) -> Subject:
    """Read a picture, and what it should become."""
    image, scale = files.read(source, options.max_pixels), options.scale or 2.0
    grown, name = scale, source.name
    truth, low = None, image
    if options.shrink:
        low_size = (int(image.size[0] / scale), int(image.size[1] / scale))
        if 0 in low_size:
            raise SettingError(f"{name} has no pixel left once shrunk by {scale:g}; shrink less")
        size = TargetSize(scale=scale).size(low_size)
        size, grown = (min(size[0], image.size[0]), min(size[1], image.size[1])), 1.0
        truth = image._replace(samples=image.samples[: size[0], : size[1]])
        low = _shrunk(truth, low_size)
    elif options.reference:
        truth = files.read(options.reference, options.max_pixels)
        size = truth.size if options.scale is None else TargetSize(scale=scale).size(image.size)
        _check_reference(options.reference, truth.size, size, image.size)
        grown = size[1] / image.size[1]
    else:
        size = TargetSize(scale=scale).size(image.size)
    luma = None if truth is None else _opaque_luma(truth)
    box = options.crop.enlarged(grown, size) if options.crop else None
    return Subject(name, low, size, truth, luma, box)


def _check_reference(place: Place, truth: Size, size: Size, low: Size) -> None:
    """Refuse a reference of another size than the outputs, or no larger than the picture."""
    if truth != size or truth[0] < low[0] or truth[1] < low[1]:
        wanted = f"{size[1]}x{size[0]}" if truth != size else f"{low[1]}x{low[0]} or more"
        raise SettingError(
            f"--reference {place} is {truth[1]}x{truth[0]}, and outputs are {wanted}; give what "
            "the picture was shrunk from, or another --scale"
        )


def _shrunk(image: Image, size: Size) -> Image:
    """Return a picture shrunk by an antialiased cubic."""
    stages = (resampling(BICUBIC, image.size, size),)
    render = renderer(image, image.size, Task(Bicubic(), TargetSize()), None)
    render = render._replace(stages=stages, size=size, tiles=tuple(tiles(size[1], 1.0)))
    return image._replace(samples=all_rows(render)[0])


def all_rows(render: Renderer) -> tuple[Samples, Plane, Plane | None]:
    """Return samples, luma and opacity of a whole output."""
    runs = strips(render.size, render.channels, 1.0)
    parts = [render.strip(rows) for rows in runs]
    opacity = [part.opacity for part in parts if part.opacity is not None]
    return (
        np.concatenate([part.samples for part in parts if part.samples is not None]),
        np.concatenate([part.luma for part in parts]),
        np.concatenate(opacity) if opacity else None,
    )


def _opaque_luma(image: Image) -> Plane:
    """Return the luma of a picture over black."""
    plane = in_levels(image.samples, None)
    return plane * in_levels(image.samples, -1) / np.float32(255) if image.has_alpha else plane
