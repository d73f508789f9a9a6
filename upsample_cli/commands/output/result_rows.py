"""The rows of a results file: how they are written, and what a later run reads from them."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from math import isnan, nan
from typing import Any, NamedTuple

from upsample_cli.images.places.place import parse_file
from upsample_cli.metrics.checkerboard import NO_STRIDE, Checkerboard

BLOCK = 1 << 16
"""Bytes to read at once."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets run cells that begin with one
_FIGURES = ("ripple", "contrast_db", "local_db")


class KnownOutput(NamedTuple):
    """What a row of an earlier run says about an output.

    Args:
        ripple: As in `Checkerboard`; NaN where it is unknown.
        contrast_db: Likewise.
        local_db: Likewise.
        is_ours: Whether a run wrote the output, and did not just skip it.
    """

    ripple: float
    contrast_db: float
    local_db: float
    is_ours: bool

    def checkerboard(self) -> Checkerboard:
        """Return a checkerboard with these three figures; the others are unknown."""
        return Checkerboard(
            NO_STRIDE, ripple=self.ripple, contrast_db=self.contrast_db, local_db=self.local_db
        )


def known_outputs(rows: Iterable[dict[str, Any]]) -> dict[int, KnownOutput]:
    """Return what the rows say about outputs; `key_of` gives the key of an output.

    The last row of an output counts. A row of a failure never does, and one of a skipped output
    without figures only where no other row came before it.

    Raises:
        ValueError, KeyError, TypeError: A row is damaged.
    """
    known = dict[int, KnownOutput]()
    for row in rows:
        key, is_ours = key_of(_plain(row["output"])), row["status"] == "done"
        if row["status"] == "failed":
            continue
        values = row if "ripple" in row else row["checkerboard"] or {}
        ripple, contrast, local = (
            nan if (value := values.get(name)) in (None, "") else float(value) for name in _FIGURES
        )
        if not is_ours and key in known:
            if isnan(ripple):
                continue
            is_ours = known[key].is_ours
        known[key] = KnownOutput(ripple, contrast, local, is_ours)
    return known


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
