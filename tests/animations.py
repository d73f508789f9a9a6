"""Synthetic animations, and a reader of them that uses OpenCV where it can."""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageSequence
from textures import texture_samples

DURATIONS = (100, 200, 50, 300, 120)
# OpenCV reads GIF from 4.12 on, which needs NumPy 2. Without it Pillow reads what it wrote.
_OPENCV_READS_GIF = tuple(map(int, cv2.__version__.split(".")[:2])) >= (4, 12)


def frames(transparent: bool = False) -> list[np.ndarray]:
    """Return five frames of 24x20 pixels: a texture with a moving white square."""
    pictures = []
    for index in range(len(DURATIONS)):
        frame = texture_samples(20, 24, 4 if transparent else 3)
        frame[..., :3] //= 2
        if transparent:
            frame[..., 3] = 255
            frame[:, 20:] = 0
        frame[4:10, 3 * index + 1 : 3 * index + 7] = 255
        pictures.append(frame)
    return pictures


def write(path: Path, plays: int = 0, transparent: bool = False) -> Path:
    """Write the animation with Pillow, in the format that the suffix names."""
    first, *rest = map(PIL.Image.fromarray, frames(transparent))
    loop = {"loop": plays - (path.suffix == ".gif" and plays > 0)}
    if path.suffix == ".gif" and plays == 1:
        loop = {}
    first.save(
        path, save_all=True, append_images=rest, duration=DURATIONS, disposal=0, lossless=True,
        **loop,
    )  # fmt: skip
    return path


def read(path: Path) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """Return the frames of an animation as RGBA, and their durations."""
    if path.suffix == ".gif" and not _OPENCV_READS_GIF:
        with PIL.Image.open(path) as opened:
            frames = [(frame.convert("RGBA"), frame.info.get("duration", 0))
                      for frame in PIL.ImageSequence.Iterator(opened)]  # fmt: skip
        return [np.asarray(frame) for frame, _ in frames], tuple(time for _, time in frames)
    is_read, animation = cv2.imreadanimation(str(path))
    assert is_read
    pictures = []
    for frame in animation.frames:
        colour = cv2.COLOR_BGRA2RGBA if frame.shape[2] == 4 else cv2.COLOR_BGR2RGBA
        pictures.append(cv2.cvtColor(frame, colour))
    return pictures, tuple(animation.durations.tolist())
