"""Reports on pictures, as they come, and the exit code they amount to."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.output.messages import aside, tell

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.enlarge.task import Report
    from upsample_cli.metrics.checkerboard import Checkerboard

FAILED, NOTHING, OVER_RIPPLE = 1, 3, 4


def told(
    reports: "Iterable[Report]",
    to_stderr: bool,
    as_json: bool,
    quiet: bool,
    max_ripple: float | None,
) -> tuple[Counter[str], int]:
    """Print each report as it comes; return how many came to what, and the exit code.

    Args:
        reports: What became of each picture.
        to_stderr: Whether standard output is taken by the picture.
        as_json: Whether to print JSON lines.
        quiet: Whether to print failures alone.
        max_ripple: The strongest checkerboard that is fine, in levels.
    """
    from upsample_cli.commands.output import picture_lines

    tally, over = Counter(done=0, skipped=0, failed=0), False
    for report in reports:
        tally[report.status] += 1
        over |= report.checkerboard is not None and is_over(max_ripple, report.checkerboard)
        with aside():
            if as_json:
                click.echo(picture_lines.as_json(report), err=to_stderr)
            elif report.status == "failed":
                tell("Error", _why(report))
            elif not quiet:
                click.echo(picture_lines.as_line(report), err=to_stderr)
            if not quiet:
                _note(report)
    if tally["failed"]:
        return tally, FAILED
    if not tally["done"]:
        return tally, NOTHING
    return tally, OVER_RIPPLE if over else 0


def is_over(limit: float | None, *found: "Checkerboard") -> bool:
    """Tell whether a pattern that stands clear of its error is stronger than a limit.

    Args:
        limit: In levels; None for no limit.
        *found: What the metric found, in one picture or in its channels.
    """
    from upsample_cli.metrics.checkerboard import CONTRAST_DB

    if limit is None:
        return False
    return any(each.contrast_db >= CONTRAST_DB and each.ripple > limit for each in found)


def _why(report: "Report") -> str:
    """Return why a picture failed, with its name where the fault itself tells none."""
    error = str(report.error)
    told = report.input in error or report.output in error
    return error if told else f"{report.input}: {error}"


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
