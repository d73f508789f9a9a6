import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import SettingError
from upsample_cli.kernels.geometry import Geometry, meeting

small = st.integers(1, 7)


@given(st.integers(-9, 9), small, small, st.integers(0, 5), st.integers(0, 9))
def test_meeting_is_a_search(offset: int, stride: int, length: int, start: int, more: int) -> None:
    """The run that meets is the one that a search over all of the run finds."""
    run = range(start, start + more)
    expected = [i for i in run if 0 <= stride * i + offset < length]
    assert list(meeting(offset, stride, length, run)) == expected


@given(small, small, small, small, st.integers(0, 3), st.integers(0, 6))
def test_sizes_are_inverse(n: int, k: int, s: int, d: int, p: int, added: int) -> None:
    """The convolution takes the transposed convolution's output size back to its input size."""
    if added >= s or (n - 1) * s - 2 * p + d * (k - 1) + added < 0:
        return
    geometry = Geometry((s, s), (p, p), (added, added), (d, d))
    assert geometry.reduced(geometry.enlarged((n, n), (k, k)), (k, k)) == (n, n)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"stride": 0}, "stride 0 is out of range; give 1 or more"),
        ({"stride": 1.5}, "stride 1.5 is no whole number; give an int or a pair"),
        ({"stride": (1, 2, 3)}, r"stride \(1, 2, 3\) has 3 numbers; give an int or a pair"),
        ({"padding": (0, -1)}, r"padding \(0, -1\) is out of range; give 0 or more"),
        ({"dilation": 0}, "dilation 0 is out of range"),
        ({"groups": 0}, "groups 0 is out of range"),
        ({"output_padding": 1}, r"output_padding \(1, 1\) reaches stride \(1, 1\)"),
        ({"output_padding": (1, 2), "stride": 2}, r"output_padding \(1, 2\) reaches"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict, fault: str) -> None:
    """Numbers that no layer has are refused with a remedy; Python callers see a ValueError."""
    plain = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    with pytest.raises(SettingError, match=fault) as caught:
        Geometry.of(**{**plain, **settings})
    assert isinstance(caught.value, ValueError)


def test_one_number_is_both() -> None:
    """A number stands for both axes, as a tuple of one does."""
    assert Geometry.of(2, (1,), 0, [3, 1], 1) == Geometry((2, 2), (1, 1), (0, 0), (3, 1), 1)
