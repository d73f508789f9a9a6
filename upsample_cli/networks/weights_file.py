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
_WEIGHT_NORMS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
_SPECTRAL_NORMS = (
    ("weight_orig", "weight_u", "weight_v"),
    (
        "parametrizations.weight.original",
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
    ),
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
        length = int.from_bytes(data[:8], "little")
        kind = "no" if len(data) < 8 or length > len(data) - 8 else "a broken"
        raise SettingError(f"{path} is {kind} .safetensors; get a whole copy") from error
    return {
        name: _array(entries[name])
        for name in names
        if name in entries and entries[name]["dtype"] in _TYPES
    }


_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


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
    directed, faults = _without_weight_norms(tensors, rounded)
    result, more = _without_spectral_norms(directed, rounded)
    return result, faults | more


def _without_weight_norms(tensors: Tensors, rounded: bool) -> tuple[Tensors, dict[str, str]]:
    result, faults = dict(tensors), dict[str, str]()
    for length, direction in _WEIGHT_NORMS:
        for name in tensors:
            stem = name.removesuffix(direction)
            g, v = tensors.get(stem + length), tensors[name]
            if stem == name or g is None:
                continue
            del result[stem + length], result[name]
            result[f"{stem}weight"] = _directed(g, v, rounded)
            if _others(g, v) is None:
                faults[f"{stem}weight"] = (
                    f"its weight norm has lengths of shape {_words(g)}, which fit no axis of "
                    f"{_words(v)}; remove the weight norm before saving"
                )
    return result, faults


def _directed(g: Array, v: Array, rounded: bool) -> Array:
    odd = [part.dtype for part in (g, v) if part.dtype.kind != "f"]
    if odd:  # which no one can multiply
        return np.broadcast_to(np.zeros((), odd[0]), v.shape)
    axes = _others(g, v)
    if axes is None:
        return np.broadcast_to(np.nan, v.shape)
    kind = np.result_type(g, v) if rounded else np.dtype(np.float64)
    with np.errstate(over="ignore"):  # half floats become infinite, and are refused
        return _product(g, v, axes).astype(kind, copy=False)


def _others(g: Array, v: Array) -> tuple[int, ...] | None:
    """Return the axes over which norms are taken; None where lengths do not fit."""
    if g.size == 1:
        return tuple(range(v.ndim))
    own = [axis for axis, size in enumerate(g.shape) if size != 1]
    if g.ndim != v.ndim or len(own) != 1 or g.shape[own[0]] != v.shape[own[0]]:
        return None
    return tuple(axis for axis in range(v.ndim) if axis not in own)


def _product(g: Array, v: Array, axes: tuple[int, ...]) -> NDArray[np.float64]:
    wide = v.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is told as unknown
        wide /= np.abs(wide).max(axis=axes, keepdims=True, initial=0.0)  # squares do not overflow
        norm = np.sqrt(np.square(wide).sum(axis=axes, keepdims=True))
        product: NDArray[np.float64] = wide / norm * (g.reshape(()) if g.size == 1 else g)
    return product


def _words(array: Array) -> str:
    return "x".join(map(str, array.shape))


def _without_spectral_norms(tensors: Tensors, rounded: bool) -> tuple[Tensors, dict[str, str]]:
    result, faults = dict(tensors), dict[str, str]()
    for whole, left, right in _SPECTRAL_NORMS:
        for name, weight in tensors.items():
            stem = name.removesuffix(whole)
            u, v = tensors.get(stem + left), tensors.get(stem + right)
            if stem == name or u is None:
                continue
            for part in (whole, left, right):
                result.pop(stem + part, None)
            sigma = None if v is None else _sigma(weight, u, v)
            if sigma is None:
                faults[f"{stem}weight"] = (
                    "its spectral norm has vectors that do not fit; remove it before saving"
                )
            result[f"{stem}weight"] = _quotient(weight, sigma, rounded)
    return result, faults


def _sigma(weight: Array, u: Array, v: Array) -> float | None:
    """Return the norm; None where its vectors fit no axis.

    Where they fit two, for a weight of as many input as output channels, they are singular vectors
    along one of them alone, and sigma is larger there.
    """
    u, v = (item.astype(np.float64).reshape(-1) for item in (u, v))
    rows = [
        np.moveaxis(weight.astype(np.float64), axis, 0).reshape(len(u), -1)
        for axis, length in enumerate(weight.shape)
        if length == len(u) and weight.size == len(u) * len(v)
    ]
    return max((float(u @ item @ v) for item in rows), key=abs, default=None)


def _quotient(weight: Array, sigma: float | None, rounded: bool) -> Array:
    if weight.dtype.kind != "f":  # quantised, which no one can divide
        return weight
    wide = weight.astype(np.float64)
    with np.errstate(all="ignore"):  # what is no number is told as unknown
        wide /= np.nan if sigma is None else sigma
        return wide.astype(weight.dtype) if rounded else wide
