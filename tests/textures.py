"""Synthetic pictures: natural textures, patterns and truncated files."""

import io
import random
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

_WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "page",
    "text",
)


def natural_texture(
    height: int, width: int, seed: int = 0, channels: int = 1
) -> NDArray[np.float32]:
    """Return a texture whose spectrum falls as 1/f, as that of photographs does.

    Returns:
        Shape (channels, height, width), float32, about 0.1..0.9.
    """
    rng = np.random.default_rng(seed)
    vertical, horizontal = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    spectrum = 1 / np.maximum(np.hypot(vertical, horizontal), 1 / max(height, width))
    texture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((channels, height, width))) * spectrum)
    texture = texture[:, :height, : width // 2 * 2]
    texture = np.pad(texture, ((0, 0), (0, 0), (0, width - texture.shape[2])), mode="edge")
    low, high = texture.min(), texture.max()
    return (0.1 + 0.8 * (texture - low) / (high - low)).astype(np.float32)


def texture_samples(
    height: int, width: int, channels: int = 3, bits: int = 8
) -> NDArray[np.unsignedinteger]:
    """Return a texture as unsigned integers, shape (height, width, channels)."""
    planes = natural_texture(height, width, 1, channels)
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.ascontiguousarray(np.moveaxis(planes * (2**bits - 1), 0, 2)).astype(dtype)


def periodic_pattern(height: int, width: int, stride: int, seed: int = 0) -> NDArray[np.float32]:
    """Return a pattern of period `stride` on both axes, shape (height, width).

    Its mean is 0 and its RMS is 1.
    """
    cell = np.random.default_rng(seed).standard_normal((stride, stride))
    cell -= cell.mean()
    cell /= np.sqrt(np.square(cell).mean())
    repeats = -(-height // stride), -(-width // stride)
    return np.tile(cell, repeats)[:height, :width].astype(np.float32)


def jpeg_of_text(size: int, apart: int, ground: int, ink: int) -> NDArray[np.float32]:
    """Return a page of text after JPEG 75, in levels, shape (320, 360).

    Args:
        size: Of the letters, in pixels.
        apart: Pixels from line to line.
        ground: Level of the paper.
        ink: Level of the letters.
    """
    rng = random.Random(size * 100 + apart)
    sheet = PIL.Image.new("L", (360, 320), ground)
    draw, font = PIL.ImageDraw.Draw(sheet), PIL.ImageFont.load_default(size)
    for y in range(20, 300, apart):
        words = rng.choices(_WORDS, k=rng.randint(4, 10))
        draw.text((24, y), " ".join(words), ink, font)
    stored = io.BytesIO()
    sheet.save(stored, "JPEG", quality=75)
    return np.asarray(PIL.Image.open(stored), np.float32)


def write_truncated(folder: Path, name: str) -> None:
    """Write a picture file without its last half."""
    path = folder / name
    PIL.Image.fromarray(texture_samples(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
