"""The figures of methods as a table: of one picture, or mean and worst of many."""

from collections.abc import Callable, Sequence
from math import isfinite, isnan, nan
from statistics import fmean
from typing import Any, NamedTuple

from upsample_cli.jobs.compare.compare import MethodResult
from upsample_cli.metrics.checkerboard import CHECKERBOARD

UNKNOWN = "-"


class _Figure(NamedTuple):
    """A column: its title, what it means, its value, how it is written, which end is better."""

    key: str
    title: str
    hint: str
    of: Callable[[MethodResult], float]
    form: str
    best: Callable[..., float] | None = None
    varies: bool = True


def _of_kernel(name: str) -> Callable[[MethodResult], float]:
    return lambda result: getattr(result.kernel, name, nan)


_FIGURES = (
    _Figure("psnr", "PSNR dB", "Nearness to the truth in luma; more is better.",
            lambda one: one.psnr, ".2f", max),
    _Figure("ssim", "SSIM", "Likeness of structure to the truth in luma; 1 is equal.",
            lambda one: one.ssim, ".4f", max),
    _Figure("ripple", "Ripple", "RMS of the checkerboard that is seen, in levels of 255.",
            lambda one: one.checkerboard.ripple, ".2f", min),
    _Figure("kernel_ripple", "Kernel ripple", "What the kernel makes of a flat picture, exactly, "
            "relative to its brightness; 0 is no checkerboard.",
            _of_kernel("ripple"), ".4f", min, False),
    _Figure("noise_gain", "Noise gain", "Power of white noise after over before; more is grainier.",
            _of_kernel("noise_gain"), ".2f", None, False),
    _Figure("overshoot", "Overshoot", "How far the response to a step goes beyond it: halos.",
            _of_kernel("overshoot"), ".1%", min, False),
    _Figure("seconds", "Time s", "To enlarge on one thread, while others work.",
            lambda one: one.seconds, ".2f", min),
    _Figure("megabytes", "PNG MB", "Size of the enlarged picture as a PNG.",
            lambda one: one.megabytes, ".2f"),
)  # fmt: skip


class Table(NamedTuple):
    """A table of words.

    Args:
        header: The title of each column, and what it means.
        rows: One a method, its label first.
        best: The places (row, column) of the best values.
    """

    header: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    best: Sequence[tuple[int, int]]


def figures(result: MethodResult) -> dict[str, Any]:
    """Return the figures of a result by name for programs; what is unknown is None."""
    values = {figure.key: figure.of(result) for figure in _FIGURES}
    return {
        "method": result.label, "verdict": result.checkerboard.verdict or None,
        **{key: value if isfinite(value) else None for key, value in values.items()},
    }  # fmt: skip


def table(pictures: Sequence[Sequence[MethodResult]]) -> Table:
    """Return the figures of one picture, or the mean and the worst of several.

    Figures that no method has are left out.

    Args:
        pictures: The results of each method for each picture.
    """
    by_method = list(zip(*pictures, strict=True))
    header = [("Method", "Choose two above to see them."), ("Checkerboard", "Whether it is seen.")]
    columns = [[results[0].label for results in by_method], list(map(verdict, by_method))]
    best: list[tuple[int, int]] = []
    for figure in _FIGURES:
        values = [[figure.of(one) for one in results] for results in by_method]
        if all(isnan(value) for row in values for value in row):
            continue
        is_many = len(pictures) > 1 and figure.varies
        worst = max if figure.best is min else min
        for word, summary in ((" mean", fmean), (" worst", worst)) if is_many else (("", fmean),):
            if word == " worst" and figure.best is None:
                continue
            column = [_summary(summary, row) for row in values]
            words = [UNKNOWN if isnan(value) else format(value, figure.form) for value in column]
            if figure.best and len(set(words)) > 1:
                top = figure.best(value for value in column if not isnan(value))
                best += [(i, len(columns)) for i, word in enumerate(words)
                         if word == format(top, figure.form)]  # fmt: skip
            header.append((figure.title + word, figure.hint))
            columns.append(words)
    return Table(header, list(zip(*columns, strict=True)), best)


def _summary(summary: Callable[[Sequence[float]], float], values: Sequence[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return summary(known) if known else nan


def verdict(results: Sequence[MethodResult]) -> str:
    """Return what is seen in a picture, or in how many of several."""
    verdicts = [one.checkerboard.verdict for one in results]
    if len(verdicts) == 1:
        return {CHECKERBOARD: "found", "": "cannot tell"}.get(verdicts[0], verdicts[0])
    count = verdicts.count(CHECKERBOARD)
    return f"found in {count} of {len(verdicts)}" if count else "none"
