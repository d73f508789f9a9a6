import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused

from upsample_cli.kernels.convolve import conv_transpose2d

Call = Callable[..., Outcome]

CLASSIC = """\
matrix 4x16, a row for each pixel of the result

   0        4        8        12
0  a b c .  d e f .  g h i .  . . . .
1  . a b c  . d e f  . g h i  . . . .

2  . . . .  a b c .  d e f .  g h i .
3  . . . .  . a b c  . d e f  . g h i

transpose 16x4, takes 2x2 to 4x4: the transposed convolution
"""
OVERLAP = """\
outputs that each input touches   inputs that each output gets
9 9                               1 2 2 1
9 9                               2 4 4 2
                                  2 4 4 2
                                  1 2 2 1
"""


def test_the_default_matrix_is_printed(call: Call) -> None:
    """Without options the command prints and verifies the 4x16 matrix of a 3x3 kernel on 4x4."""
    outcome = call("matrix")
    assert (outcome.code, outcome.err) == (0, "")
    text = outcome.out.decode()
    assert CLASSIC in text
    assert OVERLAP in text
    assert text.endswith(
        "The matrix gives the same as the direct algorithm: yes (largest difference 0).\n"
    )
    assert max(map(len, text.splitlines())) <= 110


def test_the_whole_transpose_is_printed(call: Call) -> None:
    """Every row of the transpose is printed, with dots for zeros."""
    text = call("matrix", "--small", "1x2", "-k", "2x1", "--stride", 2).out.decode()
    assert "transpose 6x2" in text
    expected = ["   0", "0  a .", "1  . .", "2  . a", "", "3  b .", "4  . .", "5  . b"]
    lines = text.split("transposed convolution\n\n")[1].splitlines()
    assert lines[: len(expected)] == expected


def test_json_contains_the_matrix_and_the_counts(call: Call) -> None:
    """The matrix's transpose computes what the layer computes, and the counts agree."""
    outcome = call("matrix", "--stride", 2, "--padding", 1, "--small", "3x2", "--json")
    result = json.loads(outcome.out)
    taps, small = np.array(result["taps"]), np.arange(6.0).reshape(3, 2)
    enlarged = np.array(result["matrix"]).T @ small.ravel()
    expected = conv_transpose2d(small[None], taps[None, None], stride=2, padding=1)
    np.testing.assert_array_equal(enlarged.reshape(result["input"]), expected[0])
    assert result["even"] is False
    assert result["verified"] is True
    assert result["ripple"] == pytest.approx(0.4843, abs=5e-5)
    assert np.sum(result["gets"]) == np.sum(result["touches"])


def test_the_figure_is_written_as_a_png(call: Call, folder: Path) -> None:
    """-o draws a PNG 1600 pixels wide and replaces it only with --force."""
    outcome = call("matrix", "-o", "M.PNG")
    assert outcome.code == 0
    assert CLASSIC.encode() in outcome.out
    with PIL.Image.open(folder / "M.PNG") as picture:
        assert (picture.format, picture.width) == ("PNG", 1600)
    check_refused(call("matrix", "-o", "M.PNG"), 1, "M.PNG exists; pass --force")
    assert call("matrix", "-o", "M.PNG", "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["-o", "m.jpg"], "m.jpg is not a .png file; name a .png file"),
        (["--input", "99x99"], "99x99 is 9801 pixels, more than the 64"),
        (["--input", "four"], "invalid --input 'four'"),
        (["--kernel", "learned"], "no kernel 'learned' to show; choose uniform"),
        (["--stride", "0"], "--stride 0 is out of range"),
    ],
)
def test_wrong_matrix_arguments_are_refused(call: Call, arguments: list[str], fault: str) -> None:
    """A wrong argument is reported in one line, with exit code 2."""
    check_refused(call("matrix", *arguments), 2, fault)


def test_a_failed_matrix_prints_json(call: Call, folder: Path) -> None:
    """With --json a matrix that cannot be shown or drawn is a line of JSON too."""
    (folder / "m.png").touch()
    for arguments, code in ((("-k", "gone.npy"), 2), (("-o", "m.png"), 1)):
        outcome = call("matrix", *arguments, "--json")
        result = json.loads(outcome.out)
        assert (outcome.code, outcome.err) == (code, f"Error: {result.pop('error')}\n")
        assert result == {"status": "failed"}
