"""The file of results: a row a picture, written as it ends, at last in the order of the inputs."""

import csv
import io
import json
import os
import stat
import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from math import isnan
from pathlib import Path
from typing import Any

from upsample_cli.commands.output.messages import tell
from upsample_cli.commands.output.picture_lines import COLUMNS, csv_row, json_line
from upsample_cli.commands.output.result_rows import (
    BLOCK,
    KnownOutput,
    csv_line,
    cut_unfinished,
    known_outputs,
)
from upsample_cli.errors import ImageFileError, SettingError, UpsampleError
from upsample_cli.images.places.place import Place, parse_file
from upsample_cli.jobs.batch.run import EXISTS
from upsample_cli.jobs.enlarge.task import ALREADY_EXISTS, Report
from upsample_cli.metrics.checkerboard import Checkerboard

_SORTED = 1 << 26  # bytes: more rows stay in the order in which pictures ended


class ResultsFile:
    """A CSV or JSON Lines file of reports; an existing one is continued.

    A picture that was skipped because its output exists keeps the row it has.

    Args:
        path: The file.
        anew: Whether to discard the rows of an existing file.
        name: What messages call it; None for its path.

    Raises:
        SettingError: The suffix is neither .csv nor .jsonl.
        ImageFileError: It cannot be written, or has other columns.
    """

    def __init__(self, path: str, anew: bool, name: str | None = None) -> None:
        check_name(path)
        self._path = path
        self._name = name or path
        self._is_json = path.lower().endswith(".jsonl")
        self._written = array("q")  # of each row its number, where it starts, and its length
        self._missing = 0
        try:
            # `close` closes it, after the last rows are written.
            self._file = _opened(path, self._name)
            with ExitStack() as on_error:
                on_error.enter_context(self._file)
                self._check_ours()
                if anew:
                    self._file.truncate(0)
                self._known = self._continued()
                on_error.pop_all()
        except OSError as error:
            raise ImageFileError(
                f"cannot write {self._name}: {error.strerror}; name another --report"
            ) from error

    def add(self, index: int, report: Report) -> None:
        """Write the row of a picture.

        Args:
            index: The picture's number, from 0.
            report: What became of it.
        """
        is_left = report.status == "skipped" or str(report.error).endswith(EXISTS)
        if is_left and hash(report.output) in self._known:
            return
        row, end = self._encoded(report), self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(row)
        except OSError:
            written = 0
        if written == len(row):
            self._written.extend((index, self._file.tell() - written, written))
            return
        self._missing += 1  # the disk is full: leave no half row
        with suppress(OSError):
            self._file.truncate(end)

    def has(self, output: Place) -> bool:
        """Return whether a row says that a run before this one wrote an output."""
        known = self._known.get(hash(str(output)))
        return known is not None and known.is_ours

    def recalled(self, output: str) -> Checkerboard | None:
        """Return what an earlier run measured in an output; None where it did not."""
        known = self._known.get(hash(output))
        return None if known is None or isnan(known.ripple) else known.checkerboard()

    def close(self) -> bool:
        """Put the rows of this run in order, and return whether every row was written."""
        with suppress(OSError):
            self._sort()
            os.fsync(self._file.fileno())
        self._file.close()
        if not Path(self._path).exists():
            tell("Error", f"{self._name} has vanished with its rows; name another --report")
            return False
        if self._missing:
            tell(
                "Error",
                f"{self._name} lacks {self._missing} rows, for want of space; free some",
            )
        return not self._missing

    def _sort(self) -> None:
        """Put the rows of this run in the order of the inputs, where no other run wrote between."""
        numbers, starts, lengths = (self._written[part::3].tolist() for part in range(3))
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        total = sum(lengths)
        if order == sorted(order) or total > _SORTED:
            return
        if self._file.seek(0, os.SEEK_END) - starts[0] != total:
            return
        self._file.seek(starts[0])
        rows = self._file.read(total)
        first = starts[0]
        parts = (rows[starts[i] - first : starts[i] - first + lengths[i]] for i in order)
        with Path(self._path).open("r+b") as file:  # the other one only appends
            file.seek(starts[0])
            file.write(b"".join(parts))

    def _encoded(self, report: Report) -> bytes:
        if self._is_json:
            return f"{json_line(report)}\n".encode()
        row = csv_row(report)
        return csv_line([row.get(name) for name in COLUMNS])

    def _check_ours(self) -> None:
        """Refuse a file that is no file of results, before anything in it is changed."""
        start = csv_line(COLUMNS) if not self._is_json else b'{"input": '
        self._file.seek(0)
        first, end, _ = self._file.read(BLOCK).partition(b"\n")
        first += end
        is_ours = first == start if end and not self._is_json else first.startswith(start)
        # A crash may have left less than the first line.
        if not is_ours and not (not end and start.startswith(first)):
            raise SettingError(
                f"{self._name} is not a report of this version of upsample; name another --report"
            )

    def _continued(self) -> dict[int, KnownOutput]:
        """Make the file end with a whole row; return what its rows say, by hash of the output."""
        cut_unfinished(self._file)
        size = self._file.seek(0, os.SEEK_END)
        if self._is_json:
            rows: Iterator[dict[str, Any]] = map(json.loads, self._lines())
        else:
            if size == 0:
                self._file.write(csv_line(COLUMNS))
            rows = csv.DictReader(self._lines())
        try:
            return dict(known_outputs(rows))
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise SettingError(
                f"{self._name} is damaged ({error}); name another --report"
            ) from error

    def _lines(self) -> Iterator[str]:
        with Path(self._path).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from file


def recorded(
    reports: Iterable[tuple[int, Report]], results: ResultsFile | None, max_ripple: float | None
) -> Iterator[Report]:
    """Yield each report after its row is written, with the checkerboard in skipped outputs too.

    Args:
        reports: Each with the number of its picture.
        results: The file of results, if there is one.
        max_ripple: The limit on the checkerboard; where there is one, a skipped output that an
            earlier run has not measured is measured now.
    """
    for number, report in reports:
        if report.error == ALREADY_EXISTS:
            found = results.recalled(report.output) if results else None
            if found is None and max_ripple is not None:
                report = _measured(report)
            else:
                report = report._replace(checkerboard=found)
        if results is not None:
            results.add(number, report)
        yield report


def _measured(report: Report) -> Report:
    """Return the report of a skipped output, with its checkerboard, which is measured now."""
    from upsample_cli.jobs.measure.measure import MeasureOptions, measure  # seldom needed

    options = MeasureOptions(max_pixels=sys.maxsize)  # memory is the limit
    try:
        return report._replace(checkerboard=measure(parse_file(report.output), options).overall)
    except UpsampleError as error:
        return report._replace(status="failed", error=str(error))


def local_copy(path: str, anew: bool) -> AbstractContextManager[str]:
    """Return a block that gives a local file; that of a URL is uploaded when the block ends.

    Args:
        path: A file or a URL.
        anew: Whether to begin with an empty file.
    """
    return parse_file(path).editing(anew)


def check_name(path: str) -> None:
    """Refuse a name whose suffix does not tell CSV from JSON Lines.

    Raises:
        SettingError: The suffix is neither .csv nor .jsonl.
    """
    if not path.lower().endswith((".csv", ".jsonl")):
        raise SettingError(f"--report {path} is not a .csv or .jsonl file; name such a file")


def _opened(path: str, name: str) -> io.FileIO:
    """Open a file of results, there or not, for reading and writing.

    Raises:
        SettingError: It is a link, which may lead to anything, or no file.
        OSError: It cannot be opened.
    """
    if Path(path).is_symlink():
        raise SettingError(f"--report {name} is a link; name the file itself")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    for more in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):  # not all systems have them
        flags |= getattr(os, more, 0)
    file = io.FileIO(os.open(path, flags, 0o666), "r+")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise SettingError(f"--report {name} is not a regular file; name another")
