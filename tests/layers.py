"""Slow oracles of layers with channels: one loop for every sum of their definitions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def transposed(
    x: Array, weights: Array, stride: tuple[int, int], dilation: tuple[int, int], groups: int = 1
) -> Array:
    """Return a transposed convolution without padding: every pixel adds its kernel's taps.

    x is (Cin, H, W), weights are (Cin, Cout / groups, kH, kW).
    """
    count, each, (tall, wide) = len(x), weights.shape[1], weights.shape[2:]
    size = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(x.shape[1:], stride, dilation, (tall, wide), strict=True)
    ]
    out = np.zeros((each * groups, *size))
    for i in range(count):
        group = i // (count // groups)
        for o in range(each):
            for y, z in np.ndindex(x.shape[1:]):
                for a, b in np.ndindex(tall, wide):
                    place = y * stride[0] + a * dilation[0], z * stride[1] + b * dilation[1]
                    out[group * each + o][place] += x[i, y, z] * weights[i, o, a, b]
    return out


def convolved(x: Array, weights: Array, groups: int = 1) -> Array:
    """Return a convolution without padding: weights are (Cout, Cin / groups, kH, kW)."""
    count, each, (tall, wide) = len(weights), weights.shape[1], weights.shape[2:]
    out = np.zeros((count, x.shape[1] - tall + 1, x.shape[2] - wide + 1))
    for o in range(count):
        first = o // (count // groups) * each
        for y, z in np.ndindex(out.shape[1:]):
            out[o, y, z] = (x[first : first + each, y : y + tall, z : z + wide] * weights[o]).sum()
    return out


def shuffled(x: Array, stride: tuple[int, int], parts: tuple[int, ...] = (0, 1, 2)) -> Array:
    """Return channels turned to blocks of pixels.

    Channels are numbered by the output channel (0), row (1) and column (2) in the order of parts.
    """
    rows, columns = stride
    lengths = (len(x) // (rows * columns), rows, columns)
    out = np.zeros((lengths[0], x.shape[1] * rows, x.shape[2] * columns))
    for place in np.ndindex(*lengths):
        o, a, b = place
        channel = 0
        for part in parts:
            channel = channel * lengths[part] + place[part]
        out[o, a::rows, b::columns] = x[channel]
    return out


def one_period(out: Array, stride: tuple[int, int]) -> Array:
    """Return one period out of the middle of (C, H, W): shape (C, s1, s2), phases in order."""
    top, left = (n // 2 // s * s for n, s in zip(out.shape[1:], stride, strict=True))
    return out[:, top : top + stride[0], left : left + stride[1]]


def ripple_of(periods: Array) -> float:
    """Return RMS |G - M| over |M| of (Cin, Cout, s1, s2): what each flat input channel becomes."""
    mean = periods.mean(axis=(2, 3), keepdims=True)
    phases = periods.shape[2] * periods.shape[3]
    return float(np.sqrt(((periods - mean) ** 2).sum() / phases / (mean**2).sum()))
