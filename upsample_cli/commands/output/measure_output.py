"""Measurements of pictures as a table for people, as JSON lines or as CSV."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

import click

from upsample_cli.commands.output.messages import print_message, printable, without_bars
from upsample_cli.commands.output.picture_lines import STATUS_WORDS, is_over, numbers, over_limit
from upsample_cli.commands.output.result_rows import csv_line
from upsample_cli.commands.output.text_and_json import in_json
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.measure.measure import Result
from upsample_cli.jobs.measure.measurement import Measurement
from upsample_cli.metrics.checkerboard import CHECKERBOARD, NONE

_FIGURES = (
    "stride", "ripple", "share", "peak", "contrast_db", "floor", "ripple_rel", "local_db",
    "verdict",
)  # fmt: skip
_WIDEST_NAME = 60  # letters: the figures after a longer name stand further to the right
_HEADINGS = ("stride", "checkerboard", "ripple", "share", "  peak", "floor", "contrast")


class ResultTable(NamedTuple):
    """How results are printed: a line of headings or "", and the line of a result, "" for none."""

    headings: str
    line: Callable[[Result], str]


def print_results(
    results: Iterator[Result],
    table: ResultTable,
    max_ripple: float | None,
    has_summary: bool,
    quiet: bool = False,
) -> tuple[Counter[str], bool]:
    """Print each result as it comes, then how many pictures have a checkerboard.

    Args:
        results: The result for each file.
        table: How to print them; headings come before the first line, if there is one.
        max_ripple: The limit on the ripple, in levels; None for no limit. An unknown ripple counts
            as over the limit.
        has_summary: Whether to print how many pictures have a checkerboard.
        quiet: Whether to leave out notes.

    Returns:
        The numbers of pictures done and failed, and whether any picture is over the limit.
    """
    verdicts, tally, over = Counter[str](), Counter(done=0, failed=0), dict[str, float]()
    headings = table.headings
    for result in results:
        outcome = _outcome(result)
        verdicts[outcome] += 1
        tally["done"] += result.measurement is not None
        tally["failed"] += result.error is not None
        measurement = result.measurement
        if measurement and max_ripple is not None and _may_be_over(measurement, max_ripple):
            ripples = (measurement.overall.ripple, measurement.worst.ripple)
            over[str(result.source)] = max([0.0, *filter(isfinite, ripples)])
        with without_bars():
            if result.error is not None:
                print_message("Error", result.error)
            if outcome != "skipped" and (line := table.line(result)):
                click.echo(f"{headings}{line}", color=True)  # keeps colour codes in file names
                headings = ""
            for note in measurement.notes if measurement and not quiet else ():
                print_message("note", f"{result.source.label}: {note}")
    if has_summary:
        click.echo(_summary(verdicts), err=True)
    if not verdicts and not quiet:
        print_message("note", "found no picture to measure")
    if over and not quiet:
        print_message("note", over_limit(over, max_ripple or 0.0))
    return tally, bool(over)


def _summary(verdicts: Counter[str]) -> str:
    """Return how many pictures have a checkerboard, and what became of the others."""
    skipped, failed = verdicts.pop("skipped", 0), verdicts.pop("failed", 0)
    usual, total = (CHECKERBOARD, NONE), verdicts.total()
    pictures = "1 picture" if total == 1 else f"{total} pictures"
    others = "".join(f", {n} {word}" for word, n in sorted(verdicts.items()) if word not in usual)
    others += f"; {failed} failed" if failed else ""
    files = "1 file is not a picture" if skipped == 1 else f"{skipped} files are not pictures"
    others += f"; {files}" if skipped else ""
    return f"checkerboard in {verdicts[CHECKERBOARD]} of {pictures}{others}"


def _outcome(result: Result) -> str:
    """Return how the summary counts a result: its verdict, "skipped", "failed" or "unknown"."""
    if result.measurement is None:
        return "skipped" if result.error is None else "failed"
    overall = result.measurement.overall
    return overall.verdict or "unknown"


def _may_be_over(measurement: Measurement, limit: float) -> bool:
    """Return whether a picture's ripple is over the limit or unknown.

    Patterns in single channels that are too faint for a verdict do not count.
    """
    is_unknown = not measurement.overall.verdict
    channels = (item for item in measurement.channels.values() if item.verdict != NONE)
    return is_unknown or is_over(limit, measurement.luma, *channels)


def table_of(pictures: Iterable[Place], as_json: bool, as_csv: bool) -> ResultTable:
    """Return a table as JSON lines, as CSV, or for people, as wide as all but very long names."""
    if as_json or as_csv:
        return _JSON_LINES if as_json else _CSV_TABLE
    widths = (len(printable(name)) for name in ("picture", *map(str, pictures)))
    width = min(_WIDEST_NAME, max(widths))
    headings = "  ".join(("picture".ljust(width), *_HEADINGS, "worst"))
    return ResultTable(f"{headings}\n", partial(_text_line, width))


def _text_line(width: int, result: Result) -> str:
    measurement = result.measurement
    if measurement is None:
        return ""
    overall, name = measurement.overall, printable(str(result.source)).ljust(width)
    frame = f"  frame {measurement.frame}" if measurement.frame else ""
    if overall.status in STATUS_WORDS:
        return f"{name}  {'-':>6}  {STATUS_WORDS[overall.status]}{frame}"
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
    row = (cell.rjust(len(heading)) for cell, heading in zip(cells, _HEADINGS, strict=True))
    ripple = measurement.worst.ripple if measurement.channels else 0.0
    worst = f"{measurement.worst_channel} {ripple:.2f}" if ripple > 0.0 else "-"
    return "  ".join((name, *row, worst)) + frame


def _json_line(result: Result) -> str:
    measurement = result.measurement
    line: dict[str, Any] = {
        "input": str(result.source),
        "status": "done" if measurement else "failed",
        "error": result.error,
        "notes": measurement.notes if measurement else (),
        "checkerboard": measurement and numbers(measurement.overall),
    }
    if measurement and measurement.channels:
        channels = {"luma": measurement.luma, **measurement.channels}
        line["channels"] = {name: numbers(figures) for name, figures in channels.items()}
        line["worst"] = measurement.worst_channel
    if measurement and measurement.frame:
        line["frame"] = measurement.frame
    return in_json(line)


def _csv_line(result: Result) -> str:
    source, measurement = str(result.source), result.measurement
    if measurement is None:
        unknown = [None] * (len(_FIGURES) + 3)
        return _csv((source, "failed", result.error, *unknown)).removesuffix("\n")
    figures = numbers(measurement.overall)
    return _csv((
        source, "done", None, *(figures[name] for name in _FIGURES), measurement.overall.status,
        measurement.worst_channel, numbers(measurement.worst)["ripple"],
    )).removesuffix("\n")  # fmt: skip


def _csv(cells: Sequence[object]) -> str:
    return csv_line(cells).decode("utf-8", "surrogateescape")


_JSON_LINES = ResultTable("", _json_line)
_CSV_TABLE = ResultTable(
    _csv(("input", "status", "error", *_FIGURES, "metric_status", "worst", "worst_ripple")),
    _csv_line,
)
