import io
from math import isnan
from pathlib import Path

import pytest

from upsample_cli.commands.output.result_rows import (
    BLOCK,
    csv_line,
    cut_unfinished,
    key_of,
    known_outputs,
)

DONE = {"output": "a.png", "status": "done", "ripple": "1", "contrast_db": "2", "local_db": "3"}
SKIPPED = {**DONE, "status": "skipped", "ripple": "", "contrast_db": "", "local_db": ""}


@pytest.mark.parametrize("rows", [[DONE, SKIPPED], [SKIPPED, DONE], [DONE, SKIPPED, SKIPPED]])
def test_the_run_that_wrote_an_output_knows_it_best(rows: list[dict[str, str]]) -> None:
    """The row of a run that skipped an output does not hide that of the run that wrote it."""
    (known,) = known_outputs(rows).values()
    assert known == (1.0, 2.0, 3.0, True)


def test_of_two_runs_that_wrote_an_output_the_last_counts() -> None:
    """An output that is made again has the figures of the second time."""
    assert known_outputs([DONE, {**DONE, "ripple": "7"}])[key_of("a.png")].ripple == 7.0
    (known,) = known_outputs([SKIPPED]).values()
    assert (isnan(known.ripple), known.is_ours) == (True, False)


def test_what_was_measured_last_counts() -> None:
    """Figures that a run measured in an output that it skipped replace older ones."""
    measured = {**DONE, "status": "skipped", "ripple": "7"}
    assert list(known_outputs([DONE, measured, SKIPPED]).values()) == [(7.0, 2.0, 3.0, True)]


def test_a_ripple_of_zero_is_known() -> None:
    """A number 0.0, as JSON has it, is a figure like the text "0.0" of CSV."""
    row = {"output": "a.png", "status": "done", "checkerboard": {"ripple": 0.0}}
    (known,) = known_outputs([row]).values()
    assert known.ripple == 0.0


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
