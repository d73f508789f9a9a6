"""The matrix of a convolution: a row an output pixel, a column an input pixel.

Row (i, j) holds tap (a, b) at column (s i + d a - p, s j + d b - p), pixels counted row by row. Its
transpose is the transposed convolution with the same numbers: every input pixel of that one has a
column of its own, the outputs it touches.
"""

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.geometry import Geometry, Span
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.planes import Size


def conv_matrix(
    kernel: NDArray[Any] | Kernel,
    input_shape: Size,
    stride: Span = 1,
    padding: Span = 0,
    dilation: Span = 1,
) -> "scipy.sparse.csr_array":
    """Return the matrix of the convolution of one plane, zero beyond its edges.

    Args:
        kernel: Taps of shape (kH, kW), or a kernel whose taps are meant.
        input_shape: Height and width of the plane, 1 or more.
        stride: Input pixels per output pixel; one number, or down and across.
        padding: Zeros added on every side.
        dilation: Input pixels from one tap to the next.

    Returns:
        Shape (H' W', H W), of the taps' type (float32 for float16), sorted; taps that are 0 are
        stored too.

    Raises:
        SettingError: Taps, shape or numbers that cannot be.

    Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", section
    4.1, arXiv 1603.07285.

    >>> k3 = np.arange(1, 10).reshape(3, 3)
    >>> matrix = conv_matrix(k3, (4, 4))
    >>> matrix.shape
    (4, 16)
    >>> (matrix.T @ [1, 0, 0, 0]).reshape(4, 4)  # the first of 2x2 pixels spreads the kernel
    array([[1, 2, 3, 0],
           [4, 5, 6, 0],
           [7, 8, 9, 0],
           [0, 0, 0, 0]])
    """
    taps = kernel.taps if isinstance(kernel, Kernel) else np.asarray(kernel)
    if taps.ndim != 2 or 0 in taps.shape or taps.dtype.kind not in "fiub":
        raise SettingError(f"kernel is {taps.dtype} {taps.shape}; give numbers of shape (kH, kW)")
    if taps.dtype == np.float16:  # which SciPy has no sparse arrays of
        taps = taps.astype(np.float32)
    if len(input_shape) != 2 or min(input_shape) < 1:
        raise SettingError(f"input shape {input_shape} is no plane; give height and width")
    (height, width), (tall, wide) = input_shape, taps.shape
    geometry = Geometry.of(stride, padding, 0, dilation, 1)
    size = geometry.reduced((height, width), (tall, wide))
    rows, columns = (
        s * np.arange(count)[:, None] + np.array(offsets)
        for s, count, offsets in zip(
            geometry.stride, size, geometry.offsets((tall, wide)), strict=True
        )
    )
    down, across = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    type_ = np.int32 if max(height * width, size[0] * size[1] * taps.size) < 2**31 else np.int64
    # Axes: output row, output column, tap down, tap across; so every row comes out sorted.
    index = (rows * width).astype(type_)[:, None, :, None] + columns.astype(type_)[:, None, :]
    inside = down[:, None, :, None] & across[:, None, :]
    counts = np.outer(down.sum(axis=1), across.sum(axis=1)).ravel()
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(type_)
    values = np.broadcast_to(taps, index.shape)[inside]
    shape = (size[0] * size[1], height * width)
    return scipy.sparse.csr_array((values, index[inside], ends), shape=shape)
