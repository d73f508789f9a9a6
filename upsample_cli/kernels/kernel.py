"""The kernel of a transposed convolution: taps, stride, phases, shift.

The output size for dilation 1 is (n - 1) s - 2p + k + output_padding (Dumoulin & Visin, arXiv
1603.07285, relationship 14); p and output_padding are chosen so that the size is exactly n s.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.phases import phase_sums, without_rounding
from upsample_cli.kernels.stages import Polyphase, Separable, transposed_convolution_band
from upsample_cli.planes import Size

_LARGEST = 1e12  # absolute tap; sums of much larger taps would overflow in single precision

Taps = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The taps of a transposed convolution, and its stride.

    Args:
        name: Its name.
        taps: Shape (kH, kW), finite.
        stride: Output pixels per input pixel on both axes, 1 or more.
        axis_taps: Shape (k,), taps whose outer product with themselves is `taps`; None where not
            known.
        crop: Output rows and columns cropped at the top and left; None for those that keep the
            picture in place or, if none do, move it by half a pixel.

    Raises:
        SettingError: The taps are not a finite matrix or are too large, or the stride is below 1.

    >>> import numpy as np
    >>> Kernel("uniform", np.full((3, 3), 4 / 9), 2).phase_sums.round(2).tolist()
    [[0.44, 0.89], [0.89, 1.78]]
    """

    name: str
    taps: Taps = field(repr=False)
    stride: int
    axis_taps: Taps | None = field(default=None, repr=False)
    crop: Size | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the taps and the stride."""
        if self.taps.ndim != 2 or 0 in self.taps.shape:
            shape = "x".join(map(str, self.taps.shape)) or "a single number"
            raise SettingError(
                f"kernel '{self.name}' has shape {shape}; give a matrix of taps, rows x columns"
            )
        if not np.isfinite(self.taps).all():
            raise SettingError(f"kernel '{self.name}' holds NaN or infinity; give finite taps")
        if np.abs(self.taps).max() > _LARGEST:
            raise SettingError(
                f"kernel '{self.name}' has taps beyond {_LARGEST:g}; divide them by their sum"
            )
        if self.stride < 1:
            raise SettingError(f"kernel '{self.name}' has stride {self.stride}; give 1 or more")

    @classmethod
    def outer(cls, name: str, taps: Taps, stride: int) -> "Kernel":
        """Return the separable kernel of the same taps, shape (k,), along both axes."""
        return cls(name, np.outer(taps, taps), stride, taps)

    @property
    def padding(self) -> Size:
        """Rows and columns cropped at the top and left: `crop`, else half of k - s, rounded up."""
        if self.crop is not None:
            return self.crop
        down, across = (-((self.stride - length) // 2) for length in self.taps.shape)
        return down, across

    @property
    def shift(self) -> tuple[float, float]:
        """Output pixels that the picture moves, down and right; 0 or -0.5 unless `crop` is set."""
        down, right = (
            (length - self.stride) / 2 - padding
            for length, padding in zip(self.taps.shape, self.padding, strict=True)
        )
        return down, right

    def shift_at(self, scales: tuple[float, float]) -> tuple[float, float]:
        """Return the shift after a reduction to these scales, down and across."""
        down, right = (
            shift * scale / self.stride for shift, scale in zip(self.shift, scales, strict=True)
        )
        return down, right

    @property
    def phase_sums(self) -> Taps:
        """The gain of each output phase on a flat picture, shape (stride, stride)."""
        sums = phase_sums(self.taps, (self.stride, self.stride), self.padding)
        return without_rounding(sums, float(np.abs(self.taps).sum()))

    def stage(self) -> Separable | Polyphase:
        """Return the stage that applies this kernel, a `Separable` one if the taps allow it."""
        same = self.axis_taps
        factors = _factored(self.taps) if same is None else (same, same)
        if factors is None:
            return Polyphase(self.taps, self.stride, self.padding)
        axes = zip(factors, self.padding, strict=True)
        return Separable(*(transposed_convolution_band(taps, self.stride, p) for taps, p in axes))

    def then(self, later: "Kernel") -> "Kernel":
        """Return the kernel that is equivalent to this one followed by `later`.

        Its stride is the product of both strides; its taps are this kernel's taps, the later
        stride apart, convolved with the later taps; both crops are kept.
        """
        name, stride = f"{self.name} then {later.name}", self.stride * later.stride
        (top, left), (later_top, later_left) = self.padding, later.padding
        crop = top * later.stride + later_top, left * later.stride + later_left
        if self.axis_taps is None or later.axis_taps is None:
            return Kernel(name, _chained(self.taps, later.taps, later.stride), stride, None, crop)
        taps = _chained(self.axis_taps, later.axis_taps, later.stride)
        return Kernel(name, np.outer(taps, taps), stride, taps, crop)


def _chained(first: Taps, later: Taps, stride: int) -> Taps:
    """Return the taps `first`, spaced `stride` apart, convolved with `later`, along all axes."""
    taps = np.zeros([(n - 1) * stride + k for n, k in zip(first.shape, later.shape, strict=True)])
    for index in np.ndindex(first.shape):
        starts = zip(index, later.shape, strict=True)
        taps[tuple(slice(i * stride, i * stride + k) for i, k in starts)] += first[index] * later
    return taps


def _factored(taps: Taps) -> tuple[Taps, Taps] | None:
    """Return taps down and across whose outer product is `taps`; None if it is not separable."""
    left, weights, right = np.linalg.svd(taps)
    if (weights[1:] > 1e-7 * weights[0]).any():
        return None
    root = np.sqrt(weights[0])
    return left[:, 0] * root, right[0] * root
