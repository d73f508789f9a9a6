import click
import pytest

from upsample_cli.commands.output.picture_lines import text_line
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.metrics.checkerboard import CHECKERBOARD, NONE, Checkerboard


@pytest.mark.parametrize(
    ("ripple", "floor", "verdict", "words"),
    [
        (0.01, 0.03, NONE, "none (0.01 levels, floor 0.03)"),
        (0.01, 0.0, NONE, "none (0.01 levels, too faint to see)"),
        (0.35, 0.2, NONE, "none (0.35 levels, no clear pattern)"),
        (0.35, 0.02, CHECKERBOARD, "found (0.35 levels, floor 0.02)"),
    ],
)
def test_none_is_not_contradicted_by_its_figures(
    ripple: float, floor: float, verdict: str, words: str
) -> None:
    """A ripple above the floor that is no checkerboard has the reason instead of the floor."""
    checkerboard = Checkerboard((2, 2), ripple, 1.0, ripple, floor=floor, verdict=verdict)
    report = Report(
        "in.png", "out.png", "done", size=(8, 9), method="tconv", kernel="learned", scale=2.0,
        checkerboard=checkerboard, seconds=0.5,
    )  # fmt: skip
    line = click.unstyle(text_line(report))
    assert line == f"out.png  9x8  tconv learned x2  checkerboard {words}  0.50 s"
