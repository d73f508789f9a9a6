import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import planes

from upsample_cli.errors import SettingError
from upsample_cli.jobs.api import upsample
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, shipped
from upsample_cli.kernels.named import smoothing
from upsample_cli.methods.catalogue import build
from upsample_cli.metrics.ripple import ripple


@pytest.mark.parametrize("kernel", ["box", "gaussian", "sharpen"])
@settings(max_examples=40)
@given(planes(), st.integers(1, 4), st.sampled_from([None, 1, 3, 5]))
def test_resize_conv_is_kron_then_convolve(
    kernel: str, x: np.ndarray, scale: int, size: int | None
) -> None:
    """The method is the picture repeated in squares, then convolved on the output grid."""
    taps = smoothing(kernel, scale, size).taps
    expected = [reference.resize_convolution(plane, taps, scale) for plane in x]
    actual = upsample(x, "resize-conv", kernel=kernel, kernel_size=size, scale=float(scale))
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_learned_resize_conv_is_kron_then_convolve(stride: int, rng: np.random.Generator) -> None:
    """The shipped kernels, too, are applied on the output grid."""
    taps = shipped("resize-conv", "learned", stride).taps
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    x = rng.random((1, 12, 9))
    expected = reference.resize_convolution(x[0], taps, stride)
    actual = upsample(x, "resize-conv", kernel="learned", scale=float(stride))[0]
    np.testing.assert_allclose(actual, expected, atol=1e-9)


@settings(max_examples=40)
@given(planes(), st.integers(1, 4))
def test_bilinear_resize_is_bilinear_then_convolve(x: np.ndarray, scale: int) -> None:
    """With --resize bilinear the convolution follows a bilinear interpolation."""
    import scipy

    taps = smoothing("sharpen", scale, 3).taps
    smooth = upsample(x, "bilinear", scale=float(scale))
    expected = [scipy.ndimage.convolve(plane, taps, mode="reflect") for plane in smooth]
    actual = upsample(
        x, "resize-conv", resize="bilinear", kernel="sharpen", kernel_size=3, scale=float(scale)
    )
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@given(st.integers(1, 6), st.sampled_from([1, 3, 5, 7, 9]))
def test_resize_conv_has_no_ripple(scale: int, size: int) -> None:
    """With nearest every phase sum is the same, whatever the taps."""
    kernel = build("resize-conv", kernel="sharpen", kernel_size=size).equivalent(scale)
    assert ripple(kernel.phase_sums) < 1e-12


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kernel": "bux"}, "no kernel 'bux'; did you mean 'box'?"),
        ({"resize": "linear"}, "no resize 'linear'; did you mean 'bilinear'?"),
        ({"kernel": "box", "kernel_size": 4}, "--kernel-size 4 is even"),
        ({"kernel": "learned", "kernel_size": 3}, "--kernel-size is for box, gaussian, sharpen"),
        ({"resize": "bilinear"}, "was learned with --resize nearest, not bilinear; choose"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], fault: str) -> None:
    """A wrong setting is refused when the method is built, before any work."""
    with pytest.raises(SettingError) as caught:
        build("resize-conv", **settings)
    assert fault in str(caught.value)
