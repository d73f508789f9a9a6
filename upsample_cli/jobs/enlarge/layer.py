"""A transposed convolution layer applied to feature maps, as its network would.

Arithmetic is in float64 where maps or weights are, else in float32, which is also the type of the
result; of half floats alone it is float16.
"""

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places import target
from upsample_cli.images.read import array_files
from upsample_cli.jobs.audit import layer_figures
from upsample_cli.jobs.enlarge.axes import planes
from upsample_cli.jobs.enlarge.feature_maps import Report, word_of, written
from upsample_cli.kernels.convolve import conv_transpose2d
from upsample_cli.kernels.geometry import Geometry
from upsample_cli.kernels.kernel_file import read_arrays
from upsample_cli.networks import tensors
from upsample_cli.networks.layer import transposed
from upsample_cli.networks.normalised import effective

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A layer, and what to do with it.

    Args:
        weights: A .npy, .npz or .safetensors with a weight of (Cin, Cout / groups, kH, kW), or
            with its parts by a weight norm.
        tensor: Name of the weight; by default the only one with four axes.
        bias: Name of the bias in the same file, or a .npy; None for none.
        geometry: Stride, padding, output padding, dilation and groups.
        layout: Axes of the feature map, as for `axes.planes`.
        format: npy or npz for an output whose name does not say.
        force: Whether to replace what is there.
    """

    weights: str
    tensor: str | None = None
    bias: str | None = None
    geometry: Geometry = field(default_factory=Geometry)
    layout: str | None = None
    format: str | None = None
    force: bool = False


def apply(source: str, to: str, task: Task) -> Report:
    """Apply a layer to every feature map of a file, write the results, and report.

    Args:
        source: A .npy or .npz, or "-" for standard input.
        to: Likewise, or "-" for standard output.
        task: Which layer, and how.

    Raises:
        UpsampleError: Weights or maps cannot be read, do not fit, or the target not be written.
    """
    start = perf_counter()
    target.check(to, source, task.force)
    weight, bias = _weights(task)
    found = array_files.read(source)
    word = word_of(to, task.format, source, len(found))
    made = {name: _applied(name, array, weight, bias, task) for name, array in found.items()}
    written(made, word, to, task.force)
    geometry = task.geometry
    figures = layer_figures.figures(
        transposed(Path(task.weights).name, weight, geometry.stride, geometry.padding,
                   geometry.dilation, geometry.groups)
    )  # fmt: skip
    return Report(
        source, to, {name: array.shape for name, array in made.items()},
        {name: str(array.dtype) for name, array in made.items()}, perf_counter() - start,
        figures.ripple,
    )  # fmt: skip


def _weights(task: Task) -> tuple[Array, Array | None]:
    """Return the weight and the bias of a layer."""
    path = task.weights
    read, faults = effective(_read(path), rounded=True)
    fours = [name for name, array in read.items() if array.ndim == 4 and array.dtype.kind == "f"]
    if task.tensor is None and len(fours) != 1:
        fact = f"{path} holds {len(fours) or 'no'} tensors of floats with four axes"
        if not fours:
            raise SettingError(f"{fact}; give weights (Cin, Cout / groups, kH, kW)")
        raise SettingError(f"{fact} ({', '.join(fours)}); pass --tensor NAME")
    name = fours[0] if task.tensor is None else task.tensor
    weight = _named(read, name, path)
    if name in faults:
        raise SettingError(f"weight '{name}' cannot be applied: {faults[name]}")
    if weight.ndim != 4 or weight.dtype.kind != "f" or not np.isfinite(weight).all():
        raise SettingError(
            f"weight '{name}' is {weight.dtype} {weight.shape}; give finite floats with four axes"
        )
    if task.bias is None:
        return weight, None
    separate = task.bias not in read and task.bias.endswith(".npy")
    bias = read_arrays(task.bias) if separate else _named(read, task.bias, path)
    if isinstance(bias, dict) or bias.ndim != 1 or bias.dtype.kind != "f":
        raise SettingError(f"bias '{task.bias}' is no row of floats; give one for each channel out")
    return weight, bias


def _read(path: str) -> dict[str, Array]:
    if path.endswith(".safetensors"):
        return tensors.read(path)
    found = read_arrays(path)
    return found if isinstance(found, dict) else {"weight": found}


def _named(read: dict[str, Array], name: str, path: str) -> Array:
    if name not in read:
        raise SettingError(f"{path} has no '{name}'; it has {', '.join(read)}")
    return read[name]


def _applied(name: str, array: Array, weight: Array, bias: Array | None, task: Task) -> Array:
    geometry, kinds = task.geometry, [weight.dtype, array.dtype]
    given = planes(name, array, task.layout)
    if array.ndim == 2:
        raise ImageFileError("a layer needs channels; give a map of 3 or 4 axes")
    batch = array.shape[:-3] if array.ndim == 4 else ()
    floats = [kind for kind in kinds if kind.kind == "f"]
    work = np.float64 if any(kind.itemsize > 4 for kind in floats) else np.float32
    half = len(floats) == 2 and all(kind.itemsize == 2 for kind in floats)
    made = conv_transpose2d(
        given.reshape(*batch, -1, *given.shape[1:]).astype(work),
        weight.astype(work),
        None if bias is None else bias.astype(work),
        geometry.stride, geometry.padding, geometry.output_padding, geometry.groups,
        geometry.dilation,
    )  # fmt: skip
    with np.errstate(over="ignore"):  # half floats become infinite, as in a network
        out = made.astype(np.float16) if half else made
    return np.moveaxis(out, 0, 2) if task.layout == "hwc" else out
