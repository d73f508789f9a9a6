"""Pictures with a known checkerboard, and pictures without one that may seem to have it.

All are RGB in whole levels of 8 bits, shape (H, W, 3).
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.features
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.images.levels import LUMA
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.named import KERNELS

Levels = NDArray[np.float64]
Pixels = NDArray[np.uint8]
_INTERPOLATED = ("nearest", "bilinear", "bicubic", "lanczos", "spline")
_WIDE = 12.0  # pixels over which a sign-varying pattern keeps its sign


def photographs(folders: list[Path], side: int) -> list[Pixels]:
    """Return the middle of each picture in some folders, at most `side` pixels along each side."""
    crops = []
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"):
            continue
        with PIL.Image.open(path) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
        crops.append(pixels[top : top + side, left : left + side])
    return [crop for crop in crops if min(crop.shape[:2]) >= 200]


def whole(levels: Levels) -> Pixels:
    """Return levels rounded half up and clipped to 8 bits."""
    return np.clip(np.floor(levels + 0.5), 0, 255).astype(np.uint8)


def dithered(photo: Pixels, rng: np.random.Generator) -> Levels:
    """Return levels with fractions, as before a first rounding."""
    return photo + rng.uniform(-0.5, 0.5, photo.shape)


def lattice(shape: tuple[int, ...], stride: int, rng: np.random.Generator) -> Levels:
    """Return a random pattern of period `stride`: mean 0, RMS 1, shape (H, W, 1)."""
    while True:
        cell = rng.standard_normal((stride, stride))
        cell -= cell.mean()
        cell /= np.sqrt(np.square(cell).mean())
        if not any(_repeats(cell, part) for part in range(1, stride) if stride % part == 0):
            break
    repeats = -(-shape[0] // stride), -(-shape[1] // stride)
    return np.tile(cell, repeats)[: shape[0], : shape[1], None]


def _repeats(cell: Levels, part: int) -> bool:
    return bool(np.allclose(cell, np.roll(cell, (part, part), (0, 1))))


def waves(shape: tuple[int, ...], rng: np.random.Generator) -> Levels:
    """Return a smooth random field of both signs: mean square 1, shape (H, W, 1)."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    blur = np.exp(-2 * (np.pi * _WIDE) ** 2 * (down**2 + across**2))
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape[:2])) * blur, shape[:2])
    return np.asarray(field / np.sqrt(np.square(field).mean()))[..., None]


def patch(shape: tuple[int, ...], part: int, rng: np.random.Generator) -> Levels:
    """Return 1 in a rectangle that is one in `part` of a picture, else 0, shape (H, W, 1)."""
    sides = [round(length / part**0.5) for length in shape[:2]]
    top, left = (
        int(rng.integers(length - side + 1)) for length, side in zip(shape, sides, strict=False)
    )
    levels = np.zeros((*shape[:2], 1))
    levels[top : top + sides[0], left : left + sides[1]] = 1.0
    return levels


def luma(pixels: Pixels | Levels) -> Levels:
    """Return the luma of a picture in colour, or the grey picture, shape (H, W)."""
    return np.asarray(pixels @ LUMA if pixels.shape[2] == 3 else pixels[..., 0], np.float64)


def proportional(smooth: Levels, pattern: Levels, strength: float) -> tuple[Pixels, float]:
    """Return a picture with a pattern in proportion to its brightness, and its RMS in luma.

    Args:
        smooth: Shape (H, W, C), not rounded.
        pattern: Shape (H, W, 1), 0 where there is none.
        strength: RMS in levels, where the pattern is.
    """
    where = pattern[..., 0] != 0
    gain = strength / np.sqrt(np.square(pattern[..., 0] * luma(smooth))[where].mean())
    pixels = whole(smooth * (1 + gain * pattern))
    return pixels, float(np.std(luma(pixels) - luma(np.clip(smooth, 0, 255))))


def compressed(photo: Pixels, quality: int, format: str = "JPEG", **options: object) -> Pixels:
    """Return a picture after JPEG with chroma at half the size (4:2:0), or another codec."""
    file = io.BytesIO()
    if format == "JPEG":
        options["subsampling"] = 2
    PIL.Image.fromarray(photo).save(file, format, quality=quality, **options)
    with PIL.Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))


def is_of_any_stride(name: str) -> bool:
    """Tell whether a control is the same picture whatever the stride."""
    return name == "photograph" or name.startswith(("JPEG", "WebP", "AVIF"))


def shrunk(photo: Pixels, stride: int) -> Pixels:
    """Return a picture shrunk by the stride."""
    height, width = (length // stride for length in photo.shape[:2])
    picture = PIL.Image.fromarray(photo[: height * stride, : width * stride])
    return np.asarray(picture.resize((width, height), PIL.Image.Resampling.BICUBIC))


def enlarged(low: Pixels, stride: int, method: str, **settings: object) -> Levels:
    """Return a picture enlarged, not rounded."""
    planes = np.moveaxis(low, 2, 0).astype(np.float64) / 255
    return np.moveaxis(upsample(planes, method, scale=stride, **settings), 0, 2) * 255


def uneven(low: Pixels, kernel: Kernel) -> Levels:
    """Return a picture enlarged by a transposed convolution, not rounded."""
    size = low.shape[0] * kernel.stride, low.shape[1] * kernel.stride
    planes = enlarge(np.moveaxis(low, 2, 0).astype(np.float64), [kernel.stage()], size)
    return np.moveaxis(planes, 0, 2)


def kernels(stride: int, rng: np.random.Generator) -> dict[str, Kernel]:
    """Return kernels with uneven phase sums, by name."""
    even = KERNELS["bilinear"](stride).taps
    kernels = {f"uniform {stride + 1}x{stride + 1}": KERNELS["uniform"](stride, stride + 1)}
    for percent in (0.5, 2, 5):
        taps = even * (1 + percent / 100 * rng.standard_normal(even.shape))
        kernels[f"bilinear, taps off by {percent:g} %"] = Kernel("bilinear", taps, stride)
    return kernels


def controls(photo: Pixels, stride: int) -> Iterator[tuple[str, Pixels]]:
    """Yield names and pictures without a checkerboard of the stride."""
    yield "photograph", photo
    for quality in (95, 75, 50):
        yield f"JPEG {quality}", compressed(photo, quality)
    yield "WebP 60", compressed(photo, 60, "WEBP")
    if PIL.features.check("avif"):
        yield "AVIF 50", compressed(photo, 50, "AVIF")
    low = shrunk(photo, stride)
    for method in _INTERPOLATED:
        yield method, whole(enlarged(low, stride, method))
    if stride != 8:
        for method in ("tconv", "resize-conv"):
            yield f"{method} learned", whole(enlarged(low, stride, method, kernel="learned"))
    for method in ("nearest", "bicubic"):
        yield f"{method}, JPEG 75", compressed(whole(enlarged(low, stride, method)), 75)
