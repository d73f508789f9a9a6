"""Weights that are stored before their spectral norm: what counts is their quotient by it.

The norm is sigma = u^T W v, where W is the weight laid out as a matrix with one row for each place
along an axis, and u and v, stored beside it, are nearly its first singular vectors. That axis is
of output channels: PyTorch's second in a transposed convolution, its first in any other.

Source: T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018;
the names are PyTorch's spectral_norm and parametrizations.spectral_norm.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SPELLINGS = (
    ("weight_orig", "weight_u", "weight_v"),
    (
        "parametrizations.weight.original",
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
    ),
)


def effective(
    tensors: dict[str, NDArray[Any]], rounded: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return tensors with every normalised weight in the place of its parts.

    Args:
        tensors: By name, such as `up.weight_orig`, `up.weight_u` and `up.weight_v`.
        rounded: Whether a weight is of the type of its parts; otherwise it is of float64.

    Returns:
        The tensors by name, such as `up.weight`, and by name why a weight cannot be worked out,
        which is NaN then. A weight of whole numbers stays one, which tells.

    >>> parts = {"up.weight_orig": np.array([[3.0, 0.0], [0.0, 2.0]])}
    >>> parts |= {"up.weight_u": np.array([1.0, 0.0]), "up.weight_v": np.array([1.0, 0.0])}
    >>> effective(parts)[0]["up.weight"].round(2).tolist()
    [[1.0, 0.0], [0.0, 0.67]]
    """
    found, faults = dict(tensors), {}
    for whole, left, right in _SPELLINGS:
        for name, weight in tensors.items():
            stem = name.removesuffix(whole)
            u, v = tensors.get(stem + left), tensors.get(stem + right)
            if stem == name or u is None:
                continue
            for part in (whole, left, right):
                found.pop(stem + part, None)
            sigma = None if v is None else _sigma(weight, u, v)
            if sigma is None:
                faults[f"{stem}weight"] = (
                    "its spectral norm has vectors that do not fit; remove it before saving"
                )
            found[f"{stem}weight"] = _quotient(weight, sigma, rounded)
    return found, faults


def _sigma(weight: NDArray[Any], u: NDArray[Any], v: NDArray[Any]) -> float | None:
    """Return the norm; None where its vectors fit no axis.

    Where they fit two, for a weight of as many input as output channels, they are singular vectors
    along one of them alone, and sigma is larger there.
    """
    u, v = (each.astype(np.float64).reshape(-1) for each in (u, v))
    rows = [
        np.moveaxis(weight.astype(np.float64), axis, 0).reshape(len(u), -1)
        for axis, length in enumerate(weight.shape)
        if length == len(u) and weight.size == len(u) * len(v)
    ]
    return max((float(u @ each @ v) for each in rows), key=abs, default=None)


def _quotient(weight: NDArray[Any], sigma: float | None, rounded: bool) -> NDArray[Any]:
    if weight.dtype.kind != "f":  # quantised, which no one can divide
        return weight
    wide = weight.astype(np.float64)
    with np.errstate(all="ignore"):  # what is no number is told as unknown
        wide /= np.nan if sigma is None else sigma
        return wide.astype(weight.dtype) if rounded else wide
