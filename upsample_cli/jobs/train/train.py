"""Train a kernel: shrink pictures, sum their moments, solve, and test it on held-out pictures."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.jobs.train.pairs import (
    held_out,
    in_levels,
    none_usable,
    readable,
    resampled,
    usable,
)
from upsample_cli.kernels.interpolants import AREA, BICUBIC, LANCZOS, Interpolant, gaussian
from upsample_cli.kernels.kernel import Kernel, Taps
from upsample_cli.kernels.kernel_file import KernelFile
from upsample_cli.kernels.least_squares import BALANCES, Moments, Structure, fit
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Stage
from upsample_cli.metrics.fidelity import psnr
from upsample_cli.metrics.ripple import noise_gain, overshoot, ripple

Progress = Callable[[Iterable[Place], int], Iterator[Place]]
BASELINES = ("nearest", "bilinear", "bicubic", "lanczos")
_LEAST_VARIANCE = 0.01  # within a patch, in squared levels: with less, pictures are flat
_SHRINKS = {phi.name: phi for phi in (BICUBIC, AREA, LANCZOS)}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Args:
        stride: Output pixels per input pixel, 2..8.
        taps: Input pixels along an axis that an output draws on; odd, 3..15.
        structure: What is required of the kernel.
        shrink: How originals are shrunk: bicubic, area, lanczos or gaussian:SIGMA (in pixels).
        noise: RMS of the noise to expect in the pictures to be enlarged, in levels.
        samples: Patches to learn from, in all.
        seed: Seed of the choice of patches and of held-out pictures.
        holdout: Share of the pictures to test on, not to learn from.

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
        """Check the taps, the balance and how originals are shrunk."""
        if self.taps % 2 == 0 or not 3 <= self.taps <= 15:
            raise SettingError(f"invalid --taps {self.taps}; give an odd number from 3 to 15")
        if self.structure.balance not in BALANCES:
            raise SettingError(
                f"no balance '{self.structure.balance}'; choose {', '.join(BALANCES)}"
            )
        self.shrinking()

    @property
    def smallest_side(self) -> int:
        """The least height and width of a picture that can be used, in pixels."""
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
        # A much narrower Gaussian would be 0 at the nearest original pixels, half a pixel away.
        if name != "gaussian" or not 0.2 <= deviation <= 16:
            raise SettingError(
                f"invalid --shrink '{self.shrink}'; choose {', '.join(_SHRINKS)} or "
                "gaussian:SIGMA, 0.2 to 16 pixels"
            )
        return gaussian(deviation / self.stride)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained kernel, and figures of the training.

    Args:
        file: The kernel file to write.
        kernel: The transposed convolution that is equal to the kernel of the file.
        skipped: Pictures that could not be used, with the reasons.
        ripple_before: Exact ripple of the best kernel that need not be balanced.
        ripple_after: Exact ripple of `kernel`.
        seconds: How long the training took.
    """

    file: KernelFile
    kernel: Kernel
    skipped: tuple[str, ...]
    ripple_before: float
    ripple_after: float
    seconds: float


def train(
    sources: Sequence[Place], settings: Settings, progress: Progress | None = None
) -> Trained:
    """Return the kernel that enlarges shrunk pictures best.

    Raises:
        ImageFileError: No picture can be used, or all are flat.
    """
    start = perf_counter()
    rng = np.random.default_rng(settings.seed)
    skipped: list[str] = []
    paths = usable(sources, settings.smallest_side, skipped)
    count = len(paths) - held_out(len(paths), settings.holdout)
    order: Iterable[Place] = [paths[i] for i in rng.permutation(len(paths))]
    if progress:
        order = progress(order, len(paths))
    moments, used, tests = Moments(settings.stride, settings.taps), 0, list[Place]()
    for path, luma in readable(order, skipped):
        if held_out(used + len(tests) + 1, settings.holdout) > len(tests):
            tests.append(path)
        else:
            moments.add(*pair(luma, settings), -(-settings.samples // count), rng)
            used += 1
    if not used:
        raise none_usable(settings.smallest_side, skipped)
    if moments.variance < _LEAST_VARIANCE:
        raise ImageFileError(
            "the pictures are flat, so there is nothing to learn; give photographs"
        )
    free = Structure("tconv", settings.structure.separable, "none")
    unbalanced = _fitted(moments, free, settings).kernel("unbalanced")
    file = _fitted(moments, settings.structure, settings)
    kernel = file.kernel("trained")
    scores = _scores((pair(luma, settings) for _, luma in readable(tests, skipped)), kernel)
    about = _about(settings, kernel, used, moments.count) | {"held_out": scores}
    return Trained(
        file._replace(about=about), kernel, tuple(skipped),
        ripple(unbalanced.phase_sums), ripple(kernel.phase_sums),
        perf_counter() - start,
    )  # fmt: skip


def pair(high: Taps, settings: Settings) -> tuple[Taps, Taps]:
    """Return a picture shrunk, in whole levels, and the part of the original that it shows.

    Args:
        high: Shape (H, W), luma in levels.
        settings: By what stride to shrink, and how.
    """
    stride = settings.stride
    size = (high.shape[0] // stride, high.shape[1] // stride)
    high = high[: size[0] * stride, : size[1] * stride]
    return in_levels(resampled(high, size, settings.shrinking())).astype(np.float64), high


def _fitted(moments: Moments, structure: Structure, settings: Settings) -> KernelFile:
    taps = fit(moments, structure, settings.noise)
    resize = "nearest" if structure.method == "resize-conv" else ""
    return KernelFile(structure.method, settings.stride, taps, resize)


def _scores(
    pairs: Iterable[tuple[Taps, Taps]], kernel: Kernel
) -> dict[str, dict[str, float] | int]:
    """Return how many pictures were scored, and the mean PSNR in dB by method, on 8-bit luma."""
    sums, count, s = dict.fromkeys(("trained", *BASELINES), 0.0), 0, kernel.stride
    for low, high in pairs:
        size, small = (high.shape[0], high.shape[1]), (low.shape[0], low.shape[1])
        count += 1
        for name in sums:
            stages: Sequence[Stage] = (kernel.stage(),)
            if name != "trained":
                stages = build(name).stages(small, size)
            enlarged = in_levels(enlarge(low[None], stages, size)[0]).astype(np.float64)
            sums[name] += psnr(enlarged[s:-s, s:-s], high[s:-s, s:-s])
    means = {name: round(total / count, 3) for name, total in sums.items()} if count else {}
    return {"pictures": count, "psnr": means}


def _about(settings: Settings, kernel: Kernel, count: int, pixels: int) -> dict[str, Any]:
    """Return what a kernel file says about its training."""
    return {
        "structure": "separable" if settings.structure.separable else "full",
        "balance": settings.structure.balance,
        "taps": settings.taps,
        "shrink": settings.shrink,
        "noise": settings.noise,
        "seed": settings.seed,
        "pictures": count,
        "pixels": pixels * settings.stride**2,
        "noise_gain": round(noise_gain(kernel.taps, kernel.stride), 4),
        "overshoot": round(overshoot(kernel.taps, kernel.stride), 4),
    }
