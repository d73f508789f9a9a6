"""The file of results: a row a picture, in the order of the inputs, on the disk once known."""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

from upsample_cli.commands.output.messages import tell
from upsample_cli.commands.output.picture_lines import COLUMNS, csv_row, json_line
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.enlarge.task import Report

_BLOCK = 1 << 16  # bytes


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
        self._waiting: dict[int, Report] = {}
        self._next = 0
        self._missing = 0
        try:
            # `close` closes it, after the last rows are written.
            self._file = Path(path).open("w+b" if anew else "a+b", buffering=0)  # noqa: SIM115
            with ExitStack() as on_error:
                on_error.enter_context(self._file)
                self._known = self._continued()
                on_error.pop_all()
        except OSError as error:
            raise ImageFileError(
                f"cannot write {self._name}: {error.strerror}; name another --report"
            ) from error

    def add(self, index: int, report: Report) -> None:
        """Write the row of a picture, once the rows of all earlier pictures are written.

        Args:
            index: The picture's number, from 0.
            report: What became of it.
        """
        self._waiting[index] = report
        while (following := self._waiting.pop(self._next, None)) is not None:
            self._write(following)
            self._next += 1

    def close(self) -> bool:
        """Write the rows that waited for earlier ones; return whether every row was written."""
        for index in sorted(self._waiting):
            self._write(self._waiting[index])
        self._waiting.clear()
        with suppress(OSError):
            os.fsync(self._file.fileno())
        self._file.close()
        if not Path(self._path).exists():
            tell("Error", f"{self._name} has vanished, and its rows with it; name another --report")
            return False
        if self._missing:
            tell("Error", f"{self._name} lacks {self._missing} rows for want of room; make some")
        return not self._missing

    def _write(self, report: Report) -> None:
        if report.status == "skipped" and hash(report.output) in self._known:
            return
        row, end = self._encoded(report), self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(row)
        except OSError:
            written = 0
        if written != len(row):  # the disk is full: leave no half row
            self._missing += 1
            with suppress(OSError):
                self._file.truncate(end)

    def _encoded(self, report: Report) -> bytes:
        if self._is_json:
            return f"{json_line(report)}\n".encode()
        row = csv_row(report)
        return _csv([row.get(name) for name in COLUMNS])

    def _continued(self) -> set[int]:
        """Make the file end with a whole row; return hashes of the outputs that did not fail."""
        _cut_unfinished(self._file)
        size = self._file.seek(0, os.SEEK_END)
        if self._is_json:
            rows: Iterator[dict[str, str]] = map(json.loads, self._lines())
        else:
            header = _csv(COLUMNS)
            if size == 0:
                self._file.write(header)
            elif next(self._lines()).encode() != header:
                raise SettingError(f"{self._name} has other columns; name another --report")
            rows = csv.DictReader(self._lines())
        try:
            return {hash(row["output"]) for row in rows if row["status"] != "failed"}
        except (ValueError, KeyError, TypeError) as error:  # another program's JSON, or none
            raise SettingError(f"{self._name} has other columns; name another --report") from error

    def _lines(self) -> Iterator[str]:
        with Path(self._path).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from file


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
        raise SettingError(f"--report {path} is neither .csv nor .jsonl; name it so")


def _csv(cells: Sequence[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _cut_unfinished(file: io.FileIO) -> None:
    """Remove a last line that a crash left half-written."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            file.truncate(start + at + 1)
            return
        end = start
    file.truncate(0)
