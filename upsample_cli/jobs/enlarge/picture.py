"""Read one picture, enlarge it, write it, and report on it."""

from collections.abc import Callable
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import opening
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge import still
from upsample_cli.jobs.enlarge.render import Progress
from upsample_cli.jobs.enlarge.task import Report, Task, output_mode
from upsample_cli.methods.flat_ripple import flat_ripple
from upsample_cli.methods.method import Method
from upsample_cli.methods.network_methods import OnnxNetwork
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size

if TYPE_CHECKING:  # few pictures are animations
    from upsample_cli.images.read.animation import Animation

Write: TypeAlias = Callable[[Any, Size, str, BinaryIO, Task], tuple[Checkerboard, tuple[str, ...]]]
"""A function that enlarges and writes one kind of picture, such as `still.enlarge_and_write`."""

OUTPUT_LIMIT = 64
"""The most pixels of an output, in multiples of --max-pixels; enough to enlarge any input by 8."""

_NOTED_GAIN = 0.01  # relative change of brightness that gets a note: 2.5 of 255 levels at white


def enlarge(source: Place, to: Place, task: Task, progress: Progress | None = None) -> Report:
    """Read a picture, enlarge it, write it, and report on it.

    Args:
        source: Where to read from.
        to: Where to write.
        task: How to enlarge it.
        progress: Wraps the strips to show a progress bar; None for no bar.

    Raises:
        UpsampleError: The picture cannot be read or enlarged, or the target cannot be written.
    """
    start = perf_counter()
    to.check_target((source, *task.files()), task.force)
    as_stored = task.labels or task.method.copies
    picture = decode(source, task.max_pixels, task.strict, as_stored)
    write = _writer(picture, source, task, progress)
    size = _size(to, picture.size, task)
    format = formats.format_of(to, task.encoding.format, picture.format)
    formats.check_size(format, size)
    with to.writing(task.force, output_mode(source)) as file:
        checkerboard, losses = write(picture, size, format, file, task)
    uncropped = task.target_size.uncropped(picture.size)
    scale = max(after / before for before, after in zip(picture.size, uncropped, strict=True))
    kernel_ripple, shift, gain = kernel_figures(task.method, picture.size, uncropped)
    return Report(
        input=str(source),
        output=str(to),
        status="done",
        size=size,
        method=task.method.name,
        kernel=_kernel_name(task.method),
        scale=scale if task.target_size.scale is None else task.target_size.scale,
        seconds=perf_counter() - start,
        checkerboard=checkerboard,
        kernel_ripple=kernel_ripple,
        shift=shift,
        notes=(
            *picture.notes, *task.method.notes(), *losses,
            *_stretch_note(picture.size, uncropped), *_brightness_note(gain, task),
            *_boundary_note(picture, task),
        ),
        facts=task.method.facts(),
    )  # fmt: skip


def planned_size(source: Place, to: Place, task: Task) -> Size:
    """Return the size that the output would have, after all checks that need no decoding.

    Raises:
        UpsampleError: The picture cannot be read, or the target cannot be written.
    """
    to.check_target((source, *task.files()), task.force)
    if source.is_stream:
        raise ImageFileError("--dry-run cannot look at standard input; name a file")
    return _size(to, opening.read_size(source, task.max_pixels), task)


def _writer(
    picture: "Image | Animation", source: Place, task: Task, progress: Progress | None
) -> Write:
    """Return the function that enlarges and writes a picture of this kind."""
    if task.labels:
        from upsample_cli.jobs.enlarge import labels

        labels.check(picture, source.label)
        return labels.enlarge_and_write
    if isinstance(picture, Image):
        return partial(still.enlarge_and_write, progress=progress)
    from upsample_cli.jobs.enlarge import frames

    return frames.enlarge_and_write


def _size(to: Place, size_in: Size, task: Task) -> Size:
    size = task.target_size.size(size_in)
    if size[0] * size[1] > task.max_pixels * OUTPUT_LIMIT:
        raise PictureTooLargeError(
            f"{to} would be {size[1]}x{size[0]}, more than {OUTPUT_LIMIT} times the limit of "
            f"{task.max_pixels} pixels; raise --max-pixels"
        )
    return size


def _kernel_name(method: Method) -> str | None:
    """Return the kernel, weights or model of a method, by name or path; None where it has none."""
    names = (getattr(method, word, None) for word in ("kernel", "weights", "model"))
    return next((name for name in names if name), None)


@lru_cache(8)  # pictures of a folder often share their size
def kernel_figures(
    method: Method, size_in: Size, size_out: Size
) -> tuple[float, tuple[float, float], float]:
    """Return the ripple of flat pictures, the shift in output pixels and the gain of a method."""
    scales = size_out[0] / size_in[0], size_out[1] / size_in[1]
    kernel, ripple = method.equivalent(max(scales)), flat_ripple(method, size_in, size_out)
    if kernel is None:
        return ripple, (0.0, 0.0), 1.0
    return ripple, kernel.shift_at(scales), float(kernel.phase_sums.mean())


def _brightness_note(gain: float, task: Task) -> tuple[str, ...]:
    """Return a note if the kernel changes the brightness; labels have no brightness."""
    if task.labels or abs(gain - 1) <= _NOTED_GAIN:
        return ()
    return (f"its kernel's phase sums are {gain:.4g} on average, which multiplies its brightness",)


def _boundary_note(picture: "Image | Animation", task: Task) -> tuple[str, ...]:
    """Return a note if --boundary does nothing, since a network pads the picture itself."""
    method, is_opaque = task.method, isinstance(picture, Image) and picture.channels in (1, 3)
    is_set = task.boundary != Task._field_defaults["boundary"]
    if not (is_set and is_opaque and isinstance(method, OnnxNetwork) and method.pads(picture.size)):
        return ()
    return ("--boundary does nothing, as its network pads the edges; see --edges",)


def _stretch_note(size_in: Size, size_out: Size) -> tuple[str, ...]:
    """Return a note if the aspect ratio changes by more than rounding.

    >>> _stretch_note((20, 30), (33, 50)), _stretch_note((20, 30), (60, 60))
    ((), ('it is stretched, x2 across and x3 down',))
    """
    (height, width), (rows, columns) = size_in, size_out
    if abs(rows * width - columns * height) <= width + height:
        return ()
    return (f"it is stretched, x{columns / width:.4g} across and x{rows / height:.4g} down",)
