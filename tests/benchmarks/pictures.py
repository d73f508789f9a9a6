"""Square pictures of any size from one photograph, without interpolation.

Run as a script: `pictures.py PHOTO SIZE TARGET...` writes the same picture to every target.
"""

import sys
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def first_photograph() -> Path:
    """Return the first RGB picture among the project's samples.

    Raises:
        SystemExit: There is none.
    """
    for path in sorted(SAMPLES.rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            with PIL.Image.open(path) as picture:
                if picture.mode == "RGB":
                    return path
    sys.exit("no RGB picture in sample_images/; pass --photo PATH")


def square(photo: Path, size: int) -> NDArray[np.uint8]:
    """Return a square of a photograph: its middle, or mirrored tiles where it is too small.

    Args:
        photo: The photograph.
        size: Pixels along each side.

    Returns:
        Shape (size, size, 3).
    """
    with PIL.Image.open(photo) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    top, left = (max(0, (length - size) // 2) for length in pixels.shape[:2])
    pixels = pixels[top : top + size, left : left + size]
    missing = [(0, size - length) for length in pixels.shape[:2]]
    return np.ascontiguousarray(np.pad(pixels, [*missing, (0, 0)], mode="symmetric"))


def main() -> None:
    """Write the picture."""
    photo, size, *targets = sys.argv[1:]
    path = Path(photo) if photo else first_photograph()
    try:
        picture = PIL.Image.fromarray(square(path, int(size)))
    except OSError as reason:
        sys.exit(f"{path}: {reason}")
    for target in targets:
        picture.save(target, quality=92)


if __name__ == "__main__":
    main()
