"""Tensors of .safetensors files, and the weights that are stored there in parts.

A weight norm stores a direction v and lengths g: along one axis each slice of v has a length of its
own, and the weight is g v / |v|, norms being taken over all other axes. Which axis that is, g's
shape says: PyTorch's first is of input channels in a transposed convolution, of output channels in
any other. Without an axis (`dim=None`) g is one number. Weights that began without ripple (ICNR)
get one when each channel is normalised by itself.

A spectral norm stores a weight W before its division by sigma = u^T W v, where W is laid out as a
matrix with one row for each place along an axis, and u and v, stored beside it, are nearly its
first singular vectors. That axis is of output channels: PyTorch's second in a transposed
convolution, its first in any other.

Source: T. Salimans, D. Kingma, "Weight normalization", NeurIPS 2016; T. Miyato et al., "Spectral
normalization for generative adversarial networks", ICLR 2018; the names are PyTorch's.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError

Array = NDArray[Any]
Tensors = dict[str, Array]
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_NORMS = (  # direction and lengths; weight, u and v
    ("weight_v", "weight_g"),
    ("parametrizations.weight.original1", "parametrizations.weight.original0"),
    ("weight_orig", "weight_u", "weight_v"),
    tuple(f"parametrizations.weight.{part}" for part in ("original", "0._u", "0._v")),
)


def read(path: str) -> Tensors:
    """Return the tensors of a file by name, those of bfloat16 as float32.

    Floats of 8 bits, which mean little without a scale, are whole numbers.

    Args:
        path: A .safetensors.

    Raises:
        SettingError: It is missing or damaged, or the library for it is not installed.
    """
    try:
        from safetensors import SafetensorError, deserialize
    except ModuleNotFoundError as error:
        raise SettingError(
            f'{path} needs safetensors, which is not installed; pip install "upsample-cli[audit]"'
        ) from error
    try:
        with open(path, "rb") as file:  # noqa: PTH123 # pathlib takes as long as a small file
            data = file.read()
        entries = dict(deserialize(data))  # type: ignore[no-untyped-call] # it has no types
        names = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (OSError, ValueError) as error:
        raise SettingError(f"no weights file {path}; check the path") from error
    except SafetensorError as error:
        fault = "is damaged or not a safetensors file"
        raise SettingError(f"{path} {fault}; get an intact copy") from error
    return {
        name: _array(entries[name])
        for name in names
        if name in entries and entries[name]["dtype"] in _TYPES
    }


def _array(entry: Mapping[str, Any]) -> Array:
    values: Array = np.frombuffer(entry["data"], _TYPES[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values


def effective(tensors: Tensors, rounded: bool = False) -> tuple[Tensors, dict[str, str]]:
    """Return tensors with every normalised weight in the place of its parts.

    Args:
        tensors: By name, such as `up.weight_g` and `up.weight_v`.
        rounded: Whether a weight is of the type of its parts; otherwise it stays float64.

    Returns:
        The tensors by name, such as `up.weight`, and by name why a weight cannot be worked out,
        which is NaN then. Where a part is not of floats the weight is of that part's type.

    >>> parts = {"up.weight_v": np.array([[3.0, 4.0]]), "up.weight_g": np.array([[10.0]])}
    >>> effective(parts)
    ({'up.weight': array([[6., 8.]])}, {})
    >>> parts = {"up.weight_orig": np.array([[3.0, 0.0], [0.0, 2.0]])}
    >>> parts |= {"up.weight_u": np.array([1.0, 0.0]), "up.weight_v": np.array([1.0, 0.0])}
    >>> effective(parts)[0]["up.weight"].round(2).tolist()
    [[1.0, 0.0], [0.0, 0.67]]
    """
    result, faults = dict(tensors), dict[str, str]()
    for names in _NORMS:
        for name in tensors:
            stem = name.removesuffix(names[0])
            parts = [tensors.get(stem + part) for part in names]
            if stem == name or parts[1] is None:
                continue
            for part in names:
                result.pop(stem + part, None)
            weight, reason = _combined([part for part in parts if part is not None], len(names))
            kind = tensors[name].dtype if rounded and weight.dtype.kind == "f" else weight.dtype
            with np.errstate(over="ignore"):  # half floats become infinite, and are refused
                result[f"{stem}weight"] = weight.astype(kind, copy=False)
            if reason:
                faults[f"{stem}weight"] = f"its {reason} before saving"
    return result, faults


def _combined(parts: list[Array], wanted: int) -> tuple[Array, str]:
    """Return the weight that parts are of, and why it is NaN if it cannot be worked out."""
    weight, other = parts[:2]
    for part in (weight, other):
        if part.dtype.kind != "f":  # quantised, which no one can divide
            return np.broadcast_to(np.zeros((), part.dtype), weight.shape), ""
    wide = weight.astype(np.float64)
    with np.errstate(all="ignore"):  # what is not a number is told as unknown
        if wanted == 2:
            axes = _others(other, wide)
            if axes is None:
                shapes = ["x".join(map(str, part.shape)) for part in (other, wide)]
                return wide * np.nan, (
                    f"weight norm has lengths of shape {shapes[0]}, which fit no axis of "
                    f"{shapes[1]}; remove the weight norm"
                )
            wide /= np.abs(wide).max(axis=axes, keepdims=True, initial=0.0)  # no square overflows
            norm = np.sqrt(np.square(wide).sum(axis=axes, keepdims=True))
            return wide / norm * (other.reshape(()) if other.size == 1 else other), ""
        sigma = _sigma(wide, other, parts[2]) if len(parts) == wanted else None
        if sigma is None:
            return wide * np.nan, "spectral norm has vectors that do not fit; remove it"
        return wide / sigma, ""


def _others(g: Array, v: Array) -> tuple[int, ...] | None:
    """Return the axes over which norms are taken; None where lengths do not fit."""
    if g.size == 1:
        return tuple(range(v.ndim))
    own = [axis for axis, size in enumerate(g.shape) if size != 1]
    if g.ndim != v.ndim or len(own) != 1 or g.shape[own[0]] != v.shape[own[0]]:
        return None
    return tuple(axis for axis in range(v.ndim) if axis not in own)


def _sigma(weight: Array, u: Array, v: Array) -> float | None:
    """Return the norm; None where its vectors fit no axis.

    Where they fit two, for a weight of as many input as output channels, they are singular vectors
    along one of them alone, and sigma is larger there.
    """
    u, v = (item.astype(np.float64).reshape(-1) for item in (u, v))
    rows = [
        np.moveaxis(weight, axis, 0).reshape(len(u), -1)
        for axis, length in enumerate(weight.shape)
        if length == len(u) and weight.size == len(u) * len(v)
    ]
    return max((float(u @ item @ v) for item in rows), key=abs, default=None)
