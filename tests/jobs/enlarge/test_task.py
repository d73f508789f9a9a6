import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import SettingError
from upsample_cli.jobs.enlarge.render import stride
from upsample_cli.jobs.enlarge.task import TargetSize


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("30x20", (20, 30)),
        ("30x", (15, 30)),
        ("x15", (15, 30)),
        ("21x", (11, 21)),  # 10.5, rounded up
        ("20x10", (10, 20)),
        ("20x640", (640, 20)),
    ],
)
def test_sizes_keep_the_shape_where_a_side_is_left_out(
    size: str, expected: tuple[int, int]
) -> None:
    """WxH is exact; with one side the other follows, halves rounded up."""
    assert TargetSize.parsed(size).size((10, 20)) == expected


@pytest.mark.parametrize("size", ["", "x", "30", "0x20", "-3x4", "3.5x4", "ax4", "3X4", "3x4x5"])
def test_what_is_no_size_is_refused(size: str) -> None:
    """Only WxH, Wx and xH of whole numbers above 0 are sizes."""
    with pytest.raises(SettingError, match=f"--size {size} is no size; give WIDTHxHEIGHT"):
        TargetSize.parsed(size)


@pytest.mark.parametrize("size", ["19x10", "20x9", "19x", "x9", "1x1"])
def test_smaller_sizes_are_refused(size: str) -> None:
    """This tool enlarges: neither side may shrink."""
    with pytest.raises(SettingError, match="smaller than the input, 20x10; this tool enlarges"):
        TargetSize.parsed(size).size((10, 20))


@pytest.mark.parametrize("size", ["1281x10", "20x641", "99999x"])
def test_sizes_over_the_limit_are_refused(size: str) -> None:
    """64 times the input is the most."""
    with pytest.raises(SettingError, match="is over 64 times the input, 20x10; give a smaller"):
        TargetSize.parsed(size).size((10, 20))


@pytest.mark.parametrize("scale", [0.0, 0.999, -2.0, 64.1, float("nan"), float("inf")])
def test_scales_out_of_range_are_refused(scale: float) -> None:
    """Only 1 to 64 are scales."""
    with pytest.raises(SettingError, match=r"--scale .*; give 1 to 64"):
        TargetSize(scale=scale)


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(1, 64))
def test_scaled_sizes_are_rounded_half_up(height: int, width: int, scale: float) -> None:
    """Each side is the scale times the input, to the nearest pixel, halves up."""
    tall, wide = TargetSize(scale=scale).size((height, width))
    assert tall - 0.5 <= height * scale < tall + 0.5
    assert wide - 0.5 <= width * scale < wide + 0.5


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((10, 10), (20, 30), (2, 3)),
        ((10, 10), (15, 10), (3, 1)),
        ((100, 100), (233, 270), (1, 1)),  # periods of 233 and 27 are too long to look for
        ((100, 100), (160, 170), (8, 1)),
        ((7, 7), (112, 112), (16, 16)),
    ],
)
def test_stride_is_the_period_of_the_scale(
    before: tuple[int, int], after: tuple[int, int], expected: tuple[int, int]
) -> None:
    """A scale of p / q has the period p; over 16 counts as none."""
    assert stride(before, after) == expected
