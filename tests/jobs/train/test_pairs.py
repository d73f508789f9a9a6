import numpy as np
import pytest
from textures import natural_texture

from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.train.pairs import Pairs

HALO = 7


def pairs(stride: int = 2, is_photo: bool = False, seed: int = 0, count: int = 6) -> Pairs:
    """Return pairs of two textures."""
    grey = [np.round(natural_texture(300, 280, n)[0] * 255).astype(np.uint8) for n in (1, 2)]
    return Pairs(grey, stride, HALO, is_photo, np.random.default_rng(seed), count)


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("is_photo", [False, True])
def test_what_lacks_is_the_original_less_the_linear_enlargement(
    stride: int, is_photo: bool
) -> None:
    """Added to the learned kernel's enlargement, it gives whole levels: those of the original."""
    for low, lack, bicubic in pairs(stride, is_photo).pool:
        inner = low[HALO:-HALO, HALO:-HALO] + np.float32(0.5)
        np.testing.assert_array_equal(low, np.pad(inner, HALO, mode="symmetric") - np.float32(0.5))
        height, width = inner.shape
        whole = lack.reshape(stride, stride, height, width).transpose(2, 0, 3, 1)
        whole = whole.reshape(height * stride, width * stride)
        high = (whole + upsample(inner[None], scale=stride)[0]) * 255
        np.testing.assert_allclose(high, np.round(high), atol=1e-3)
        assert high.min() > -0.5
        assert high.max() < 255.5
        error = np.square(high / 255 - upsample(inner[None], "bicubic", scale=stride)[0]).mean()
        assert error == pytest.approx(bicubic, rel=1e-3)


def test_damage_is_for_photo_only() -> None:
    """Pictures that are damaged are harder to enlarge."""
    clean, photo = (
        np.mean([np.square(pair.lack).mean() for pair in pairs(2, is_photo, 3, 24).pool])
        for is_photo in (False, True)
    )
    assert photo > clean


def test_batches_are_the_same_for_one_seed_and_change() -> None:
    """Patches have the halo around what is learned from; a new crop comes every other batch."""
    first, again, other = (pairs(2, True, seed) for seed in (0, 0, 1))
    oldest = first.pool[0]
    for _ in range(3):
        low, lack = first.batch(5, 16)
        assert low.shape == (5, 1, 16 + 2 * HALO, 16 + 2 * HALO)
        assert lack.shape == (5, 4, 16, 16)
        np.testing.assert_array_equal(again.batch(5, 16)[0], low)
        assert (other.batch(5, 16)[0] != low).any()
    assert all(pair is not oldest for pair in first.pool)
