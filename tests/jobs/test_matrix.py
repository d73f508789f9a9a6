from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import SettingError
from upsample_cli.jobs.matrix import LETTERS, small_convolution
from upsample_cli.kernels.geometry import conv_matrix
from upsample_cli.kernels.kernel_file import KernelFile


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))
def test_counts_are_those_of_the_pairs(tall: int, wide: int, stride: int, padding: int) -> None:
    """Touches and gets count the pairs of pixels that a tap joins."""
    try:
        actual = small_convolution(f"{tall}x{wide}", input="5x6", stride=stride, padding=padding)
    except SettingError:
        return
    matrix = conv_matrix(np.ones((tall, wide)), (5, 6), stride, padding).toarray()
    np.testing.assert_array_equal(actual.touches.ravel(), matrix.sum(axis=1))
    np.testing.assert_array_equal(actual.gets.ravel(), matrix.sum(axis=0))
    assert actual.verified
    assert actual.difference == 0.0


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_the_overlap_is_even_where_the_stride_divides_the_taps(k: int, s: int, d: int) -> None:
    """Far from edges the counts repeat as the phases say; without dilation, k decides alone."""
    n = 4 * s + d * (k - 1) + 1
    if n > 8:
        return
    actual = small_convolution(str(k), input=f"{n}x{n}", stride=s, dilation=d)
    line = np.bincount(d * np.arange(k) % s, minlength=s)
    np.testing.assert_array_equal(actual.phases, np.outer(line, line))
    if d == 1:
        assert actual.even == (k % s == 0)
    assert ("checkerboard" in actual.overlap) == (not actual.even)
    assert (actual.ripple == 0.0) == actual.even


def test_a_flat_image_shows_the_phases() -> None:
    """In the middle of a large enough result the counts are those of the phases."""
    actual = small_convolution("3", small="3x3", stride=2)
    np.testing.assert_array_equal(actual.gets[2:4, 2:4], actual.phases)
    assert actual.large == (7, 7)
    assert actual.ripple == pytest.approx(0.4843, abs=5e-5)
    assert actual.overlap.startswith(
        "Inside a large image outputs get 1, 2 or 4 inputs in turn, because the kernel size 3x3"
    )


def test_named_kernels_bring_their_taps(tmp_path: Any) -> None:
    """A fixed kernel's and a file's ripple is their own; the matrix holds their taps."""
    actual = small_convolution("uniform", kernel_size=3, input="5x5", stride=2)
    np.testing.assert_allclose(actual.matrix[actual.cells > 0], 4 / 9)
    np.save(tmp_path / "k.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    actual = small_convolution(str(tmp_path / "k.npy"), input="4x4", stride=2)
    assert actual.kernel == "k.npy"
    assert actual.even
    assert actual.ripple == pytest.approx(np.std([1, 2, 3, 4]) / 2.5)
    np.testing.assert_array_equal(actual.matrix[0, [0, 1, 4, 5]], [1, 2, 3, 4])


def test_a_file_of_resize_conv_is_shown_as_what_it_equals(tmp_path: Any) -> None:
    """A 3x3 convolution after a nearest enlargement by 2 is a transposed one of 4x4."""
    file = KernelFile("resize-conv", 2, np.full(3, 1 / 3), "nearest")
    (tmp_path / "k.npz").write_bytes(file.to_bytes())
    actual = small_convolution(str(tmp_path / "k.npz"))
    assert (actual.taps.shape, actual.stride) == ((4, 4), 2)
    np.testing.assert_allclose(actual.taps, file.kernel("k").taps)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kernel": "unifrom"}, "no kernel 'unifrom' to show; did you mean 'uniform'"),
        ({"kernel": "8"}, f"kernel 8 has 64 taps, more than the {len(LETTERS)} that have"),
        ({"kernel": "3", "kernel_size": 5}, "--kernel-size is for .*, not 3; give --kernel 5"),
        ({"kernel": "k.npy", "kernel_size": 3}, "--kernel-size is for .*, not k.npy; leave it out"),
        ({"kernel": "bicubic", "kernel_size": 3}, "--kernel-size is for uniform"),
        ({"kernel": "gone.npz"}, "no kernel file gone.npz; check the path"),
        ({"small": "9x9"}, "9x9 is 81 pixels, .* give a smaller --small, or"),
        ({"stride": 20}, "23x23 is 529 pixels, .* give a smaller --small, --stride or --dilation"),
        ({"padding": 5}, "12x12 is 144 pixels, .* give a smaller --padding, or"),
        (
            {"input": "9x9"},
            "9x9 is 81 pixels, more than the 64 that can be shown; give a smaller --i",
        ),
        ({"small": "5x5", "stride": 2}, "11x11 is 121 pixels"),
        ({"input": "4", "stride": 2}, "invalid --input '4'; use HEIGHTxWIDTH, such as 4x4"),
        ({"small": "0x4"}, "invalid --small '0x4'"),
        (
            {"input": "4x4", "small": "2x2"},
            "--input and --small cannot be used together; leave one out",
        ),
        ({"input": "2x2"}, "are larger than the input"),
    ],
)
def test_what_cannot_be_shown_is_told(settings: dict[str, Any], fault: str) -> None:
    """Kernels and sizes that are none, or too large to be seen, are refused with a remedy."""
    with pytest.raises(SettingError, match=fault):
        small_convolution(**settings)
