"""Weights that are stored as a direction v and a length g: their product is what counts.

With v of shape (C, ...) and g of shape (C, 1, ..., 1), the weight is g v / |v|, norms being taken
over the axes along which g has one number. It is a trap: weights that began without ripple (ICNR)
get one when each channel is normalised by itself.

Source: T. Salimans, D. Kingma, "Weight normalization", NeurIPS 2016; the names are PyTorch's
weight_norm and parametrizations.weight_norm.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SPELLINGS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)


def effective(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return tensors with every normalised weight in the place of its two parts.

    Args:
        tensors: By name, such as `up.weight_g` and `up.weight_v`.

    Returns:
        By name, such as `up.weight`, in float64 where it was worked out; a direction of length 0
        becomes NaN, and of two parts one that is not of floats stands for both.

    >>> parts = {"up.weight_v": np.array([[3.0, 4.0]]), "up.weight_g": np.array([[10.0]])}
    >>> effective(parts)
    {'up.weight': array([[6., 8.]])}
    """
    found = dict(tensors)
    for length, direction in _SPELLINGS:
        for name in tensors:
            stem = name.removesuffix(direction)
            g, v = tensors.get(stem + length), tensors[name]
            if stem == name or g is None or g.ndim != v.ndim:
                continue
            if any(each not in (1, size) for each, size in zip(g.shape, v.shape, strict=True)):
                continue
            del found[stem + length], found[name]
            odd = [part for part in (g, v) if part.dtype.kind != "f"]
            if odd:  # which no one can multiply; its type tells
                found[f"{stem}weight"] = odd[0]
                continue
            axes = tuple(axis for axis, size in enumerate(g.shape) if size == 1)
            wide = v.astype(np.float64)
            norm = np.sqrt(np.square(wide).sum(axis=axes, keepdims=True))
            with np.errstate(invalid="ignore"):  # what is NaN is told as unknown
                found[f"{stem}weight"] = wide / norm * g
    return found
