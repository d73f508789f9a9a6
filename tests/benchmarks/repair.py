"""How well a checkerboard is taken out of a picture, beside what people do now.

    python tests/benchmarks/repair.py FOLDER...

The middle of each photograph is shrunk and enlarged by an even kernel (the truth) and by an uneven
one: of equal taps that the stride does not divide, of random taps, and a learned one whose taps are
off. The truth is the enlargement by the nearest even kernel, which keeps ramps where its size
allows. The difference is scaled to a ripple in levels and added everywhere, in a quarter of the
picture, or with changing sign; then the picture is rounded to 8 bits, or compressed by JPEG.

Prints Markdown tables of the PSNR to the truth in dB, the mean over the photographs: before, after
`upsample repair`, and after other ways, each at the setting that is best for the row, which needs
the truth: Gaussian blur, median, a notch filter in the Fourier domain, OpenCV's non-local means.
Then what becomes of photographs without a checkerboard, and the time.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from time import perf_counter

import checkerboards
import cv2
import numpy as np
from tables import markdown

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure.image_repair import repaired
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.kernel_file import shipped
from upsample_cli.kernels.named import KERNELS
from upsample_cli.kernels.phases import balanced
from upsample_cli.metrics.ripple import ripple

CODECS = ("8 bits", "JPEG 95", "JPEG 85")
_BLURS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.3, 1.6, 2.0)
_NOTCHES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2)  # cycles a pixel
_DENOISERS = (1, 3, 6, 12, 25)
_MARGIN = 64  # pixels mirrored around for the Fourier transform


def psnr(pixels: checkerboards.Pixels, truth: checkerboards.Pixels) -> float:
    """Return the PSNR in dB."""
    return float(10 * np.log10(255**2 / max(np.square(pixels - np.float64(truth)).mean(), 1e-9)))


def kernels(stride: int, rng: np.random.Generator) -> dict[str, checkerboards.Levels]:
    """Return uneven taps by name."""
    learned = shipped("tconv", "learned", stride).taps
    learned = np.outer(learned, learned) if learned.ndim == 1 else learned
    size = 2 * stride
    return {
        f"uniform {stride + 1}x{stride + 1}": KERNELS["uniform"](stride, stride + 1).taps,
        f"random {size}x{size}": rng.random((size, size)),
        "learned, taps off by 5 %": learned * (1 + 0.05 * rng.standard_normal(learned.shape)),
    }


def pairs(
    photo: checkerboards.Pixels, stride: int, levels: float, seed: int
) -> Iterator[tuple[tuple[str, str, str], checkerboards.Pixels, checkerboards.Pixels]]:
    """Yield names, pictures with a checkerboard, and the truth."""
    rng = np.random.default_rng([seed, stride])
    low = checkerboards.shrunk(photo, stride)
    for name, taps in kernels(stride, rng).items():
        taps = taps * (stride**2 / taps.sum())
        even = balanced(taps, (stride, stride), len(taps) >= 2 * stride)
        strength = levels / ripple(Kernel("", taps, stride).phase_sums)
        strength /= sqrt(np.square(low, dtype=np.float64).mean())
        clean = checkerboards.uneven(low, Kernel("", even, stride))
        uneven = Kernel("", even + strength * (taps - even), stride)
        change = checkerboards.uneven(low, uneven) - clean
        places = {
            "everywhere": 1.0,
            "in 1/4": 2 * checkerboards.patch(clean.shape, 4, rng),
            "sign varying": checkerboards.waves(clean.shape, rng),
        }
        for place, field in places.items():
            pixels = checkerboards.whole(clean + field * change)
            for codec in CODECS:
                quality = codec.removeprefix("JPEG ")
                coded = (
                    checkerboards.compressed(pixels, int(quality)) if quality != codec else pixels
                )
                yield (name, place, codec), coded, checkerboards.whole(clean)


def notched(pixels: checkerboards.Pixels, stride: int) -> Iterator[checkerboards.Pixels]:
    """Yield a picture without what is around the stride's lines, by notches of several widths."""
    around = [(_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)]
    lines = np.fft.fft2(np.pad(pixels.astype(np.float64), around, "symmetric"), axes=(0, 1))
    down, across = (np.fft.fftfreq(length) for length in lines.shape[:2])
    for width in _NOTCHES:
        mask = np.ones(lines.shape[:2])
        for p, q in np.ndindex(stride, stride):
            if p or q:
                far = [(x - i / stride + 0.5) % 1 - 0.5 for x, i in ((down, p), (across, q))]
                apart = np.square(far[0])[:, None] + np.square(far[1])
                mask *= 1 - np.exp(-apart / (2 * width**2))
        levels = np.fft.ifft2(lines * mask[..., None], axes=(0, 1)).real
        yield checkerboards.whole(levels[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def others(pixels: checkerboards.Pixels, stride: int) -> dict[str, Iterator[checkerboards.Pixels]]:
    """Return what other ways make of a picture, by name, at each of their settings."""
    return {
        "Gaussian": (cv2.GaussianBlur(pixels, (0, 0), width) for width in _BLURS),
        "median": (cv2.medianBlur(pixels, size) for size in (3, 5)),
        "notch": notched(pixels, stride),
        "non-local means": (
            cv2.fastNlMeansDenoisingColored(pixels, None, h, h, 5, 15) for h in _DENOISERS
        ),
    }


def compare(photos: list[checkerboards.Pixels], stride: int, levels: float, fast: bool) -> None:
    """Print the PSNR before and after, beside that of other ways, and the ripple that is left."""
    scores: dict[tuple[str, str, str], list[dict[str, list[float]]]] = defaultdict(list)
    for index, photo in enumerate(photos):
        for name, pixels, truth in pairs(photo, stride, levels, index):
            image = Image(pixels, "PNG" if name[2] == CODECS[0] else "JPEG")
            result = repaired(image, stride)
            row = {"before": [psnr(pixels, truth)], "repair": [psnr(result.image.samples, truth)]}
            for way, made in others(pixels, stride).items():
                if not (fast and way == "non-local means"):
                    row[way] = [psnr(one, truth) for one in made]
            row["ripple before"] = [result.before.overall.ripple]
            row["after"] = [result.after.overall.ripple]
            scores[name].append(row)
    rows, heads = [], ["uneven kernel", "where", "then"]
    for name, found in scores.items():
        mean = {way: np.mean([one[way] for one in found], axis=0).max() for way in found[0]}
        rows.append([*name, *(f"{value:.2f}" for value in mean.values())])
    heads += list(next(iter(scores.values()))[0])
    print(f"stride {stride}, ripple {levels:g}\n\n{markdown(heads, rows)}", end="\n\n", flush=True)


def controls(photos: list[checkerboards.Pixels]) -> None:
    """Print how many pictures without a checkerboard change, and how far."""
    moved: dict[str, list[float]] = defaultdict(list)
    for photo in photos:
        for name, pixels in checkerboards.controls(photo, 2):
            image = Image(pixels, "JPEG" if "JPEG" in name else "PNG")
            moved[name].append(repaired(image).moved)
    rows = [
        [name, str(len(each)), str(sum(one > 0 for one in each)), f"{max(each):.2f}"]
        for name, each in moved.items()
    ]
    heads = ("without a checkerboard", "of", "changed", "RMS of the change at most, levels")
    print(markdown(heads, rows), end="\n\n")


def seconds(photo: checkerboards.Pixels, side: int = 2048) -> None:
    """Print the time a megapixel takes, the measuring before and after included."""
    repeats = -(-side // min(photo.shape[:2]))
    clean = np.tile(photo, (repeats, repeats, 1))[:side, :side]
    pattern = checkerboards.lattice(clean.shape, 2, np.random.default_rng(0))
    dirty = checkerboards.whole(clean + 4 * pattern)
    rows = []
    for threads in (1, 2):
        for name, pixels in (("clean", clean), ("checkerboard", dirty)):
            times = []
            for _ in range(3):
                start = perf_counter()
                repaired(Image(pixels, "PNG"), threads=threads)
                times.append((perf_counter() - start) / (side**2 / 1e6))
            rows.append([name, str(threads), f"{min(times):.2f}"])
    print(markdown(("picture", "threads", "seconds per megapixel"), rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="of photographs")
    parser.add_argument("--side", type=int, default=400, help="of the crops, in pixels")
    parser.add_argument("--strides", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--levels", type=float, nargs="+", default=[1.0, 5.0, 15.0])
    parser.add_argument("--most", type=int, help="photographs to take, spread over all")
    parser.add_argument("--fast", action="store_true", help="leave non-local means out")
    parser.add_argument("--controls", action="store_true", help="try clean pictures, too")
    chosen = parser.parse_args()
    photos = checkerboards.photographs(chosen.folders, chosen.side)
    if chosen.most:
        photos = photos[:: max(1, len(photos) // chosen.most)][: chosen.most]
    print(f"{len(photos)} photographs\n")
    for stride in chosen.strides:
        for levels in chosen.levels:
            compare(photos, stride, levels, chosen.fast)
    if chosen.controls:
        controls(photos)
    seconds(photos[0])


if __name__ == "__main__":
    main()
