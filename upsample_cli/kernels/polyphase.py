"""Polyphase stages: a transposed convolution whose kernel is not separable.

Every input pixel owns the s x s outputs of its cell. A run of cells draws on one patch of the
input, and all their outputs are one dense product with the taps laid out for that patch; no
zero-inserted picture is made.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.kernels.band import Band, transposed
from upsample_cli.planes import Planes, Size

_CELLS = 8  # cells of one product: wider wastes zeros, narrower starves the processor


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
    _layouts: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel; not looked for here."""
        return False

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        tall, wide = self._bands()
        return (
            tall.draws_on(self._cells(rows, 1)),
            wide.draws_on(self._cells(columns, _CELLS)),
        )

    def touching(self) -> "Polyphase":
        """Return the stage that counts, of ones and zeros, the ones that an output draws on."""
        return Polyphase((self.taps != 0).astype(np.float64), self.stride, self.padding)

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output.

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly what it draws on.
            rows: The output rows to make.
            columns: The output columns to make.

        Returns:
            Shape (C, len(rows), len(columns)), of the window's type.
        """
        s = self.stride
        made_rows, made_columns = self._cells(rows, 1), self._cells(columns, _CELLS)
        layout = self._layout(window.dtype)
        height, width = (len(run) for run in self._patch())
        patches = sliding_window_view(window, (height, width), axis=(1, 2))[:, :, ::_CELLS]
        count, cells = len(window), len(made_rows) // s
        out = np.empty((count, cells * s, len(made_columns)), window.dtype)
        for block in range(patches.shape[2]):
            inputs = patches[:, :, block].reshape(count * cells, -1)
            made = (inputs @ layout).reshape(count, cells * s, s * _CELLS)
            out[:, :, block * s * _CELLS : (block + 1) * s * _CELLS] = made
        top, left = rows.start - made_rows.start, columns.start - made_columns.start
        return out[:, top : top + len(rows), left : left + len(columns)]

    def _bands(self) -> tuple[Band, Band]:
        # Only which inputs an output draws on matters here, so the coefficients are left 0.
        tall, wide = (np.zeros(length) for length in self.taps.shape)
        return (
            transposed(tall, self.stride, self.padding[0]),
            transposed(wide, self.stride, self.padding[1]),
        )

    def _cells(self, outputs: range, count: int) -> range:
        """Return the outputs of the whole cells, a multiple of `count`, over a run of outputs."""
        first, last = outputs.start // self.stride, -(-outputs.stop // self.stride)
        cells = -(-(last - first) // count) * count
        return range(first * self.stride, (first + cells) * self.stride)

    def _patch(self) -> tuple[range, range]:
        """Return the input rows and columns of the patch under one run of cells at the origin."""
        tall, wide = self._bands()
        return tall.draws_on(range(self.stride)), wide.draws_on(range(self.stride * _CELLS))

    def _layout(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the taps as a matrix from a patch's pixels to the outputs of its cells."""
        found = self._layouts.get(dtype.char)
        if found is None:
            s, (rows, columns) = self.stride, self._patch()
            made: NDArray[np.float64] = np.zeros((len(rows), len(columns), s, s * _CELLS))
            for y, i in enumerate(rows):
                for x, j in enumerate(columns):
                    top, left = self.padding[0] - s * i, self.padding[1] - s * j
                    for a in range(max(0, -top), min(s, len(self.taps) - top)):
                        first = max(0, -left)
                        last = min(s * _CELLS, self.taps.shape[1] - left)
                        if first < last:
                            made[y, x, a, first:last] = self.taps[
                                a + top, first + left : last + left
                            ]
            found = made.reshape(len(rows) * len(columns), -1).astype(dtype)
            self._layouts[dtype.char] = found
        return found
