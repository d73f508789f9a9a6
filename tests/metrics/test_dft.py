import numpy as np
import pytest

from upsample_cli.metrics import dft


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (4, 5), (16, 16)])
def test_lines_are_those_of_the_fast_transform(stride: tuple[int, int]) -> None:
    """The product with the matrix gives what NumPy's transform gives, over the number of phases."""
    phases = np.random.default_rng(0).normal(0, 9, (7, *stride))
    expected = np.fft.fft2(phases) / (stride[0] * stride[1])
    np.testing.assert_allclose(dft.lines(phases), expected, atol=1e-12)
