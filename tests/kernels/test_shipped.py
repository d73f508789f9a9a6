"""The kernels that come with the package."""

import numpy as np
import pytest

from upsample_cli.kernels import kernel_file


@pytest.mark.parametrize("stride", kernel_file.SHIPPED_STRIDES)
@pytest.mark.parametrize("method", ["tconv", "resize-conv"])
@pytest.mark.parametrize("name", ["learned", "learned-sharp", "learned-soft"])
def test_shipped_kernels_keep_flat_and_ramps(method: str, name: str, stride: int) -> None:
    """Every kernel that comes along is centred and balanced to the last digits."""
    file = kernel_file.shipped(method, name, stride)
    whole = kernel_file.load(
        kernel_file.shipped_path(method, name, stride), method, stride, file.resize
    )
    np.testing.assert_array_equal(file.taps, whole.taps)
    assert (file.method, file.stride, file.resize) == (method, stride, whole.resize)
    kernel = file.kernel(name)
    assert kernel.stride == stride
    assert kernel.shift == (0.0, 0.0)
    np.testing.assert_allclose(kernel.phase_sums, 1.0, atol=1e-9)


@pytest.mark.parametrize("stride", kernel_file.SHIPPED_STRIDES)
def test_shipped_kernels_are_exact_on_ramps(stride: int) -> None:
    """A ramp stays a ramp, at half-pixel centres, under a learned transposed convolution."""
    kernel = kernel_file.shipped("tconv", "learned", stride).kernel("learned")
    ramp = np.zeros(40 * stride)
    ramp[::stride] = np.arange(40)
    ramp = np.convolve(ramp, kernel.taps.sum(axis=1) / stride)
    inner = np.arange(14 * stride, 26 * stride)
    made = ramp[inner + kernel.padding[0]]
    np.testing.assert_allclose(made, (inner + 0.5) / stride - 0.5, atol=1e-6)
