"""How far the checkerboard metric can be trusted, on folders of photographs.

    python tests/benchmarks/metric.py FOLDER...

The middle of each photograph gets patterns of a known period and strength, or patterns whose sign
changes across the picture, or is enlarged by a transposed convolution with an uneven kernel.
Controls have no checkerboard. Prints Markdown tables: the area under the ROC curve (1: every
picture with a pattern scores above every one without), how often the verdict is "checkerboard", the
measured strength relative to the true one, how often the search finds the stride, and its time.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import checkerboards
import numpy as np
from numpy.typing import NDArray
from tables import markdown

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure.measure import Measurement, measure_image
from upsample_cli.metrics.checkerboard import STRIDES
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.ripple import ripple
from upsample_cli.metrics.rows import Rows

AMPLITUDES = (0.25, 0.5, 1.0, 2.0, 4.0)
KNOWN = (2, 3, 4, 8)
Results = dict[tuple[str, int], list[Measurement]]


def measure(pixels: checkerboards.Pixels, stride: int | None) -> Measurement:
    """Measure the checkerboard in a picture."""
    return measure_image(Image(pixels, "PNG"), stride)


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


def trials(photos: list[checkerboards.Pixels], stride: int) -> Iterator[tuple[str, Measurement]]:
    """Yield the name of each change to a photograph, and the measurement after it."""
    for index, photo in enumerate(photos):
        rng = np.random.default_rng([index, stride])
        smooth = checkerboards.dithered(photo, rng)
        pattern = checkerboards.lattice(photo.shape, stride, rng)
        waves = checkerboards.waves(photo.shape, rng)
        for amplitude in AMPLITUDES:
            levels = smooth + amplitude * pattern
            yield f"pattern {amplitude:g}", measure(checkerboards.whole(levels), stride)
        for amplitude in (1.0, 2.0):
            levels = smooth + amplitude * waves * pattern
            yield f"sign-varying {amplitude:g}", measure(checkerboards.whole(levels), stride)
        for name, pixels in checkerboards.controls(photo, stride):
            yield name, measure(pixels, stride)


def detection(results: Results, strides: tuple[int, ...]) -> None:
    """Print how well patterns are distinguished from photographs, and false alarms."""
    rows = []
    for amplitude in AMPLITUDES:
        row = [f"pattern, {amplitude:g} level{'s' * (amplitude != 1)}"]
        for stride in strides:
            there, clean = results[f"pattern {amplitude:g}", stride], results["photograph", stride]
            area = auc(*([each.luma.contrast_db for each in of] for of in (there, clean)))
            row.append(f"{area:.4f} / {flags(there)}")
        rows.append(row)
    for amplitude in (1.0, 2.0):
        row = [f"sign-varying, {amplitude:g} level{'s' * (amplitude != 1)} (local_db)"]
        for stride in strides:
            there = results[f"sign-varying {amplitude:g}", stride]
            clean = results["photograph", stride]
            area = auc(*([each.luma.local_db for each in of] for of in (there, clean)))
            row.append(f"{area:.4f} / -")
        rows.append(row)
    heads = ("ROC area / called a checkerboard", *(f"stride {each}" for each in strides))
    print(markdown(heads, rows), end="\n\n")
    names = [name for name, _ in results if not name.startswith(("pattern", "sign-varying"))]
    rows = [
        [name, *(flags(results[name, s]) if (name, s) in results else "-" for s in strides)]
        for name in dict.fromkeys(names)
    ]
    print(markdown(("called a checkerboard (wrongly)", *heads[1:]), rows), end="\n\n")


def amplitude(results: Results, strides: tuple[int, ...]) -> None:
    """Print the measured strength relative to the true one, and whether it grows with it."""
    rows = []
    for strength in AMPLITUDES:
        row = [f"{strength:g}"]
        for stride in strides:
            measured = results[f"pattern {strength:g}", stride]
            row.append(spread([each.luma.ripple / strength for each in measured]))
        rows.append(row)
    growing = ["grows with it"]
    for stride in strides:
        by_photo = zip(*(results[f"pattern {a:g}", stride] for a in AMPLITUDES), strict=True)
        grows = [bool(np.all(np.diff([each.luma.ripple for each in one]) > 0)) for one in by_photo]
        growing.append(f"{np.mean(grows):.1%}")
    heads = ("true levels: measured share", *(f"stride {each}" for each in strides))
    print(markdown(heads, [*rows, growing]), end="\n\n")


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
    """Print how often the search finds the stride, and finds none where there is none."""
    right: dict[str, list[bool]] = defaultdict(list)
    for index, photo in enumerate(photos):
        for stride in STRIDES:
            rng = np.random.default_rng([index, stride])
            smooth = checkerboards.dithered(photo, rng)
            pattern = checkerboards.lattice(photo.shape, stride, rng)
            for strength in (0.5, 1.0, 4.0):
                one = measure(checkerboards.whole(smooth + strength * pattern), None)
                right[f"pattern, {strength:g}"].append(one.luma.stride == (stride, stride))
        for name, pixels in checkerboards.controls(photo, 2):
            right[f"none in: {name}"].append(measure(pixels, None).overall.verdict == "none")
    rows = [[name, f"{np.mean(each):.1%}", str(len(each))] for name, each in right.items()]
    print(markdown(("stride among 2..8", "right", "of"), rows), end="\n\n")


def seconds(photo: checkerboards.Pixels, side: int = 2048, rounds: int = 5) -> None:
    """Print the time a megapixel of luma takes on one thread."""
    repeats = -(-side // min(photo.shape[:2]))
    plane: NDArray[np.float32] = np.tile(photo[..., 1], (repeats, repeats)).astype(np.float32)
    plane = np.ascontiguousarray(plane[:side, :side])
    rows = []
    for stride in STRIDES:
        times = []
        for _ in range(rounds):
            start = perf_counter()
            meter = Meter((stride, stride), side, side)
            for top in range(0, side, 64):
                meter.feed(Rows(plane[top : top + 64]))
            meter.result()
            times.append((perf_counter() - start) / (side * side / 1e6))
        rows.append([str(stride), f"{1000 * np.median(times):.1f}"])
    rows.append(["all", f"{sum(float(row[1]) for row in rows):.1f}"])
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
    results: Results = defaultdict(list)
    for stride in strides:
        for name, measured in trials(photos, stride):
            results[name, stride].append(measured)
    detection(results, strides)
    amplitude(results, strides)
    convolutions(photos, tuple(stride for stride in strides if stride < 8))
    search(photos)
    seconds(photos[0])


if __name__ == "__main__":
    main()
