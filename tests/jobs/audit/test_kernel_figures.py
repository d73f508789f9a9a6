import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import Floats, kernels, seeds

from upsample_cli.jobs.audit.kernel_figures import KernelFigures, figures
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, shipped
from upsample_cli.kernels.named import KERNELS, uniform


def of(kernel: Kernel) -> KernelFigures:
    return figures(kernel.taps, (kernel.stride, kernel.stride))


def middle(kernel: Kernel, plane: Floats) -> tuple[Floats, int]:
    """Return one period out of the middle of a transposed convolution, and where it begins."""
    s = kernel.stride
    size = (len(plane) * s,) * 2
    out = reference.transposed_convolution(plane, kernel.taps, s, kernel.padding, size)
    first = len(plane) // 2 * s
    return out[first : first + s, first : first + s], first


@given(kernels())
def test_figures_are_those_of_a_flat_picture(kernel: Kernel) -> None:
    """Phase sums, ripple, peak-to-peak and lines are what brute force makes of white."""
    flat, _ = middle(kernel, np.ones((24, 24)))
    found, mean = of(kernel), abs(flat.mean())
    np.testing.assert_allclose(found.phase_sums, flat, atol=1e-12)
    if mean < 1e-3:
        return  # relative to nothing
    assert found.gain == pytest.approx(flat.mean(), abs=1e-12)
    np.testing.assert_allclose(found.ripple, flat.std() / mean, atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(found.peak_to_peak, np.ptp(flat) / mean, atol=1e-12, rtol=1e-12)
    spectrum = np.abs(np.fft.fft2(flat)) / flat.size / mean
    np.testing.assert_allclose(found.lines, spectrum, atol=1e-12, rtol=1e-12)
    power = np.square(found.lines).sum() - 1
    np.testing.assert_allclose(power, found.ripple**2, atol=1e-9, rtol=1e-9)


@given(seeds, st.integers(1, 4), st.integers(1, 3))
def test_figures_are_those_of_ramps(seed: int, stride: int, cells: int) -> None:
    """Ramp error and shift are what brute force makes of ramps along both axes."""
    size = stride * cells
    taps = np.random.default_rng(seed).uniform(0.1, 1, (size, size))
    sums = taps.reshape(cells, stride, cells, stride).sum(axis=(0, 2))
    kernel = Kernel("drawn", taps / np.tile(sums, (cells, cells)), stride)
    found, squares = of(kernel), 0.0
    for axis in (0, 1):
        ramp = np.indices((16, 16))[axis].astype(float)
        out, first = middle(kernel, ramp)
        place = first + np.indices((stride, stride))[axis]
        error = stride * out - (place + 0.5 - stride / 2)
        assert found.shift is not None
        assert found.shift[axis] == pytest.approx(-error.mean(), abs=1e-11)
        squares += error.var()
    assert found.ramp_error == pytest.approx(np.sqrt(squares), abs=1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "ripple", "peak"),
    [
        (3, 2, 0.4843, 1.333), (5, 2, 0.2857, 0.800), (2, 2, 0, 0), (4, 2, 0, 0), (6, 2, 0, 0),
        (4, 3, 0.5154, 1.688), (5, 3, 0.4079, 1.080), (7, 3, 0.2886, 0.918), (8, 3, 0.2519, 0.703),
        (5, 4, 0.5044, 1.920), (6, 4, 0.4843, 1.333), (7, 4, 0.3552, 0.980), (9, 4, 0.2747, 0.988),
    ],
)  # fmt: skip
def test_uniform_kernels_have_the_figures_of_the_table(
    size: int, stride: int, ripple: float, peak: float
) -> None:
    """Ripple and peak-to-peak of the classic kernels, and whether the stride divides them."""
    found = of(uniform(stride, size))
    assert round(found.ripple, 4) == ripple
    assert found.peak_to_peak == pytest.approx(peak, abs=6e-4)
    assert found.levels == 255 * found.ripple
    assert found.divides == (size % stride == 0)
    assert (found.verdict, bool(found.remedy)) == (
        ("checkerboard", True) if ripple else ("none", False)
    )


@pytest.mark.parametrize(
    ("name", "stride", "ramp", "order"),
    [
        ("nearest", 2, 0.5**0.5, 1), ("nearest", 3, (4 / 3) ** 0.5, 1), ("nearest", 4, 2.5**0.5, 1),
        ("bilinear", 2, 0, 3), ("bilinear", 3, 0, 2), ("bilinear", 4, 0, 2),
        ("bicubic", 2, 0, 3), ("bicubic", 3, 0, 3), ("bicubic", 4, 0, 3),
        ("lanczos", 2, 0.056, 1), ("lanczos", 3, 0.056, 1), ("lanczos", 4, 0.082, 1),
    ],
)  # fmt: skip
def test_balanced_kernels_have_the_ramp_errors_of_the_table(
    name: str, stride: int, ramp: float, order: int
) -> None:
    """Nearest makes staircases, linear and cubic do not, Lanczos a little; by closed forms.

    At stride 2 the samples of the linear interpolant are those of the quadratic spline.
    """
    kernel = uniform(stride, stride) if name == "nearest" else KERNELS[name](stride)
    found = of(kernel)
    assert found.ripple == 0.0
    assert found.ramp_error == pytest.approx(ramp, abs=5e-4 if name == "lanczos" else 1e-12)
    assert (found.order, found.shift) == (order, (0.0, 0.0))


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_shipped_kernels_keep_flats_and_ramps(stride: int) -> None:
    """The learned kernels are exact on both, in place."""
    found = of(shipped("tconv", "learned", stride).kernel("learned"))
    assert (found.ripple, found.verdict, found.shift) == (0.0, "none", (0.0, 0.0))
    assert found.ramp_error < 1e-12
    assert found.order is not None
    assert found.order >= 2


def test_a_kernel_that_moves_the_picture_tells_by_how_much() -> None:
    """An even kernel with stride 3 is off by half a pixel; padding moves the picture further."""
    taps = uniform(3, 6).taps
    assert figures(taps, (3, 3)).shift == (-0.5, -0.5)
    assert figures(taps, (3, 3), (0, 1)).shift == (1.5, 0.5)


def test_figures_without_a_meaning_are_left_out() -> None:
    """An uneven kernel has no ramp error, one of sum 0 no shift, stride 1 no order."""
    assert np.isnan(of(uniform(2, 3)).ramp_error)
    edges = figures(np.array([[-1.0, 1.0]]), (1, 2))
    assert (edges.shift, edges.ripple) == (None, float("inf"))
    assert figures(np.ones((3, 3)), (1, 1)).order is None


@pytest.mark.parametrize(
    ("size", "stride", "fault"),
    [
        (3, 2, "kernel 3 is not a multiple of stride 2: use kernel 4"),
        (2, 3, "kernel 2 is smaller than stride 3, so that some outputs get nothing: use kernel 3"),
    ],
)
def test_the_remedy_names_the_fault(size: int, stride: int, fault: str) -> None:
    """Which size would do is said."""
    assert of(uniform(stride, size)).remedy.startswith(fault)


def test_even_overlap_is_not_enough() -> None:
    """Taps whose phases differ are told though the stride divides their number."""
    found = figures(np.diag([1.0, 2.0, 3.0, 5.0]), (2, 2))
    assert found.divides
    assert "the overlap is even, but" in found.remedy


def test_what_rounding_leaves_of_no_gain_is_no_checkerboard(rng: np.random.Generator) -> None:
    """A kernel of edges, every phase of which sums to 0 but for rounding, gives flat pictures."""
    taps = rng.normal(size=(2, 2, 2, 2))
    taps -= taps.mean(axis=(0, 2), keepdims=True)
    for each in (taps, taps.astype(np.float32).astype(np.float64)):
        found = figures(each.reshape(4, 4), (2, 2))
        assert (found.gain, found.ripple, found.verdict) == (0.0, 0.0, "none")
    taps[0, 0, 0, 0] += 1e-3
    assert figures(taps.reshape(4, 4), (2, 2)).verdict == "checkerboard"
