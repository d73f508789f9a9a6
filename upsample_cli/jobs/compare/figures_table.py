"""The figures of methods as a table: of one picture, or mean and worst of many."""

from collections.abc import Callable, Sequence
from math import isnan, nan
from statistics import fmean
from typing import Any, NamedTuple

from upsample_cli.jobs.compare.compare import Comparison, Scores
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.metrics.checkerboard import CHECKERBOARD
from upsample_cli.metrics.ripple import noise_gain, overshoot

_EQUAL_DB = 100.0  # what the infinite PSNR of an equal picture counts as in a mean


class _Figure(NamedTuple):
    """A column: key in JSON, title, meaning, value, format; `min` or `max` for the worst value."""

    key: str
    title: str
    hint: str
    value: Callable[[Scores], float]
    form: str
    worst: Callable[..., float] | None = None


class Table(NamedTuple):
    """Titles with their meanings; a row of texts per method; (row, column) of the best figures."""

    header: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    best: Sequence[tuple[int, int]]


def _of_kernel(figure: Callable[[Kernel], float]) -> Callable[[Scores], float]:
    return lambda scores: figure(scores.kernel) if scores.kernel else nan


_FIGURES = (
    _Figure("psnr", "PSNR dB", "Closeness to the original in luma: higher is better. "
            f"An equal picture has inf, which counts as {_EQUAL_DB:g} in a mean.",
            lambda scores: scores.psnr, ".2f", min),
    _Figure("ssim", "SSIM", "Structural similarity to the original in luma: 1 is equal.",
            lambda scores: scores.ssim, ".4f", min),
    _Figure("ripple", "Ripple", "RMS of the checkerboard found, in levels of 0 to 255.",
            lambda scores: scores.checkerboard.ripple, ".2f", max),
    _Figure("flat_ripple", "Flat ripple", "The exact pattern on a flat picture at this scale: its "
            "RMS divided by the brightness; 0 where there can be no checkerboard.",
            lambda scores: scores.flat_ripple, ".4f"),
    _Figure("noise_gain", "Noise gain",
            "Power of white noise after the kernel, divided by the power before: grain.",
            _of_kernel(lambda kernel: noise_gain(kernel.taps, kernel.stride)), ".2f"),
    _Figure("overshoot", "Overshoot",
            "How far an edge goes beyond its two sides after the kernel: halos.",
            _of_kernel(lambda kernel: overshoot(kernel.taps, kernel.stride)), ".1%"),
    _Figure("seconds", "Time s",
            "Seconds to enlarge on one thread, while other methods may be running.",
            lambda scores: scores.seconds, ".2f", max),
    _Figure("megabytes", "PNG MB", "Size of the enlarged picture as a PNG.",
            lambda scores: scores.megabytes, ".2f"),
)  # fmt: skip


def figures(scores: Scores) -> dict[str, Any]:
    """Return the figures of a method by key; an unknown figure is NaN."""
    values = {figure.key: figure.value(scores) for figure in _FIGURES}
    return {"method": scores.label, "verdict": scores.checkerboard.verdict or None, **values}


def table(pictures: Sequence[Sequence[Scores]]) -> Table:
    """Return the table of one or more pictures' scores; figures that no method has are left out."""
    methods = list(zip(*pictures, strict=True))
    header = [("Method", "With its settings."), ("Checkerboard", "Whether one was found.")]
    columns = [[scores[0].label for scores in methods], list(map(verdict, methods))]
    best: list[tuple[int, int]] = []
    for figure in _FIGURES:
        values = [[v for s in scores if not isnan(v := figure.value(s))] for scores in methods]
        if not any(values):
            continue
        summaries: dict[str, Callable[..., float]] = {figure.title: fmean}
        if len(pictures) > 1 and figure.worst:
            mean = _mean if figure.worst is min else fmean
            summaries = {f"{figure.title} mean": mean, f"{figure.title} worst": figure.worst}
        for title, summary in summaries.items():
            texts = [format(summary(known), figure.form) if known else "-" for known in values]
            if figure.worst is min:  # then more is better, and the best can be marked
                top = max(texts, key=lambda text: float(text) if text != "-" else -1.0)
                best += [(i, len(columns)) for i, text in enumerate(texts) if text == top]
            header.append((title, figure.hint))
            columns.append(texts)
    return Table(header, list(zip(*columns, strict=True)), best)


def badness(comparison: Comparison) -> float:
    """Return how bad a picture is: minus its mean PSNR, else the mean difference of the methods."""
    known = [scores.psnr for scores in comparison.scores if not isnan(scores.psnr)]
    return -_mean(known) if known else float(comparison.differences.mean())


def _mean(values: Sequence[float]) -> float:
    """Return the mean of PSNRs, of which some may be infinite, or of SSIMs."""
    return fmean(min(value, _EQUAL_DB) for value in values)


def verdict(scores: Sequence[Scores]) -> str:
    """Return the verdict on one picture; of more, how many have a checkerboard or are unknown."""
    verdicts = [s.checkerboard.verdict or "unknown" for s in scores]
    counts = {"found": verdicts.count(CHECKERBOARD), "unknown": verdicts.count("unknown")}
    if len(verdicts) == 1:
        return "found" if counts["found"] else verdicts[0]
    parts = [f"{word} in {count}" for word, count in counts.items() if count]
    return f"{', '.join(parts)} of {len(verdicts)}" if parts else "none"
