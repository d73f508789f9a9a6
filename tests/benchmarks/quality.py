"""PSNR and SSIM of every method on folders of pictures, by the protocol of the literature.

The luma of each picture (BT.601, 16..235; a grey file as it is) is rounded to 8 bits, cropped to a
multiple of the scale, shrunk with an antialiased cubic (MATLAB's imresize), enlarged, rounded to
8 bits, shaved by the scale, and compared. Two ways of enlarging:

* `8-bit`: the shrunk picture is rounded to an 8-bit PNG, which goes through the job of the command;
* `float`: the shrunk picture stays in floating point, as the published figures have it.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.images.places.place import parse
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge import picture
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.jobs.train.settings import Settings, shrunk
from upsample_cli.methods.catalogue import build
from upsample_cli.metrics.fidelity import psnr, ssim

Levels = NDArray[np.float64]
METHODS = {
    "nearest": ("nearest", {}),
    "bilinear": ("bilinear", {}),
    "bicubic": ("bicubic", {}),
    "lanczos": ("lanczos", {}),
    "spline": ("spline", {}),
    "tconv learned": ("tconv", {"kernel": "learned"}),
    "tconv learned-sharp": ("tconv", {"kernel": "learned-sharp"}),
    "tconv learned-soft": ("tconv", {"kernel": "learned-soft"}),
    "resize-conv learned": ("resize-conv", {"kernel": "learned"}),
    "resize-conv learned-sharp": ("resize-conv", {"kernel": "learned-sharp"}),
}


def luma(path: Path) -> Levels:
    """Return the luma of a picture in whole levels."""
    with PIL.Image.open(path) as opened:
        if opened.mode == "L":
            return np.asarray(opened, np.float64)
        red, green, blue = np.moveaxis(np.asarray(opened.convert("RGB"), np.float64), 2, 0)
    return rounded(16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255)


def rounded(levels: Levels) -> Levels:
    """Return levels rounded half up and clipped to 8 bits."""
    return np.clip(np.floor(levels + 0.5), 0, 255)


def through_file(low: Levels, scale: int, method: str, settings: dict[str, str]) -> Levels:
    """Return a plane enlarged by the job of the command, from PNG to PNG."""
    with tempfile.TemporaryDirectory() as folder:
        source, to = f"{folder}/low.png", f"{folder}/high.png"
        PIL.Image.fromarray(rounded(low).astype(np.uint8)).save(source)
        picture.enlarge(
            parse(source), parse(to), Task(build(method, **settings), TargetSize(scale=scale))
        )
        with PIL.Image.open(to) as larger:
            return np.asarray(larger, np.float64)


def in_float(low: Levels, scale: int, method: str, settings: dict[str, str]) -> Levels:
    """Return a plane enlarged in floating point."""
    return rounded(upsample(low[None] / 255, method, scale=scale, **settings)[0] * 255)


def scores(path: Path, scale: int, chosen: list[str]) -> Iterator[tuple[str, list[float]]]:
    """Yield each method's PSNR and SSIM, through 8 bits and in floating point."""
    high = luma(path)
    high = high[: high.shape[0] // scale * scale, : high.shape[1] // scale * scale]
    low = shrunk(high, Settings(stride=scale))
    inner = (slice(scale, -scale), slice(scale, -scale))
    for name in chosen:
        method, settings = METHODS[name]
        values = []
        for enlarge in (through_file, in_float):
            larger = enlarge(low, scale, method, settings)[inner]
            values += [psnr(larger, high[inner]), ssim(larger, high[inner])]
        yield name, values


def main() -> None:
    """Print a Markdown table for each folder and scale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    for folder in options.folders:
        paths = [p for p in sorted(folder.rglob("*")) if p.suffix in {".png", ".jpg", ".bmp"}]
        for scale in options.scales:
            sums: dict[str, Levels] = {name: np.zeros(4) for name in options.methods}
            for path in paths:
                for name, values in scores(path, scale, options.methods):
                    sums[name] += values
            print(f"\n{folder.name}, x{scale}, {len(paths)} pictures\n")
            print("| method | PSNR 8-bit | SSIM 8-bit | PSNR float | SSIM float |")
            print("|---|---|---|---|---|")
            for name, total in sums.items():
                mean = total / len(paths)
                print(f"| {name} | {mean[0]:.2f} | {mean[1]:.4f} | {mean[2]:.2f} | {mean[3]:.4f} |")


if __name__ == "__main__":
    main()
