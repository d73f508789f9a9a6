"""Slow reference implementations: what the product computes, written as in its definition.

A plane here is an array of shape (H, W), float64. Nothing is optimised.
"""

from typing import Any

import numpy as np
import PIL.Image
import scipy
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Pair = tuple[int, int]


def transposed_convolution(
    plane: Plane, taps: Plane, stride: int, padding: Pair, size: Pair
) -> Plane:
    """Return a transposed convolution by its definition: each pixel adds its scaled kernel."""
    top, left = len(taps) + stride, taps.shape[1] + stride
    full = np.zeros((size[0] + 3 * top, size[1] + 3 * left))
    for (i, j), value in np.ndenumerate(plane):
        y, x = top + stride * i - padding[0], left + stride * j - padding[1]
        full[y : y + len(taps), x : x + taps.shape[1]] += value * taps
    return full[top : top + size[0], left : left + size[1]]


def convolution_of_zero_inserted(
    plane: Plane, taps: Plane, stride: int, padding: Pair, size: Pair
) -> Plane:
    """Return a transposed convolution as a convolution of the zero-inserted plane."""
    zero_inserted = np.zeros((len(plane) * stride, plane.shape[1] * stride))
    zero_inserted[::stride, ::stride] = plane
    (height, width), (down, right) = taps.shape, padding
    after = size[0] + height + stride, size[1] + width + stride
    padded = np.pad(zero_inserted, ((height, after[0]), (width, after[1])))
    out = np.zeros(size)
    for y, x in np.ndindex(size):
        window = padded[y + down + 1 : y + down + 1 + height, x + right + 1 : x + right + 1 + width]
        out[y, x] = (window * taps[::-1, ::-1]).sum()
    return out


def convolution_matrix(taps: Plane, stride: int, padding: Pair, low: Pair, high: Pair) -> Plane:
    """Return the matrix of the strided convolution from `high` pixels to `low` pixels.

    Its transpose is the transposed convolution.
    """
    matrix = np.zeros((*low, *high))
    for i, j in np.ndindex(low):
        for a, b in np.ndindex(taps.shape):
            y, x = stride * i + a - padding[0], stride * j + b - padding[1]
            if 0 <= y < high[0] and 0 <= x < high[1]:
                matrix[i, j, y, x] += taps[a, b]
    return matrix.reshape(low[0] * low[1], high[0] * high[1])


def zoom_by_scipy(plane: Plane, size: Pair, order: int) -> Plane:
    """Return SciPy's zoom, with half-pixel centres and the symmetric boundary."""
    zoom = [after / before for before, after in zip(plane.shape, size, strict=True)]
    return scipy.ndimage.zoom(plane, zoom, order=order, mode="reflect", grid_mode=True)


def resize_by_pillow(plane: Plane, size: Pair, resampling: PIL.Image.Resampling) -> Plane:
    """Return Pillow's resize of 32-bit floats."""
    picture = PIL.Image.fromarray(plane.astype(np.float32)).resize(size[::-1], resampling)
    return np.asarray(picture, np.float64)


def resize_convolution(plane: Plane, taps: Plane, stride: int) -> Plane:
    """Return np.kron of the plane, then SciPy's convolution on the output grid."""
    return scipy.ndimage.convolve(np.kron(plane, np.ones((stride, stride))), taps, mode="reflect")


def apply_stage(
    stage: Any, planes: NDArray[Any], size: Pair, mode: str = "symmetric"
) -> NDArray[Any]:
    """Return a stage's whole output for planes padded by `np.pad`, without strips and tiles."""
    rows, columns = stage.draws_on(range(size[0]), range(size[1]))
    runs = list(zip((rows, columns), planes.shape[1:], strict=True))
    pads = [(max(0, -run.start), max(0, run.stop - length)) for run, length in runs]
    padded = np.pad(planes, ((0, 0), *pads), mode=mode)
    window = padded[
        :,
        rows.start + pads[0][0] : rows.stop + pads[0][0],
        columns.start + pads[1][0] : columns.stop + pads[1][0],
    ]
    return stage(np.ascontiguousarray(window), range(size[0]), range(size[1]))


def psnr_by_pixel(candidate: Plane, reference: Plane) -> float:
    """Return the peak signal-to-noise ratio of levels in dB, summed pixel by pixel."""
    total = sum(
        (float(a) - float(b)) ** 2
        for a, b in zip(candidate.ravel(), reference.ravel(), strict=True)
    )
    return float(10 * np.log10(255**2 / (total / candidate.size)))


def residual(plane: Plane, stride: Pair) -> Plane:
    """Return (I - B)^2 of a plane without its margin; B is the symmetric moving average."""
    averages = [np.ones(s) if s % 2 else np.r_[0.5, np.ones(s - 1), 0.5] for s in stride]
    for _ in range(2):
        mean = plane
        for axis, taps in enumerate(averages):
            mean = scipy.ndimage.convolve1d(mean, taps / taps.sum(), axis=axis, mode="constant")
        plane = plane - mean
    top, left = (2 * (s // 2) for s in stride)
    return plane[top : len(plane) - top, left : plane.shape[1] - left]


def transposed_convolution_layer(
    x: NDArray[np.float64], weight: NDArray[np.float64], stride: Pair, padding: Pair,
    output_padding: Pair, groups: int, dilation: Pair,
) -> NDArray[np.float64]:  # fmt: skip
    """Return a transposed convolution layer by its definition: each input adds each tap once.

    x has shape (N, Cin, H, W), weight (Cin, Cout / groups, kH, kW).
    """
    (count, channels, *size), (_, channels_per_group, *taps) = x.shape, weight.shape
    full = [(n - 1) * s + d * (k - 1) + 1 + extra for n, s, d, k, extra in
            zip(size, stride, dilation, taps, output_padding, strict=True)]  # fmt: skip
    out = np.zeros((count, channels_per_group * groups, *full))
    for c, o, i, j, a, b in np.ndindex(channels, channels_per_group, *size, *taps):
        channel = c // (channels // groups) * channels_per_group + o
        y, z = stride[0] * i + dilation[0] * a, stride[1] * j + dilation[1] * b
        out[:, channel, y, z] += x[:, c, i, j] * weight[c, o, a, b]
    bottom, right = (n - p for n, p in zip(full, padding, strict=True))
    return out[:, :, padding[0] : bottom, padding[1] : right]
