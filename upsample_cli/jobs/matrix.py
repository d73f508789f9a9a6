"""A convolution small enough to show: its matrix, overlaps and ripple."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError, did_you_mean
from upsample_cli.kernels.convolve import conv2d, conv_transpose2d
from upsample_cli.kernels.geometry import Geometry, conv_matrix
from upsample_cli.kernels.kernel import Kernel, Taps
from upsample_cli.kernels.kernel_file import load
from upsample_cli.kernels.named import KERNELS
from upsample_cli.kernels.phases import phase_sums
from upsample_cli.methods.method import is_kernel_file
from upsample_cli.metrics.ripple import ripple
from upsample_cli.planes import Size

Counts = NDArray[np.int64]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The names of the taps, in order."""
_LARGEST = 64  # pixels of a plane: the matrix of more would not be legible on a screen


@dataclass(frozen=True, slots=True, eq=False)
class SmallConvolution:
    """A convolution of a small plane, with its matrix, overlaps and ripple.

    Args:
        kernel: The name of the kernel; empty if the taps are plain numbers, 1, 2, 3...
        taps: Shape (kH, kW).
        stride: Input pixels per output pixel.
        padding: Zeros added on every side of the input.
        dilation: Input pixels from one tap to the next.
        large: Height and width of the convolution's input, the transposed convolution's output.
        small: Height and width of the convolution's output, the transposed convolution's input.
        cells: Shape (small pixels, large pixels): the number of the tap in each cell of the matrix,
            from 1; 0 for none.
        touches: Shape `small`: how many outputs each input of the transposed convolution touches.
        gets: Shape `large`: how many inputs each output of the transposed convolution gets.
        phases: Shape (stride, stride): how many inputs an output of each phase gets, far from the
            edges.
        ripple: The exact ripple of the kernel; of equal taps if `kernel` is empty.
        difference: The largest difference of the matrix products from the direct algorithms.
    """

    kernel: str
    taps: Taps
    stride: int
    padding: int
    dilation: int
    large: Size
    small: Size
    cells: Counts
    touches: Counts
    gets: Counts
    phases: Counts
    ripple: float
    difference: float

    @property
    def even(self) -> bool:
        """Whether every output far from the edges gets the same number of inputs."""
        return bool((self.phases == self.phases[0, 0]).all())

    @property
    def verified(self) -> bool:
        """Whether the matrix products and the direct algorithms agree up to rounding."""
        return self.difference <= 1e-12 * max(1.0, float(np.abs(self.taps).sum()))

    @property
    def matrix(self) -> Taps:
        """The matrix of the convolution, shape (small pixels, large pixels)."""
        return np.concatenate([[0.0], self.taps.ravel()])[self.cells]

    @property
    def overlap(self) -> str:
        """A sentence on whether the overlap is even, and what follows."""
        counts = sorted({*self.phases.ravel().tolist()})
        multiple = "a multiple" if self.even else "not a multiple"
        size = as_text(self.taps.shape)
        why = f"because the kernel size {size} is {multiple} of stride {self.stride}"
        if self.stride == 1:
            why = "as always with stride 1"
        elif self.dilation > 1:
            why = f"as dilation {self.dilation} and stride {self.stride} meet"
        if self.even:
            kept = "any" if self.stride == 1 else "equal"
            inputs = "1 input" if counts[0] == 1 else f"{counts[0]} inputs"
            return (
                f"Inside a large image every output gets {inputs}, "
                f"{why}: {kept} taps keep a flat image flat."
            )
        several = f"{', '.join(map(str, counts[:-1]))} or {counts[-1]}"
        return (
            f"Inside a large image outputs get {several} inputs in turn, {why}: "
            "equal taps turn a flat image into a checkerboard."
        )

    @property
    def sentences(self) -> list[str]:
        """Sentences on the overlap, the exact ripple, and whether the matrix gives the same."""
        return [
            self.overlap,
            f"Exact ripple of {self.kernel or 'equal taps'}: {self.ripple:.4f} "
            "(0: a flat image stays flat).",
            "The matrix gives the same as the direct algorithm: "
            f"{'yes' if self.verified else 'no'} (largest difference {self.difference:.2g}).",
        ]


def as_text(size: tuple[int, ...]) -> str:
    """Return a size as text: 4x4."""
    return "x".join(map(str, size))


def small_convolution(
    kernel: str = "3",
    kernel_size: int | None = None,
    input: str | None = None,
    small: str | None = None,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
) -> SmallConvolution:
    """Return a small convolution with its matrix, counts and ripple.

    Args:
        kernel: A size, N or HxW, whose taps are 1, 2, 3...; the name of a fixed kernel; or a file.
        kernel_size: Taps along each axis, for uniform, random and gaussian.
        input: HxW of the convolution's input; by default 4x4 at stride 1.
        small: HxW of the transposed convolution's input, instead; by default 2x2 at other strides.
        stride: Input pixels per output pixel, 1 or more; by default the kernel file's own, or 1.
        padding: Zeros added on every side of the input, 0 or more.
        dilation: Input pixels from one tap to the next, 1 or more.

    Raises:
        SettingError: A setting is out of range, or the result too large to be seen.
    """
    name, taps, stride = _kernel(kernel, kernel_size, stride)
    if taps.size > len(LETTERS):
        raise SettingError(
            f"kernel {kernel} has {taps.size} taps, more than the {len(LETTERS)} that have "
            "a letter; give a smaller one"
        )
    geometry = Geometry.of(stride, padding, 0, dilation, 1)
    shape = (taps.shape[0], taps.shape[1])
    if input is not None and small is not None:
        raise SettingError("--input and --small cannot be used together; leave one out")
    if input is None and stride > 1:
        small = small or "2x2"  # in 1x1, nothing would overlap
    if small is not None:
        large = geometry.transposed_size(_size("--small", small), shape)
    else:
        large = _size("--input", input or "4x4")
    result = geometry.convolved_size(large, shape)
    for size in (large, result):
        _check_size(size, "--small, --stride or --dilation" if small else "--padding")
    numbers = np.arange(1, taps.size + 1).reshape(shape)
    cells = conv_matrix(numbers, large, stride, padding, dilation).toarray()
    spaced = np.zeros([d * (k - 1) + 1 for d, k in zip(geometry.dilation, shape, strict=True)])
    spaced[::dilation, ::dilation] = taps if name else 1.0
    return SmallConvolution(
        name, taps, stride, padding, dilation, large, result, cells,
        (cells > 0).sum(axis=1).reshape(result), (cells > 0).sum(axis=0).reshape(large),
        phase_sums(np.ones(shape), (stride,) * 2, (padding,) * 2, (dilation,) * 2).astype(int),
        ripple(Kernel(name, spaced, stride).phase_sums), _difference(taps, large, result, geometry),
    )  # fmt: skip


def _kernel(kernel: str, size: int | None, stride: int | None) -> tuple[str, Taps, int]:
    """Return the name of a kernel, its taps, and the stride to use it with."""
    numbers = re.fullmatch(r"([1-9]\d?)(?:x([1-9]\d?))?", kernel)
    if size is not None and kernel not in KERNELS:
        remedy = "leave it out" if is_kernel_file(kernel) else f"give --kernel {size} instead"
        raise SettingError(
            f"--kernel-size is for uniform, random and gaussian, not {kernel}; {remedy}"
        )
    if numbers:
        height, width = int(numbers[1]), int(numbers[2] or numbers[1])
        return "", np.arange(1.0, height * width + 1).reshape(height, width), stride or 1
    if is_kernel_file(kernel):
        file = load(kernel, None, stride or 1)
        taps = file.kernel(Path(kernel).name).taps
        return Path(kernel).name, taps, stride or file.stride
    if kernel in KERNELS:
        return kernel, KERNELS[kernel](stride or 1, size).taps, stride or 1
    remedy = (
        did_you_mean(kernel, KERNELS)
        or f"choose {', '.join(KERNELS)}, a size or a .npz or .npy file"
    )
    raise SettingError(f"no kernel '{kernel}' to show; {remedy}")


def _size(option: str, text: str) -> Size:
    """Return an option's size; raise a `SettingError` if it is invalid or too large."""
    numbers = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if numbers is None:
        raise SettingError(f"invalid {option} '{text}'; use HEIGHTxWIDTH, such as 4x4")
    size = int(numbers[1]), int(numbers[2])
    _check_size(size, option)
    return size


def _check_size(size: Size, option: str) -> None:
    """Raise a `SettingError` if a size is too large to show; `option` names its cause."""
    if size[0] * size[1] > _LARGEST:
        raise SettingError(
            f"{as_text(size)} is {size[0] * size[1]} pixels, more than the {_LARGEST} that can be "
            f"shown; give a smaller {option}, or use conv_matrix in Python"
        )


def _difference(taps: Taps, large: Size, small: Size, geometry: Geometry) -> float:
    """Return the largest difference of the matrix products from the direct algorithms."""
    settings: dict[str, Any] = {"stride": geometry.stride, "padding": geometry.padding,
                                "dilation": geometry.dilation}  # fmt: skip
    matrix = conv_matrix(taps, large, **settings)
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-9, 10, size).astype(np.float64) for size in (large, small))
    reached = geometry.transposed_size(small, (taps.shape[0], taps.shape[1]))
    added = tuple(n - m for n, m in zip(large, reached, strict=True))
    forward = conv2d(x[None], taps[None, None], **settings)
    back = conv_transpose2d(y[None], taps[None, None], output_padding=added, **settings)
    errors = matrix @ x.ravel() - forward.ravel(), matrix.T @ y.ravel() - back.ravel()
    return float(max(np.abs(error).max() for error in errors))
