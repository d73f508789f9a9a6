"""Files of taps, read with their stride: what an audit judges and a repair balances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel_file import as_numbers, load, read_arrays
from upsample_cli.planes import Size

AXES = range(3, 6)  # number of axes of a layer's weights: two of channels, one to three of space


@dataclass(frozen=True, slots=True, eq=False)
class TapsFile:
    """The taps of a file.

    Args:
        name: The name of the file.
        taps: Shape (kH, kW) of a kernel; (k,) of a separable kernel, the same taps along both axes;
            or three to five axes of a layer's weights.
        stride: Output pixels per input pixel, down and across.
        kind: The number type of a .npy; float64 for a .npz.
        resized: Whether the file is for resize-conv; `taps` are then those of the transposed
            convolution that equals it.
        about: How the kernel was trained, as a .npz says; empty for a .npy.
    """

    name: str
    taps: NDArray[np.float64]
    stride: Size
    kind: np.dtype[Any]
    resized: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> NDArray[np.float64]:
        """The taps with all their axes: shape (k, k) for those of a separable kernel."""
        return np.outer(self.taps, self.taps) if self.taps.ndim == 1 else self.taps

    @property
    def is_kernel(self) -> bool:
        """Whether the taps are a kernel, not a layer's weights."""
        return self.taps.ndim <= 2

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride along each axis of the taps, without the axes of channels."""
        axes = self.taps.ndim - (0 if self.is_kernel else 2)
        return along(self.name, "stride", self.stride, axes)


def along(name: str, option: str, pair: Size, axes: int) -> tuple[int, ...]:
    """Return one number for each axis of a picture, from an option's pair of numbers.

    Args:
        name: The name of the kernel or layer, for the error.
        option: The name of the option without its dashes, for the error.
        pair: Numbers down and across; equal where the user gave one number.
        axes: The number of axes.

    Raises:
        SettingError: The numbers of the pair differ, but there are not two axes.
    """
    if axes == len(pair):
        return pair
    if pair[0] != pair[1]:
        size = "x".join(map(str, pair))
        raise SettingError(
            f"--{option} {size} is for two axes, and '{name}' has {axes}; give one number"
        )
    return pair[:1] * axes


def read_taps(path: str, stride: Size | None) -> TapsFile:
    """Return the taps of a kernel file, or of a .npy of bare taps or a layer's weights.

    A kernel file of resize-conv is returned as the transposed convolution that it equals.

    Args:
        path: A .npz of `upsample train` or a .npy.
        stride: The stride of a .npy; for a .npz None, or the stride that the file holds.

    Raises:
        SettingError: There is no such file, it holds no taps, or the stride is missing or wrong.
    """
    array, name = read_arrays(path), Path(path).name
    if isinstance(array, dict):
        file = load(path, None, 1)
        file_stride = file.stride, file.stride
        if stride not in (None, file_stride):
            raise SettingError(
                f"kernel '{name}' brings its own stride, {file.stride}; leave --stride out"
            )
        kernel = file.kernel(name)
        taps = kernel.taps if kernel.axis_taps is None else kernel.axis_taps
        resized = file.method == "resize-conv"
        return TapsFile(name, taps, file_stride, np.dtype(np.float64), resized, file.about)
    if stride is None:
        raise SettingError(f"{path} does not say its stride; pass --stride N")
    if array.ndim <= 2:
        return TapsFile(name, load(path, None, 1).kernel(name).taps, stride, array.dtype)
    return TapsFile(name, _weights(name, array), stride, array.dtype)


def _weights(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    weights = as_numbers(name, array)
    if weights.ndim not in AXES or weights.size == 0:
        shape = "x".join(map(str, weights.shape))
        raise SettingError(
            f"weights '{name}' have shape {shape}; give 3 to 5 axes, or 2 for a kernel"
        )
    if not np.isfinite(weights).all():
        raise SettingError(f"weights '{name}' hold NaN or infinity; give finite ones")
    return weights
