"""Measurements of pictures as a table for people, as JSON lines or as CSV."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

import click

from upsample_cli.commands.output.messages import print_message, printable, without_bars
from upsample_cli.commands.output.picture_lines import STATUS_WORDS, is_over, numbers, over_limit
from upsample_cli.commands.output.result_rows import csv_line
from upsample_cli.jobs.measure.measure import Result
from upsample_cli.jobs.measure.measurement import Measurement
from upsample_cli.metrics.checkerboard import CHECKERBOARD, NONE

_FIGURES = (
    "stride", "ripple", "share", "peak", "contrast_db", "floor", "ripple_rel", "local_db",
    "verdict",
)  # fmt: skip


def print_results(
    results: Iterator[Result],
    table: "TextTable | JsonLines | CsvTable",
    max_ripple: float | None,
    has_summary: bool,
    quiet: bool = False,
) -> tuple[Counter[str], bool]:
    """Print each result as it comes, then how many pictures have a checkerboard.

    Args:
        results: The result for each file.
        table: Turns a result into lines.
        max_ripple: The limit on the ripple, in levels; None for no limit. An unknown ripple counts
            as over the limit.
        has_summary: Whether to print how many pictures have a checkerboard.
        quiet: Whether to leave out notes.

    Returns:
        The numbers of pictures done and failed, and whether any picture is over the limit.
    """
    verdicts, tally, over = Counter[str](), Counter(done=0, failed=0), dict[str, float]()
    for result in results:
        verdicts[_outcome(result)] += 1
        tally["done"] += result.measurement is not None
        tally["failed"] += result.error is not None
        if max_ripple is not None and _may_be_over(result.measurement, max_ripple):
            over[str(result.source)] = _ripple(result)
        with without_bars():
            if result.error is not None:
                print_message("Error", result.error)
            if result.measurement is not None or result.error is not None:  # else not a picture
                for line in table.lines(result):
                    click.echo(line, color=True)  # what looks like a colour is of a name
    if has_summary:
        click.echo(_summary(verdicts), err=True)
    if not verdicts and not quiet:
        print_message("note", "found no picture to measure")
    if over and not quiet:
        print_message("note", over_limit(over, f"--max-ripple {max_ripple:g}"))
    return tally, bool(over)


def has_failed(result: Result) -> bool:
    """Return whether a picture could not be measured."""
    return result.error is not None


def _ripple(result: Result) -> float:
    """Return the strongest ripple of a picture, in levels; 0 where it is unknown."""
    assert result.measurement is not None  # its ripple was compared with a limit
    measurement = result.measurement
    ripples = [measurement.overall.ripple, measurement.worst.ripple]
    return max([0.0, *(ripple for ripple in ripples if isfinite(ripple))])


def _summary(verdicts: Counter[str]) -> str:
    """Return how many pictures have a checkerboard, and what became of the others."""
    skipped = verdicts.pop("skipped", 0)
    usual = (CHECKERBOARD, NONE)
    others = "".join(f", {n} {word}" for word, n in sorted(verdicts.items()) if word not in usual)
    files = "1 file is not a picture" if skipped == 1 else f"{skipped} files are not pictures"
    end = f"; {files}" if skipped else ""
    return f"checkerboard in {verdicts[CHECKERBOARD]} of {verdicts.total()} pictures{others}{end}"


def _outcome(result: Result) -> str:
    """Return how the summary counts a result: its verdict, "skipped", "failed" or "unknown"."""
    if result.measurement is None:
        return "skipped" if result.error is None else "failed"
    overall = result.measurement.overall
    return overall.verdict or "unknown"


def _may_be_over(measurement: Measurement | None, limit: float) -> bool:
    """Return whether a picture's ripple is over the limit or unknown."""
    if measurement is None:
        return False
    if not measurement.overall.verdict:
        return True
    return is_over(limit, measurement.luma, *measurement.channels.values())


class TextTable:
    """A table for people, with a line of headings above the first row.

    Args:
        width: Characters of the longest name of a picture.
    """

    _HEADINGS = ("stride", "checkerboard", "ripple", "share", "  peak", "floor", "contrast")

    def __init__(self, width: int) -> None:
        self._width = max(len("picture"), width)
        self._begun = False

    def lines(self, result: Result) -> Iterator[str]:
        """Yield the lines for one picture; none if it was not measured."""
        measurement = result.measurement
        if measurement is None:
            return
        if not self._begun:
            self._begun = True
            yield "  ".join(("picture".ljust(self._width), *self._HEADINGS, "worst"))
        overall, name = measurement.overall, printable(str(result.source)).ljust(self._width)
        frame = f"  frame {measurement.frame}" if measurement.frame else ""
        if overall.status in STATUS_WORDS:
            yield f"{name}  {'-':>6}  {STATUS_WORDS[overall.status]}{frame}"
            return
        # If only a part of the picture has the pattern, the contrast of that part.
        contrast = max(overall.contrast_db, overall.local_db, key=lambda db: (isfinite(db), db))
        cells = (
            str(overall.stride[0] or "-"),
            "found" if overall.verdict == CHECKERBOARD else overall.verdict,
            f"{overall.ripple:.2f}",
            f"{overall.share:.0%}",
            f"{overall.peak:.2f}",
            f"{overall.floor:.2f}",
            f"{contrast:.1f} dB" if contrast >= 0.0 else "-",
        )
        row = (
            cell.rjust(len(heading)) for cell, heading in zip(cells, self._HEADINGS, strict=True)
        )
        ripple = measurement.worst.ripple if measurement.channels else 0.0
        worst = f"{measurement.worst_channel} {ripple:.2f}" if ripple > 0.0 else "-"
        yield "  ".join((name, *row, worst)) + frame


class JsonLines:
    """One JSON object per picture."""

    def lines(self, result: Result) -> Iterator[str]:
        """Yield the line for one picture."""
        measurement = result.measurement
        line: dict[str, Any] = {
            "input": str(result.source),
            "status": "done" if measurement else "failed",
            "error": result.error,
            "checkerboard": measurement and numbers(measurement.overall),
        }
        if measurement and measurement.channels:
            channels = {"luma": measurement.luma, **measurement.channels}
            line["channels"] = {name: numbers(figures) for name, figures in channels.items()}
            line["worst"] = measurement.worst_channel
        if measurement and measurement.frame:
            line["frame"] = measurement.frame
        yield json.dumps(line, allow_nan=False)


class CsvTable:
    """One CSV line per picture, with a line of headings above the first."""

    _HEADINGS = ("input", "status", "error", *_FIGURES, "metric_status", "worst", "worst_ripple")

    def __init__(self) -> None:
        self._begun = False

    def lines(self, result: Result) -> Iterator[str]:
        """Yield the lines for one picture."""
        source, measurement = str(result.source), result.measurement
        if not self._begun:
            self._begun = True
            yield _csv(self._HEADINGS)
        if measurement is None:
            yield _csv((source, "failed", result.error, *[None] * (len(self._HEADINGS) - 3)))
            return
        figures = numbers(measurement.overall)
        yield _csv((
            source, "done", None, *(figures[name] for name in _FIGURES), measurement.overall.status,
            measurement.worst_channel, numbers(measurement.worst)["ripple"],
        ))  # fmt: skip


def _csv(cells: Sequence[object]) -> str:
    return csv_line(cells).decode("utf-8", "surrogateescape").removesuffix("\n")
