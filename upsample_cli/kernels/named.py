"""Fixed kernels by name, such as bilinear, for any stride; their mean phase sum is 1."""

from collections.abc import Callable
from functools import partial

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.kernels.interpolants import BICUBIC, BILINEAR, LANCZOS, Interpolant, gaussian
from upsample_cli.kernels.kernel import Kernel, Taps

_GAUSSIAN = gaussian(0.5)  # half an input pixel

# All functions in `KERNELS` take a stride, the taps along each axis (None for a size that suits the
# kernel) and a seed, which only `random` uses.


def uniform(stride: int, size: int | None = None, seed: int = 0) -> Kernel:
    """Return the kernel whose taps are all equal; balanced if its size is a multiple of the stride.

    >>> round(float(uniform(2, 3).phase_sums.max()), 4)
    1.7778
    """
    size = size or _balanced_size(stride)
    return Kernel.outer("uniform", np.full(size, stride / size), stride)


def random(stride: int, size: int | None = None, seed: int = 0) -> Kernel:
    """Return a kernel of independent random taps, like a layer before training.

    Taps are drawn uniformly from 0..1, then scaled to keep the brightness.
    """
    size = size or _balanced_size(stride)
    taps = np.random.default_rng(seed).random((size, size))
    return Kernel("random", taps * (stride**2 / taps.sum()), stride)


def _of_interpolant(
    phi: Interpolant, stride: int, size: int | None = None, seed: int = 0
) -> Kernel:
    """Return the kernel of an interpolant's samples, each phase divided by its sum."""
    if size is not None and phi is not _GAUSSIAN:
        raise SettingError(
            f"--kernel-size is for uniform, random and gaussian, not {phi.name}; leave it out"
        )
    # The size is odd for an odd stride, so that the picture stays in place.
    size = size or 2 * int(phi.support) * stride - stride % 2
    taps, phase = phi.function(_distances(size, stride)), np.arange(size) % stride
    return Kernel.outer(phi.name, taps / np.bincount(phase, taps, stride)[phase], stride)


KERNELS: dict[str, Callable[..., Kernel]] = {
    "uniform": uniform,
    **{phi.name: partial(_of_interpolant, phi) for phi in (BILINEAR, BICUBIC, LANCZOS, _GAUSSIAN)},
    "random": random,
}


def smoothing(name: str, stride: int, size: int | None = None) -> Kernel:
    """Return the kernel of a convolution that follows an upsampling by a stride.

    Args:
        name: `box` (all taps equal), `gaussian` (standard deviation half an input pixel) or
            `sharpen` (the picture, plus half of its difference from a box-filtered copy).
        stride: Output pixels per input pixel of the upsampling.
        size: Taps along each axis, odd; by default the next odd number above the stride
            (gaussian: above twice the stride).
    """
    width = 2 * stride if name == "gaussian" else stride
    size = size or width + 1 + width % 2
    if name == "box":
        return Kernel.outer(name, np.full(size, 1 / size), 1)
    if name == "gaussian":
        taps = _GAUSSIAN.function(_distances(size, stride))
        return Kernel.outer(name, taps / taps.sum(), 1)
    sharp = np.full((size, size), -0.5 / size**2)
    sharp[size // 2, size // 2] += 1.5
    return Kernel(name, sharp, 1)


def resize_conv_kernel(kernel: Kernel, resize: str, stride: int) -> Kernel:
    """Return the transposed convolution equivalent to an upsampling followed by a convolution.

    Args:
        kernel: The convolution, of stride 1.
        resize: The upsampling, `nearest` or `bilinear`.
        stride: Output pixels per input pixel of the upsampling.
    """
    upsampling = uniform(stride, stride) if resize == "nearest" else KERNELS["bilinear"](stride)
    both = upsampling.then(kernel)
    return Kernel(kernel.name, both.taps, stride, both.axis_taps)


def _balanced_size(stride: int) -> int:
    """Return the least multiple of the stride above it that keeps the picture in place."""
    return stride * (2 + stride % 2)


def _distances(size: int, stride: int) -> Taps:
    """Return the distance of each tap from the kernel's centre, in input pixels."""
    return (np.arange(size) - (size - 1) / 2) / stride
