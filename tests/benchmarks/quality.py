"""PSNR and SSIM of every method on folders of pictures, by the protocol of the literature.

The luma of each picture (BT.601, 16..235; a grey file as it is) is rounded to 8 bits, cropped to a
multiple of the scale, shrunk with an antialiased cubic (MATLAB's imresize), enlarged, rounded to
8 bits, shaved by the scale, and compared. Two ways of enlarging:

* `8-bit`: the shrunk picture is rounded to an 8-bit PNG, which goes through the job of the command;
* `float`: the shrunk picture stays in floating point, as the published figures have it.

With `--damaged` a table of pictures in colour, damaged after they were shrunk, and of drawings (by
the code that draws for training, of other seeds): all in 8 bits, PSNR of the luma of the result.
`--networks FOLDER` adds networks in ONNX whose names end with their scale, as `net_x2.onnx`: three
channels of 0..1 in and out.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.images.figures import specimens
from upsample_cli.images.places.place import parse
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge import picture
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.jobs.train.pairs import resampled
from upsample_cli.kernels.interpolants import BICUBIC
from upsample_cli.methods.catalogue import build
from upsample_cli.metrics.fidelity import psnr, ssim

Levels = NDArray[np.float64]
Samples = NDArray[np.uint8]
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
    "network photo": ("network", {"weights": "photo"}),
    "network clean": ("network", {"weights": "clean"}),
}


def noisy(samples: Samples) -> Samples:
    """Return a picture with noise of 5 levels, the same in every run."""
    noise = np.random.default_rng(samples.size).normal(0, 5, samples.shape)
    return rounded(samples + noise).astype(np.uint8)


DAMAGES: dict[str, Callable[[Samples], Samples]] = {
    "clean": np.asarray,
    **{
        f"JPEG {quality}": partial(specimens.through_jpeg, quality=quality)
        for quality in (95, 85, 75, 50)
    },
    "noise 5": noisy,
}
DRAWN = {
    "text": specimens.text,
    "shapes": specimens.shapes,
    "sprites": specimens.sprites,
}
DRAWINGS = 4  # of each kind


def luma(path: Path) -> Levels:
    """Return the luma of a picture in whole levels."""
    return rounded(luma_of(opened(path)))


def opened(path: Path) -> Levels:
    """Return the levels of a picture, shape (H, W) or (H, W, 3)."""
    with PIL.Image.open(path) as picture:
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"), np.float64)


def luma_of(levels: Levels) -> Levels:
    """Return the luma of levels, 16..235 for colours; grey ones as they are."""
    if levels.ndim == 2:
        return levels
    return 16 + levels @ (65.481, 128.553, 24.966) / 255


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
    size = high.shape[0] // scale, high.shape[1] // scale
    high = high[: size[0] * scale, : size[1] * scale]
    low = resampled(high, size, BICUBIC)
    inner = (slice(scale, -scale), slice(scale, -scale))
    for name in chosen:
        method, settings = METHODS[name]
        values = []
        for enlarge in (through_file, in_float):
            larger = enlarge(low, scale, method, settings)[inner]
            values += [psnr(larger, high[inner]), ssim(larger, high[inner])]
        yield name, values


def enlargers(options: argparse.Namespace, scale: int) -> dict[str, Callable[[Levels], Levels]]:
    """Return what enlarges 8-bit luma by a scale: our methods, and networks of a folder."""
    found: dict[str, Callable[[Levels], Levels]] = {}
    for name in options.methods:
        method, settings = METHODS[name]
        found[name] = partial(through_file, scale=scale, method=method, settings=settings)
    if options.networks:
        for path in sorted(options.networks.glob(f"*_x{scale}.onnx")):
            settings = {"model": str(path)}
            found[path.stem] = partial(through_file, scale=scale, method="onnx", settings=settings)
    return found


def damaged(options: argparse.Namespace, folder: Path, scale: int) -> None:
    """Print a table of the PSNR of damaged pictures of a folder, and of drawings."""
    originals = {name: [opened(path) for path in pictures(folder)] for name in DAMAGES}
    for kind, draw in DRAWN.items():
        seeds = map(np.random.default_rng, range(1000, 1000 + DRAWINGS))
        originals[kind] = [np.float64(draw(240, rng)) for rng in seeds]
    ways = enlargers(options, scale)
    print(f"\n{folder.name}, x{scale}, 8 bits, PSNR in dB\n")
    print(f"| | {' | '.join(originals)} |\n|---{'|---' * len(originals)}|")
    sums = {name: dict.fromkeys(originals, 0.0) for name in ways}
    inner = (slice(scale, -scale), slice(scale, -scale))
    for kind, those in originals.items():
        for levels in those:
            size = len(levels) // scale, levels.shape[1] // scale
            high = levels[: size[0] * scale, : size[1] * scale]
            colours = np.atleast_3d(high).transpose(2, 0, 1)
            small = [rounded(resampled(colour, size, BICUBIC)) for colour in colours]
            low = np.squeeze(np.stack(small, 2)).astype(np.uint8)
            low = np.float64(DAMAGES.get(kind, np.asarray)(low))
            for name, enlarge in ways.items():
                actual, expected = (luma_of(part)[inner] for part in (enlarge(low), high))
                sums[name][kind] += psnr(actual, expected) / len(those)
    for name, row in sums.items():
        print(f"| {name} | {' | '.join(f'{db:.2f}' for db in row.values())} |", flush=True)


def pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder."""
    return [p for p in sorted(folder.rglob("*")) if p.suffix in {".png", ".jpg", ".bmp"}]


def main() -> None:
    """Print a Markdown table for each folder and scale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--damaged", action="store_true", help="damaged pictures and drawings")
    parser.add_argument("--networks", type=Path, help="a folder of networks in ONNX, for --damaged")
    options = parser.parse_args()
    for folder in options.folders:
        paths = pictures(folder)
        for scale in options.scales:
            if options.damaged:
                damaged(options, folder, scale)
                continue
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
