import numpy as np
import pytest

from upsample_cli.metrics.patches import Patches

PATTERN = np.array([0.0, 3.0, 0.0, 0.0], np.float32)


def patches(strength: np.ndarray, level: np.ndarray, noise: float = 0.0) -> Patches:
    """Return patches without a pattern yet, of cells of one pattern and some noise."""
    rng = np.random.default_rng(0)
    lines = strength[..., None] * PATTERN + rng.normal(0, noise, (*strength.shape, 4))
    level = level.astype(np.float32)
    return Patches(lines.astype(np.float32), level, np.square(level))


def filled(patches: Patches, rows: slice, columns: slice, level: float) -> None:
    """Give a part of the cells the pattern of one window of some brightness."""
    places = tuple(axis.ravel() for axis in np.mgrid[rows, columns])
    sums = [np.tile(PATTERN, (len(places[0]), 1)), np.ones((len(places[0]), 1))]
    sums += [sums[0] * level, sums[1] * level**2]
    patches.fill(places, sums, sums)


def test_patches_grow_over_all_cells_with_their_pattern() -> None:
    """And by one more, of which they count what is there: nothing."""
    strength = np.zeros((12, 16))
    strength[2:9, 3:12] = 1.0
    one = patches(strength, np.full((12, 16), 50.0), noise=0.1)
    filled(one, slice(3, 6), slice(4, 7), 50.0)
    one.grow(np.ones((12, 16), bool))
    assert one.known[2:9, 3:12].all()
    assert not one.known[11].any()
    assert np.nansum(one.power) == pytest.approx(9 * 7 * 9, rel=0.05)


def test_patches_do_not_grow_over_cells_that_cannot_tell() -> None:
    """A saturated column of cells ends a patch."""
    usable = np.ones((8, 16), bool)
    usable[:, 8] = False
    one = patches(np.ones((8, 16)), np.full((8, 16), 50.0))
    filled(one, slice(0, 8), slice(2, 5), 50.0)
    one.grow(usable)
    assert one.known[:, :8].all()
    assert not one.known[:, 8:].any()


def test_patches_do_not_grow_through_what_is_much_stronger() -> None:
    """A texture that repeats by chance has no share in the pattern beside it."""
    strength = np.ones((8, 20))
    strength[:, 8:] = 5.0
    one = patches(strength, np.full((8, 20), 50.0))
    filled(one, slice(0, 8), slice(2, 5), 50.0)
    one.grow(np.ones((8, 20), bool))
    assert one.known[:, :9].all()
    assert not one.known[:, 10:].any()


@pytest.mark.parametrize(("texture", "power"), [(2.0, 9.0), (12.0, 9.0 + 144.0)])
def test_a_texture_is_no_part_of_the_whole_pictures_pattern(texture: float, power: float) -> None:
    """What repeats beside it in a window does not count, but a pattern that is unlike it does."""
    pattern = PATTERN + np.array([0, 0, texture, 0], np.float32)
    lines = np.tile(pattern, (4, 4, 1))
    level = np.full((4, 4), 50, np.float32)
    one = Patches(lines, level, np.square(level), PATTERN)
    places = tuple(axis.ravel() for axis in np.mgrid[:4, :4])
    sums = [np.tile(pattern, (16, 1)), np.ones((16, 1))]
    one.fill(places, [*sums, 0 * sums[0], 0 * sums[1]], [*sums, 0 * sums[0], 0 * sums[1]])
    assert one.power == pytest.approx(np.full((4, 4), power))


def test_what_is_relative_grows_with_the_mean_square_of_the_brightness() -> None:
    """In bright cells, and in those with a bright part, there is more of it."""
    level = np.full((8, 16), 20.0)
    level[:, 8:] = 80.0
    strength = level / 20
    one = Patches(
        (strength[..., None] * PATTERN).astype(np.float32), level.astype(np.float32),
        (1.5 * np.square(level)).astype(np.float32),
    )  # fmt: skip
    places = tuple(axis.ravel() for axis in np.mgrid[:8, :16])
    parts, weight = np.zeros((128, 4), np.float32), np.ones((128, 1), np.float32)
    one.fill(places, [parts, weight, PATTERN / 20 + parts, weight], [
        parts, weight, PATTERN / 20 + parts, weight
    ])  # fmt: skip
    np.testing.assert_allclose(one.power, 1.5 * np.square(3 * strength), rtol=1e-5)
