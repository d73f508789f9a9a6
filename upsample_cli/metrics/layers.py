"""The checkerboard of a layer with many channels, exact.

For each output phase a flat picture, one value a channel, is multiplied by a matrix G of output by
input channels. With M their mean over the phases, ripple is the RMS of |G - M| over |M| (Frobenius
norms): the RMS of the pattern over the RMS of the picture, for flat inputs of independent channels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-14  # of the sums themselves, relative


@dataclass(frozen=True, slots=True, eq=False)
class LayerRipple:
    """How unequal the phases of a layer are; infinity where their mean is 0.

    Args:
        average: Over all channels.
        channels: Shape (Cout,), of each output channel by itself.
        bias: Of the phases' biases, relative to the gain.
        gain: RMS of the output for a flat input of 1 in each channel.
    """

    average: float
    channels: NDArray[np.float64]
    bias: float
    gain: float


def layer_ripple(
    gains: NDArray[np.float64], bias: NDArray[np.floating[Any]] | None = None
) -> LayerRipple:
    """Return the ripple of a layer.

    Args:
        gains: Shape (Cout, Cin, s1, ..., sN): phase sums for each pair of channels.
        bias: Shape (Cout, s1, ..., sN), if each phase has its own.

    >>> even = np.ones((3, 4, 2, 2))
    >>> layer_ripple(even).average
    0.0
    >>> uneven = even * np.outer([4 / 3, 2 / 3], [4 / 3, 2 / 3])
    >>> round(layer_ripple(uneven).average, 4)
    0.4843
    """
    rows = gains.reshape(*gains.shape[:2], -1)
    mean = rows.mean(axis=2, keepdims=True)
    spread = _norm((rows - mean).reshape(len(rows), -1)) / np.sqrt(rows.shape[2])
    spread[spread <= _ROUNDING * np.abs(rows).max(axis=(1, 2), initial=0.0)] = 0.0
    size = _norm(mean[:, :, 0])
    gain = float(_norm(size) / np.sqrt(len(size)))
    uneven = 0.0
    if bias is not None:
        flat = np.asarray(bias, np.float64).reshape(len(bias), -1)
        deviation = flat - flat.mean(axis=1, keepdims=True)
        uneven = float(_norm(deviation.ravel()) / np.sqrt(deviation.size))
        uneven = 0.0 if uneven <= _ROUNDING * np.abs(flat).max() else uneven
    average = float(_norm(spread) / np.sqrt(len(spread)))
    ratios = [_ratio(float(part), float(whole)) for part, whole in zip(spread, size, strict=True)]
    return LayerRipple(_ratio(average, gain), np.array(ratios), _ratio(uneven, gain), gain)


def _norm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean norm over the last axis, without overflow or underflow."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    unit = np.where(largest > 0.0, largest, 1.0)
    norm = unit[..., 0] * np.sqrt(np.square(values / unit).sum(axis=-1))
    return np.asarray(norm)


def _ratio(part: float, whole: float) -> float:
    if part == 0.0:
        return 0.0
    return part / whole if whole > 0.0 else float("inf")
