import numpy as np
import pytest
from textures import natural_texture

from upsample_cli.images.figures import specimens

KINDS = [specimens.text, specimens.shapes, specimens.sprites, specimens.gratings]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_something_else_each_time(kind: specimens.Kind, seed: int) -> None:
    """A drawing has the size that was asked for, is not flat, and is the same for one seed."""
    first, again, other = (kind(96, np.random.default_rng(n)) for n in (seed, seed, seed + 10))
    assert (first.shape, first.dtype) == ((96, 96), np.uint8)
    assert first.std() > 3
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_all_kinds_come() -> None:
    """Chance picks every kind: there are drawings of few levels, and of many."""
    rng = np.random.default_rng(0)
    counts = [len(np.unique(specimens.specimen(64, rng))) for _ in range(30)]
    assert min(counts) < 9
    assert max(counts) > 20


@pytest.mark.parametrize("seed", range(5))
def test_sprites_are_blocks(seed: int) -> None:
    """A sprite's pixels are squares: most neighbours down and across are equal."""
    drawn = specimens.sprites(128, np.random.default_rng(seed)).astype(int)
    for axis in (0, 1):
        assert (np.diff(drawn, axis=axis) == 0).mean() > 0.5


def test_lower_quality_loses_more() -> None:
    """What JPEG does to a picture grows as its quality falls, and is little at the highest."""
    grey = np.round(natural_texture(64, 50, 0)[0] * 255).astype(np.uint8)
    losses = []
    for quality in (98, 75, 40):
        after = specimens.through_jpeg(grey, quality)
        assert (after.shape, after.dtype) == (grey.shape, np.uint8)
        losses.append(float(np.abs(after.astype(float) - grey).mean()))
    assert 0 < losses[0] < 2
    assert losses == sorted(losses)
