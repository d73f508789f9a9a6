"""The kernel of a transposed convolution: taps, stride, phases, shift.

Output size is (n - 1) s - 2p + k + output_padding with dilation 1 (Dumoulin & Visin, arXiv
1603.07285, relationship 14); p and output_padding are chosen so that it is exactly n s.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.band import transposed
from upsample_cli.kernels.polyphase import Polyphase
from upsample_cli.kernels.separable import Separable
from upsample_cli.planes import Size

Taps = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kernel:
    """The taps of a transposed convolution and the stride they are for.

    Args:
        name: The word for it.
        taps: Shape (kH, kW), finite.
        stride: Output pixels per input pixel on both axes, 1 or more.

    >>> import numpy as np
    >>> Kernel("uniform", np.full((3, 3), 4 / 9), 2).phase_sums.round(2).tolist()
    [[1.78, 0.89], [0.89, 0.44]]
    """

    name: str
    taps: Taps
    stride: int

    def __post_init__(self) -> None:
        """Refuse taps that are no kernel."""
        if self.taps.ndim != 2 or 0 in self.taps.shape:
            shape = "x".join(map(str, self.taps.shape)) or "a single number"
            raise SettingError(
                f"kernel '{self.name}' has shape {shape}; give a matrix of taps, rows x columns"
            )
        if not np.isfinite(self.taps).all():
            raise SettingError(f"kernel '{self.name}' holds NaN or infinity; give finite taps")
        if self.stride < 1:
            raise SettingError(f"kernel '{self.name}' has stride {self.stride}; give 1 or more")

    @property
    def padding(self) -> Size:
        """Output pixels cropped before the first row and column: half of k - s, rounded up."""
        tall, wide = (-((self.stride - length) // 2) for length in self.taps.shape)
        return tall, wide

    @property
    def shift(self) -> tuple[float, float]:
        """How far the picture moves down and right, in output pixels; 0 where k - s is even."""
        down, right = (
            (length - self.stride) / 2 - padding
            for length, padding in zip(self.taps.shape, self.padding, strict=True)
        )
        return down, right

    @cached_property
    def phase_sums(self) -> Taps:
        """The DC gain of each output phase, shape (stride, stride)."""
        s = self.stride
        sums = np.zeros((s, s))
        rows, columns = (
            (np.arange(length) - padding) % s
            for length, padding in zip(self.taps.shape, self.padding, strict=True)
        )
        np.add.at(sums, (rows[:, None], columns), self.taps)
        return sums

    @cached_property
    def factors(self) -> tuple[Taps, Taps] | None:
        """The taps along rows and along columns whose outer product they are, if there are any."""
        left, weights, right = np.linalg.svd(self.taps)
        if weights[0] == 0.0 or (weights[1:] > 1e-7 * weights[0]).any():
            return None
        down, across = left[:, 0], right[0] * weights[0]
        scale = np.sqrt(abs(across.sum() / down.sum())) if abs(down.sum()) > 1e-12 else 1.0
        scale *= np.sign(down.sum()) or 1.0
        return down * scale, across / scale

    def stage(self) -> Separable | Polyphase:
        """Return the stage that applies this kernel, the separable one where that is possible."""
        if self.factors is None:
            return Polyphase(self.taps, self.stride, self.padding)
        down, across = self.factors
        return Separable(
            transposed(down, self.stride, self.padding[0]),
            transposed(across, self.stride, self.padding[1]),
        )

    def then(self, later: "Kernel") -> "Kernel":
        """Return the one kernel that does what this and then a later one do.

        Its stride is the product of the two; the taps are this one's spread by the later stride
        and convolved with the later taps.
        """
        s = later.stride
        (rows, columns), (kH, kW) = self.taps.shape, later.taps.shape
        taps = np.zeros(((rows - 1) * s + kH, (columns - 1) * s + kW))
        for i in range(rows):
            for j in range(columns):
                taps[i * s : i * s + kH, j * s : j * s + kW] += self.taps[i, j] * later.taps
        return Kernel(f"{self.name} then {later.name}", taps, self.stride * s)
