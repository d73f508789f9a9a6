"""Feature maps enlarged: arrays of any type and layout, nothing rounded or clipped but to integers.

Arithmetic is in float32 for types that fit it (floats of 16 and 32 bits, integers up to 16), else
in float64. Integers are rounded half up and clipped to their type's range; floats are kept.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places import target
from upsample_cli.images.read import array_files
from upsample_cli.jobs.enlarge.arrays import Finish, enlarge
from upsample_cli.jobs.enlarge.axes import like, planes
from upsample_cli.jobs.enlarge.size import Target
from upsample_cli.methods.method import Method
from upsample_cli.metrics.ripple import ripple
from upsample_cli.planes import Planes

_COLOURS = {1, 3, 4}  # as many channels a picture has, if it has no more
_EXACT = 2**53  # whole numbers beyond which float64 has gaps


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file of feature maps.

    Args:
        input: Where it was read.
        output: Where it was written.
        shapes: Of the arrays written, by name.
        dtypes: Of the arrays, by name.
        seconds: From opening the input to closing the output.
        kernel_ripple: The exact ripple of the kernel or layer; None where there is none.
        scale: Output pixels per input pixel; None for a layer.
        notes: What may not be meant, each in a few words.
    """

    input: str
    output: str
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    seconds: float
    kernel_ripple: float | None
    scale: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with feature maps.

    Args:
        method: How to upsample.
        target: How large.
        layout: One of `axes.LAYOUTS`; by default hw, chw or nchw, by the number of axes.
        boundary: symmetric, nearest or zero.
        format: One of `array_files.WORDS` for an output whose name does not say.
        force: Whether to replace what is there.
        threads: How many work at once.
    """

    method: Method
    target: Target
    layout: str | None = None
    boundary: str = "symmetric"
    format: str | None = None
    force: bool = False
    threads: int = 1


def upsample(source: str, to: str, task: Task) -> Report:
    """Read feature maps, enlarge each, write them, and report.

    Args:
        source: A .npy or .npz, or "-" for standard input.
        to: Likewise, or "-" for standard output.
        task: What to do.

    Raises:
        UpsampleError: They cannot be read, enlarged or written.
    """
    start = perf_counter()
    target.check(to, source, task.force)
    found = array_files.read(source)
    word = word_of(to, task.format, source, len(found))
    made = {name: _enlarged(name, array, task) for name, array in found.items()}
    written(made, word, to, task.force)
    scale = max(_scale(found[name], made[name], name, task.layout) for name in made)
    kernel = task.method.equivalent(scale)
    return Report(
        source, to, {name: array.shape for name, array in made.items()},
        {name: str(array.dtype) for name, array in made.items()}, perf_counter() - start,
        ripple(kernel.phase_sums) if kernel else None, scale,
        tuple(_doubt(array) for array in found.values()
              if task.layout is None and _is_like_a_picture(array)),
    )  # fmt: skip


def _is_like_a_picture(array: NDArray[Any]) -> bool:
    """Tell whether three axes look like rows, columns and colours rather than maps."""
    return array.ndim == 3 and array.shape[2] in _COLOURS and min(array.shape[:2]) > max(_COLOURS)


def _doubt(array: NDArray[Any]) -> str:
    count, height, width = array.shape
    taken = f"{count}x{height}x{width} is taken for {count} maps of {height}x{width}"
    return f"{taken}; pass --layout hwc if its channels come last"


def word_of(to: str, format: str | None, source: str, count: int) -> str:
    """Return what to write: by suffix, else by --format, else as was read.

    Args:
        to: Where, or "-".
        format: What --format says.
        source: Where it was read.
        count: How many arrays there are.

    Raises:
        ImageFileError: The suffix is another, or several arrays are to go into a .npy.
    """
    word = array_files.suffix(to) if to != target.STREAM else (format or array_files.suffix(source))
    if to != target.STREAM and not word:
        raise ImageFileError(f"{to} cannot hold feature maps; name a .npy or .npz")
    word = word if word in array_files.WORDS else ("npy" if count == 1 else "npz")
    if word == "npy" and count != 1:
        raise ImageFileError(f"a .npy holds one array, not {count}; write a .npz")
    return word


def written(arrays: dict[str, NDArray[Any]], word: str, to: str, force: bool) -> None:
    """Write feature maps to a target, all of them or nothing."""
    with target.opened(to, force) as file:
        array_files.write(arrays, word, file)


def _enlarged(name: str, array: NDArray[Any], task: Task) -> NDArray[Any]:
    given = planes(name, array, task.layout)
    size = (given.shape[1], given.shape[2])
    size_out = task.target.size(size)
    kind = given.dtype
    deep = kind.itemsize > (4 if kind.kind == "f" else 2)
    whole = kind.kind in "iu"
    if whole and deep and max(-int(given.min()), int(given.max())) > _EXACT:
        raise ImageFileError(f"values beyond {_EXACT} cannot be computed exactly; scale them first")
    try:
        out = np.empty((len(given), *size_out), kind)
    except (MemoryError, ValueError) as error:
        needed = len(given) * size_out[0] * size_out[1] * kind.itemsize / 1e9
        raise SettingError(f"the output needs {needed:.1f} GB; give a smaller --scale") from error
    work = np.float64 if deep else np.float32
    finish = _to_integers(kind) if whole else None
    enlarge(given, task.method.stages(size, size_out), out, work, task.boundary, task.threads,
            finish)  # fmt: skip
    return like(out, array, task.layout)


def _to_integers(kind: np.dtype[Any]) -> Finish:
    """Return what rounds half up and clips to a type's range."""
    limits = np.iinfo(kind)

    def finish(window: Planes) -> NDArray[Any]:
        """Return the window as integers."""
        window += window.dtype.type(0.5)
        np.floor(window, out=window)
        # The clipping is twice: the largest of 64 bits is no float, and rounds up beyond itself.
        low, high = window < limits.min, window >= float(limits.max)
        made = np.where(low | high, 0, window).astype(kind)
        made[low], made[high] = limits.min, limits.max
        return made

    return finish


def _scale(array: NDArray[Any], made: NDArray[Any], name: str, layout: str | None) -> float:
    sizes = (planes(name, each, layout).shape[1:] for each in (array, made))
    return float(max(after / before for before, after in zip(*sizes, strict=True)))
