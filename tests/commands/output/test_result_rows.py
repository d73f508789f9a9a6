from math import isnan

import pytest

from upsample_cli.commands.output.result_rows import known_outputs

DONE = {"output": "a.png", "status": "done", "ripple": "1", "contrast_db": "2", "local_db": "3"}
SKIPPED = {**DONE, "status": "skipped", "ripple": "", "contrast_db": "", "local_db": ""}


@pytest.mark.parametrize("rows", [[DONE, SKIPPED], [SKIPPED, DONE], [DONE, SKIPPED, SKIPPED]])
def test_the_run_that_wrote_an_output_knows_it_best(rows: list[dict[str, str]]) -> None:
    """The row of a run that skipped an output does not hide that of the run that wrote it."""
    (known,) = known_outputs(rows).values()
    assert known == (1.0, 2.0, 3.0, True)


def test_of_two_runs_that_wrote_an_output_the_last_counts() -> None:
    """An output that is made again has the figures of the second time."""
    assert known_outputs([DONE, {**DONE, "ripple": "7"}])[hash("a.png")].ripple == 7.0
    (known,) = known_outputs([SKIPPED]).values()
    assert (isnan(known.ripple), known.is_ours) == (True, False)
