"""Train a kernel: shrink pictures, keep their moments, solve, and try the kernel on others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.colour.levels import luma
from upsample_cli.images.places.source import can_be_read_again
from upsample_cli.images.places.target import is_folder, is_url
from upsample_cli.images.read import files
from upsample_cli.images.read.header import size as picture_size
from upsample_cli.jobs.batch.globs import Globs
from upsample_cli.jobs.batch.walk import walk
from upsample_cli.jobs.train.pairs import applied, pair
from upsample_cli.jobs.train.settings import Course
from upsample_cli.kernels import fit
from upsample_cli.kernels.kernel import Kernel, Taps
from upsample_cli.kernels.moments import Moments
from upsample_cli.kernels.store import KernelFile
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Stage
from upsample_cli.metrics.fidelity import psnr
from upsample_cli.metrics.response import noise_gain, overshoot
from upsample_cli.metrics.ripple import ripple

Progress = Callable[[Iterable[str], int], Iterator[str]]
BASELINES = ("nearest", "bilinear", "bicubic", "lanczos")
_LEAST_VARIANCE = 0.01  # within a patch, in levels squared: less is flat but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A kernel and what came of training it.

    Args:
        file: What to keep.
        kernel: The transposed convolution it amounts to.
        skipped: Pictures that could not be used, and why.
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


def pictures(sources: Sequence[str]) -> list[str]:
    """Return the files among files and folders, or URLs of them, sorted within each.

    As where pictures are enlarged, hidden files and folders are left out unless they are named.

    Raises:
        UpsampleError: One is no file or folder, or a store does not answer.
    """
    found: list[str] = []
    for source in sources:
        place = source if is_url(source) else str(Path(source))
        if is_folder(place):
            found.extend(f"{place.rstrip('/')}/{path}" for path in walk(place, Globs()))
        elif not is_url(place) and not can_be_read_again(place):
            raise ImageFileError(f"no file or folder {place}; check the path")
        else:
            found.append(place)
    return found


def train(sources: Sequence[str], course: Course, progress: Progress | None = None) -> Trained:
    """Return the kernel that enlarges shrunk pictures best.

    Args:
        sources: Picture files; what is none is skipped and counted.
        course: How.
        progress: Wraps the pictures as they are read, given how many there are.

    Raises:
        ImageFileError: No picture can be used, or all are flat.
    """
    start = perf_counter()
    rng = np.random.default_rng(course.seed)
    skipped: list[str] = []
    usable = [path for path in dict.fromkeys(sources) if _fits(path, course, skipped)]
    held = _held_out(usable, course.holdout, rng)
    others = [path for path in usable if path not in held]
    moments = Moments(course.stride, course.taps)
    share = -(-course.samples // max(1, len(others)))
    count = 0
    for low, high in _pairs(progress(others, len(others)) if progress else others, course, skipped):
        moments.add(low, high, share, rng)
        count += 1
    _check(moments, count, skipped, course)
    loose = fit.Structure("tconv", course.structure.separable, "none")
    unbalanced = _file(moments, loose, course).kernel("unbalanced")
    file = _file(moments, course.structure, course)
    kernel = file.kernel("trained")
    scores = _scores(_pairs(held, course, skipped), course, kernel)
    about = _about(course, kernel, count, moments.count) | {"held_out": scores}
    return Trained(
        file._replace(about=about), kernel, tuple(skipped),
        ripple(unbalanced.phase_sums), ripple(kernel.phase_sums), perf_counter() - start,
    )  # fmt: skip


def _check(moments: Moments, count: int, skipped: Sequence[str], course: Course) -> None:
    """Refuse to learn from no picture, or from nothing in them."""
    if not count:
        why = f" ({skipped[0].partition(';')[0]})" if skipped else ""
        raise ImageFileError(
            f"no picture can be used{why}; give pictures of at least {_least(course)} px a side"
        )
    if moments.variance < _LEAST_VARIANCE:
        raise ImageFileError("the pictures are flat, and teach nothing; give photographs")


def _fits(path: str, course: Course, skipped: list[str]) -> bool:
    """Tell by a file's head whether it can be used; if not, note why."""
    try:
        height, width = picture_size(path)
    except ImageFileError as error:
        skipped.append(str(error))
        return False
    if min(height, width) < _least(course):
        skipped.append(f"{path} is {width}x{height}, too small")
        return False
    return True


def _pairs(paths: Iterable[str], course: Course, skipped: list[str]) -> Iterator[tuple[Taps, Taps]]:
    """Yield each picture shrunk and whole; note those that turn out to be broken."""
    for path in paths:
        try:
            yield pair(_luma(path), course)
        except ImageFileError as error:
            skipped.append(str(error))


def _file(moments: Moments, structure: fit.Structure, course: Course) -> KernelFile:
    taps = fit.fit(moments, structure, course.noise)
    resize = "nearest" if structure.method == "resize-conv" else ""
    return KernelFile(structure.method, course.stride, taps, resize)


def _least(course: Course) -> int:
    return course.stride * (course.taps + 8)


def _luma(path: str) -> Taps:
    image = files.read(path)
    levels = np.moveaxis(image.samples, 2, 0).astype(np.float32) * np.float32(255 / image.peak)
    return luma(levels).astype(np.float64)


def _held_out(paths: Sequence[str], share: float, rng: np.random.Generator) -> list[str]:
    wanted = min(len(paths) - 1, max(1, round(share * len(paths)))) if share > 0 else 0
    chosen = rng.permutation(len(paths))[: max(0, wanted)]
    return [paths[i] for i in sorted(chosen)]


def _scores(
    pairs: Iterable[tuple[Taps, Taps]], course: Course, kernel: Kernel
) -> dict[str, dict[str, float] | int]:
    """Return the mean PSNR of the kernel and of interpolations, in dB, on luma of 8 bits."""
    sums, count, s = dict.fromkeys(("trained", *BASELINES), 0.0), 0, course.stride
    for low, high in pairs:
        size, small = (high.shape[0], high.shape[1]), (low.shape[0], low.shape[1])
        count += 1
        for name in sums:
            stages: Sequence[Stage] = (kernel.stage(),)
            if name != "trained":
                stages = build(name).stages(small, size)
            made = np.clip(np.floor(applied(stages, low, size) + 0.5), 0, 255)
            sums[name] += psnr(made[s:-s, s:-s], high[s:-s, s:-s])
    means = {name: round(total / count, 3) for name, total in sums.items()} if count else {}
    return {"pictures": count, "psnr": means}


def _about(course: Course, kernel: Kernel, count: int, pixels: int) -> dict[str, Any]:
    return {
        "structure": "separable" if course.structure.separable else "full",
        "balance": course.structure.balance,
        "taps": course.taps,
        "shrink": course.shrink,
        "noise": course.noise,
        "seed": course.seed,
        "pictures": count,
        "pixels": pixels * course.stride**2,
        "noise_gain": round(noise_gain(kernel.taps, kernel.stride), 4),
        "overshoot": round(overshoot(kernel.taps, kernel.stride), 4),
    }
