import csv
import io
import json
from pathlib import Path

import pytest

from upsample_cli.commands.output.picture_lines import COLUMNS, csv_row, json_line
from upsample_cli.commands.output.result_rows import (
    BLOCK,
    KnownOutput,
    csv_line,
    cut_unfinished,
    known_outputs,
)
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.metrics.checkerboard import Checkerboard

DONE = {"output": "a.png", "status": "done", "ripple": "1", "contrast_db": "2", "local_db": "3"}
SKIPPED = {**DONE, "status": "skipped", "ripple": "", "contrast_db": "", "local_db": ""}


def figures_of(known: KnownOutput) -> tuple[float, float, float]:
    """Return the three figures that `DONE` has."""
    assert known.checkerboard is not None
    return known.checkerboard.ripple, known.checkerboard.contrast_db, known.checkerboard.local_db


@pytest.mark.parametrize("rows", [[DONE, SKIPPED], [SKIPPED, DONE], [DONE, SKIPPED, SKIPPED]])
def test_the_run_that_wrote_an_output_knows_it_best(rows: list[dict[str, str]]) -> None:
    """The row of a run that skipped an output does not hide that of the run that wrote it."""
    (known,) = known_outputs(rows).values()
    assert (figures_of(known), known.is_ours) == ((1.0, 2.0, 3.0), True)


def test_of_two_runs_that_wrote_an_output_the_last_counts() -> None:
    """An output that is made again has the figures of the second time."""
    (known,) = known_outputs([DONE, {**DONE, "ripple": "7"}]).values()
    assert figures_of(known) == (7.0, 2.0, 3.0)
    (known,) = known_outputs([SKIPPED]).values()
    assert (known.checkerboard, known.is_ours) == (None, False)


def test_what_was_measured_last_counts() -> None:
    """Figures that a run measured in an output that it skipped replace older ones."""
    measured = {**DONE, "status": "skipped", "ripple": "7"}
    (known,) = known_outputs([DONE, measured, SKIPPED]).values()
    assert (figures_of(known), known.is_ours) == ((7.0, 2.0, 3.0), True)


def test_a_ripple_of_zero_is_known() -> None:
    """A number 0.0, as JSON has it, is a figure like the text "0.0" of CSV."""
    row = {"output": "a.png", "status": "done", "checkerboard": {"ripple": 0.0}}
    (known,) = known_outputs([row]).values()
    assert known.checkerboard is not None
    assert known.checkerboard.ripple == 0.0


@pytest.mark.parametrize("stride", [(2, 2), (2, 3), (0, 0)])
def test_a_row_keeps_the_whole_checkerboard(stride: tuple[int, int]) -> None:
    """What is read from a row, in JSON or CSV, is what was written: stride, figures and verdict."""
    board = Checkerboard(stride, 1.0, 0.5, 2.0, 20.0, 0.0, 0.1, local_db=-1.0, verdict="dither")
    report = Report("in.png", "a.png", "done", checkerboard=board, kernel_ripple=0.25)
    lines = csv_line(COLUMNS) + csv_line([csv_row(report).get(name) for name in COLUMNS])
    for rows in ([json.loads(json_line(report))], csv.DictReader(io.StringIO(lines.decode()))):
        assert list(known_outputs(rows).values()) == [(board, 0.25, True)]


def test_a_damaged_stride_is_refused() -> None:
    """The caller knows such a row by its ValueError."""
    with pytest.raises(ValueError, match="not enough values"):
        known_outputs([{**DONE, "stride": "two"}])


@pytest.mark.parametrize("name", ["a", "two\nlines", 'quote"', '"\n"\n', "b" * BLOCK + "\n"])
def test_a_half_row_is_cut_off_whole(tmp_path: Path, name: str) -> None:
    """Wherever a crash cut the last row of a CSV file, the rows before it stay, and no part of it.

    A line break in a name ends no row.
    """
    row = csv_line([name, "done", f"in {name}"])
    for length in {0, 1, 2, len(row) // 2, row.rfind(b"\n", 0, -1) + 1, len(row) - 1}:
        (tmp_path / "rows.csv").write_bytes(2 * row + row[:length])
        with io.FileIO(tmp_path / "rows.csv", "r+") as file:
            cut_unfinished(file, is_csv=True)
        assert (tmp_path / "rows.csv").read_bytes() == 2 * row


def test_a_half_line_of_json_is_cut_off(tmp_path: Path) -> None:
    """Quotes within JSON do not hide the end of a line."""
    for whole in (b"", b'{"input": "a\\"b"}\n'):
        (tmp_path / "rows.jsonl").write_bytes(whole + b'{"input": "c')
        with io.FileIO(tmp_path / "rows.jsonl", "r+") as file:
            cut_unfinished(file, is_csv=False)
        assert (tmp_path / "rows.jsonl").read_bytes() == whole
