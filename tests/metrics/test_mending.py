import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.cells import CellReader
from upsample_cli.metrics.mending import Mending, mending
from upsample_cli.metrics.meter import grid, judged
from upsample_cli.metrics.rows import Rows


def made(levels: np.ndarray, stride: int) -> Mending:
    """Return how to mend a plane."""
    cut = grid((stride, stride), levels.shape)
    reader = CellReader(cut)
    reader.feed(Rows(levels.astype(np.float32)))
    cells = reader.cells(0)
    return mending(cells, cut, judged(cells, cut)[1], levels.shape)


def mended(levels: np.ndarray, stride: int) -> np.ndarray:
    """Return a plane without its pattern."""
    levels = levels.astype(np.float32)
    plan = made(levels, stride)
    rows = [
        plan.mended(lambda part: levels[part.start : part.stop], None, one) for one in plan.strips()
    ]
    return np.concatenate(rows)


def smooth(height: int, width: int) -> np.ndarray:
    """Return a picture as an enlargement is one: with little near the stride's lines."""
    photo = 40 + 150 * natural_texture(height, width)[0]
    for axis in (0, 1):
        for _ in range(3):
            photo = (np.roll(photo, 1, axis) + 2 * photo + np.roll(photo, -1, axis)) / 4
    return photo


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("is_relative", [False, True])
def test_patterns_are_taken_off(stride: int, is_relative: bool) -> None:
    """Of a pattern everywhere, added or in proportion, a tenth is left; the kind is recognised."""
    clean = smooth(301, 263)
    pattern = periodic_pattern(301, 263, stride)
    dirty = clean * (1 + 0.06 * pattern) if is_relative else clean + 6 * pattern
    assert made(dirty, stride).is_relative == is_relative
    assert rms(mended(dirty, stride) - clean) < 0.1 * rms(dirty - clean)


def test_a_pattern_in_proportion_is_divided_by() -> None:
    """At an edge the pattern changes at once; division follows it, up to the very pixel."""
    clean = np.where(np.arange(256) < 101, 60.0, 180.0) + np.zeros((256, 1))
    clean += np.random.default_rng(0).normal(0, 0.3, clean.shape)
    dirty = clean * (1 + 0.1 * periodic_pattern(256, 256, 2))
    left = mended(dirty, 2) - clean
    assert rms(left[:, 97:105]) < 0.15 * rms((dirty - clean)[:, 97:105])


@pytest.mark.parametrize("kind", ["part", "sign"])
def test_patterns_of_a_part_or_of_changing_sign_are_taken_off(kind: str) -> None:
    """The strength is that of the place; where there is no pattern hardly anything moves."""
    clean, y, x = smooth(320, 320), *np.mgrid[:320, :320]
    field = (x > 160) * 1.0 if kind == "part" else 1.4 * np.sin(x / 25) * np.sin(y / 25)
    dirty = clean + 6 * field * periodic_pattern(320, 320, 2)
    result = mended(dirty, 2)
    assert rms(result - clean) < 0.25 * rms(dirty - clean)
    if kind == "part":
        assert rms((result - clean)[:, :100]) < 0.1


def test_strips_meet_without_seams() -> None:
    """Rows do not depend on the strip that they are computed in."""
    levels = (smooth(300, 200) + 5 * periodic_pattern(300, 200, 3)).astype(np.float32)
    plan = made(levels, 3)
    fetch = lambda rows: levels[rows.start : rows.stop]  # noqa: E731 # as short as it gets
    whole = plan.mended(fetch, None, range(300))
    parts = [plan.mended(fetch, None, rows) for rows in plan.strips()]
    assert len(parts) > 1
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-3)
