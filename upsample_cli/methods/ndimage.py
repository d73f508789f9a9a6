"""The backend `scipy`: splines computed by scipy.ndimage itself, window by window.

The result is that of `scipy.ndimage.zoom(plane, order=order, mode="reflect", grid_mode=True)`,
up to rounding. Planes are resampled one by one, because SciPy's prefilter would also run along the
axis of channels, and is not exact on so short an axis.

The prefilter of a spline runs along whole rows and columns. Its response falls by a constant factor
(its pole) with every pixel, so with a margin around each window the result does not depend on how
the picture is cut.
"""

from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any

import numpy as np
import scipy  # it imports its submodules on first use

from upsample_cli.kernels.interpolants import spline_resampling
from upsample_cli.kernels.stages import Separable
from upsample_cli.planes import Planes, Size

# The largest pole of the prefilter, by the order of the spline.
# Source: M. Unser, "Splines: a perfect fit for signal and image processing", 1999, table 1.
_POLES = {2: 0.1716, 3: 0.2680, 4: 0.3613, 5: 0.4306}
_PRECISION = 1e-13  # pixels of a smaller weight are left out of the margin


@dataclass(frozen=True, slots=True)
class NdimageZoom:
    """The stage of a spline interpolation by scipy.ndimage.

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
        """Return a stage for masks: it counts the marked input pixels that each output draws on."""
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
            window: Shape (C, input rows, input columns), exactly what the output draws on.
            rows: The output rows to compute.
            columns: The output columns to compute.
        """
        needed = self.draws_on(rows, columns)
        first = [self._position(axis, run.start) for axis, run in enumerate((rows, columns))]
        offset = [position - run.start for position, run in zip(first, needed, strict=True)]
        ratio = [before / after for before, after in zip(self.size_in, self.size_out, strict=True)]
        order: Any = self.order  # SciPy's type hints accept literals alone
        out: Planes = np.empty((len(window), len(rows), len(columns)), window.dtype)
        for plane, target in zip(window, out, strict=True):
            scipy.ndimage.affine_transform(
                plane,
                np.diag(ratio),
                offset,
                output_shape=target.shape,
                output=target,
                order=order,
                mode="mirror",  # used by the prefilter alone, which is exact with it
            )
        return out

    def _position(self, axis: int, output: int) -> float:
        """Return the position in the input, in pixels, that an output pixel samples."""
        before, after = self.size_in[axis], self.size_out[axis]
        # Order 0 takes the later of two pixels that are equally near. Positions are multiples of
        # 1 / (2 after), so adding half of that decides every tie and changes nothing else.
        tie = 0.25 / after if self.order == 0 else 0.0
        return (output + 0.5) * before / after - 0.5 + tie
