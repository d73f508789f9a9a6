"""The geometry of a layer: which pixels its taps connect, its output size, and its sparse matrix.

A convolution reads input pixel s i + d a - p for output pixel i and tap a; the transposed
convolution writes to output pixel s i + d a - p from input pixel i. The letters are those of
Dumoulin & Visin.

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv
1603.07285; PyTorch's torch.nn.functional.conv2d and conv_transpose2d.
"""

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.planes import Size

if TYPE_CHECKING:  # only `conv_matrix` needs SciPy
    import scipy

Pair: TypeAlias = tuple[int, int]
Span: TypeAlias = int | tuple[int, ...]
"""One number for both axes, or a pair (down, across)."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The settings of a layer; every pair is (down, across).

    All lengths are in pixels of the large map: a convolution's input, or a transposed
    convolution's output.

    Args:
        stride: s, pixels of the large map per pixel of the small one, 1 or more.
        padding: p, added by a convolution or cropped by a transposed one on every side, 0 or more.
        output_padding: Added at the bottom and right; less than stride or dilation.
        dilation: d, pixels from one tap to the next, 1 or more.
        groups: How many groups the channels are split into, 1 or more.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @classmethod
    def of(
        cls, stride: Span, padding: Span, output_padding: Span, dilation: Span, groups: int
    ) -> "Geometry":
        """Return the geometry; each setting but `groups` is a number or a pair (down, across).

        Raises:
            SettingError: A setting is not a whole number, or is out of range.
        """
        return cls(
            _pair("stride", stride, 1),
            _pair("padding", padding, 0),
            _pair("output_padding", output_padding, 0),
            _pair("dilation", dilation, 1),
            _pair("groups", groups, 1)[0],
        )

    def __post_init__(self) -> None:
        """Check that the output padding is less than the stride or the dilation."""
        bounds = zip(self.output_padding, self.stride, self.dilation, strict=True)
        if any(added >= max(s, d) for added, s, d in bounds):
            raise SettingError(
                f"output_padding {self.output_padding} is too large for stride {self.stride} and "
                f"dilation {self.dilation}; give less than the larger of the two on each axis"
            )

    def transposed_size(self, size: Size, taps: Size) -> Size:
        """Return the transposed convolution's output size.

        It is (n - 1) s - 2p + d (k - 1) + output_padding + 1 along each axis.

        Raises:
            SettingError: The output would have no pixels.

        >>> Geometry((2, 2), (1, 1), (1, 1)).transposed_size((4, 4), (3, 3))
        (8, 8)
        """
        height, width = (
            (n - 1) * s - 2 * p + d * (k - 1) + added + 1
            for n, k, s, p, d, added in zip(
                size, taps, self.stride, self.padding, self.dilation, self.output_padding,
                strict=True,
            )
        )  # fmt: skip
        if height < 1 or width < 1:
            raise SettingError(
                f"the output would be {height}x{width}; give less padding than {self.padding}"
            )
        return height, width

    def convolved_size(self, size: Size, taps: Size) -> Size:
        """Return the convolution's output size: floor((n + 2p - d (k - 1) - 1) / s) + 1.

        Raises:
            SettingError: The taps are larger than the padded input.

        >>> Geometry((2, 2), (1, 1)).convolved_size((8, 8), (3, 3))
        (4, 4)
        """
        height, width = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                size, taps, self.stride, self.padding, self.dilation, strict=True
            )
        )
        if height < 1 or width < 1:
            raise SettingError(
                f"taps {taps} with dilation {self.dilation} are larger than the input {size} with "
                f"padding {self.padding}; give a larger input or more padding"
            )
        return height, width

    def offsets(self, taps: Size) -> tuple[list[int], list[int]]:
        """Return the offset d a - p of every tap a in pixels, down and across."""
        down, across = (
            [d * tap - p for tap in range(k)]
            for k, d, p in zip(taps, self.dilation, self.padding, strict=True)
        )
        return down, across


def conv_matrix(
    kernel: NDArray[Any] | Kernel,
    input_shape: Size,
    stride: Span = 1,
    padding: Span = 0,
    dilation: Span = 1,
) -> "scipy.sparse.csr_array":
    """Return the sparse matrix that convolves a plane, which is zero beyond its edges.

    Row (i, j) holds tap (a, b) at column (s i + d a - p, s j + d b - p); pixels are numbered row by
    row. The transpose is the transposed convolution with the same settings.

    Args:
        kernel: Taps of shape (kH, kW), or a `Kernel`; only its taps are used.
        input_shape: Height and width of the plane in pixels, 1 or more.
        stride: Input pixels per output pixel, 1 or more; one number, or a pair (down, across).
        padding: Zeros added on every side, 0 or more.
        dilation: Input pixels from one tap to the next, 1 or more.

    Returns:
        Shape (H' W', H W), of the taps' type (float32 for float16), column indices sorted; taps
        of 0 are stored, too.

    Raises:
        SettingError: The taps, `input_shape` or another setting cannot be used.

    >>> k3 = np.arange(1, 10).reshape(3, 3)
    >>> matrix = conv_matrix(k3, (4, 4))
    >>> matrix.shape
    (4, 16)
    >>> (matrix.T @ [1, 0, 0, 0]).reshape(4, 4)  # the kernel, spread by the first of 2x2 pixels
    array([[1, 2, 3, 0],
           [4, 5, 6, 0],
           [7, 8, 9, 0],
           [0, 0, 0, 0]])
    """
    import scipy

    taps = kernel.taps if isinstance(kernel, Kernel) else np.asarray(kernel)
    if taps.ndim != 2 or 0 in taps.shape or taps.dtype.kind not in "fiub":
        raise SettingError(f"kernel is {taps.dtype} {taps.shape}; give numbers of shape (kH, kW)")
    if taps.dtype == np.float16:  # SciPy has no sparse arrays of float16
        taps = taps.astype(np.float32)
    if len(input_shape) != 2 or min(input_shape) < 1:
        raise SettingError(
            f"input_shape {input_shape} is not the shape of a plane; give (height, width)"
        )
    geometry, (height, width) = Geometry.of(stride, padding, 0, dilation, 1), input_shape
    size = geometry.convolved_size((height, width), (taps.shape[0], taps.shape[1]))
    (top, left), (s, t), (d, e) = geometry.padding, geometry.stride, geometry.dilation
    type_ = np.int32 if max(height * width, size[0] * size[1] * taps.size) < 2**31 else np.int64
    pixels: NDArray[Any] = np.arange(height * width, dtype=type_).reshape(height, width)
    pixels = np.pad(pixels, ((top, top), (left, left)), constant_values=-1)
    extent = d * (taps.shape[0] - 1) + 1, e * (taps.shape[1] - 1) + 1
    # Each row holds the input pixels under the taps of one output, in ascending order.
    windows = sliding_window_view(pixels, extent)[::s, ::t, ::d, ::e].reshape(-1, taps.size)
    inside = windows >= 0
    ends = np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(type_)
    values = np.broadcast_to(taps.ravel(), windows.shape)[inside]
    shape = (size[0] * size[1], height * width)
    return scipy.sparse.csr_array((values, windows[inside], ends), shape=shape)


def _pair(name: str, value: Span, least: int) -> Pair:
    """Return a whole number or a pair of them as a pair, or raise a `SettingError`."""
    try:
        values = tuple(map(index, value)) if isinstance(value, (tuple, list)) else (index(value),)
    except TypeError as error:
        raise SettingError(
            f"{name} {value!r} is not a whole number; give an int or a pair"
        ) from error
    if len(values) == 1:
        values *= 2
    if len(values) != 2:
        raise SettingError(f"{name} {value!r} has {len(values)} numbers; give an int or a pair")
    if min(values) < least:
        raise SettingError(f"{name} {value!r} is out of range; give {least} or more")
    return values[0], values[1]
