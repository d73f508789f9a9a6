"""What to do with a picture, and what became of it."""

from typing import TYPE_CHECKING, NamedTuple

from upsample_cli.images.places.source import MAX_PIXELS
from upsample_cli.images.write.formats import DEFAULT_COMPRESSION
from upsample_cli.jobs.enlarge.size import Target
from upsample_cli.methods.method import Method
from upsample_cli.metrics.checkerboard import Checkerboard

if TYPE_CHECKING:  # what to do is known before NumPy has loaded
    from upsample_cli.planes import Size


class Task(NamedTuple):
    """What to do with a picture, whichever it is.

    Args:
        method: How to upsample.
        target: How large.
        boundary: What lies beyond the edges: symmetric, nearest or zero.
        linear: Whether to work in linear light.
        premultiplied: Whether colours are weighted by their opacity.
        format: A word of `formats.FORMATS` for outputs whose name does not say.
        quality: 1..100 for JPEG and WebP.
        compression: 0..9 for PNG.
        strip: Whether to leave all metadata out but colour.
        force: Whether to replace what is there.
        max_pixels: The most pixels to read.
        threads: How many work at once.
        labels: Whether samples are numbers of classes, not colours.
    """

    method: Method
    target: Target
    boundary: str = "symmetric"
    linear: bool = False
    premultiplied: bool = True
    format: str | None = None
    quality: int | None = None
    compression: int = DEFAULT_COMPRESSION
    strip: bool = False
    force: bool = False
    max_pixels: int = MAX_PIXELS
    threads: int = 1
    labels: bool = False


class Report(NamedTuple):
    """What became of a picture.

    Args:
        input: Where it was read.
        output: Where it was written.
        status: "done", "skipped" or "failed".
        error: Why it failed.
        size: Height and width of the output.
        method: Its word.
        kernel: Its kernel's word, if it has one.
        scale: Output pixels per input pixel.
        seconds: From opening the input to closing the output.
        checkerboard: What the metric found in the output.
        kernel_ripple: The exact ripple of the kernel.
        shift: How far the kernel moves the picture, down and right, in output pixels.
        notes: What could not be kept, each in a few words.
    """

    input: str
    output: str
    status: str
    error: str | None = None
    size: "Size | None" = None
    method: str | None = None
    kernel: str | None = None
    scale: float | None = None
    seconds: float | None = None
    checkerboard: Checkerboard | None = None
    kernel_ripple: float | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    notes: tuple[str, ...] = ()
