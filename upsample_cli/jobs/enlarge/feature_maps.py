"""Enlarge feature maps: arrays of any type and layout. Only integer types are rounded."""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import array_files
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs.enlarge import arrays
from upsample_cli.jobs.enlarge.strips import stages_to
from upsample_cli.jobs.enlarge.task import Task, output_mode
from upsample_cli.methods.flat_ripple import flat_ripple
from upsample_cli.planes import Size

LAYOUTS = {"hw": 2, "chw": 3, "hwc": 3, "nchw": 4}
"""The layouts: orders of axes by name, each with its number of axes."""

_BY_COUNT = {2: "hw", 3: "chw", 4: "nchw"}
_COLOURS = {1, 3, 4}  # numbers of channels that pictures have
_EXACT = 2**53  # beyond it, float64 cannot hold every whole number


class ArrayReport(NamedTuple):
    """The report on a file of feature maps.

    Args:
        input: Where it was read from.
        output: Where it was written.
        shapes: Shapes of the arrays written, by name.
        dtypes: Types of the arrays written, by name.
        seconds: Time from opening the input to closing the output.
        kernel_ripple: The exact ripple of flat maps, by the kernel at that scale or by the layer;
            None where it is not known.
        scale: Output pixels per input pixel, the largest of all; None for a layer.
        shift: How far the kernel moves the maps, down and right, in output pixels, at that scale;
            None where it is not known.
        notes: What the user may not have intended, each in a few words.
    """

    input: str
    output: str
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    seconds: float
    kernel_ripple: float | None = None
    scale: float | None = None
    shift: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def enlarge(source: Place, to: Place, task: Task, layout: str | None) -> ArrayReport:
    """Read feature maps, enlarge them, write them, and report on them.

    Args:
        source: A .npy or .npz, or standard input.
        to: A .npy or .npz, a name without a suffix, or "-" for standard output.
        task: How to enlarge them.
        layout: One of `LAYOUTS`; None for hw, chw or nchw, by the number of axes.

    Raises:
        UpsampleError: The feature maps cannot be read, enlarged or written.
    """
    sizes, notes = list[tuple[Size, Size]](), list[str]()

    def enlarged(name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Return one feature map enlarged."""
        if layout is None:
            notes.extend(_layout_notes(array))
        channels = planes(name, array, layout)
        larger = _enlarged(name, channels, task)
        _, height, width = channels.shape
        sizes.append(((height, width), task.target_size.uncropped((height, width))))
        if layout == "hwc":
            return np.moveaxis(larger, 0, 2)
        return larger.reshape(*array.shape[:-2], *larger.shape[1:])

    format = task.encoding.format
    report = convert(source, to, format, task.force, task.files(), enlarged)
    scales = [(rows / height, columns / width) for (height, width), (rows, columns) in sizes]
    largest = max(scales, key=max)
    report = report._replace(scale=max(largest), notes=(*report.notes, *notes))
    kernel = task.method.equivalent(max(largest))
    if kernel is None:
        return report
    ripple = flat_ripple(task.method, *sizes[scales.index(largest)])
    return report._replace(kernel_ripple=ripple, shift=kernel.shift_at(largest))


def convert(
    source: Place,
    to: Place,
    format: str | None,
    force: bool,
    others: Sequence[Place],
    change: Callable[[str, NDArray[Any]], NDArray[Any]],
) -> ArrayReport:
    """Read feature maps, change each, write all of them or nothing, and report on them.

    Args:
        source: A .npy or .npz, or standard input.
        to: A .npy or .npz, a name without a suffix, or "-" for standard output.
        format: npy or npz for an output whose name does not say; None for the input's.
        force: Whether to replace an output that exists.
        others: Other files that are read, and must not be replaced.
        change: Returns the new array for a name and an array.

    Raises:
        UpsampleError: The feature maps cannot be read, changed or written.
    """
    start = perf_counter()
    to.check_target((source, *others), force)
    inputs = array_files.read(source)
    written_format = _format_of(to, format, source, len(inputs))
    outputs = {name: change(name, array) for name, array in inputs.items()}
    with to.writing(force, output_mode(source)) as file:
        array_files.write(outputs, written_format, file)
    note = f"--format is for names without a suffix; {to} becomes a .{written_format}"
    return ArrayReport(
        str(source), str(to), {name: array.shape for name, array in outputs.items()},
        {name: str(array.dtype) for name, array in outputs.items()}, perf_counter() - start,
        notes=(note,) if format not in (None, written_format) else (),
    )  # fmt: skip


def planes(name: str, array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """Return a feature map as planes, shape (C, H, W); a view where that is possible.

    Args:
        name: Its name, for messages.
        array: The feature map.
        layout: One of `LAYOUTS`; None for hw, chw or nchw, by the number of axes.

    Raises:
        ImageFileError: The number of axes is wrong, or there are no values or no real numbers.
    """
    label = "the array" if name == array_files.UNNAMED else f"array '{name}'"
    if array.dtype.kind not in "fiu":
        raise ImageFileError(
            f"{label} holds values of type {array.dtype}, not real numbers; convert it first"
        )
    axes = layout or _BY_COUNT.get(array.ndim)
    if axes is None or LAYOUTS[axes] != array.ndim:
        needed = f"--layout {axes} has {LAYOUTS[axes]}" if axes else "2, 3 or 4 are needed"
        raise ImageFileError(
            f"{label} has {array.ndim} axes, but {needed}; reshape it or pass another --layout"
        )
    if 0 in array.shape:
        raise ImageFileError(f"{label} is empty (shape {array.shape}); give another")
    if axes == "hwc":
        return np.moveaxis(array, 2, 0)
    return array.reshape(-1, *array.shape[-2:])


def _format_of(to: Place, format: str | None, source: Place, count: int) -> str:
    """Return the format to write: by the suffix, else by --format, else that of the input."""
    suffix, chosen = to.suffix[1:], array_files.format_of(to)
    if suffix in FORMATS or (suffix and not (chosen or format)):
        raise ImageFileError(f"{to} cannot hold feature maps; name a .npy or .npz")
    return chosen or format or array_files.format_of(source) or ("npy" if count == 1 else "npz")


def _enlarged(name: str, channels: NDArray[Any], task: Task) -> NDArray[Any]:
    """Return planes enlarged, in their own type."""
    size = (channels.shape[1], channels.shape[2])
    size_out = task.target_size.size(size)
    is_rounded = channels.dtype.kind in "iu" and not task.method.copies
    if is_rounded and max(-int(channels.min()), int(channels.max())) > _EXACT:
        raise ImageFileError(
            f"values beyond {_EXACT} cannot be computed exactly; scale them or pass -m nearest"
        )
    count = len(channels) * size_out[0] * size_out[1]
    memory.check(channels.nbytes + count * channels.dtype.itemsize, name)
    stages = stages_to(task.method, task.target_size, size)
    return arrays.enlarge(channels, stages, size_out, task.boundary, task.threads)


def _layout_notes(array: NDArray[Any]) -> Iterator[str]:
    """Yield a note on an array that looks like a picture with its colours last, not like maps."""
    if array.ndim == 3 and array.shape[2] in _COLOURS and min(array.shape[:2]) > max(_COLOURS):
        count, height, width = array.shape
        fact = f"{count}x{height}x{width} is taken for {count} maps of {height}x{width}"
        yield f"{fact}; pass --layout hwc if its channels come last"
