"""Kernels out of files, for a scale: the shipped learned ones and a person's own."""

import os
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.strides import composed, whole

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.kernels.kernel import Kernel

LEARNED = ("learned", "learned-sharp", "learned-soft")


def is_file(kernel: str) -> bool:
    """Tell whether a kernel's word is a path."""
    return kernel.endswith((".npz", ".npy"))


def learned(method: str, kernel: str, scale: float) -> "list[Kernel]":
    """Return the shipped kernels of a method that reach a scale, in order.

    Args:
        method: `tconv` or `resize-conv`.
        kernel: One of `LEARNED`.
        scale: The scale to reach, 1 or more.
    """
    from upsample_cli.kernels.store import SHIPPED_STRIDES, shipped

    steps = composed(scale, SHIPPED_STRIDES)
    return [shipped(method, kernel, stride).kernel(kernel) for stride in steps]


def own(method: str, path: str, scale: float, resize: str = "") -> "list[Kernel]":
    """Return the kernel of a file, as often as it takes to reach a scale.

    Args:
        method: `tconv` or `resize-conv`.
        path: A .npz with a stride of its own, or a .npy of taps, used with the scale as stride.
        scale: The scale to reach, 1 or more.
        resize: What a resize-conv upsamples by.

    Raises:
        SettingError: The kernel has another stride than the whole scale, or is no kernel.
    """
    from upsample_cli.kernels.store import load

    stride = whole(scale)
    kernel = load(path, method, stride, resize).kernel(os.path.basename(path))
    if kernel.stride == stride:
        return [kernel]
    if kernel.stride == 1:
        raise SettingError(f"kernel '{kernel.name}' has stride 1 and cannot enlarge; train another")
    steps = composed(scale, (kernel.stride,))
    if scale == stride and kernel.stride ** len(steps) != stride:
        raise SettingError(
            f"kernel '{kernel.name}' has stride {kernel.stride}, but the scale is {stride}; "
            f"pass --scale {kernel.stride} or train one for {stride}"
        )
    return [kernel] * len(steps)
