"""Feature maps enlarged: arrays of any type and layout, rounded only where they are integers."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import array_files
from upsample_cli.jobs.enlarge import arrays
from upsample_cli.jobs.enlarge.strips import stages_to
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.metrics.ripple import ripple

LAYOUTS = {"hw": 2, "chw": 3, "hwc": 3, "nchw": 4}
"""The names of the orders of axes, and how many axes there are."""

_BY_COUNT = {2: "hw", 3: "chw", 4: "nchw"}
_COLOURS = {1, 3, 4}  # numbers of channels that pictures have
_EXACT = 2**53  # beyond it, float64 cannot hold every whole number


@dataclass(frozen=True, slots=True)
class ArrayReport:
    """What became of a file of feature maps.

    Args:
        input: Where it was read.
        output: Where it was written.
        shapes: Of the arrays written, by name.
        dtypes: Of the arrays written, by name.
        seconds: From opening the input to closing the output.
        kernel_ripple: The exact ripple of the kernel or layer; None where there is none.
        scale: Output pixels per input pixel; None for a layer.
        notes: What may not be intended, each in a few words.
    """

    input: str
    output: str
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    seconds: float
    kernel_ripple: float | None
    scale: float | None = None
    notes: tuple[str, ...] = ()


def enlarge(source: Place, to: Place, task: Task, layout: str | None) -> ArrayReport:
    """Read feature maps, enlarge them, write them, and report on them.

    Args:
        source: A .npy or .npz, or standard input.
        to: A .npy or .npz, or "-" for standard output.
        task: How to enlarge them.
        layout: One of `LAYOUTS`; None for hw, chw or nchw, by the number of axes.

    Raises:
        UpsampleError: They cannot be read, enlarged or written.
    """
    start = perf_counter()
    to.check_target(source, task.force)
    inputs = array_files.read(source)
    format = format_of(to, task.encoding.format, source, len(inputs))
    outputs = {name: _enlarged(name, array, task, layout) for name, array in inputs.items()}
    write(outputs, format, to, task.force)
    scale = max(_scale(inputs[name], outputs[name], name, layout) for name in outputs)
    kernel = task.method.equivalent(scale)
    return ArrayReport(
        str(source), str(to), {name: array.shape for name, array in outputs.items()},
        {name: str(array.dtype) for name, array in outputs.items()}, perf_counter() - start,
        ripple(kernel.phase_sums) if kernel else None, scale,
        tuple(_layout_note(array) for array in inputs.values()
              if layout is None and _resembles_picture(array)),
    )  # fmt: skip


def planes(name: str, array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """Return a feature map as planes, shape (C, H, W); a view where that is possible.

    Args:
        name: What messages call it.
        array: Of any layout.
        layout: One of `LAYOUTS`; None for hw, chw or nchw, by the number of axes.

    Raises:
        ImageFileError: It has another number of axes, no values, or no real numbers.
    """
    label = "the array" if name == array_files.UNNAMED else f"array '{name}'"
    if array.dtype.kind not in "fiu":
        raise ImageFileError(f"{label} holds {array.dtype}, not real numbers; convert it first")
    word = layout or _BY_COUNT.get(array.ndim)
    if word is None or LAYOUTS[word] != array.ndim:
        needed = f"--layout {word} has {LAYOUTS[word]}" if word else "2, 3 or 4 are needed"
        raise ImageFileError(
            f"{label} has {array.ndim} axes, but {needed}; reshape it or pass another --layout"
        )
    if 0 in array.shape:
        raise ImageFileError(f"{label} has shape {array.shape}, without a value; give another")
    if word == "hwc":
        return np.moveaxis(array, 2, 0)
    return array.reshape(-1, *array.shape[-2:])


def format_of(to: Place, format: str | None, source: Place, count: int) -> str:
    """Return the format to write: by suffix, else by --format, else the input's.

    Args:
        to: Where to write, or "-".
        format: The value of --format.
        source: Where the arrays were read.
        count: How many arrays there are.

    Raises:
        ImageFileError: The suffix is another, or several arrays are to go into a .npy.
    """
    word = array_files.format_of(to)
    if to.is_stream:
        word = format or array_files.format_of(source)
    elif not word:
        raise ImageFileError(f"{to} cannot hold feature maps; name a .npy or .npz")
    word = word if word in array_files.FORMATS_OF_ARRAYS else ("npy" if count == 1 else "npz")
    if word == "npy" and count != 1:
        raise ImageFileError(f"a .npy holds one array, not {count}; write a .npz")
    return word


def write(arrays: dict[str, NDArray[Any]], format: str, to: Place, force: bool) -> None:
    """Write feature maps to a target, all of them or nothing."""
    with to.writing(force) as file:
        array_files.write(arrays, format, file)


def _enlarged(name: str, array: NDArray[Any], task: Task, layout: str | None) -> NDArray[Any]:
    """Return one feature map enlarged, in the type and the layout of the input."""
    channels = planes(name, array, layout)
    size = (channels.shape[1], channels.shape[2])
    size_out = task.target.size(size)
    is_whole = channels.dtype.kind in "iu"
    if is_whole and max(-int(channels.min()), int(channels.max())) > _EXACT:
        raise ImageFileError(f"values beyond {_EXACT} cannot be computed exactly; scale them first")
    count = len(channels) * size_out[0] * size_out[1]
    memory.check(array.nbytes + count * channels.dtype.itemsize, name)
    stages = stages_to(task.method, task.target, size)
    out = arrays.enlarge(channels, stages, size_out, task.boundary, task.threads)
    if layout == "hwc":
        return np.moveaxis(out, 0, 2)
    return out.reshape(*array.shape[:-2], *size_out)


def _scale(before: NDArray[Any], after: NDArray[Any], name: str, layout: str | None) -> float:
    sizes = (planes(name, array, layout).shape[1:] for array in (before, after))
    return float(max(large / small for small, large in zip(*sizes, strict=True)))


def _resembles_picture(array: NDArray[Any]) -> bool:
    """Return whether three axes look like rows, columns and colours rather than maps."""
    return array.ndim == 3 and array.shape[2] in _COLOURS and min(array.shape[:2]) > max(_COLOURS)


def _layout_note(array: NDArray[Any]) -> str:
    count, height, width = array.shape
    fact = f"{count}x{height}x{width} is taken for {count} maps of {height}x{width}"
    return f"{fact}; pass --layout hwc if its channels come last"
