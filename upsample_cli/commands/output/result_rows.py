"""The rows of a results file: how they are written, and what a later run reads from them."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from math import nan
from typing import Any, NamedTuple

from upsample_cli.images.places.place import parse_file
from upsample_cli.metrics.checkerboard import Checkerboard

BLOCK = 1 << 16
"""Bytes to read at once."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets run cells that begin with one
_FIGURES = Checkerboard._fields[1:-2]  # all but stride, verdict and status


class KnownOutput(NamedTuple):
    """What a row of an earlier run says about an output.

    Args:
        checkerboard: What is in the output; None where the ripple is unknown.
        kernel_ripple: As in `Report`; NaN where it is unknown.
        is_ours: Whether a run wrote the output, and did not just skip it.
    """

    checkerboard: Checkerboard | None
    kernel_ripple: float
    is_ours: bool


def known_outputs(rows: Iterable[dict[str, Any]]) -> dict[int, KnownOutput]:
    """Return what the rows say about outputs; `key_of` gives the key of an output.

    The last row of an output counts, except a row of a failure, and a row of a skipped output
    without figures after another row.

    Raises:
        ValueError, KeyError, TypeError: A row is damaged.
    """
    known = dict[int, KnownOutput]()
    for row in rows:
        key, is_ours = key_of(_plain(row["output"])), row["status"] == "done"
        if row["status"] == "failed":
            continue
        # The status of a row in CSV is not the metric's.
        cells = {**row, "status": "ok"} if "ripple" in row else row["checkerboard"] or {}
        values = {name: value for name, value in cells.items() if value not in (None, "")}
        checkerboard = _checkerboard(values) if "ripple" in values else None
        if not is_ours and key in known:
            if checkerboard is None:
                continue
            is_ours = known[key].is_ours
        known[key] = KnownOutput(checkerboard, float(values.get("kernel_ripple", nan)), is_ours)
    return known


def _checkerboard(values: dict[str, Any]) -> Checkerboard:
    """Return the checkerboard that the known values of a row describe."""
    sides = re.findall(r"\d+", str(values.get("stride", 0)))  # of 2 or 2x3; in JSON [2, 3]
    down, across = (2 * sides)[:2]
    fields: dict[str, Any] = {name: float(values[name]) for name in _FIGURES if name in values}
    fields |= {name: values[name] for name in ("verdict", "status") if name in values}
    return Checkerboard((int(down), int(across)), **fields)


def key_of(output: str) -> int:
    """Return a hash of an output, the same for its relative and its absolute path."""
    return hash(parse_file(output).key)


def csv_line(cells: Sequence[object]) -> bytes:
    """Return cells as a line of CSV; a ' precedes text that spreadsheets would run as a formula."""
    plain = [
        f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell for cell in cells
    ]
    text = io.StringIO(newline="")
    if any("\r" in cell for cell in plain if isinstance(cell, str)):  # old Pythons do not quote it
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(plain)
    else:
        csv.writer(text, lineterminator="\n").writerow(plain)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _plain(cell: str) -> str:
    """Return the text of a cell, without the ' that `csv_line` puts before a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def cut_unfinished(file: io.FileIO, is_csv: bool) -> None:
    """Cut off a last row that a crash left half-written; in CSV, a row may hold line breaks."""
    end = position = quotes = 0
    file.seek(0)
    while block := file.read(BLOCK):
        for part in re.split(b'(")', block) if is_csv else [block]:
            quotes += is_csv and part == b'"'
            if quotes % 2 == 0 and (at := part.rfind(b"\n")) >= 0:
                end = position + at + 1
            position += len(part)
    if end < position:  # else the file keeps its time
        file.truncate(end)
