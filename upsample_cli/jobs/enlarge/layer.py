"""Apply a transposed convolution layer to feature maps, as its network does.

Arithmetic and results are in float64 if the maps or the weights are, else in float32. If both are
float16, results are float16 too.
"""

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place, parse_file
from upsample_cli.jobs.audit import layer_figures
from upsample_cli.jobs.audit.weights import transposed
from upsample_cli.jobs.enlarge.feature_maps import ArrayReport, convert, planes
from upsample_cli.kernels.convolve import conv_transpose2d
from upsample_cli.kernels.geometry import Geometry
from upsample_cli.kernels.kernel_file import read_arrays
from upsample_cli.networks import weights_file

Array = NDArray[Any]
_ADDRESSES = 1 << 47  # bytes that a process can address


@dataclass(frozen=True, slots=True)
class LayerTask:
    """A layer, and how to apply it.

    Args:
        weights: A .npy, .npz or .safetensors with a weight of (Cin, Cout / groups, kH, kW), or
            with the parts of a weight norm.
        tensor: Name of the weight; None for the only tensor of floats with four axes.
        bias: Name of the bias in the same file, or the path of a .npy; None for no bias.
        geometry: Stride, padding, output padding, dilation and groups.
        layout: Axes of the feature map, as for `feature_maps.planes`.
        format: npy or npz for an output whose name does not say.
        force: Whether to replace an output that exists.
    """

    weights: str
    tensor: str | None = None
    bias: str | None = None
    geometry: Geometry = field(default_factory=Geometry)
    layout: str | None = None
    format: str | None = None
    force: bool = False


def apply(source: Place, to: Place, task: LayerTask) -> ArrayReport:
    """Apply a layer to every feature map of a file, write the results, and report.

    Raises:
        UpsampleError: Weights or maps cannot be read or do not fit, or the target cannot be
            written.
    """
    weight, bias = _weights(task)
    others = [parse_file(name) for name in (task.weights, task.bias) if name]
    report = convert(source, to, task.format, task.force, others,
                     lambda name, array: _applied(name, array, weight, bias, task))  # fmt: skip
    name, geometry = Path(task.weights).name, task.geometry
    layer = transposed(name, weight, geometry.stride, geometry.padding, geometry.dilation,
                       geometry.groups)  # fmt: skip
    return report._replace(kernel_ripple=layer_figures.figures(layer).ripple)


def _weights(task: LayerTask) -> tuple[Array, Array | None]:
    """Return the weight and the bias of a layer."""
    path = task.weights
    tensors, faults = weights_file.with_combined_weights(_read(path), rounded=True)
    names = [name for name, array in tensors.items() if array.ndim == 4 and array.dtype.kind == "f"]
    if task.tensor is None and len(names) != 1:
        fact = f"{path} holds {len(names) or 'no'} tensors of floats with four axes"
        if not names:
            raise SettingError(f"{fact}; give weights (Cin, Cout / groups, kH, kW)")
        raise SettingError(f"{fact} ({', '.join(names)}); pass --tensor NAME")
    name = names[0] if task.tensor is None else task.tensor
    weight = _named(tensors, name, path)
    if name in faults:
        raise SettingError(f"weight '{name}' cannot be applied: {faults[name]}")
    if weight.ndim != 4 or weight.dtype.kind != "f" or not np.isfinite(weight).all():
        raise SettingError(
            f"weight '{name}' is {weight.dtype} {weight.shape}; give finite floats with four axes"
        )
    if task.bias is None:
        return weight, None
    is_file = task.bias not in tensors and task.bias.lower().endswith(".npy")
    bias = read_arrays(task.bias) if is_file else _named(tensors, task.bias, path)
    if isinstance(bias, dict) or bias.ndim != 1 or bias.dtype.kind != "f":
        raise SettingError(
            f"bias '{task.bias}' is not a row of floats; give a float for each output channel"
        )
    return weight, bias


def _read(path: str) -> dict[str, Array]:
    """Return the tensors in a file by name; an array without a name is called "weight"."""
    if path.lower().endswith(".safetensors"):
        return weights_file.read(path)
    content = read_arrays(path)
    return content if isinstance(content, dict) else {"weight": content}


def _named(tensors: dict[str, Array], name: str, path: str) -> Array:
    if name not in tensors:
        raise SettingError(f"{path} has no tensor '{name}'; choose {', '.join(tensors)}")
    return tensors[name]


def _applied(name: str, array: Array, weight: Array, bias: Array | None, task: LayerTask) -> Array:
    geometry, types = task.geometry, [weight.dtype, array.dtype]
    channels = planes(name, array, task.layout)
    if array.ndim == 2:
        raise ImageFileError("a layer needs channels; give a map of 3 or 4 axes")
    batch = array.shape[:-3] if array.ndim == 4 else ()
    floats = [dtype for dtype in types if dtype.kind == "f"]
    work = np.float64 if any(dtype.itemsize > 4 for dtype in floats) else np.float32
    half = len(floats) == 2 and all(dtype.itemsize == 2 for dtype in floats)
    size = geometry.transposed_size((channels.shape[1], channels.shape[2]), weight.shape[2:])
    count = prod((*batch, weight.shape[1] * geometry.groups, *size)) + channels.size
    needed = channels.nbytes + count * np.dtype(work).itemsize
    if needed < _ADDRESSES:  # `conv_transpose2d` refuses more, whatever the budget
        memory.check(needed, name)
    result = conv_transpose2d(
        channels.reshape(*batch, -1, *channels.shape[1:]).astype(work),
        weight.astype(work),
        None if bias is None else bias.astype(work),
        geometry.stride, geometry.padding, geometry.output_padding, geometry.groups,
        geometry.dilation,
    )  # fmt: skip
    with np.errstate(over="ignore"):  # half floats overflow to infinity, as in a network
        out = result.astype(np.float16) if half else result
    return np.moveaxis(out, 0, 2) if task.layout == "hwc" else out
