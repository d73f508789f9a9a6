"""The backend `scipy`: splines computed by scipy.ndimage itself, window by window.

The result is that of `scipy.ndimage.zoom(plane, order=order, mode="reflect", grid_mode=True)`,
up to rounding. A plane is resampled at a time: on an axis as short as the channels SciPy's
prefilter is not exact.

The prefilter of a spline runs along whole rows and columns. Its response falls by a constant factor
(its pole) with every pixel, so a margin around the window makes the result independent of the cut.
"""

from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any

import numpy as np
import scipy  # which imports its submodules on first use

from upsample_cli.kernels.interpolants import spline_resampling
from upsample_cli.kernels.stages import Separable
from upsample_cli.planes import Planes, Size

# The largest pole of the prefilter, by the order of the spline.
# Source: M. Unser, "Splines: a perfect fit for signal and image processing", 1999, table 1.
_POLES = {2: 0.1716, 3: 0.2680, 4: 0.3613, 5: 0.4306}
_PRECISION = 1e-13  # how much of a pixel beyond the margin is neglected


@dataclass(frozen=True, slots=True)
class NdimageZoom:
    """One linear step: the spline interpolation of scipy.ndimage.

    Args:
        order: Polynomial degree, 0..5.
        size_in: Height and width of the input.
        size_out: Height and width of the output.
    """

    order: int
    size_in: Size
    size_out: Size

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of one input pixel."""
        return self.order == 0

    def counting(self) -> Separable:
        """Return the stage that counts, in a mask of the input, the pixels an output draws on."""
        return spline_resampling(self.order, self.size_in, self.size_out).counting()

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that a window of the output needs."""
        margin = self.order // 2 + 1
        if self.order in _POLES:
            margin += ceil(log(_PRECISION) / log(_POLES[self.order]))
        down, across = (
            range(
                floor(self._position(axis, run.start)) - margin,
                ceil(self._position(axis, run.stop - 1)) + margin + 1,
            )
            for axis, run in enumerate((rows, columns))
        )
        return down, across

    def __call__(self, window: Planes, rows: range, columns: range) -> Planes:
        """Return a window of the output, shape (C, len(rows), len(columns)).

        Args:
            window: Shape (C, len(input rows), len(input columns)), exactly what it draws on.
            rows: The output rows to compute.
            columns: The output columns to compute.
        """
        needed = self.draws_on(rows, columns)
        first = [self._position(axis, run.start) for axis, run in enumerate((rows, columns))]
        offset = [position - run.start for position, run in zip(first, needed, strict=True)]
        ratio = [before / after for before, after in zip(self.size_in, self.size_out, strict=True)]
        order: Any = self.order  # SciPy's types take literals alone
        out: Planes = np.empty((len(window), len(rows), len(columns)), window.dtype)
        for plane, target in zip(window, out, strict=True):
            scipy.ndimage.affine_transform(
                plane,
                np.diag(ratio),
                offset,
                output_shape=target.shape,
                output=target,
                order=order,
                mode="mirror",  # never used but by the prefilter, which is exact with it
            )
        return out

    def _position(self, axis: int, output: int) -> float:
        """Return where an output pixel samples the input: at half-pixel centres."""
        before, after = self.size_in[axis], self.size_out[axis]
        # Order 0 takes the upper of two pixels equally near. Positions are multiples of
        # 1 / (2 after), so that half of that decides every tie and nothing else.
        tie = 0.25 / after if self.order == 0 else 0.0
        return (output + 0.5) * before / after - 0.5 + tie
