import pickle

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import Floats, kernels, planes

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.named import KERNELS, smoothing, uniform
from upsample_cli.kernels.stages import Polyphase, Separable


def enlarged(kernel: Kernel, x: Floats, mode: str = "constant") -> Floats:
    size = x.shape[1] * kernel.stride, x.shape[2] * kernel.stride
    return reference.apply_stage(kernel.stage(), x, size, mode)


def by(oracle: object, kernel: Kernel, plane: Floats) -> Floats:
    size = tuple(n * kernel.stride for n in plane.shape)
    return oracle(plane, kernel.taps, kernel.stride, kernel.padding, size)


@given(kernels(), planes())
def test_stage_is_scatter_add(kernel: Kernel, x: Floats) -> None:
    """A stage is the transposed convolution's definition for any taps, stride and size."""
    expected = [by(reference.transposed_convolution, kernel, plane) for plane in x]
    np.testing.assert_allclose(enlarged(kernel, x), expected, atol=1e-12)


@given(kernels(most=6), planes(most=6))
def test_stage_is_zero_insertion(kernel: Kernel, x: Floats) -> None:
    """A stage is zeros between the pixels, then a convolution."""
    expected = [by(reference.convolution_of_zero_inserted, kernel, plane) for plane in x]
    np.testing.assert_allclose(enlarged(kernel, x), expected, atol=1e-12)


@given(kernels(most=6), planes(most=6))
def test_stage_is_the_transpose_of_the_convolution_matrix(kernel: Kernel, x: Floats) -> None:
    """A stage is the strided convolution's dense matrix, transposed."""
    low, s = x.shape[1:], kernel.stride
    high = low[0] * s, low[1] * s
    matrix = reference.convolution_matrix(kernel.taps, s, kernel.padding, low, high)
    expected = [(matrix.T @ plane.ravel()).reshape(high) for plane in x]
    np.testing.assert_allclose(enlarged(kernel, x), expected, atol=1e-12)


@given(kernels(most=6), planes(most=6), st.integers(0, 99))
def test_stage_is_the_adjoint(kernel: Kernel, x: Floats, seed: int) -> None:
    """<conv(y), x> equals <y, transposed_convolution_band(x)>."""
    low, s = x.shape[1:], kernel.stride
    high = low[0] * s, low[1] * s
    y = np.random.default_rng(seed).uniform(-1, 1, high)
    matrix = reference.convolution_matrix(kernel.taps, s, kernel.padding, low, high)
    forward = (matrix @ y.ravel()) @ x[0].ravel()
    np.testing.assert_allclose(y.ravel() @ enlarged(kernel, x)[0].ravel(), forward, atol=1e-11)


def test_matrix_of_a_3x3_kernel_on_4x4_is_4x16() -> None:
    """A 3x3 kernel on a 4x4 image is a 4x16 matrix, and its transpose takes 2x2 to 4x4."""
    taps = np.arange(1.0, 10.0).reshape(3, 3)
    matrix = reference.convolution_matrix(taps, 1, (0, 0), (2, 2), (4, 4))
    assert matrix.shape == (4, 16)
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    expected = reference.transposed_convolution(x, taps, 1, (0, 0), (4, 4))
    np.testing.assert_array_equal((matrix.T @ x.ravel()).reshape(4, 4), expected)


@given(kernels(separable=True), planes())
def test_polyphase_equals_separable(kernel: Kernel, x: Floats) -> None:
    """Both kinds of stage make the same of a separable kernel."""
    stage = Polyphase(kernel.taps, kernel.stride, kernel.padding)
    size = x.shape[1] * kernel.stride, x.shape[2] * kernel.stride
    expected = reference.apply_stage(stage, x, size)
    np.testing.assert_allclose(enlarged(kernel, x, "symmetric"), expected, atol=1e-12)


@pytest.mark.parametrize(
    "taps",
    [
        np.outer([1, 2, 1], [1, 0, -1]),
        np.outer([1, 0, -1], [1, 2, 1]),
        np.outer([1, -1], [1, -1]),
        np.outer([-2, 2, 1], [1, 1, -2]),
    ],
    ids=["across", "down", "both", "uneven"],
)
def test_kernels_that_sum_to_zero_along_an_axis_are_applied(taps: Floats) -> None:
    """An edge detector is a separable kernel like any other."""
    kernel = Kernel("edges", taps.astype(float), 2)
    assert isinstance(kernel.stage(), Separable)
    x = np.random.default_rng(0).random((1, 5, 6))
    expected = by(reference.transposed_convolution, kernel, x[0])
    np.testing.assert_allclose(enlarged(kernel, x)[0], expected, atol=1e-12)


def test_only_products_are_separable() -> None:
    """A kernel that is no outer product goes the polyphase way."""
    assert isinstance(Kernel("random", np.array([[1.0, 2.0], [3.0, 4.0]]), 2).stage(), Polyphase)
    assert isinstance(Kernel("product", np.array([[1.0, 2.0], [2.0, 4.0]]), 2).stage(), Separable)


@given(kernels(most=4), kernels(most=4), planes(least=2, most=5))
def test_then_is_one_after_the_other(first: Kernel, later: Kernel, x: Floats) -> None:
    """The joined kernel spreads a pixel as both kernels do one after the other."""
    joined = first.then(later)
    between = (len(x[0]) - 1) * first.stride + len(first.taps)
    across = (x.shape[2] - 1) * first.stride + first.taps.shape[1]
    step = reference.transposed_convolution(
        x[0], first.taps, first.stride, (0, 0), (between, across)
    )
    tall = (between - 1) * later.stride + len(later.taps)
    wide = (across - 1) * later.stride + later.taps.shape[1]
    expected = reference.transposed_convolution(
        step, later.taps, later.stride, (0, 0), (tall, wide)
    )
    actual = reference.transposed_convolution(
        x[0], joined.taps, joined.stride, (0, 0), (tall, wide)
    )
    assert joined.stride == first.stride * later.stride
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@given(kernels(most=4), kernels(most=4))
def test_then_adds_the_shifts(first: Kernel, later: Kernel) -> None:
    """The joined kernel moves a picture as both kernels do one after the other."""
    moved = [
        shift * later.stride + more for shift, more in zip(first.shift, later.shift, strict=True)
    ]
    assert list(first.then(later).shift) == moved


@given(kernels(), st.integers(3, 6))
def test_phase_sums_are_what_a_flat_picture_becomes(kernel: Kernel, n: int) -> None:
    """On a flat picture each output phase is its phase sum."""
    actual = enlarged(kernel, np.ones((1, n, n)), "symmetric")
    expected = np.tile(kernel.phase_sums, (n, n))[None]
    np.testing.assert_allclose(actual, expected, atol=1e-11)


@given(kernels())
def test_shift_is_half_a_pixel_where_size_minus_stride_is_odd(kernel: Kernel) -> None:
    """A kernel is centred exactly where its size minus the stride is even; else it is half off."""
    expected = tuple(-0.5 if (k - kernel.stride) % 2 else 0.0 for k in kernel.taps.shape)
    assert kernel.shift == expected


def test_shift_moves_the_centre_of_mass() -> None:
    """The classic 3x3 kernel with stride 2 moves a point by -0.5 output pixels down and right."""
    kernel = uniform(2, 3)
    x = np.zeros((1, 5, 5))
    x[0, 2, 2] = 1.0
    actual = enlarged(kernel, x)[0]
    centre = (
        np.array([(actual.sum(axis=1 - axis) @ np.arange(10)) for axis in (0, 1)]) / actual.sum()
    )
    # Half-pixel centres: input pixel 2 of 5 is at 4.5 of 10.
    np.testing.assert_allclose(centre - 4.5, kernel.shift)
    assert kernel.shift == (-0.5, -0.5)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", [name for name in KERNELS if name != "random"])
def test_fixed_kernels_are_centred_and_symmetric(name: str, stride: int) -> None:
    """Every fixed kernel is centred and its own mirror image, at every stride."""
    kernel = KERNELS[name](stride)
    assert kernel.shift == (0.0, 0.0)
    np.testing.assert_allclose(kernel.taps, kernel.taps[::-1, ::-1], atol=1e-15)
    np.testing.assert_allclose(kernel.taps, kernel.taps.T, atol=1e-15)
    np.testing.assert_allclose(kernel.phase_sums.mean(), 1.0)


@pytest.mark.parametrize("name", ["box", "gaussian", "sharpen"])
def test_smoothing_keeps_brightness(name: str) -> None:
    """The convolutions after an upsampling sum to 1."""
    np.testing.assert_allclose(smoothing(name, 3).taps.sum(), 1.0)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_smoothing_is_of_the_odd_size_above_the_stride(stride: int) -> None:
    """By default the taps lie over the pixels of one cell, those of the gaussian over two."""
    for name, cells in (("box", stride), ("sharpen", stride), ("gaussian", 2 * stride)):
        size = next(k for k in (cells + 1, cells + 2) if k % 2)
        assert smoothing(name, stride).taps.shape == (size, size)


@pytest.mark.parametrize(
    ("taps", "stride"),
    [
        (np.ones(3), 2),
        (np.ones((0, 3)), 2),
        (np.ones((2, 2, 2)), 2),
        (np.array([[1.0, np.nan]]), 2),
        (np.array([[np.inf]]), 2),
        (np.ones((2, 2)), 0),
    ],
)
def test_what_is_no_kernel_is_refused(taps: Floats, stride: int) -> None:
    """Taps that are no finite matrix, or a stride below 1, are refused with a remedy."""
    with pytest.raises(SettingError, match=r"'odd'.*; give"):
        Kernel("odd", taps, stride)


def test_a_kernel_cannot_be_changed() -> None:
    """A kernel is a frozen value, and pickles."""
    kernel = uniform(2)
    with pytest.raises(AttributeError):
        kernel.stride = 3
    assert (kernel.stride, pickle.loads(pickle.dumps(kernel)).stride) == (2, 2)
