from pathlib import Path

import numpy as np
import pytest
import tifffile
from textures import natural_texture

from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.train.pairs import DAMAGE, Pairs, none_usable, readable

HALO = 7


def pairs(stride: int = 2, degrade: str = "clean", seed: int = 0, count: int = 6) -> Pairs:
    """Return pairs of two textures."""
    grey = [np.round(natural_texture(300, 280, n)[0] * 255).astype(np.uint8) for n in (1, 2)]
    return Pairs(grey, stride, HALO, degrade, np.random.default_rng(seed), count)


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("degrade", DAMAGE)
def test_the_residual_is_the_original_less_the_enlargement(stride: int, degrade: str) -> None:
    """Added to the learned kernel's enlargement, it gives whole levels: those of the original."""
    for low, residual, bicubic in pairs(stride, degrade).pool:
        inner = low[HALO:-HALO, HALO:-HALO] + np.float32(0.5)
        np.testing.assert_array_equal(low, np.pad(inner, HALO, mode="symmetric") - np.float32(0.5))
        height, width = inner.shape
        whole = residual.reshape(stride, stride, height, width).transpose(2, 0, 3, 1)
        whole = whole.reshape(height * stride, width * stride)
        high = (whole + upsample(inner[None], scale=stride)[0]) * 255
        np.testing.assert_allclose(high, np.round(high), atol=1e-3)
        assert high.min() > -0.5
        assert high.max() < 255.5
        error = np.square(high / 255 - upsample(inner[None], "bicubic", scale=stride)[0]).mean()
        assert error == pytest.approx(bicubic, rel=1e-3)


def test_pictures_of_the_web_are_damaged_most() -> None:
    """Pictures that are damaged are harder to enlarge."""
    clean, photo, web = (
        np.mean([np.square(pair.residual).mean() for pair in pairs(2, degrade, 3, 60).pool])
        for degrade in ("clean", "photo", "web")
    )
    assert web > 1.01 * photo > 1.02 * clean


def test_batches_are_the_same_for_one_seed_and_change() -> None:
    """Patches have the halo around what is learned from; a new crop comes every other batch."""
    first, again, other = (pairs(2, "photo", seed) for seed in (0, 0, 1))
    oldest = first.pool[0]
    for _ in range(3):
        low, residual = first.batch(5, 16)
        assert low.shape == (5, 1, 16 + 2 * HALO, 16 + 2 * HALO)
        assert residual.shape == (5, 4, 16, 16)
        np.testing.assert_array_equal(again.batch(5, 16)[0], low)
        assert (other.batch(5, 16)[0] != low).any()
    assert all(pair is not oldest for pair in first.pool)


def test_floats_beyond_black_and_white_are_cut(tmp_path: Path) -> None:
    """Levels are 0..255, also where a float picture holds more light than white."""
    samples = np.float32([[-0.2, 0.5, 2.7]])
    tifffile.imwrite(tmp_path / "light.tif", samples)
    ((_, levels),) = readable([parse_file(tmp_path / "light.tif")], [])
    np.testing.assert_allclose(levels, [[0.0, 127.5, 255.0]])


def test_the_remedy_is_that_of_all_pictures() -> None:
    """Larger pictures are no remedy where memory lacks; without a common one their side is said."""
    memory, damage = "a.png needs 9 MB; raise --max-memory", "b.png is damaged; save it again"
    small = "c.png is 2x2, too small"
    assert str(none_usable(34, [memory, memory.replace("a", "d", 1)])) == (
        "no picture can be used (a.png needs 9 MB); raise --max-memory"
    )
    for reasons in ([], [small, small], [memory, damage], [small, memory]):
        assert str(none_usable(34, reasons)).endswith("; give pictures of at least 34 px a side")
