"""Polyphase stages: a transposed convolution whose kernel is not separable.

Every input pixel owns the s x s outputs of its cell. A run of cells draws on one patch of the
input, and all their outputs are one dense product with the taps laid out for that patch; no
picture with zeros between its pixels is built.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.kernels.separable import Band, transposed_convolution_band
from upsample_cli.planes import Planes, Size

_CELLS = 8  # cells of one product: more of them waste zeros, fewer starve the processor


@dataclass(frozen=True, slots=True, eq=False)
class Polyphase:
    """A transposed convolution with any kernel.

    Args:
        taps: Shape (kH, kW).
        stride: Output pixels per input pixel on both axes.
        padding: Rows and columns of the output cropped before the first.
    """

    taps: NDArray[np.float64]
    stride: int
    padding: Size
    _layouts: dict[str, NDArray[Any]] = field(default_factory=dict, init=False, repr=False)

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel: never with such a kernel."""
        return False

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        tall, wide = self._bands()
        return (
            tall.draws_on(self._cells(rows, 1)),
            wide.draws_on(self._cells(columns, _CELLS)),
        )

    def touching(self) -> "Polyphase":
        """Return the stage that counts, in a mask of the input, the pixels an output draws on."""
        return Polyphase((self.taps != 0).astype(np.float64), self.stride, self.padding)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output, shape (C, len(rows), len(columns)).

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly what it draws on.
            rows: The output rows to compute.
            columns: The output columns to compute.
        """
        s = self.stride
        whole_rows, whole_columns = self._cells(rows, 1), self._cells(columns, _CELLS)
        layout = self._layout(window.dtype)
        height, width = (len(run) for run in self._patch())
        patches = sliding_window_view(window, (height, width), axis=(1, 2))[:, :, ::_CELLS]
        count, cells = len(window), len(whole_rows) // s
        out = np.empty((count, cells * s, len(whole_columns)), window.dtype)
        for block in range(patches.shape[2]):
            inputs = patches[:, :, block].reshape(count * cells, -1)
            outputs = (inputs @ layout).reshape(count, cells * s, s * _CELLS)
            out[:, :, block * s * _CELLS : (block + 1) * s * _CELLS] = outputs
        top, left = rows.start - whole_rows.start, columns.start - whole_columns.start
        return out[:, top : top + len(rows), left : left + len(columns)]

    def _bands(self) -> tuple[Band, Band]:
        """Return bands that only say which inputs an output draws on; their coefficients are 0."""
        tall, wide = (np.zeros(length) for length in self.taps.shape)
        return (
            transposed_convolution_band(tall, self.stride, self.padding[0]),
            transposed_convolution_band(wide, self.stride, self.padding[1]),
        )

    def _cells(self, outputs: range, count: int) -> range:
        """Return the outputs of the whole cells, a multiple of `count`, over a run of outputs."""
        first, last = outputs.start // self.stride, -(-outputs.stop // self.stride)
        cells = -(-(last - first) // count) * count
        return range(first * self.stride, (first + cells) * self.stride)

    def _patch(self) -> tuple[range, range]:
        """Return the input rows and columns that the first cells need."""
        tall, wide = self._bands()
        return tall.draws_on(range(self.stride)), wide.draws_on(range(self.stride * _CELLS))

    def _layout(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the taps as a matrix from a patch's pixels to the outputs of its cells."""
        layout = self._layouts.get(dtype.char)
        if layout is None:
            s, (rows, columns) = self.stride, self._patch()
            # The tap from input i to output a of a cell: a + padding - s i. Axes: input row, input
            # column, output row, output column.
            down = (np.arange(s) + self.padding[0] - s * np.array(rows)[:, None])[:, None, :, None]
            across = np.arange(s * _CELLS) + self.padding[1] - s * np.array(columns)[:, None, None]
            (tall, wide), size = self.taps.shape, len(rows) * len(columns)
            inside = (down >= 0) & (down < tall) & (across >= 0) & (across < wide)
            taps = self.taps[down.clip(0, tall - 1), across.clip(0, wide - 1)]
            layout = np.where(inside, taps, 0.0).reshape(size, -1).astype(dtype)
            self._layouts[dtype.char] = layout
        return layout
