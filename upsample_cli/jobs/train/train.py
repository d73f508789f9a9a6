"""Train a kernel: shrink pictures, sum their moments, solve, and test the kernel on others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.levels import luma
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import files
from upsample_cli.images.read.opening import read_size
from upsample_cli.jobs.batch.walk import Globs, files_in
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.jobs.train.settings import Settings, pair
from upsample_cli.kernels.kernel import Kernel, Taps
from upsample_cli.kernels.kernel_file import KernelFile
from upsample_cli.kernels.least_squares import Moments, Structure, fit
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Stage
from upsample_cli.metrics.fidelity import psnr
from upsample_cli.metrics.ripple import noise_gain, overshoot, ripple

Progress = Callable[[Iterable[Place], int], Iterator[Place]]
BASELINES = ("nearest", "bilinear", "bicubic", "lanczos")
_LEAST_VARIANCE = 0.01  # within a patch, in levels squared: less is flat but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained kernel, and figures of the training.

    Args:
        file: The kernel file to write.
        kernel: The transposed convolution it amounts to.
        skipped: Pictures that could not be used, with the reasons.
        ripple_before: Exact ripple of the best kernel that need not be balanced.
        ripple_after: Exact ripple of this one.
        seconds: How long it took.
    """

    file: KernelFile
    kernel: Kernel
    skipped: tuple[str, ...]
    ripple_before: float
    ripple_after: float
    seconds: float


def pictures(sources: Sequence[Place | Folder]) -> list[Place]:
    """Return the files among files and folders, sorted within each.

    Hidden files and folders are left out unless they are named, as in a batch.

    Raises:
        UpsampleError: One is no file or folder, or a store does not answer.
    """
    files = list[Place]()
    for source, is_in_folder in files_in(sources, Globs()):
        if not (is_in_folder or source.is_rereadable()):
            raise ImageFileError(f"no file or folder {source}; check the path")
        files.append(source)
    return files


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
    tests = held_out(paths, settings.holdout, rng)
    others: Iterable[Place] = [path for path in paths if path not in tests]
    count = len(paths) - len(tests)
    if progress:
        others = progress(others, count)
    moments, used = Moments(settings.stride, settings.taps), 0
    for low, high in _pairs(others, settings, skipped):
        moments.add(low, high, -(-settings.samples // max(1, count)), rng)
        used += 1
    _check(moments, used, skipped, settings)
    free = Structure("tconv", settings.structure.separable, "none")
    unbalanced = _fitted(moments, free, settings).kernel("unbalanced")
    file = _fitted(moments, settings.structure, settings)
    kernel = file.kernel("trained")
    scores = _scores(_pairs(tests, settings, skipped), kernel)
    about = _about(settings, kernel, used, moments.count) | {"held_out": scores}
    return Trained(
        file._replace(about=about), kernel, tuple(skipped),
        ripple(unbalanced.phase_sums), ripple(kernel.phase_sums),
        perf_counter() - start,
    )  # fmt: skip


def _check(moments: Moments, used: int, skipped: Sequence[str], settings: Settings) -> None:
    """Raise an `ImageFileError` if there is no picture or nothing in them to learn from."""
    if not used:
        why = f" ({skipped[0].partition(';')[0]})" if skipped else ""
        least = settings.smallest_side
        raise ImageFileError(
            f"no picture can be used{why}; give pictures of at least {least} px a side"
        )
    if moments.variance < _LEAST_VARIANCE:
        raise ImageFileError("the pictures are flat, and teach nothing; give photographs")


def usable(sources: Sequence[Place], side: int, skipped: list[str]) -> list[Place]:
    """Return the files, each once, whose headers tell sides of so many pixels or more."""
    once = {source.key: source for source in sources}
    return [path for path in once.values() if _is_usable(path, side, skipped)]


def _is_usable(path: Place, side: int, skipped: list[str]) -> bool:
    """Return by a file's header whether it can be used; if not, add the reason to the skipped."""
    try:
        height, width = read_size(path)
    except ImageFileError as error:
        skipped.append(str(error))
        return False
    if min(height, width) < side:
        skipped.append(f"{path} is {width}x{height}, too small")
        return False
    return True


def _pairs(
    paths: Iterable[Place], settings: Settings, skipped: list[str]
) -> Iterator[tuple[Taps, Taps]]:
    """Yield each picture shrunk and whole; add those that are broken to the skipped."""
    for path in paths:
        try:
            yield pair(luma_of(path), settings)
        except ImageFileError as error:
            skipped.append(str(error))


def _fitted(moments: Moments, structure: Structure, settings: Settings) -> KernelFile:
    taps = fit(moments, structure, settings.noise)
    resize = "nearest" if structure.method == "resize-conv" else ""
    return KernelFile(structure.method, settings.stride, taps, resize)


def luma_of(path: Place) -> Taps:
    """Return the luma of a picture in levels of 0..255, not rounded."""
    image = files.read(path)
    levels = np.moveaxis(image.samples, 2, 0).astype(np.float32) * np.float32(255 / image.peak)
    return luma(levels).astype(np.float64)


def held_out(paths: Sequence[Place], share: float, rng: np.random.Generator) -> list[Place]:
    """Return the share of the paths that is only tested on, at least one of two or more."""
    count = min(len(paths) - 1, max(1, round(share * len(paths)))) if share > 0 else 0
    chosen = rng.permutation(len(paths))[: max(0, count)]
    return [paths[i] for i in sorted(chosen)]


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
            enlarged = np.clip(np.floor(enlarge(low[None], stages, size)[0] + 0.5), 0, 255)
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
