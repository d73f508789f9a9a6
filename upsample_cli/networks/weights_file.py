"""Reads .safetensors files, and computes the weights that are stored there in parts.

Weight norm stores a direction v and lengths g; the weight is g v / |v|. The lengths belong to the
slices of v along one axis, and |v| is taken over all other axes. The shape of g shows which axis:
by default PyTorch's first, which holds the input channels of a transposed convolution and the
output channels of any other. Without an axis (`dim=None`) g is one number. Weights that began
without ripple (ICNR) get a ripple when each channel is normalised separately.

Spectral norm stores a weight W before it is divided by sigma = u^T W v. For this, W is reshaped to
a matrix with one row per output channel; the stored vectors u and v are nearly its first singular
vectors. In PyTorch output channels are the second axis of a transposed convolution, and the first
axis of any other.

Source: T. Salimans, D. Kingma, "Weight normalization", NeurIPS 2016; T. Miyato et al., "Spectral
normalization for generative adversarial networks", ICLR 2018; the names are PyTorch's.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError, no_file

Array = NDArray[Any]
Tensors = dict[str, Array]
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_NORMS = (  # ends of names: direction and lengths; or weight, u and v
    ("weight_v", "weight_g"),
    ("parametrizations.weight.original1", "parametrizations.weight.original0"),
    ("weight_orig", "weight_u", "weight_v"),
    tuple(f"parametrizations.weight.{part}" for part in ("original", "0._u", "0._v")),
)


def read(path: str) -> Tensors:
    """Return the tensors of a file by name; bfloat16 becomes float32.

    8-bit floats, which mean little without a scale, are returned as their bytes, in uint8.

    Args:
        path: A .safetensors file.

    Raises:
        SettingError: The file is missing or damaged, or `safetensors` is not installed.
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
        raise SettingError(no_file("weights", path)) from error
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


def with_combined_weights(
    tensors: Tensors, rounded: bool = False
) -> tuple[Tensors, dict[str, str]]:
    """Return tensors in which each normalised weight replaces its parts.

    Args:
        tensors: Tensors by name, such as `up.weight_g` and `up.weight_v`.
        rounded: Whether to round a weight to the type of its parts; otherwise it is float64.

    Returns:
        The tensors by name, such as `up.weight`; and, by name, why a weight cannot be computed:
        such a weight is NaN. If a part does not hold floats, the weight is 0, in that part's type.

    >>> parts = {"up.weight_v": np.array([[3.0, 4.0]]), "up.weight_g": np.array([[10.0]])}
    >>> with_combined_weights(parts)
    ({'up.weight': array([[6., 8.]])}, {})
    >>> parts = {"up.weight_orig": np.array([[3.0, 0.0], [0.0, 2.0]])}
    >>> parts |= {"up.weight_u": np.array([1.0, 0.0]), "up.weight_v": np.array([1.0, 0.0])}
    >>> with_combined_weights(parts)[0]["up.weight"].round(2).tolist()
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
            with np.errstate(over="ignore"):  # float16 may overflow; callers refuse infinity
                result[f"{stem}weight"] = weight.astype(kind, copy=False)
            if reason:
                faults[f"{stem}weight"] = f"its {reason} before saving"
    return result, faults


def _combined(parts: list[Array], count: int) -> tuple[Array, str]:
    """Return the weight computed from its parts, and why it is NaN; the reason is empty if not."""
    weight, other = parts[:2]
    for part in (weight, other):
        if part.dtype.kind != "f":  # quantised: cannot be divided
            return np.broadcast_to(np.zeros((), part.dtype), weight.shape), ""
    wide = weight.astype(np.float64)
    with np.errstate(all="ignore"):  # NaN is reported as unknown
        if count == 2:
            axes = _norm_axes(other, wide)
            if axes is None:
                shapes = ["x".join(map(str, part.shape)) for part in (other, wide)]
                return wide * np.nan, (
                    f"weight norm has lengths of shape {shapes[0]}, which fit no axis of "
                    f"{shapes[1]}; remove the weight norm"
                )
            wide /= np.abs(wide).max(axis=axes, keepdims=True, initial=0.0)  # no square overflows
            norm = np.sqrt(np.square(wide).sum(axis=axes, keepdims=True))
            return wide / norm * (other.reshape(()) if other.size == 1 else other), ""
        sigma = _sigma(wide, other, parts[2]) if len(parts) == count else None
        if sigma is None:
            return wide * np.nan, "spectral norm has vectors that do not fit; remove it"
        return wide / sigma, ""


def _norm_axes(g: Array, v: Array) -> tuple[int, ...] | None:
    """Return the axes over which |v| is taken; None if the shape of `g` does not fit."""
    if g.size == 1:
        return tuple(range(v.ndim))
    kept_axes = [axis for axis, size in enumerate(g.shape) if size != 1]
    if g.ndim != v.ndim or len(kept_axes) != 1 or g.shape[kept_axes[0]] != v.shape[kept_axes[0]]:
        return None
    return tuple(axis for axis in range(v.ndim) if axis not in kept_axes)


def _sigma(weight: Array, u: Array, v: Array) -> float | None:
    """Return sigma of a spectral norm; None if `u` and `v` fit no axis.

    If they fit two axes, since there are as many input as output channels, they are singular
    vectors for only one of the two: the axis with the larger absolute sigma.
    """
    u, v = (item.astype(np.float64).reshape(-1) for item in (u, v))
    rows = [
        np.moveaxis(weight, axis, 0).reshape(len(u), -1)
        for axis, length in enumerate(weight.shape)
        if length == len(u) and weight.size == len(u) * len(v)
    ]
    return max((float(u @ item @ v) for item in rows), key=abs, default=None)
