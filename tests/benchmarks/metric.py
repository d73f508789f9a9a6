"""How far the checkerboard metric can be trusted, on folders of photographs.

    python tests/benchmarks/metric.py FOLDER...

The middle of each photograph gets patterns of a known period and strength, everywhere, in a part
or with changing sign, or is enlarged by a transposed convolution with an uneven kernel. Controls
have no checkerboard: codecs, enlargements, letterboxed stills and drawn pictures. Prints Markdown
tables: how often the verdict is "checkerboard", the area under the ROC curve (1: every picture with
a pattern scores above every one without), the measured strength relative to the true one, how often
the search finds the stride, and its time.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import checkerboards
import numpy as np
from graphics import GRAPHICS, letterbox
from numpy.typing import NDArray
from tables import markdown

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure.measurement import Measurement, measure_image
from upsample_cli.metrics.checkerboard import STRIDES
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.ripple import ripple
from upsample_cli.metrics.rows import Rows

AMPLITUDES = (0.25, 0.5, 1.0, 4.0)
PARTS = (4, 16, 64)
KNOWN = (2, 3, 4, 8)
DRAWN = 20  # pictures of each kind
Results = dict[tuple[str, int], list[tuple[Measurement, float]]]
"""By name and stride: the measurements, each with the true RMS of the pattern; 0 for none."""


def measure(pixels: checkerboards.Pixels, stride: int | None) -> Measurement:
    """Measure the checkerboard in a picture."""
    return measure_image(Image(np.atleast_3d(pixels), "PNG"), stride)


def flags(measured: list[Measurement]) -> str:
    """Return the share of pictures called a checkerboard."""
    return f"{np.mean([each.overall.verdict == 'checkerboard' for each in measured]):.1%}"


def auc(high: list[float], low: list[float]) -> float:
    """Return the chance that one of the first is above one of the second."""
    above = np.subtract.outer(np.nan_to_num(high, nan=-99), np.nan_to_num(low, nan=-99))
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def spread(ratios: list[float]) -> str:
    """Return median and 5 to 95 % range."""
    low, middle, high = np.percentile(ratios, (5, 50, 95))
    return f"{middle:.3f} ({low:.2f} to {high:.2f})"


def patterned(
    photo: checkerboards.Pixels, stride: int, index: int
) -> Iterator[tuple[str, checkerboards.Pixels, float]]:
    """Yield names, photographs with a pattern, and its RMS."""
    rng = np.random.default_rng([index, stride])
    smooth = checkerboards.dithered(photo, rng)
    pattern = checkerboards.lattice(photo.shape, stride, rng)
    for strength in AMPLITUDES:
        levels = checkerboards.whole(smooth + strength * pattern)
        yield f"{strength:g} levels everywhere", levels, strength
    for part in PARTS:
        patch = checkerboards.patch(photo.shape, part, rng)
        levels = checkerboards.whole(smooth + 4 * patch * pattern)
        yield f"4 levels in 1/{part}", levels, 4 * float(patch.mean()) ** 0.5
        name = f"in 1/{part}, by brightness"
        yield name, *checkerboards.proportional(smooth, patch * pattern, 4)
    yield "4 levels by brightness", *checkerboards.proportional(smooth, pattern, 4)
    waves = checkerboards.waves(photo.shape, rng)
    yield "2 levels, sign varying", checkerboards.whole(smooth + 2 * waves * pattern), 2.0


def trials(photos: list[checkerboards.Pixels], strides: tuple[int, ...]) -> Results:
    """Return the measurements of photographs with a pattern, and without."""
    results: Results = defaultdict(list)
    for stride in strides:
        for index, photo in enumerate(photos):
            for name, pixels, strength in patterned(photo, stride, index):
                results[name, stride].append((measure(pixels, stride), strength))
            results["photograph", stride].append((measure(photo, stride), 0.0))
    return results


def detection(results: Results, strides: tuple[int, ...]) -> None:
    """Print how often patterns are found, and how well they are told from photographs."""
    rows = []
    for name in dict.fromkeys(name for name, _ in results if name != "photograph"):
        row = [name]
        for stride in strides:
            there, clean = ([one for one, _ in results[n, stride]] for n in (name, "photograph"))
            area = auc(*([each.luma.contrast_db for each in of] for of in (there, clean)))
            row.append(f"{flags(there)} / {area:.3f}" if "everywhere" in name else flags(there))
        rows.append(row)
    heads = ("called a checkerboard / ROC area", *(f"stride {each}" for each in strides))
    print(markdown(heads, rows), end="\n\n")


def amplitude(results: Results, strides: tuple[int, ...]) -> None:
    """Print the measured RMS relative to the true one, where a pattern was found."""
    rows = []
    for name in dict.fromkeys(name for name, _ in results if name != "photograph"):
        row = [name]
        for stride in strides:
            found = [
                one.luma.ripple / true
                for one, true in results[name, stride]
                if one.luma.verdict == "checkerboard"
            ]
            row.append(spread(found) if found else "-")
        rows.append(row)
    heads = ("measured of true RMS", *(f"stride {each}" for each in strides))
    print(markdown(heads, rows), end="\n\n")


def false_alarms(photos: list[checkerboards.Pixels]) -> None:
    """Print how often the search calls pictures without a checkerboard one."""
    called: dict[str, list[Measurement]] = defaultdict(list)
    for photo in photos:
        for stride in (2, 3, 4):
            for name, pixels in checkerboards.controls(photo, stride):
                if stride == 2 or not checkerboards.is_of_any_stride(name):
                    called[name].append(measure(pixels, None))
        for bar, top in ((1, 45), (16, 44)):
            called[f"still between bars of {bar}"].append(measure(letterbox(photo, bar, top), None))
    for draw in GRAPHICS:
        for seed in range(DRAWN):
            pixels = draw(np.random.default_rng(seed))
            called[f"drawn: {draw.__name__}"].append(measure(pixels, None))
    rows = [[name, flags(each), str(len(each))] for name, each in called.items()]
    print(markdown(("without a checkerboard", "called one", "of"), rows), end="\n\n")


def convolutions(photos: list[checkerboards.Pixels], strides: tuple[int, ...]) -> None:
    """Print the ripple in pictures relative to the exact one of the kernel that enlarged them."""
    rows = []
    for stride in strides:
        shares: dict[str, list[float]] = defaultdict(list)
        called: dict[str, list[Measurement]] = defaultdict(list)
        for index, photo in enumerate(photos):
            low = checkerboards.shrunk(photo, stride)
            rng = np.random.default_rng([7, index, stride])
            for name, kernel in checkerboards.kernels(stride, rng).items():
                measured = measure(
                    checkerboards.whole(checkerboards.uneven(low // 2, kernel)), stride
                )
                shares[name].append(measured.luma.ripple_rel / ripple(kernel.phase_sums))
                called[name].append(measured)
        rows += [
            [f"stride {stride}, {name}", spread(shares[name]), flags(called[name])]
            for name in shares
        ]
    heads = ("uneven kernel", "ripple in the picture / of the kernel", "called a checkerboard")
    print(markdown(heads, rows), end="\n\n")


def search(photos: list[checkerboards.Pixels]) -> None:
    """Print how often the search finds the stride, also after JPEG."""
    right: dict[str, list[bool]] = defaultdict(list)
    for index, photo in enumerate(photos):
        for stride in STRIDES:
            rng = np.random.default_rng([index, stride])
            smooth = checkerboards.dithered(photo, rng)
            pattern = checkerboards.lattice(photo.shape, stride, rng)
            for strength in (1.0, 4.0):
                pixels = checkerboards.whole(smooth + strength * pattern)
                one = measure(pixels, None)
                right[f"pattern, {strength:g}"].append(one.overall.stride == (stride, stride))
            one = measure(checkerboards.compressed(pixels, 90), None)
            right["pattern, 4, JPEG 90"].append(one.overall.stride == (stride, stride))
    rows = [[name, f"{np.mean(each):.1%}", str(len(each))] for name, each in right.items()]
    print(markdown(("stride among 2..8", "right", "of"), rows), end="\n\n")


def seconds(photo: checkerboards.Pixels, side: int = 2048, rounds: int = 5) -> None:
    """Print the processor time a megapixel of luma takes on one thread."""
    repeats = -(-side // min(photo.shape[:2]))
    plane: NDArray[np.float32] = np.tile(photo[..., 1], (repeats, repeats)).astype(np.float32)
    plane = np.ascontiguousarray(plane[:side, :side])
    rows = []
    for strides in (*((stride,) for stride in STRIDES), tuple(STRIDES)):
        times = []
        for _ in range(rounds):
            start = process_time()
            meter = Meter(plane.shape, *((s, s) for s in strides))
            for top in range(0, side, 256):
                meter.feed(Rows(plane[top : top + 256]))
            for index in range(len(strides)):
                meter.result(index)
            times.append((process_time() - start) / (side * side / 1e6))
        name = str(strides[0]) if len(strides) == 1 else "all together"
        rows.append([name, f"{1000 * np.median(times):.1f}"])
    print(markdown(("stride", "ms per megapixel, one thread"), rows))


def main() -> None:
    """Print the tables."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="of photographs")
    parser.add_argument("--side", type=int, default=400, help="of the crops, in pixels")
    parser.add_argument("--strides", type=int, nargs="+", default=KNOWN)
    parser.add_argument("--most", type=int, help="photographs to take")
    chosen = parser.parse_args()
    photos = checkerboards.photographs(chosen.folders, chosen.side)[: chosen.most]
    print(f"{len(photos)} photographs\n")
    strides = tuple(chosen.strides)
    results = trials(photos, strides)
    detection(results, strides)
    amplitude(results, strides)
    false_alarms(photos)
    convolutions(photos, tuple(stride for stride in strides if stride < 8))
    search(photos)
    seconds(photos[0])


if __name__ == "__main__":
    main()
