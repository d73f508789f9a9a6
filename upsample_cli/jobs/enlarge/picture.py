"""One picture: read, strips, write, with its report."""

from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.image import Image
from upsample_cli.images.places import target
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge import still
from upsample_cli.jobs.enlarge.measured_strips import Progress
from upsample_cli.jobs.enlarge.size import stretched
from upsample_cli.jobs.enlarge.task import Report, Task
from upsample_cli.methods.method import Method
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.ripple import ripple
from upsample_cli.planes import Size

if TYPE_CHECKING:  # what decodes is not needed where that is done already
    from upsample_cli.images.read.animation import Animation
    from upsample_cli.images.read.decode import Decoded
    from upsample_cli.images.read.label_mask import Mask

    Given: TypeAlias = Callable[[], Decoded | Mask]

_GAIN = 0.01  # a change of brightness that is told: two levels and a half of white
_OUTPUT_LIMIT = 64  # times --max-pixels: eight times the largest picture that is read


def upsample(
    source: str,
    to: str,
    task: Task,
    progress: Progress | None = None,
    given: "Given | None" = None,
) -> Report:
    """Read a picture, enlarge it, write it, and report.

    Args:
        source: A file, or "-" for standard input.
        to: A file, or "-" for standard output.
        task: What to do.
        progress: Wraps the strips as they end, given how many there will be.
        given: Gives the picture, where the caller has begun to decode it already.

    Raises:
        UpsampleError: The picture cannot be read, the task cannot be done or the target written.
    """
    start = perf_counter()
    target.check(to, source, task.force)
    shown = _read(source, task, given)
    size = _size(to, shown.size, task)
    format = formats.format_of(to, task.format, shown.format)
    formats.check_size(format, size)
    found, losses = _written(shown, size, format, to, task, progress)
    scale = max(after / before for before, after in zip(shown.size, size, strict=True))
    kernel_ripple, shift, gain = _exact(task.method, scale)
    return Report(
        input=source,
        output=to,
        status="done",
        size=size,
        method=task.method.name,
        kernel=getattr(task.method, "kernel", None),
        scale=scale if task.target.scale is None else task.target.scale,
        seconds=perf_counter() - start,
        checkerboard=found,
        kernel_ripple=kernel_ripple,
        shift=shift,
        notes=(*shown.notes, *losses, *stretched(shown.size, size), *_gained(gain, task)),
    )


def _read(source: str, task: Task, given: "Given | None") -> "Animation | Image | Mask":
    """Return what is to be enlarged; what it was decoded from is not kept."""
    from upsample_cli.images.read import files
    from upsample_cli.images.read.animation import Animation
    from upsample_cli.images.read.decode import Decoded

    found = given() if given else _decoded(source, task)
    if not isinstance(found, Decoded):
        return found
    if isinstance(found.picture, Animation):
        return found.picture
    return files.image(found)


def _decoded(source: str, task: Task) -> "Decoded | Mask":
    if task.labels:
        from upsample_cli.images.read import label_mask

        return label_mask.read(source, task.max_pixels)
    from upsample_cli.images.read.decode import decode

    return decode(source, task.max_pixels)


@lru_cache(8)  # pictures of a folder are often of one scale
def _exact(method: Method, scale: float) -> tuple[float, tuple[float, float], float]:
    """Return the exact ripple, the shift and the gain of a method's kernel."""
    kernel = method.equivalent(scale)
    if kernel is None:
        return 0.0, (0.0, 0.0), 1.0
    return ripple(kernel.phase_sums), kernel.shift, float(kernel.phase_sums.mean())


def _gained(gain: float, task: Task) -> tuple[str, ...]:
    """Return a few words on a gain that changes the brightness, which labels have not."""
    if task.labels or abs(gain - 1) <= _GAIN:
        return ()
    return (f"its kernel's phase sums are {gain:.4g} on average, which multiplies its brightness",)


def planned(source: str, to: str, task: Task) -> Size:
    """Return the size that the output would have, after all checks that need no decoding.

    Args:
        source: A file, or "-", whose size is not known before it is read.
        to: A file, or "-" for standard output.
        task: What would be done.

    Raises:
        UpsampleError: The picture cannot be read, or the target not be written.
    """
    target.check(to, source, task.force)
    if source == target.STREAM:
        raise ImageFileError("standard input cannot be looked at beforehand; name a file")
    from upsample_cli.images.read import header

    return _size(to, header.size(source, task.max_pixels), task)


def _size(to: str, size_in: Size, task: Task) -> Size:
    size = task.target.size(size_in)
    if size[0] * size[1] > task.max_pixels * _OUTPUT_LIMIT:
        raise PictureTooLargeError(
            f"{to} would be {size[1]}x{size[0]}, more than {_OUTPUT_LIMIT} times the limit of "
            f"{task.max_pixels} pixels; raise --max-pixels"
        )
    return size


def _written(
    shown: "Animation | Image | Mask",
    size: Size,
    format: str,
    to: str,
    task: Task,
    progress: Progress | None,
) -> tuple[Checkerboard, tuple[str, ...]]:
    """Write what was read, whichever it is; see `still.write`."""
    if isinstance(shown, Image):
        return still.write(shown, size, format, to, task, progress)
    from upsample_cli.images.read.animation import Animation

    if isinstance(shown, Animation):
        from upsample_cli.jobs.enlarge import frames

        return frames.write(shown, size, format, to, task)
    from upsample_cli.images.read import label_mask
    from upsample_cli.jobs.enlarge import labels

    return labels.write(shown, size, format, to, task), label_mask.lost(shown, format)
