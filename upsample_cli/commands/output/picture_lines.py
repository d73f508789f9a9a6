"""Rows to aligned text or JSON lines."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from upsample_cli.commands.output.messages import shown
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.metrics.checkerboard import Checkerboard

UNKNOWN = {
    "too-small": "unknown (picture too small to tell)",
    "saturated": "unknown (picture too saturated to tell)",
    "no-stride": "unknown (no short period at this scale)",
    "constant": "none (constant picture)",
    "labels": "unknown (labels are no brightness)",
}


def as_line(report: Report) -> str:
    """Return a report as a line for people."""
    if report.status != "done":
        return f"{shown(report.input)}  {report.status}: {report.error}"
    assert report.size  # it is done
    assert report.checkerboard
    assert report.scale
    height, width = report.size
    kernel = f" {report.kernel}" if report.kernel else ""
    return (
        f"{shown(report.output)}  {width}x{height}  {report.method}{kernel} x{report.scale:.4g}  "
        f"{in_words(report.checkerboard, report.kernel_ripple)}  {report.seconds:.2f} s"
    )


def in_words(found: Checkerboard, kernel_ripple: float | None = None) -> str:
    """Return what the metric found, for people."""
    ripple = (
        f"; kernel ripple {kernel_ripple:.4f}" if kernel_ripple and kernel_ripple >= 5e-5 else ""
    )
    if found.status in UNKNOWN:
        return f"checkerboard {UNKNOWN[found.status]}{ripple}"
    word = "none" if found.verdict == "none" else "found"
    return f"checkerboard {word} ({found.ripple:.2f} levels, floor {found.floor:.2f}{ripple})"


def as_json(report: Report) -> str:
    """Return a report as one line of JSON."""
    return _line(**_head(report), shift=report.shift, notes=report.notes,
                 checkerboard=_found(report))  # fmt: skip


COLUMNS = (
    "input", "output", "status", "error", "width", "height", "method", "kernel", "scale", "seconds",
    "stride", "ripple", "contrast_db", "floor", "ripple_rel", "local_db", "verdict",
    "kernel_ripple",
)  # fmt: skip
"""The columns of a CSV file of reports."""


def as_row(report: Report) -> dict[str, Any]:
    """Return a report as a row of a CSV file, by column; what is not known is empty."""
    row = _head(report) | (_found(report) or {})
    if isinstance(row.get("stride"), list):
        row["stride"] = "x".join(map(str, row["stride"]))
    return row | {"status": report.status}  # the checkerboard has a status too


def failed_json(source: str, to: str, method: str, error: str) -> str:
    """Return a failure as one line of JSON."""
    return as_json(Report(source, to, "failed", error, method=method))


def summary_json(counts: dict[str, int], seconds: float) -> str:
    """Return the last line of a folder."""
    return _line(summary={**counts, "seconds": seconds})


def numbers(found: Checkerboard) -> dict[str, Any]:
    """Return what the metric found as plain values; what is no number is None."""
    down, across = found.stride
    values = {name: _number(value) for name, value in found._asdict().items()}
    return values | {"stride": (down or None) if down == across else [down, across]}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text whose columns line up."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _head(report: Report) -> dict[str, Any]:
    height, width = report.size or (None, None)
    return {
        "input": report.input, "output": report.output, "status": report.status,
        "error": report.error, "width": width, "height": height, "method": report.method,
        "kernel": report.kernel, "scale": report.scale, "seconds": report.seconds,
    }  # fmt: skip


def _found(report: Report) -> dict[str, Any] | None:
    if report.checkerboard is None:
        return None
    return {**numbers(report.checkerboard), "kernel_ripple": _number(report.kernel_ripple)}


def _number(value: Any) -> Any:
    if value == "" or (isinstance(value, float) and not isfinite(value)):
        return None
    return value


def _line(**values: Any) -> str:
    import json  # most runs print none

    return json.dumps(values, allow_nan=False)
