"""The results file: a row per finished picture; at the end, rows are sorted as the inputs are."""

import csv
import io
import json
import os
import stat
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from upsample_cli.commands.output.messages import print_message
from upsample_cli.commands.output.picture_lines import COLUMNS, csv_row, json_line
from upsample_cli.commands.output.result_rows import (
    BLOCK,
    KnownOutput,
    csv_line,
    cut_unfinished,
    key_of,
    known_outputs,
)
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place, parse_file
from upsample_cli.jobs.batch.run import EXISTS
from upsample_cli.jobs.enlarge.task import ALREADY_EXISTS, Existing, Report, Task

_MOST_SORTED = 1 << 26  # bytes of rows to sort: more stay in the order of completion


class ResultsFile:
    """A CSV or JSON Lines file of reports; an existing one is continued.

    A picture whose output exists, and is not replaced, keeps its row from an earlier run.

    Args:
        path: The file or URL, as a user names it: a .csv or a .jsonl.
        existing: What becomes of outputs that exist; "replace" discards the rows of earlier runs.

    Raises:
        SettingError: The file is not an intact report.
        ImageFileError: The file cannot be written.
    """

    def __init__(self, path: str, existing: Existing) -> None:
        self._name, self._is_json = path, path.lower().endswith(".jsonl")
        self._written = array("q")  # per row: picture's number, length in bytes
        self._start = self._missing = 0
        is_emptied = existing == "replace"
        with ExitStack() as stack:
            self._path = stack.enter_context(parse_file(path).editing(is_emptied))
            try:
                self._file = stack.enter_context(_opened(self._path, path))
                self._modified = os.fstat(self._file.fileno()).st_mtime
                self._check_is_report()
                if is_emptied:
                    self._file.truncate(0)
                self._known = self._continued()
            except OSError as error:
                fault = f"cannot write {path}: {error.strerror}; name another --report"
                raise ImageFileError(fault) from error
            self._opened = stack.pop_all()  # `close` closes it, after the last rows are written

    def add(self, index: int, report: Report) -> None:
        """Write the row of a picture.

        Args:
            index: The picture's number, from 0.
            report: The report on it.
        """
        is_unchanged = report.status == "skipped" or str(report.error).endswith(EXISTS)
        if is_unchanged and key_of(report.output) in self._known:
            return
        row, end = self._encoded(report), self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(row)
        except OSError:
            written = 0
        if written == len(row):
            if not self._written:
                self._start = self._file.tell() - written
            self._written.extend((index, written))
            return
        self._missing += 1  # the disk is full: leave no half row
        with suppress(OSError):
            self._file.truncate(end)

    def wrote(self, output: Place) -> bool:
        """Return whether an earlier run wrote this output, as its row says."""
        known = self._known.get(key_of(str(output)))
        return known is not None and known.is_ours

    def forget_changed(self, output: str) -> bool:
        """Forget the row of an output that is newer than all rows; return whether one is forgotten.

        Objects in stores do not count: the time of each would take a request.
        """
        place = parse_file(output)
        is_newer = not place.is_remote and (place.modified() or 0.0) > self._modified
        return is_newer and self._known.pop(key_of(output), None) is not None

    def with_known(self, report: Report) -> Report:
        """Return the report on a skipped output with what the row of an earlier run says."""
        known = self._known.get(key_of(report.output))
        if known is None:
            return report
        return report._replace(checkerboard=known.checkerboard, kernel_ripple=known.kernel_ripple)

    def close(self) -> bool:
        """Sort the rows of this run, close the file, and return whether every row was written."""
        with suppress(OSError):
            self._sort()
            os.fsync(self._file.fileno())
        fault = ""
        if self._missing:
            rows = "1 row" if self._missing == 1 else f"{self._missing} rows"
            fault = f"lacks {rows}: the disk is full; free space"
        if not Path(self._path).exists():
            fault = "was deleted with its rows; name another --report"
        if fault:
            print_message("Error", f"{self._name} {fault}")
        self._opened.close()
        return not fault

    def _sort(self) -> None:
        """Put this run's rows in the order of the inputs, unless another run wrote in between."""
        numbers, lengths = (self._written[part::2].tolist() for part in range(2))
        total = sum(lengths)
        if numbers == sorted(numbers) or total > _MOST_SORTED:
            return
        if self._file.seek(0, os.SEEK_END) - self._start != total:
            return
        self._file.seek(self._start)
        rows = io.BytesIO(self._file.read(total))
        in_order = sorted(zip(numbers, map(rows.read, lengths), strict=True))
        with Path(self._path).open("r+b") as file:  # `self._file` can only append
            file.seek(self._start)
            file.write(b"".join(row for _, row in in_order))

    def _encoded(self, report: Report) -> bytes:
        if self._is_json:
            return f"{json_line(report)}\n".encode()
        row = csv_row(report)
        return csv_line([row.get(name) for name in COLUMNS])

    def _check_is_report(self) -> None:
        """Refuse a file that is not a results file, before anything in it is changed."""
        start = csv_line(COLUMNS) if not self._is_json else b'{"input": '
        self._file.seek(0)
        first, end, _ = self._file.read(BLOCK).partition(b"\n")
        first += end
        is_ours = first == start if end and not self._is_json else first.startswith(start)
        # A crash may have left only the start of the first line.
        if not is_ours and not (not end and start.startswith(first)):
            raise SettingError(
                f"{self._name} is not a report of this version of upsample; name another --report"
            )

    def _continued(self) -> dict[int, KnownOutput]:
        """Cut off an unfinished last row; return what the rows say, by `key_of`."""
        cut_unfinished(self._file, is_csv=not self._is_json)
        size = self._file.seek(0, os.SEEK_END)
        if self._is_json:
            rows: Iterator[dict[str, Any]] = map(json.loads, self._lines())
        else:
            if size == 0:
                self._file.write(csv_line(COLUMNS))
            rows = csv.DictReader(self._lines())
        try:
            return known_outputs(rows)
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise SettingError(
                f"{self._name} is damaged ({error}); name another --report"
            ) from error

    def _lines(self) -> Iterator[str]:
        with Path(self._path).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from file


@contextmanager
def opened_results(path: str | None, existing: Existing) -> Iterator[ResultsFile | None]:
    """Open a results file, if there is a path; at the end, exit as failed if rows are missing."""
    results = ResultsFile(path, existing) if path else None
    try:
        yield results
    finally:
        is_whole = results is None or results.close()
    if not is_whole:
        raise click.exceptions.Exit(1)


def with_rows_written(
    reports: Iterable[tuple[int, Report]],
    results: ResultsFile | None,
    task: Task,
    max_ripple: float | None,
) -> Iterator[Report]:
    """Write a row for each report, then yield it; skipped outputs get their checkerboard.

    Args:
        reports: Numbers of pictures, each with the report on the picture.
        results: The results file, if there is one.
        task: How outputs are written; the skipped ones are measured accordingly.
        max_ripple: The limit on the ripple, in levels. If there is one, skipped outputs that no
            earlier run has measured are measured now. Outputs changed since are always measured.
    """
    for number, report in reports:
        if report.error == ALREADY_EXISTS:
            is_changed = results is not None and results.forget_changed(report.output)
            if results is not None:
                report = results.with_known(report)
            if is_changed or (report.checkerboard is None and max_ripple is not None):
                from upsample_cli.jobs.measure.skipped import measured  # seldom needed

                report = measured(report, task)
        if results is not None:
            results.add(number, report)
        yield report


def _opened(path: str, name: str) -> io.FileIO:
    """Open a results file for reading and appending; create it if it does not exist.

    Raises:
        SettingError: The path is a symbolic link, which may lead anywhere, or no regular file.
        OSError: The file cannot be opened.
    """
    if Path(path).is_symlink():
        raise SettingError(f"--report {name} is a link; name the file itself")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):  # not all systems have them
        flags |= getattr(os, flag, 0)
    file = io.FileIO(os.open(path, flags, 0o666), "r+")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise SettingError(f"--report {name} is not a regular file; name another")
