"""Pictures drawn from a seed: natural textures and patterns; damaged files."""

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray


def natural(height: int, width: int, seed: int = 0, channels: int = 1) -> NDArray[np.float32]:
    """Return a texture whose spectrum falls as 1/f, as photographs' do.

    Returns:
        Shape (channels, height, width), float32, about 0.1..0.9.
    """
    rng = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    fall = 1 / np.maximum(np.hypot(down, across), 1 / max(height, width))
    texture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((channels, height, width))) * fall)
    texture = texture[:, :height, : width // 2 * 2]
    texture = np.pad(texture, ((0, 0), (0, 0), (0, width - texture.shape[2])), mode="edge")
    low, high = texture.min(), texture.max()
    return (0.1 + 0.8 * (texture - low) / (high - low)).astype(np.float32)


def levels(
    height: int, width: int, channels: int = 3, bits: int = 8
) -> NDArray[np.unsignedinteger]:
    """Return a texture as a file's samples, shape (height, width, channels)."""
    planes = natural(height, width, 1, channels)
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.ascontiguousarray(np.moveaxis(planes * (2**bits - 1), 0, 2)).astype(dtype)


def lattice(height: int, width: int, stride: int, seed: int = 0) -> NDArray[np.float32]:
    """Return a pattern of period `stride` down and across: mean 0, RMS 1, shape (height, width)."""
    cell = np.random.default_rng(seed).standard_normal((stride, stride))
    cell -= cell.mean()
    cell /= np.sqrt(np.square(cell).mean())
    repeats = -(-height // stride), -(-width // stride)
    return np.tile(cell, repeats)[:height, :width].astype(np.float32)


def cut_short(folder: Path, name: str) -> None:
    """Write a picture of which the last half is missing."""
    path = folder / name
    PIL.Image.fromarray(levels(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
