import numpy as np
import pytest

from upsample_cli.errors import SettingError
from upsample_cli.kernels.convolve import conv_transpose2d
from upsample_cli.kernels.shuffle import pixel_shuffle


def test_shuffling_is_its_definition() -> None:
    """Channel c r^2 + i r + j holds phase (i, j) of channel c, for any number of batch axes."""
    x = np.arange(2 * 18 * 4 * 5).reshape(2, 18, 4, 5)
    made = pixel_shuffle(x, 3)
    assert made.shape == (2, 2, 12, 15)
    for n, c, y, z in np.ndindex(made.shape):
        assert made[n, c, y, z] == x[n, c * 9 + y % 3 * 3 + z % 3, y // 3, z // 3]
    np.testing.assert_array_equal(pixel_shuffle(x[0], 3), made[0])
    np.testing.assert_array_equal(pixel_shuffle(x[None], 3), made[None])
    np.testing.assert_array_equal(pixel_shuffle(x, 1), x)


def test_shuffling_is_a_transposed_convolution() -> None:
    """It equals a transposed convolution whose taps are the phases' own."""
    x = np.random.default_rng(0).random((8, 3, 4))
    weight = np.zeros((8, 2, 2, 2))
    for c, i, j in np.ndindex(2, 2, 2):
        weight[c * 4 + i * 2 + j, c, i, j] = 1.0
    np.testing.assert_allclose(pixel_shuffle(x, 2), conv_transpose2d(x, weight, stride=2))


@pytest.mark.parametrize(("shape", "factor"), [((3, 2, 2), 2), ((4, 2), 2), ((4, 2, 2), 0)])
def test_what_cannot_be_shuffled_is_refused(shape: tuple[int, ...], factor: int) -> None:
    """Channels that do not divide, planes without channels and no factor are refused."""
    with pytest.raises(SettingError, match=r"cannot be shuffled by \d; give"):
        pixel_shuffle(np.ones(shape), factor)
