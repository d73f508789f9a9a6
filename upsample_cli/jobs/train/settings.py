"""How a kernel is trained, and the pairs of pictures that it learns from."""

from dataclasses import dataclass, field

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.kernels import interpolants
from upsample_cli.kernels.interpolants import Interpolant, resampling
from upsample_cli.kernels.kernel import Taps
from upsample_cli.kernels.least_squares import BALANCES, Structure

_SHRINKS = {
    "bicubic": interpolants.BICUBIC,
    "area": interpolants.AREA,
    "lanczos": interpolants.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Args:
        stride: Output pixels per input pixel, 2..8.
        taps: Input pixels along an axis that an output draws on; odd, 3..15.
        structure: What is required of the kernel.
        shrink: How originals are shrunk: bicubic, area, lanczos or gaussian:SIGMA (in pixels).
        noise: Expected in the pictures to be enlarged, levels.
        samples: Patches to learn from, in all.
        seed: Of the choice of patches and of the held-out pictures.
        holdout: Share of the pictures that the kernel is only tested on.

    Raises:
        SettingError: A value is out of range.
    """

    stride: int = 2
    taps: int = 9
    structure: Structure = field(default_factory=Structure)
    shrink: str = "bicubic"
    noise: float = 2.0
    samples: int = 1_000_000
    seed: int = 0
    holdout: float = 0.1

    def __post_init__(self) -> None:
        """Check what cannot be learned."""
        if self.taps % 2 == 0 or not 3 <= self.taps <= 15:
            raise SettingError(f"--taps {self.taps} cannot be; give an odd number, 3..15")
        if self.structure.balance not in BALANCES:
            raise SettingError(
                f"no balance '{self.structure.balance}'; choose {', '.join(BALANCES)}"
            )
        self.shrinking()

    @property
    def smallest_side(self) -> int:
        """Pixels along each side of a picture that can be used, at least."""
        return self.stride * (self.taps + 8)

    def shrinking(self) -> Interpolant:
        """Return the interpolant that originals are shrunk with, or raise a `SettingError`."""
        if self.shrink in _SHRINKS:
            return _SHRINKS[self.shrink]
        name, _, number = self.shrink.partition(":")
        try:
            deviation = float(number)
        except ValueError:
            deviation = 0.0
        # A narrower Gaussian is 0 half a pixel away, where the nearest originals lie.
        if name != "gaussian" or not 0.2 <= deviation <= 16:
            raise SettingError(
                f"no shrink '{self.shrink}'; choose {', '.join(_SHRINKS)} or gaussian:SIGMA, "
                "0.2 to 16 pixels"
            )
        return interpolants.gaussian(deviation / self.stride)


def pair(high: Taps, settings: Settings) -> tuple[Taps, Taps]:
    """Return a picture shrunk, in whole levels, and the part of the original that it shows.

    Args:
        high: Shape (H, W), luma in levels.
        settings: By what stride to shrink, and how.
    """
    stride = settings.stride
    height, width = (length // stride * stride for length in high.shape)
    high = high[:height, :width]
    return np.clip(np.floor(shrunk(high, settings) + 0.5), 0, 255), high


def shrunk(high: Taps, settings: Settings) -> Taps:
    """Return a picture shrunk by the stride, not rounded.

    Args:
        high: Shape (H, W), multiples of the stride.
        settings: By what stride to shrink, and how.
    """
    size = (high.shape[0], high.shape[1])
    low = (size[0] // settings.stride, size[1] // settings.stride)
    stage = resampling(settings.shrinking(), size, low)
    return np.asarray(enlarge(high[None], [stage], low)[0])
