"""A convolution small enough to see: its matrix, the transpose, and how often pixels overlap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Taps
from upsample_cli.planes import Size

Counts = NDArray[np.int64]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The names of the taps, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallConvolution:
    """A convolution of a small plane, and all that follows from it.

    Args:
        kernel: The name of the kernel; empty for plain numbers.
        taps: Shape (kH, kW).
        stride: Input pixels per output pixel.
        padding: Zeros around the input.
        dilation: Input pixels from one tap to the next.
        large: Height and width of the convolution's input, the transposed one's output.
        small: Height and width of the convolution's output, the transposed one's input.
        cells: Shape (small pixels, large pixels): the number of the tap there, from 1; 0 for none.
        touches: Shape of small: how many outputs each input of the transposed one touches.
        gets: Shape of large: how many inputs each output of the transposed one gets.
        phases: Shape (stride, stride): the same far from edges, for each phase.
        ripple: Of the kernel; for plain numbers, of equal taps.
        difference: Largest between the matrix products and the direct algorithms.
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
        """Whether the products and the algorithms agree up to rounding."""
        return self.difference <= 1e-12 * max(1.0, float(np.abs(self.taps).sum()))

    @property
    def matrix(self) -> Taps:
        """The matrix of the convolution, shape (small pixels, large pixels)."""
        return np.concatenate([[0.0], self.taps.ravel()])[self.cells]

    @property
    def overlap(self) -> str:
        """A sentence on whether the overlap is even, and what follows."""
        counts = sorted({*self.phases.ravel().tolist()})
        multiple = "a multiple" if self.even else "no multiple"
        why = f"because {as_text(self.taps.shape)} taps are {multiple} of stride {self.stride}"
        if self.stride == 1:
            why = "as always with stride 1"
        elif self.dilation > 1:
            why = f"as dilation {self.dilation} and stride {self.stride} meet"
        if self.even:
            kept = "any" if self.stride == 1 else "equal"
            return (
                f"Far from the edges every output gets {counts[0]} inputs, {why}: {kept} taps keep "
                "a flat image flat."
            )
        several = f"{', '.join(map(str, counts[:-1]))} or {counts[-1]}"
        return (
            f"Far from the edges outputs get {several} inputs by turns, {why}: equal taps turn a "
            "flat image into a checkerboard."
        )

    @property
    def ripples(self) -> str:
        """A sentence on the exact ripple."""
        whose = f"of {self.kernel}" if self.kernel else "of equal taps"
        return f"Exact ripple {whose}: {self.ripple:.4f} (0: a flat image stays flat)."

    @property
    def verification(self) -> str:
        """A sentence on whether the matrix does what the direct algorithm does."""
        answer = "yes" if self.verified else "no"
        return (
            f"matrix product == direct algorithm: {answer} (max difference {self.difference:.2g})"
        )


def as_text(size: tuple[int, ...]) -> str:
    """Return a size as text: 4x4."""
    return "x".join(map(str, size))
