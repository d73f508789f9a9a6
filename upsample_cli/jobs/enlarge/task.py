"""How to enlarge a picture, and the report on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.images.places.place import MAX_PIXELS
from upsample_cli.images.write.formats import DEFAULT_COMPRESSION
from upsample_cli.jobs.enlarge.size import TargetSize
from upsample_cli.methods.method import Method
from upsample_cli.metrics.checkerboard import Checkerboard

if TYPE_CHECKING:  # a task is built before NumPy has loaded
    from upsample_cli.planes import Size


@dataclass(frozen=True, slots=True)
class Task:
    """How to enlarge a picture, whichever it is.

    Args:
        method: How to upsample.
        target: How large the output is to be.
        boundary: What lies beyond the edges: symmetric, nearest or zero.
        linear: Whether to filter in linear light.
        premultiplied: Whether colours are weighted by their opacity while they are filtered.
        format: A word of `formats.FORMATS` for outputs whose name has no suffix.
        quality: 1..100 for JPEG and WebP.
        compression: 0..9 for PNG.
        strip: Whether to leave out all metadata but colour.
        force: Whether to replace an output that exists.
        max_pixels: The most pixels to read.
        threads: How many threads share the work on one picture.
        labels: Whether samples are numbers of classes, not colours.
    """

    method: Method
    target: TargetSize
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


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a picture.

    Args:
        input: Where it was read.
        output: Where it was written.
        status: "done", "skipped" or "failed".
        error: Why it was skipped or failed.
        size: Height and width of the output.
        method: The name of the method.
        kernel: The name of its kernel; None where it has none.
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
