import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import SettingError
from upsample_cli.jobs.enlarge.render import pattern_period
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
def test_a_missing_side_follows_the_aspect_ratio(size: str, expected: tuple[int, int]) -> None:
    """WxH is exact; a missing side keeps the aspect ratio, with halves rounded up."""
    assert TargetSize.parsed(size).size((10, 20)) == expected


@pytest.mark.parametrize("size", ["", "x", "30", "0x20", "-3x4", "3.5x4", "ax4", "3x4x5"])
def test_invalid_sizes_are_refused(size: str) -> None:
    """A size is WxH, Wx or xH, of integers above 0."""
    with pytest.raises(SettingError, match=f"invalid --size '{size}'; use WxH"):
        TargetSize.parsed(size)


@pytest.mark.parametrize("size", ["19x10", "20x9", "19x", "x9", "1x1"])
def test_smaller_sizes_are_refused(size: str) -> None:
    """Neither side may be smaller than the input."""
    with pytest.raises(SettingError, match="smaller than the input, 20x10; give a larger one"):
        TargetSize.parsed(size).size((10, 20))


@pytest.mark.parametrize("size", ["1281x10", "20x641", "99999x"])
def test_sizes_over_the_limit_are_refused(size: str) -> None:
    """Each side may be at most 64 times the input."""
    with pytest.raises(SettingError, match="is over 64 times the input, 20x10; give a smaller"):
        TargetSize.parsed(size).size((10, 20))


@pytest.mark.parametrize("scale", [0.0, 0.999, -2.0, 64.1, float("nan"), float("inf")])
def test_scales_out_of_range_are_refused(scale: float) -> None:
    """A scale must be 1 to 64."""
    with pytest.raises(SettingError, match=r"--scale .*; give 1 to 64"):
        TargetSize(scale=scale)


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(1, 64))
def test_scaled_sizes_are_rounded_half_up(height: int, width: int, scale: float) -> None:
    """Each side is the input times the scale, rounded to the nearest pixel, halves up."""
    output_height, output_width = TargetSize(scale=scale).size((height, width))
    assert output_height - 0.5 <= height * scale < output_height + 0.5
    assert output_width - 0.5 <= width * scale < output_width + 0.5


@pytest.mark.parametrize(
    ("target", "size_in", "expected"),
    [
        (TargetSize(scale=2.3), (25, 15), (58, 35)),  # 57.5, as a float 57.49999999999999
        (TargetSize(scale=1.1), (5, 15), (6, 17)),  # 5.5 and 16.5
        (TargetSize(width=1061, height=165, fit="contain"), (134, 67), (165, 83)),  # 82.5
    ],
)
def test_halves_are_rounded_up_despite_float_errors(
    target: TargetSize, size_in: tuple[int, int], expected: tuple[int, int]
) -> None:
    """A half is a half to the user, also where its float is a little less."""
    assert target.size(size_in) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((10, 10), (20, 30), (2, 3)),
        ((10, 10), (15, 10), (3, 1)),
        ((100, 100), (233, 270), (1, 1)),  # the periods 233 and 27 are too long to measure
        ((100, 100), (160, 170), (8, 1)),
        ((7, 7), (112, 112), (16, 16)),
    ],
)
def test_the_period_follows_from_the_scale(
    before: tuple[int, int], after: tuple[int, int], expected: tuple[int, int]
) -> None:
    """A scale of p / q has the period p; a period above 16 is reported as 1."""
    assert pattern_period(before, after) == expected
