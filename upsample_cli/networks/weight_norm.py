"""Weights that are stored as a direction v and lengths g: their product is what counts.

Along one axis each slice of v has a length of its own: with v of shape (A, B, ...) and lengths for
A, g has shape (A, 1, ..., 1) and the weight is g v / |v|, norms being taken over all other axes.
Which axis that is, g's shape tells: PyTorch's first is of input channels in a transposed
convolution, of output channels in any other. Without an axis (`dim=None`) g is one number.

It is a trap: weights that began without ripple (ICNR) get one when each channel is normalised by
itself.

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


def effective(
    tensors: dict[str, NDArray[Any]], rounded: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return tensors with every normalised weight in the place of its two parts.

    Args:
        tensors: By name, such as `up.weight_g` and `up.weight_v`.
        rounded: Whether a weight is of the type of its parts; otherwise it stays float64.

    Returns:
        The tensors by name, such as `up.weight`, and by name why a weight cannot be worked out,
        which is NaN then. A direction of length 0 becomes NaN too; where a part is not of floats
        the weight is zeros of that type, which tells.

    >>> parts = {"up.weight_v": np.array([[3.0, 4.0]]), "up.weight_g": np.array([[10.0]])}
    >>> effective(parts)
    ({'up.weight': array([[6., 8.]])}, {})
    """
    found, faults = dict(tensors), {}
    for length, direction in _SPELLINGS:
        for name in tensors:
            stem = name.removesuffix(direction)
            g, v = tensors.get(stem + length), tensors[name]
            if stem == name or g is None:
                continue
            del found[stem + length], found[name]
            found[f"{stem}weight"] = _weight(g, v, rounded)
            if _others(g, v) is None:
                faults[f"{stem}weight"] = (
                    f"its weight norm has lengths of shape {_words(g)}, which fit no axis of "
                    f"{_words(v)}; remove the weight norm before saving"
                )
    return found, faults


def _weight(g: NDArray[Any], v: NDArray[Any], rounded: bool) -> NDArray[Any]:
    odd = [part.dtype for part in (g, v) if part.dtype.kind != "f"]
    if odd:  # which no one can multiply
        return np.broadcast_to(np.zeros((), odd[0]), v.shape)
    axes = _others(g, v)
    if axes is None:
        return np.broadcast_to(np.nan, v.shape)
    kind = np.result_type(g, v) if rounded else np.dtype(np.float64)
    with np.errstate(over="ignore"):  # half floats become infinite, and are refused
        return _product(g, v, axes).astype(kind, copy=False)


def _others(g: NDArray[Any], v: NDArray[Any]) -> tuple[int, ...] | None:
    """Return the axes over which norms are taken; None where lengths do not fit."""
    if g.size == 1:
        return tuple(range(v.ndim))
    own = [axis for axis, size in enumerate(g.shape) if size != 1]
    if g.ndim != v.ndim or len(own) != 1 or g.shape[own[0]] != v.shape[own[0]]:
        return None
    return tuple(axis for axis in range(v.ndim) if axis not in own)


def _product(g: NDArray[Any], v: NDArray[Any], axes: tuple[int, ...]) -> NDArray[np.float64]:
    wide = v.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is told as unknown
        wide /= np.abs(wide).max(axis=axes, keepdims=True, initial=0.0)  # squares do not overflow
        norm = np.sqrt(np.square(wide).sum(axis=axes, keepdims=True))
        made: NDArray[np.float64] = wide / norm * (g.reshape(()) if g.size == 1 else g)
    return made


def _words(array: NDArray[Any]) -> str:
    return "x".join(map(str, array.shape))
