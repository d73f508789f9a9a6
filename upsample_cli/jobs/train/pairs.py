"""Find pictures to learn from, and cut pairs of patches from them for a network.

A pair is a shrunk crop and its residual: the original less the enlargement by the linear kernel.

A pool holds crops of photographs and drawings; all are shrunk, and a share (see `DAMAGE`) is
damaged. Patches are cut from the pool, and every other batch replaces the oldest crop by a new one,
so that making crops takes only a fraction of the time of a step.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.figures.specimens import Grey, specimen, through_jpeg
from upsample_cli.images.levels import channel_levels
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import files
from upsample_cli.images.read.opening import read_size
from upsample_cli.jobs.batch.walk import Globs, files_in
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.kernels.interpolants import (
    AREA,
    BICUBIC,
    BILINEAR,
    LANCZOS,
    Interpolant,
    resampling,
)
from upsample_cli.kernels.kernel import Taps
from upsample_cli.methods.catalogue import build
from upsample_cli.planes import Size

Reals = NDArray[np.float32]
Floats = NDArray[np.floating]

LEAST_SIDE = 64
"""The least height and width of a shrunk picture, in pixels."""

_LOW = 192  # pixels along the side of a shrunk crop
_DRAWN = 0.15  # share of crops that are drawings
DAMAGE = {"photo": (0.25, 2.5), "web": (0.4, 1.2), "clean": (0.0, 1.0)}
"""By --degrade: the share of damaged crops, and a power: the higher, the milder the JPEG."""

_SHRINKS = (BICUBIC, BICUBIC, LANCZOS, AREA, BILINEAR)
_SIZES = (1.0, 0.7, 0.5)  # of each photograph, relative to its own


def pictures_in(sources: Sequence[Place | Folder]) -> list[Place]:
    """Return the named files and those in the named folders, sorted within each folder, each once.

    Hidden files and folders are left out unless they are named, as in a batch.

    Raises:
        UpsampleError: A source is neither a file nor a folder, there is no file in any of them, or
            a store does not answer.
    """
    files = list[Place]()
    for source, is_in_folder in files_in(sources, Globs()):
        if not (is_in_folder or source.is_rereadable()):
            raise ImageFileError(f"no file or folder {source}; check the path")
        files.append(source)
    if not files:
        names = ", ".join(map(str, sources))
        raise ImageFileError(f"no file in {names}; name pictures or folders of pictures")
    return files


def usable(sources: Sequence[Place], side: int, skipped: list[str]) -> list[Place]:
    """Return the files whose headers give at least `side` pixels along each side.

    Args:
        sources: The files.
        side: The least height and width, in pixels.
        skipped: The reasons why other files cannot be used are appended to it.
    """
    paths = list[Place]()
    for path in sources:
        try:
            height, width = read_size(path)
        except ImageFileError as error:
            skipped.append(str(error))
            continue
        if min(height, width) >= side:
            paths.append(path)
        else:
            skipped.append(f"{path} is {width}x{height}, too small")
    return paths


def none_usable(side: int, skipped: Sequence[str]) -> ImageFileError:
    """Return the error for no usable picture: the first reason, and the remedy that all share."""
    why = f" ({skipped[0].partition(';')[0]})" if skipped else ""
    remedies = {reason.partition("; ")[2] for reason in skipped}
    remedy = remedies.pop() if len(remedies) == 1 else ""
    remedy = remedy or f"give pictures of at least {side} px a side"
    return ImageFileError(f"no picture can be used{why}; {remedy}")


def readable(paths: Iterable[Place], skipped: list[str]) -> Iterator[tuple[Place, Taps]]:
    """Yield each picture that can be read, and its luma in levels of 0..255, not rounded.

    The errors of other pictures are appended to `skipped`.
    """
    for path in paths:
        try:
            luma = channel_levels(files.read(path).samples, None)
        except ImageFileError as error:
            skipped.append(str(error))
        else:
            yield path, luma.astype(np.float64).clip(0, 255)  # floats may go beyond


def held_out(count: int, share: float) -> int:
    """Return how many of `count` pictures to test on: 1 or more of at least 2, if `share` > 0."""
    return max(0, min(count - 1, max(1, round(share * count)))) if share > 0 else 0


class Pair(NamedTuple):
    """A shrunk crop and its residual.

    Args:
        low: Shape (H + 2 halo, W + 2 halo), the shrunk crop, 0..1, less 1/2; its edges mirrored.
        residual: Shape (stride^2, H, W), the original, 0..1, less its enlargement, by phase.
        bicubic: The mean squared error of a bicubic enlargement of values 0..1.
    """

    low: Reals
    residual: Reals
    bicubic: float


class Pairs:
    """A pool of crops, from which batches of patches are cut.

    Args:
        photographs: Each of shape (H, W), luma in levels.
        stride: Output pixels per input pixel.
        halo: Pixels that the network draws on beyond each side.
        degrade: How crops are damaged by noise and JPEG, one of `DAMAGE`.
        rng: Makes all random choices.
        count: Crops in the pool.
    """

    def __init__(self, photographs: Sequence[Grey], stride: int, halo: int, degrade: str,
                 rng: np.random.Generator, count: int) -> None:  # fmt: skip
        self._stride, self._halo, self._rng = stride, halo, rng
        self._damaged, self._mild = DAMAGE[degrade]
        sized = [_sized(grey, size) for grey in photographs for size in _SIZES]
        self._photographs = [grey for grey in sized if min(grey.shape) >= stride * LEAST_SIDE]
        areas = np.array([grey.size for grey in self._photographs], float)
        self._probabilities = areas / areas.sum()
        self.pool = deque((self._pair() for _ in range(count)), count)
        self._batches = 0

    def batch(self, count: int, side: int) -> tuple[Reals, Reals]:
        """Return a batch of shrunk patches, and of their residuals.

        Args:
            count: How many patches.
            side: Input pixels along each side of a patch, without the halo.

        Returns:
            Shapes (count, 1, side + 2 halo, side + 2 halo) and (count, stride^2, side, side).
        """
        self._batches += 1
        if self._batches % 2 == 0:
            self.pool.append(self._pair())
        with_halo, lows, residuals = side + 2 * self._halo, [], []
        for _ in range(count):
            pair = self.pool[self._rng.integers(len(self.pool))]
            y, x = (self._rng.integers(n - side + 1) for n in pair.residual.shape[1:])
            lows.append(pair.low[None, y : y + with_halo, x : x + with_halo])
            residuals.append(pair.residual[:, y : y + side, x : x + side])
        return np.stack(lows), np.stack(residuals)

    def _pair(self) -> Pair:
        """Return the pair of a new crop, randomly flipped, rotated and changed in contrast."""
        rng, side = self._rng, _LOW * self._stride
        if rng.random() < _DRAWN:
            crop = specimen(side, rng)
        else:
            crop = self._photographs[rng.choice(len(self._probabilities), p=self._probabilities)]
            y, x = (int(rng.integers(max(1, n - side + 1))) for n in crop.shape)
            height, width = (min(n, side) // self._stride * self._stride for n in crop.shape)
            crop = crop[y : y + height, x : x + width]
        high = np.rot90(crop[:, :: rng.choice((-1, 1))], int(rng.integers(4))).astype(np.float32)
        if rng.random() < 0.5:  # as in the luma of video, or a picture of less contrast
            span = rng.uniform(0.6, 1)
            levels = in_levels(high * span + rng.uniform(0, 1 - span) * 255)
            high = levels.astype(np.float32)
        return self._shrunk(high)

    def _shrunk(self, high: Reals) -> Pair:
        """Shrink an original, in levels of 0..255, at random damage it, and return the pair."""
        stride, rng = self._stride, self._rng
        large = (high.shape[0], high.shape[1])
        size = (large[0] // stride, large[1] // stride)
        is_damaged = self._damaged > 0 and rng.random() < self._damaged
        phi = _SHRINKS[rng.integers(len(_SHRINKS))] if is_damaged else BICUBIC
        low = resampled(high, size, phi)
        is_noisy = is_damaged and rng.random() < 0.4
        if is_noisy:
            low += np.float32(rng.uniform(0.5, 5)) * rng.standard_normal(low.shape, np.float32)
        grey = in_levels(low)
        if is_damaged and rng.random() < (0.4 if is_noisy else 0.9):
            grey = through_jpeg(grey, int(98 - 58 * rng.random() ** self._mild))  # quality 40..98
        low, high = (plane.astype(np.float32) / np.float32(255) for plane in (grey, high))
        residual = high - enlarge(low[None], build("tconv").stages(size, large), large)[0]
        phases = residual.reshape(size[0], stride, size[1], stride).transpose(1, 3, 0, 2)
        return Pair(
            np.pad(low - np.float32(0.5), self._halo, mode="symmetric"),
            np.ascontiguousarray(phases.reshape(stride**2, *size)),
            float(np.square(high - resampled(low, large, BICUBIC)).mean()),
        )


def _sized(grey: Grey, size: float) -> Grey:
    height, width = (max(1, round(n * size)) for n in grey.shape)
    plane = grey.astype(np.float32)
    return grey if size == 1 else in_levels(resampled(plane, (height, width), BICUBIC))


def resampled(plane: Floats, size: Size, phi: Interpolant) -> Floats:
    """Return a plane, shape (H, W), resampled to a size by an interpolant; of the same type."""
    stage = resampling(phi, (plane.shape[0], plane.shape[1]), size)
    return np.asarray(enlarge(plane[None], [stage], size)[0])


def in_levels(plane: Floats) -> Grey:
    """Return a plane rounded to whole levels, 0..255."""
    return np.asarray(np.clip(plane + 0.5, 0, 255), np.uint8)
