import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.cells import CellGrid, CellReader, Cells
from upsample_cli.metrics.meter import grid, verdict_and_map
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.shared_pattern import (
    explaining_pattern,
    pattern_left_over,
    power_of,
    shared_by_place,
    shared_pattern,
)


def cells_of(levels: np.ndarray, stride: int) -> tuple[Cells, CellGrid]:
    """Return the cells of a plane."""
    cut = grid((stride, stride), levels.shape)
    reader = CellReader(cut)
    reader.feed(Rows(levels.astype(np.float32)))
    cells = reader.cells(0)
    assert cells is not None
    return cells, cut


def waves(side: int) -> np.ndarray:
    """Return a field of both signs."""
    y, x = np.mgrid[:side, :side]
    return 1.4 * np.sin(x / 40) * np.cos(y / 50)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_shares_are_those_of_the_pattern(stride: int) -> None:
    """A pattern in proportion to the brightness has its share of that, and of nothing else."""
    photo = 60 + 120 * natural_texture(320, 320)[0]
    pattern = 0.05 * periodic_pattern(320, 320, stride)
    cells, cut = cells_of(photo * (1 + pattern), stride)
    expected = cells_of(100 * (1 + pattern), stride)[0].phases[0, :, 0] / 100
    shared = shared_pattern(cells, cut)
    added = (shared.phases(cells) / cells.level[:, None]).mean(axis=(0, 2))
    np.testing.assert_allclose(added, expected, atol=0.01)
    assert shared.is_everywhere


@pytest.mark.parametrize(("spread", "is_believed"), [(60.0, True), (3.0, False)])
def test_shares_that_cancel_are_not_believed(spread: float, is_believed: bool) -> None:
    """A pattern that changes its sign within a narrow brightness is not extended to white."""
    cells, cut = cells_of(60 + 120 * natural_texture(320, 320)[0], 2)
    level = np.random.default_rng(0).uniform(-spread, spread, cells.level.shape) + 140
    shape = np.array([1, -1, 0.5, -0.5], np.float32)[:, None]
    strength = (2 if is_believed else 1) + (level - 140) * (1 / 60 if is_believed else 1)
    cells = cells._replace(
        level=level.astype(np.float32), phases=shape * strength[:, None].astype(np.float32),
        slope=np.zeros_like(cells.slope),
    )  # fmt: skip
    shares = shared_pattern(cells, cut).shares
    at_white = np.sqrt(np.square(shares[0] + 255 * shares[1]).mean())
    own = np.sqrt(np.square(cells.phases).mean())
    if is_believed:
        np.testing.assert_allclose(at_white, (2 + 115 / 60) * np.sqrt(0.625), rtol=0.01)
    else:
        assert at_white < 8 * own  # of 58 times as much by the shares that fit best


@pytest.mark.parametrize("stride", [2, 3])
def test_the_strength_is_that_of_the_place(stride: int) -> None:
    """Of a pattern of changing sign, on a sharp picture, strength and sign follow the field."""
    photo, field = 60 + 120 * natural_texture(320, 320)[0], waves(320)
    dirty = photo * (1 + 0.05 * field * periodic_pattern(320, 320, stride))
    cells, cut = cells_of(dirty, stride)
    power = power_of(verdict_and_map(cells, cut)[1])
    strength = shared_by_place(cells, cut, power).strength
    true = cells_of(field + 100, stride)[0].level - 100
    assert abs(np.corrcoef(strength.ravel(), true.ravel())[0, 1]) > 0.95


def test_where_nothing_tells_of_the_pattern_there_is_none() -> None:
    """One odd cell among clipped ones is not taken for a pattern of many times the strength."""
    photo, field = 60 + 120 * natural_texture(320, 320)[0], waves(320)
    dirty = photo * (1 + 0.02 * field * periodic_pattern(320, 320, 2))
    dirty[:150, 130:] = 255 - 2 * (np.random.default_rng(0).random((150, 190)) < 0.3)
    dirty[64:84, 220:240] = 20 + 200 * (np.indices((20, 20)).sum(axis=0) % 2)
    cells, cut = cells_of(np.floor(dirty + 0.5), 2)
    shared = shared_by_place(cells, cut, power_of(verdict_and_map(cells, cut)[1]))
    assert np.abs(shared.strength).max() <= 1
    assert np.abs(shared.phases(cells)).max() < 8


def test_a_black_channel_has_no_pattern_of_another() -> None:
    """Where luma has a pattern and a colour is black, that of the colour is 0 and not NaN."""
    cells, cut = cells_of(np.zeros((160, 160)), 2)
    shared = shared_by_place(cells, cut, np.ones_like(cells.level))
    assert not shared.phases(cells).any()


def test_what_explains_most_is_taken() -> None:
    """A pattern everywhere has strength 1; one of changing sign its own, unless it dominates."""
    photo, pattern = 60 + 120 * natural_texture(320, 320)[0], periodic_pattern(320, 320, 2)
    trials = (1.0, 1.0, 1.0), (waves(320), -1.0, 1.0), (8 * waves(320), 0.0, 0.0)
    for field, least, most in trials:
        cells, cut = cells_of(photo + field * pattern, 2)
        fields = verdict_and_map(cells, cut)[1], pattern_left_over(cells, cut)
        shared, _ = explaining_pattern(cells, cut, fields)
        extremes = shared.strength.min(), shared.strength.max()
        assert extremes == pytest.approx((least, most), abs=0.3)


def test_many_patterns_are_not_shared() -> None:
    """Parts with patterns of three shapes have none in common, and all of them are left."""
    photo = 60 + 120 * natural_texture(384, 384, 5)[0]
    shapes = [
        np.tile(one, (192, 192))
        for one in ([[1, -1], [-1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]])
    ]
    which = (np.arange(384)[:, None] // 64 + np.arange(384) // 64) % 3
    cells, cut = cells_of(photo + 5 * np.choose(which, [one[:384, :384] for one in shapes]), 2)
    fields = verdict_and_map(cells, cut)[1], pattern_left_over(cells, cut)
    shared, rest = explaining_pattern(cells, cut, fields)
    assert not shared.strength.any()
    np.testing.assert_array_equal(rest, power_of(fields[0]))
    assert rest.any()
