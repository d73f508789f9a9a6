"""Reports on pictures: a line for people, a line of JSON or a row of CSV."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite, nan
from typing import Any

import click

from upsample_cli.commands.output.messages import coloured, print_message, printable, without_bars
from upsample_cli.commands.output.text_and_json import figure_over
from upsample_cli.images.places.place import STREAM
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.metrics.checkerboard import CHECKERBOARD, NONE, Checkerboard
from upsample_cli.metrics.meter import LEAST_RIPPLE

STATUS_WORDS = {
    "too-small": "unknown (the picture is too small)",
    "saturated": "unknown (too many pixels are clipped)",
    "no-stride": "unknown (no short period at this scale)",
    "constant": "none (the picture is flat)",
    "labels": "not measured for label masks",
}
"""The text for people, for each status of the metric but "ok"."""

_LEAST_SHOWN = 5e-5  # of kernel ripples: smaller ones are 0.0000 in text, 0.01 level at white
_EVERYWHERE = 0.9  # share of a picture; from here on, the text does not give the share
COLUMNS = (
    "input", "output", "status", "error", "width", "height", "method", "kernel", "scale", "seconds",
    "stride", "ripple", "share", "peak", "contrast_db", "floor", "ripple_rel", "local_db",
    "verdict", "kernel_ripple", "before_ripple", "moved",
)  # fmt: skip
"""The columns of a CSV file of reports; the last two are for repairs."""


def print_reports(
    reports: Iterable[Report], to_stderr: bool, as_json: bool, quiet: bool, max_ripple: float | None
) -> tuple[Counter[str], bool]:
    """Print each report; return counts by status, and whether any picture is over the limit.

    Args:
        reports: What became of each picture.
        to_stderr: Whether to print on standard error, as the picture goes to standard output.
        as_json: Whether to print JSON lines.
        quiet: Whether to leave out notes and, unless `as_json`, reports without a failure.
        max_ripple: The limit on the ripple, in levels; None for no limit. An unknown ripple counts
            as over the limit, except where the scale has no stride and the method is even.
    """
    tally, over = Counter(done=0, skipped=0, failed=0), dict[str, float]()
    has_notes = not quiet and not (as_json and to_stderr)  # then stderr has only JSON lines
    for report in reports:
        tally[report.status] += 1
        if report.checkerboard is not None and max_ripple is not None:
            is_known = isfinite(report.checkerboard.ripple)
            is_unknown = not is_known and not _is_even(report)
            if is_unknown or is_over(max_ripple, report.checkerboard):
                over[report.output] = report.checkerboard.ripple if is_known else 0.0
        with without_bars():
            if as_json:
                click.echo(json_line(report), err=to_stderr)
            elif report.status == "failed":
                print_message("Error", _reason(report))
            elif not quiet:
                click.echo(text_line(report), err=to_stderr)
            if has_notes:
                _print_notes(report)
    if over and has_notes:
        print_message("note", over_limit(over, max_ripple or 0.0))
    return tally, bool(over)


def over_limit(over: Mapping[str, float], max_ripple: float) -> str:
    """Return a note: how many pictures are over a limit, the strongest, and unknown ones.

    Args:
        over: Ripples of pictures, in levels, by name; 0 for an unknown ripple.
        max_ripple: The limit, in levels.

    >>> over_limit({"a.png": 3, "b.png": 0}, 1.0)
    '1 picture is over --max-ripple 1; the strongest has 3.00 levels, a.png; unknown: b.png'
    """
    known = [name for name in over if over[name] > 0]
    unknown = [name for name in over if not over[name] > 0]
    parts, limit = [], f"--max-ripple {max_ripple:.10g}"
    if known:
        most = max(known, key=lambda name: over[name])
        count = f"{len(known)} pictures are" if len(known) > 1 else "1 picture is"
        figure = figure_over(over[most], max_ripple, 2)
        parts += [f"{count} over {limit}", f"the strongest has {figure} levels, {most}"]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        parts.append(f"unknown{'' if known else f', so over {limit}'}: {unknown[0]}{more}")
    return "; ".join(parts)


def is_over(limit: float, *checkerboards: Checkerboard) -> bool:
    """Return whether a pattern that is clear of its error is stronger than a limit, in levels."""
    return any(item.is_clear and item.ripple > limit for item in checkerboards)


def _is_even(report: Report) -> bool:
    """Return whether a picture has no stride to measure, and its method leaves no pattern."""
    assert report.checkerboard  # the caller checks
    known = nan if report.kernel_ripple is None else report.kernel_ripple
    return report.checkerboard.status == "no-stride" and known < _LEAST_SHOWN


def text_line(report: Report) -> str:
    """Return a report as a line for people."""
    if report.status != "done":
        return f"{printable(report.input)}  {report.status}: {report.error}"
    assert report.size  # the picture is done
    assert report.checkerboard
    height, width = report.size
    if report.before is not None:
        words = _in_words(report.before, None)
        if report.moved:
            after = _in_words(report.checkerboard, None).removeprefix("checkerboard ")
            words += f", repaired: {after}, changed by {report.moved:.2f} levels"
    else:
        assert report.scale
        method = f"{report.method} {report.kernel}" if report.kernel else report.method
        metric = _in_words(report.checkerboard, report.kernel_ripple)
        words = f"{method} x{report.scale:.4g}  {metric}"
    return f"{printable(report.output)}  {width}x{height}  {words}  {report.seconds:.2f} s"


def json_line(report: Report) -> str:
    """Return a report as one line of JSON."""
    from upsample_cli.commands.output.text_and_json import in_json  # most runs print no JSON

    values = _head(report) | {"shift": report.shift, "notes": report.notes}
    if report.before is not None:
        values |= {"moved": report.moved, "before": numbers(report.before)}
    return in_json({**values, "checkerboard": _checkerboard(report), **(report.facts or {})})


def summary_line(counts: dict[str, int], seconds: float) -> str:
    """Return the summary of a folder, its last line of JSON."""
    from upsample_cli.commands.output.text_and_json import in_json

    return in_json({"summary": {**counts, "seconds": seconds}})


def csv_row(report: Report) -> dict[str, Any]:
    """Return a report as a row of a CSV file, by column; what is unknown is empty."""
    row = _head(report) | (_checkerboard(report) or {})
    if report.before is not None:
        row |= {"before_ripple": _number(report.before.ripple), "moved": report.moved}
    if isinstance(row.get("stride"), list):
        row["stride"] = "x".join(map(str, row["stride"]))
    return row | {"status": report.status}  # the checkerboard has a status of its own


def numbers(checkerboard: Checkerboard) -> dict[str, Any]:
    """Return the figures of the metric as plain values; NaN becomes None."""
    down, across = checkerboard.stride
    values = {name: _number(value) for name, value in checkerboard._asdict().items()}
    return values | {"stride": (down or None) if down == across else [down, across]}


def _in_words(checkerboard: Checkerboard, kernel_ripple: float | None) -> str:
    ripple = (
        f"; kernel ripple {kernel_ripple:.4f}"
        if kernel_ripple and kernel_ripple >= _LEAST_SHOWN
        else ""
    )
    if checkerboard.status in STATUS_WORDS:
        return f"checkerboard {STATUS_WORDS[checkerboard.status]}{ripple}"
    is_found = checkerboard.verdict == CHECKERBOARD
    word = coloured("found", "red") if is_found else checkerboard.verdict
    levels = f"{checkerboard.ripple:.2f} levels, floor {checkerboard.floor:.2f}"
    if checkerboard.verdict == NONE and checkerboard.ripple > checkerboard.floor:
        why = "too faint to see" if checkerboard.ripple < LEAST_RIPPLE else "no clear pattern"
        levels = f"{checkerboard.ripple:.2f} levels, {why}"
    if is_found and checkerboard.share < _EVERYWHERE:
        levels = f"in {checkerboard.share:.0%} of the picture, {levels}"
    return f"checkerboard {word} ({levels}{ripple})"


def _reason(report: Report) -> str:
    """Return why a picture failed, with its name in front unless the error names it."""
    error = str(report.error)
    is_named = report.input in error or report.output in error
    return error if is_named else f"{report.input}: {error}"


def _print_notes(report: Report) -> None:
    name = "standard input" if report.input == STREAM else report.input
    for note in report.notes:
        print_message("note", f"{name}: {note}")
    print_shift(f"{name}: the picture is", *report.shift)


def print_shift(subject: str, down: float, across: float) -> None:
    """Print a note on a shift in output pixels, if there is one; `subject` is its beginning."""
    if down or across:
        reason = "because kernel size minus stride is odd"
        print_message("note", f"{subject} shifted {_shift(down, across)}, {reason}")


def _shift(down: float, across: float) -> str:
    """Return a shift in output pixels as words.

    >>> _shift(-0.5, -0.5), _shift(0, 1.5)
    ('half a pixel up and left', '1.5 pixels right')
    """
    ways: dict[str, list[str]] = {}
    for pixels, ahead, back in ((down, "down", "up"), (across, "right", "left")):
        length = "half a pixel" if abs(pixels) == 0.5 else f"{abs(pixels):.4g} pixels"
        if pixels:
            ways.setdefault(length, []).append(ahead if pixels > 0 else back)
    return " and ".join(f"{length} {' and '.join(words)}" for length, words in ways.items())


def _head(report: Report) -> dict[str, Any]:
    height, width = report.size or (None, None)
    return {
        "input": report.input, "output": report.output, "status": report.status,
        "error": report.error, "width": width, "height": height, "method": report.method,
        "kernel": report.kernel, "scale": report.scale, "seconds": report.seconds,
    }  # fmt: skip


def _checkerboard(report: Report) -> dict[str, Any] | None:
    if report.checkerboard is None:
        return None
    return {**numbers(report.checkerboard), "kernel_ripple": _number(report.kernel_ripple)}


def _number(value: Any) -> Any:
    if value == "" or (isinstance(value, float) and not isfinite(value)):
        return None
    return value
