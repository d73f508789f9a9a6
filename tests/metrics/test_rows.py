import numpy as np
import pytest

from upsample_cli.metrics.rows import Rows, joined


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("referred", [False, True])
def test_rows_are_cut_and_joined_with_all_their_parts(masked: bool, referred: bool) -> None:
    """Runs of rows, joined, are the rows they were cut from."""
    levels = np.arange(60, dtype=np.float32).reshape(10, 6)
    rows = Rows(levels, levels > 7 if masked else None, levels / 2 if referred else None)
    again = joined([rows.window(slice(3)), rows.window(slice(3, 4)), rows.window(slice(4, None))])
    assert len(again) == 10
    for name in ("levels", "opaque", "expected", "unexplained"):
        assert np.array_equal(getattr(again, name), getattr(rows, name)), name
    assert (again.expected is None) == (not referred)


def test_what_is_expected_is_taken_off() -> None:
    """The unexplained rest is the levels less the reference's."""
    levels = np.full((2, 3), 5, np.float32)
    assert (Rows(levels, expected=levels - 1).unexplained == 1).all()
