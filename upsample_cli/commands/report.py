"""Reports on pictures, as they come, and the exit code they amount to."""

from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.words import tell

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.task import Report

FAILED, NOTHING, OVER_RIPPLE = 1, 3, 4


def told(
    reports: "Iterable[Report]",
    single: bool,
    to_stderr: bool,
    as_json: bool,
    quiet: bool,
    max_ripple: float | None,
) -> int:
    """Print each report as it comes; return the exit code.

    Args:
        reports: What became of each picture.
        single: Whether there is but one, without a summary.
        to_stderr: Whether standard output is taken by the picture.
        as_json: Whether to print JSON lines.
        quiet: Whether to print failures alone.
        max_ripple: The strongest checkerboard that is fine, in levels.
    """
    from upsample_cli.commands import tables

    start, counts, over = perf_counter(), {"done": 0, "skipped": 0, "failed": 0}, False
    for report in reports:
        counts[report.status] += 1
        found = report.checkerboard
        over |= max_ripple is not None and found is not None and found.ripple > max_ripple
        if as_json:
            click.echo(tables.as_json(report), err=to_stderr)
        elif report.status == "failed":
            tell("Error", str(report.error))
        elif not quiet:
            click.echo(tables.as_line(report), err=to_stderr)
        if not quiet:
            _note(report)
    if not single:
        seconds = perf_counter() - start
        if as_json:
            click.echo(tables.summary_json(**counts, seconds=seconds))
        elif not quiet:
            click.echo(", ".join(f"{n} {word}" for word, n in counts.items()), err=True)
    if counts["failed"]:
        return FAILED
    if not counts["done"]:
        return NOTHING
    return OVER_RIPPLE if over else 0


def _note(report: "Report") -> None:
    for note in report.notes:
        tell("note", f"{report.input}: {note}")
    down, across = report.shift
    if (down, across) != (0.0, 0.0):
        tell(
            "note",
            f"{report.input}: kernel size minus stride is odd, so the picture is shifted by "
            f"{down:g} px down and {across:g} px right",
        )
