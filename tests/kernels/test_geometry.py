from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import kernels, random_planes, seeds

from upsample_cli.errors import SettingError
from upsample_cli.kernels.convolve import conv2d, conv_transpose2d
from upsample_cli.kernels.geometry import Geometry, conv_matrix
from upsample_cli.kernels.kernel import Kernel

small = st.integers(1, 7)


@given(small, small, small, small, st.integers(0, 3), st.integers(0, 6))
def test_sizes_are_inverse(n: int, k: int, s: int, d: int, p: int, added: int) -> None:
    """The convolution takes the transposed convolution's output size back to its input size."""
    if added >= s or (n - 1) * s - 2 * p + d * (k - 1) + added < 0:
        return
    geometry = Geometry((s, s), (p, p), (added, added), (d, d))
    assert geometry.convolved_size(geometry.transposed_size((n, n), (k, k)), (k, k)) == (n, n)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"stride": 0}, "stride 0 is out of range; give 1 or more"),
        ({"stride": 1.5}, "stride 1.5 is not a whole number; give an int or a pair"),
        ({"stride": (1, 2, 3)}, r"stride \(1, 2, 3\) has 3 numbers; give an int or a pair"),
        ({"padding": (0, -1)}, r"padding \(0, -1\) is out of range; give 0 or more"),
        ({"dilation": 0}, "dilation 0 is out of range"),
        ({"groups": 0}, "groups 0 is out of range"),
        ({"output_padding": 1}, r"output_padding \(1, 1\) is too large for stride \(1, 1\)"),
        ({"output_padding": (1, 2), "stride": 2}, r"output_padding \(1, 2\) is too large"),
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


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))


@given(kernels(most=4), sizes, pairs, st.tuples(st.integers(0, 3), st.integers(0, 3)), pairs, seeds)
def test_products_are_the_direct_algorithms(
    kernel: Kernel, size: Any, stride: Any, padding: Any, dilation: Any, seed: int
) -> None:
    """The matrix convolves and its transpose convolves transposed, whatever the numbers."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    try:
        matrix = conv_matrix(kernel, size, **settings)
    except SettingError:
        return
    x, weight = random_planes(1, *size, seed), kernel.taps[None, None]
    forward = conv2d(x, weight, **settings)
    np.testing.assert_allclose(matrix @ x.ravel(), forward.ravel(), atol=1e-12)
    # What of the input lies beyond the last full step is touched by no output.
    added = tuple(
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, p, d, k, s in zip(size, padding, dilation, kernel.taps.shape, stride, strict=True)
    )
    y = np.random.default_rng(seed).uniform(-1, 1, forward.shape)
    back = conv_transpose2d(y, weight, output_padding=added, **settings)
    np.testing.assert_allclose(matrix.T @ y.ravel(), back.ravel(), atol=1e-12)


@given(kernels(most=4), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2))
def test_it_is_the_dense_matrix(kernel: Kernel, n: int, s: int, p: int) -> None:
    """Every cell is that of the definition's dense matrix."""
    tall, wide = kernel.taps.shape
    size = (n + tall, n + wide)
    matrix = conv_matrix(kernel.taps, size, s, p)
    low = tuple((length + 2 * p - k) // s + 1 for length, k in zip(size, (tall, wide), strict=True))
    expected = reference.convolution_matrix(kernel.taps, s, (p, p), low, size)
    np.testing.assert_array_equal(matrix.toarray(), expected)
    assert matrix.has_canonical_format


def test_3x3_on_4x4() -> None:
    """The classic case, number by number, in whole numbers."""
    matrix = conv_matrix(np.arange(1, 10).reshape(3, 3), (4, 4))
    assert matrix.format == "csr"
    assert matrix.dtype == np.arange(1).dtype
    expected = [
        [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0],
        [0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0],
        [0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9],
    ]
    np.testing.assert_array_equal(matrix.toarray(), expected)


def test_a_picture_of_half_a_megapixel() -> None:
    """The matrix of a large plane holds a tap for every pair that meets, and nothing else."""
    taps = np.ones((3, 3), np.float32)
    matrix = conv_matrix(taps, (512, 1024), 2, 1)
    assert matrix.shape == (256 * 512, 512 * 1024)
    assert matrix.nnz == (3 * 256 - 1) * (3 * 512 - 1)
    assert matrix.dtype == np.float32
    x = random_planes(1, 512, 1024, 0)
    expected = conv2d(x, np.ones((1, 1, 3, 3)), stride=2, padding=1)
    np.testing.assert_allclose(matrix @ x.ravel(), expected.ravel(), atol=1e-5)


@pytest.mark.parametrize(
    ("taps", "size", "settings", "fault"),
    [
        (np.ones(3), (4, 4), {}, r"kernel is float64 \(3,\); give numbers of shape \(kH, kW\)"),
        (np.ones((0, 3)), (4, 4), {}, "kernel is"),
        (np.array([["a"]]), (4, 4), {}, "kernel is <U1"),
        (np.ones((3, 3)), (4,), {}, r"input_shape \(4,\) is not the shape of a plane; give"),
        (np.ones((3, 3)), (0, 4), {}, "is not the shape of a plane"),
        (np.ones((3, 3)), (2, 4), {}, "are larger than the input"),
        (np.ones((3, 3)), (4, 4), {"stride": 0}, "stride 0 is out of range"),
    ],
)
def test_what_has_no_matrix_is_refused(taps: Any, size: Any, settings: Any, fault: str) -> None:
    """Taps, sizes and numbers that cannot be are refused with a remedy."""
    with pytest.raises(SettingError, match=fault):
        conv_matrix(taps, size, **settings)
    half = conv_matrix(np.ones((2, 2), np.float16), (3, 3))
    assert half.dtype == np.float32
