"""The exact pattern that a method adds to flat pictures, at the scale in use."""

from math import nan, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from upsample_cli.methods.method import Method
from upsample_cli.metrics.ripple import BALANCED, ripple
from upsample_cli.planes import Size

Sums = NDArray[np.float64]


def flat_ripple(method: Method, size_in: Size, size_out: Size) -> float:
    """Return the ripple of a flat picture that a method enlarges: its RMS over its mean.

    If the strides of its kernels lead beyond the size, the reduction that follows weakens the
    ripple. Antiringing removes its share of the rest.

    Args:
        method: The method.
        size_in: Height and width of the picture.
        size_out: Height and width of its enlargement.

    Returns:
        0 or more; NaN if unknown, as for a network in ONNX at a scale other than its own.
    """
    scales = size_out[0] / size_in[0], size_out[1] / size_in[1]
    kernel, removed = method.equivalent(max(scales)), getattr(method, "antiring", 0.0)
    if kernel is None:
        known = (1 - removed) * method.flat_ripple
        return known if known < BALANCED or scales == (method.own_scale,) * 2 else nan
    sums = removed + (1 - removed) * kernel.phase_sums
    return ripple(sums) if scales == (kernel.stride,) * 2 else _reduced(sums, size_in, size_out)


def _reduced(phase_sums: Sums, size_in: Size, size_out: Size) -> float:
    """Return the ripple of phase sums after the reduction to `size_out`."""
    down, across = (
        _shares(len(phase_sums), *lengths) for lengths in zip(size_in, size_out, strict=True)
    )
    mean = float(down.mean(0) @ phase_sums @ across.mean(0))
    # The output is down @ phase_sums @ across^T. The small triangles of QR have the same norms.
    left, right = np.linalg.qr(down).R, np.linalg.qr(across).R
    spread = float(np.linalg.norm(left @ (phase_sums - mean) @ right.T)) / sqrt(prod(size_out))
    return ripple(np.array([mean - spread, mean + spread]))  # two values of this mean and spread


def _shares(stride: int, before: int, after: int) -> Sums:
    """Return the share of each phase in each output pixel of an axis; shape (after, stride)."""
    from upsample_cli.kernels.interpolants import BICUBIC, interpolation_band  # few runs need it

    band, outputs = interpolation_band(BICUBIC, before * stride, after), np.arange(after)
    weights = band.coefficients[outputs % band.period]
    phases = (band.sources(outputs)[:, None] + np.arange(weights.shape[1])) % stride
    return np.stack([(weights * (phases == phase)).sum(1) for phase in range(stride)], 1)
