"""Run a folder of files through the tool and other readers: python tests/fuzz/suite.py FOLDER.

Each file is enlarged once by `nearest` at scale 1 and read by OpenCV and PyPNG, and by imagecodecs,
ImageMagick and libvips where they are installed, until one has the same picture. It prints a line
for each file that comes out "wrong": two readers have another picture, the same one, and none has
ours; "unsure": no reader has it, but no two agree; or "refused", though a reader has it. The last
line is JSON.

Such lines are to be looked at, not believed: readers differ about profiles, opacity and damage.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from itertools import combinations, product
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import png

from upsample_cli.commands import app

NEAR = 3.0  # levels of 255 that decoders may differ by, on average
LONGEST = 30  # seconds of a reader


def main() -> int:
    """Print what differs, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print what is right, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    counts = dict.fromkeys(("right", "unseen", "unsure", "wrong", "refused", "unread"), 0)
    for path in sorted(path for path in options.folder.rglob("*") if path.is_file()):
        verdict, words = judge(path)
        counts[verdict] += 1
        if verdict in ("unsure", "wrong", "refused") or options.verbose:
            print(f"{verdict:8}  {path.relative_to(options.folder)}  {words}", flush=True)
    print(json.dumps(counts))
    return int(counts["wrong"] > 0)


def judge(path: Path) -> tuple[str, str]:
    """Return what became of a file in a word, and how far readers are from it."""
    others, far = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        ours, error = enlarged(path, Path(folder))
        is_animated_png = b"acTL" in path.read_bytes()[:100]  # the others read what is no frame
        for name, reader in {"OpenCV": by_opencv}.items() if is_animated_png else READERS.items():
            if not (variants := pictures_of(reader, path, Path(folder))):
                continue
            if ours is None:
                return "refused", f"{error} ({name})"
            others[name] = variants
            far[name] = min(distance(ours, variant) for variant in variants)
            if far[name] <= NEAR:
                return "right", f"{name} {far[name]:.1f}"
    if ours is None:
        return "unread", error
    if not others:
        return "unseen", "no reader reads it"
    words = "  ".join(f"{name} {number:.1f}" for name, number in far.items())
    pairs = combinations(others.values(), 2)
    agree = any(distance(a, b) <= NEAR for one, two in pairs for a, b in product(one, two))
    return ("wrong" if agree else "unsure"), words


def enlarged(path: Path, folder: Path) -> tuple[np.ndarray | None, str]:
    """Return what the tool makes of a file, as `plain` has it, and its error."""
    errors = io.StringIO()
    for suffix in ("png", "tiff"):  # floats beyond white fit into the latter alone
        target = folder / f"ours.{suffix}"
        sys.argv = ["upsample", str(path), str(target), "-m", "nearest", "-s", "1", "--quiet"]
        with redirect_stderr(errors), redirect_stdout(io.StringIO()):
            code = app._run()  # `main` ends the process
        if code == 0:
            return plain(cv2.imread(str(target), cv2.IMREAD_UNCHANGED)), ""
    return None, errors.getvalue().strip().splitlines()[0]


def pictures_of(
    reader: Callable[[Path, Path], list[np.ndarray | None]], path: Path, folder: Path
) -> list[np.ndarray]:
    """Return what a reader makes of a file: a picture, one for each of its ways, or none."""
    try:
        return [plain(picture) for picture in reader(path, folder) if picture is not None]
    except Exception:  # whatever a reader says of a file that it does not read
        return []


def plain(samples: np.ndarray) -> np.ndarray:
    """Return OpenCV's samples as levels of 0..255, shape (H, W, 4), colours weighted by opacity."""
    samples = samples[..., None] if samples.ndim == 2 else samples
    full = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
    levels = (samples.astype(np.float64) / full).clip(0, 1)
    if levels.shape[2] < 3:
        levels = levels[..., [0, 0, 0, 1][: levels.shape[2] + 2]]
    if levels.shape[2] == 3:
        levels = np.concatenate([levels, np.ones_like(levels[..., :1])], axis=2)
    levels[..., :3] *= levels[..., 3:]
    return 255 * levels


def turned(samples: np.ndarray, path: Path) -> np.ndarray:
    """Return samples turned as the EXIF of their file says, for readers that do not turn them."""
    orientation = 1
    with suppress(PIL.UnidentifiedImageError), PIL.Image.open(path) as opened:
        orientation = opened.getexif().get(274, 1)
    if orientation >= 5:  # its first row is a column
        samples = samples.swapaxes(0, 1)
    down, across = (-1 if orientation in those else 1 for those in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return samples[::down, ::across]


def distance(ours: np.ndarray, other: np.ndarray) -> float:
    """Return the mean difference of two pictures; infinity for those of other sizes."""
    return float(np.abs(ours - other).mean()) if ours.shape == other.shape else float("inf")


def by_opencv(path: Path, folder: Path) -> list[np.ndarray | None]:
    """Read with OpenCV: as it is, in colour, turned, and the first frame of an animation."""
    pictures = [cv2.imread(str(path), flag) for flag in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_COLOR)]
    if (unturned := pictures[0]) is not None:
        pictures.append(turned(unturned, path))
    _, animation = cv2.imreadanimation(str(path))
    return [*pictures, *animation.frames[:1]]


def by_pypng(path: Path, folder: Path) -> list[np.ndarray | None]:
    """Read a PNG with PyPNG, of which OpenCV ignores the opacity where it is grey."""
    width, height, rows, about = png.Reader(filename=str(path)).asRGBA()
    samples = np.array(list(rows)).reshape(height, width, 4) / (2 ** about["bitdepth"] - 1)
    return [turned(samples[..., [2, 1, 0, 3]], path)]


def by_program(*command: str) -> Callable[[Path, Path], list[np.ndarray | None]]:
    """Return a reader that lets a program write a PNG; IN and OUT stand for the files."""

    def read(path: Path, folder: Path) -> list[np.ndarray | None]:
        """Read with the program."""
        target = folder / f"{command[0]}.png"
        words = [word.replace("IN", str(path)).replace("OUT", str(target)) for word in command]
        subprocess.run(words, capture_output=True, timeout=LONGEST, check=True)
        return [cv2.imread(str(target), cv2.IMREAD_UNCHANGED)]

    return read


def by_vips(path: Path, folder: Path) -> list[np.ndarray | None]:
    """Read with libvips, unless it would ask ImageMagick."""
    command = ["vipsheader", "-f", "vips-loader", str(path)]
    loader = subprocess.run(command, capture_output=True, timeout=LONGEST, check=True).stdout
    if loader.startswith(b"magick"):
        return []
    return by_program("vips", "autorot", "IN", "OUT")(path, folder)


def by_imagecodecs(path: Path, folder: Path) -> list[np.ndarray | None]:
    """Read with imagecodecs, which tells formats apart by their bytes."""
    import imagecodecs

    samples = imagecodecs.imread(path)
    has_colours = samples.ndim == 3 and samples.shape[2] > 2
    return [samples[..., [2, 1, 0, 3][: samples.shape[2]]] if has_colours else samples]


READERS: dict[str, Callable[[Path, Path], list[np.ndarray | None]]] = {
    "OpenCV": by_opencv, "PyPNG": by_pypng, "imagecodecs": by_imagecodecs
}  # fmt: skip
if shutil.which("convert"):
    READERS["ImageMagick"] = by_program("convert", "IN[0]", "-auto-orient", "OUT")
if shutil.which("vips"):
    READERS["libvips"] = by_vips

if __name__ == "__main__":
    sys.exit(main())
