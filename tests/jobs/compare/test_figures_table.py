import json
from math import inf, nan

import numpy as np

from upsample_cli.commands.output.text_and_json import in_json
from upsample_cli.jobs.compare.compare import Comparison, Scores
from upsample_cli.jobs.compare.figures_table import badness, figures, table, verdict
from upsample_cli.kernels.named import KERNELS
from upsample_cli.metrics.checkerboard import Checkerboard


def scores(label: str, psnr: float = nan, ripple: float = 0.0, verdict: str = "none") -> Scores:
    """Return the scores of a method with the uniform kernel."""
    kernel = KERNELS["uniform"](2, 3)
    checkerboard = Checkerboard((2, 2), ripple=ripple, verdict=verdict)
    return Scores(label, kernel, 0.4843, 1.0, 2.0, psnr, nan, checkerboard)


def test_one_picture_has_a_column_a_figure() -> None:
    """Figures that nobody has are left out; the best of those where more is better are marked."""
    shown = table([[scores("a", 30.0), scores("b", 31.004), scores("c", 31.001), scores("d")]])
    titles = [title for title, _ in shown.header]
    assert titles[:4] == ["Method", "Checkerboard", "PSNR dB", "Ripple"]
    assert [row[2] for row in shown.rows] == ["30.00", "31.00", "31.00", "-"]
    assert shown.best == [(1, 2), (2, 2)]
    assert shown.rows[0][titles.index("Flat ripple")] == "0.4843"
    assert "SSIM" not in titles


def test_many_pictures_have_mean_and_worst() -> None:
    """Worst is the least PSNR and the greatest ripple; what is unknown does not count."""
    three = (
        scores("a", 30.0, 1.0, "checkerboard"),
        scores("a", 20.0, 3.0),
        scores("a", nan, nan, ""),
    )
    shown = table([[one] for one in three])
    row = dict(zip((title for title, _ in shown.header), shown.rows[0], strict=True))
    assert (row["PSNR dB mean"], row["PSNR dB worst"]) == ("25.00", "20.00")
    assert (row["Ripple mean"], row["Ripple worst"]) == ("2.00", "3.00")
    assert row["Checkerboard"] == "found in 1, unknown in 1 of 3"


def test_what_is_unknown_is_not_none() -> None:
    """Where nothing was found in some pictures and others could not be measured, it is said."""
    clean, unknown = scores("a"), scores("a", verdict="")
    assert verdict([clean, clean]) == "none"
    assert verdict([clean, unknown, unknown]) == "unknown in 2 of 3"
    found = scores("a", verdict="checkerboard")
    assert verdict([found, clean, found]) == "found in 2 of 3"
    assert verdict([found, unknown, unknown, clean]) == "found in 1, unknown in 2 of 4"
    assert verdict([unknown]) == "unknown"


def test_an_equal_picture_is_best() -> None:
    """An infinite PSNR is a value, and the best."""
    shown = table([[scores("a", inf), scores("b", 60.0)]])
    assert (shown.rows[0][2], shown.best) == ("inf", [(0, 2)])


def test_an_equal_picture_among_many_is_the_best_of_them() -> None:
    """An infinite PSNR counts as 100 dB in a mean, and such a picture is not the worst."""
    pictures = [[scores("a", inf), scores("b", 40.0)], [scores("a", 20.0), scores("b", 30.0)]]
    shown = table(pictures)
    assert [row[2:4] for row in shown.rows] == [("60.00", "20.00"), ("35.00", "30.00")]
    equal, fair, poor = (
        Comparison(None, (), [scores("a", psnr)], (), np.zeros((1, 1)))
        for psnr in (inf, 40.0, 20.0)
    )
    assert badness(equal) < badness(fair) < badness(poor)


def test_figures_are_valid_json() -> None:
    """What is unknown or infinite is null."""
    line = json.loads(in_json(figures(scores("a", inf))))
    assert (line["method"], line["psnr"], line["ssim"]) == ("a", None, None)
    assert np.isclose(line["noise_gain"], 4 / 9)
