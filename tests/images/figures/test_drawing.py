import numpy as np
import pytest

from upsample_cli.images.figures import drawing


@pytest.mark.parametrize("room", [60, 200, 420, 1000])
@pytest.mark.parametrize("length", [1, 30, 300])
def test_a_long_text_loses_its_middle(room: int, length: int) -> None:
    """As much as fits is left of both ends, and all of what fits."""
    text = f"Checkerboard in {'name' * length}.png, red: stride 2"
    output = drawing.shortened(text, 14, room)
    assert drawing.text_width(output, 14) <= room
    if drawing.text_width(text, 14) <= room:
        assert output == text
    else:
        first, last = output.split("...")
        assert text.startswith(first)
        assert text.endswith(last)
        assert 0 <= len(last) - len(first) <= 1
        more = len(first) + len(last) + 1
        longer = f"{text[: more // 2]}...{text[more // 2 - more :]}"
        assert drawing.text_width(longer, 14) > room


@pytest.mark.parametrize(
    ("length", "labels"),
    [(40, ["0", "1"]), (84, ["0", "0.5", "1"]), (311, ["0", "0.25", "0.5", "0.75", "1"])],
)
def test_a_short_ramp_has_fewer_labels(length: int, labels: list[str]) -> None:
    """Labels that would touch are left out, the ends never."""
    drawn = drawing.labels_that_fit(["0", "0.25", "0.5", "0.75", "1"], length, 14)
    assert list(drawn.values()) == labels
    assert (min(drawn), max(drawn)) == (0, length - 1)


def test_labels_of_a_small_picture_do_not_touch() -> None:
    """Below the ramp there is paper between the labels, also beside a long note."""
    ticks, axis = ["10000", "20000", "30000", "40000", "50000"], drawing.AxisLabels("x", {0: "0"})
    note, pixels = "hatched: unknown, as where pixels are clipped", np.zeros((9, 9, 3), np.uint8)
    sheet = drawing.framed(pixels, (axis, axis), "", ticks, "levels, RMS", note)
    ink = (np.asarray(sheet.convert("L"))[-24:-8, :120] < 200).any(axis=0)
    gaps = [len(run) for run in "".join(" #"[int(x)] for x in ink).strip().split("#") if run]
    assert max(gaps) >= 4
