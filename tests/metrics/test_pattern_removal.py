from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.cells import CellReader
from upsample_cli.metrics.meter import grid, verdict_and_map
from upsample_cli.metrics.pattern_removal import PatternRemoval, pattern_removal
from upsample_cli.metrics.rows import Rows
from upsample_cli.metrics.shared_pattern import pattern_left_over

SAMPLES = Path(__file__).parents[2] / "sample_images"


def made(levels: np.ndarray, stride: int, is_lossy: bool = False) -> PatternRemoval:
    """Return how to mend a plane."""
    cut = grid((stride, stride), levels.shape)
    reader = CellReader(cut)
    reader.feed(Rows(levels.astype(np.float32)))
    cells = reader.cells(0)
    assert cells is not None
    levels = levels.astype(np.float32)
    fetch = lambda rows: [levels[rows.start : rows.stop]]  # noqa: E731 # as short as it gets
    fields = verdict_and_map(cells, cut)[1], pattern_left_over(cells, cut)
    return pattern_removal(cells, cut, fields, levels.shape, fetch, is_lossy)


def mended(levels: np.ndarray, stride: int, is_lossy: bool = False) -> np.ndarray:
    """Return a plane without its pattern."""
    plan = made(levels, stride, is_lossy)
    return np.concatenate([plan.without_pattern(rows) for rows in plan.strips()])


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
    """Of a pattern everywhere, added or in proportion, less than a tenth is left."""
    clean = smooth(301, 263)
    pattern = periodic_pattern(301, 263, stride)
    dirty = clean * (1 + 0.06 * pattern) if is_relative else clean + 6 * pattern
    assert rms(mended(dirty, stride) - clean) < 0.1 * rms(dirty - clean)


def test_what_the_picture_shares_leaves_its_details_alone() -> None:
    """A faint pattern of the whole picture takes little with it of what is near the lines."""
    clean = natural_texture(301, 263)[0] * 150 + 40
    for axis in (0, 1):
        clean = (np.roll(clean, 1, axis) + 2 * clean + np.roll(clean, -1, axis)) / 4
    dirty = clean * (1 + 0.01 * periodic_pattern(301, 263, 4))
    assert rms(mended(dirty, 4) - clean) < 0.25 * rms(dirty - clean)


@pytest.mark.parametrize("stride", [2, 4])
def test_only_what_the_whole_picture_has_is_shared(stride: int) -> None:
    """A pattern in a part would be spread over all of it, where most of it is to stay."""
    clean, x = smooth(320, 320), np.mgrid[:320, :320][1]
    pattern = 5 * periodic_pattern(320, 320, stride)
    assert rms(made(clean + pattern, stride).shared.shares[0]) > 1
    assert not made(clean + (x < 120) * pattern, stride).shared.strength.any()


def test_a_pattern_follows_the_brightness() -> None:
    """At an edge, as an enlargement has it, the pattern is as strong as the brightness around."""
    edge = 60 + 120 / (1 + np.exp((101 - np.arange(256)) / 2))
    clean = edge + np.random.default_rng(0).normal(0, 0.3, (256, 256))
    dirty = clean * (1 + 0.1 * periodic_pattern(256, 256, 2))
    left = mended(dirty, 2) - clean
    assert rms(left[:, 90:112]) < 0.15 * rms((dirty - clean)[:, 90:112])


def test_the_stairs_of_a_picture_stay() -> None:
    """What goes with slopes alone, as nearest-neighbour leaves it, is not taken for a pattern."""
    low = smooth(160, 150)
    clean = low.repeat(2, 0).repeat(2, 1)
    for strength, left in ((1, 0.6), (4, 0.15)):
        dirty = clean + strength * periodic_pattern(320, 300, 2)
        assert rms(mended(dirty, 2) - clean) < left * rms(dirty - clean)


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


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_texture_of_a_sharp_picture_stays(stride: int) -> None:
    """A photograph that was not enlarged has details near the stride's lines; they are kept."""
    with PIL.Image.open(SAMPLES / "coffee.png") as opened:
        clean = np.asarray(opened.convert("L"), np.float32)[:288, :288]
    pattern, (y, x) = 2 * periodic_pattern(288, 288, stride), np.mgrid[:288, :288]
    within = np.zeros_like(clean)
    within[48:240, 48:240] = 1
    waves = 1.4 * np.sin(x / 40) * np.cos(y / 50)
    for field, most in ((np.ones_like(clean), 0.1), (within, 0.78), (waves, 0.7)):
        dirty = clean + field * pattern
        assert rms(mended(dirty, stride) - clean) < most * rms(dirty - clean)


def test_strips_meet_without_seams() -> None:
    """Rows do not depend on the strip that they are computed in."""
    levels = (smooth(300, 200) + 5 * periodic_pattern(300, 200, 3)).astype(np.float32)
    plan = made(levels, 3)
    parts = [plan.without_pattern(rows) for rows in plan.strips()]
    assert len(parts) > 1
    np.testing.assert_allclose(np.concatenate(parts), plan.without_pattern(range(300)), atol=2e-3)


def test_the_edges_of_a_picture_are_no_pattern() -> None:
    """A picture that ends at an edge is mended there as well as inside."""
    x = np.arange(240)
    clean = smooth(240, 240) / 4 + 40 * (2 + np.sin(x / 4) + np.cos(x[:, None] / 4))
    left = mended(clean + 2 * periodic_pattern(240, 240, 2), 2) - clean
    edge = np.concatenate([left[:12], left[-12:], left[:, :12].T, left[:, -12:].T])
    assert rms(edge) < 0.05


def test_far_from_a_pattern_nothing_changes() -> None:
    """Beyond the wider neighbourhood of the cells with a pattern, all pixels stay as they are."""
    dirty = smooth(240, 420)
    dirty += np.random.default_rng(0).normal(0, 2, dirty.shape)
    dirty[:, :120] += 6 * periodic_pattern(240, 120, 2)
    change = mended(dirty, 2) - dirty.astype(np.float32)
    assert rms(change[:, :100]) > 4
    assert np.abs(change[:, 280:]).max() < 0.01


def test_one_huge_sample_spoils_no_other() -> None:
    """Squares of floating-point samples overflow; what they are compared with does not."""
    dirty = smooth(200, 240)
    dirty += 6 * periodic_pattern(200, 240, 2)
    dirty[60, 70] = 1e22
    assert np.isfinite(mended(dirty, 2)).all()


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_what_a_pattern_clipped_is_as_bright_as_its_neighbours(stride: int) -> None:
    """Where one phase of a pattern was clipped, the other phases tell how bright it was."""
    clean = np.clip(smooth(301, 263) * 1.4, 2, 245)
    pattern = periodic_pattern(301, 263, stride)
    dirty = np.rint(np.clip(clean * (1 + 0.3 * pattern), 0, 255))
    bright = clean > 200
    assert (dirty[bright] == 255).mean() > 0.2
    left = np.clip(mended(dirty, stride), 0, 255) - clean
    assert abs(left[bright].mean()) < 2.5
    assert rms(left[bright]) < 0.06 * rms((dirty - clean)[bright])


def test_a_clipped_sky_is_repaired_far_from_what_can_be_measured() -> None:
    """What the whole picture shares is removed where too many pixels are clipped to measure it."""
    clean = smooth(320, 320)
    clean[:, :256] = 230
    dirty = np.rint(np.clip(clean * (1 + 0.2 * periodic_pattern(320, 320, 2)), 0, 255))
    sky = np.s_[20:300, 20:120]
    assert rms((mended(dirty, 2) - clean)[sky]) < 0.3 * rms((dirty - clean)[sky])


def test_dark_bars_beside_a_pattern_stay() -> None:
    """A flat part has no pattern, however dark it is."""
    dirty = smooth(320, 320) + 4 * periodic_pattern(320, 320, 2)
    dirty[:120] = 4
    assert np.abs(mended(dirty, 2)[:104] - 4).max() < 0.1


def test_pure_white_and_black_stay() -> None:
    """Where all phases are clipped, nothing tells more than that."""
    clean = smooth(301, 263)
    clean[100:140, 80:150], clean[180:220, 80:150] = 300, 0
    dirty = np.rint(np.clip(clean * (1 + 0.2 * periodic_pattern(301, 263, 2)), 0, 255))
    plain = np.clip(mended(dirty, 2), 0, 255)
    assert (plain[105:135, 85:145] > 254).all()
    assert (plain[185:215, 85:145] < 4).all()


def test_a_lossy_codec_moves_what_was_clipped() -> None:
    """A few levels below white the picture may have been clipped, too."""
    clean = np.clip(smooth(301, 263) * 1.4, 2, 245)
    dirty = np.rint(np.clip(clean * (1 + 0.3 * periodic_pattern(301, 263, 2)), 0, 255))
    moved = np.clip(dirty + np.random.default_rng(0).integers(-4, 5, dirty.shape), 0, 255)
    exact, lossy = (rms((mended(moved, 2, one) - clean)[clean > 200]) for one in (False, True))
    assert lossy < 0.6 * exact


def test_levels_beyond_white_are_not_clipped() -> None:
    """Floating-point samples that are brighter than white are repaired, too."""
    y, x = np.mgrid[-150:151, -131:132]
    clean = smooth(301, 263) + 350 * np.exp(-(y**2 + x**2) / 2500)
    dirty = clean * (1 + 0.05 * periodic_pattern(301, 263, 2))
    left = (mended(dirty, 2) - clean)[clean > 260]
    assert left.size > 3000
    assert rms(left) < 0.05 * rms((dirty - clean)[clean > 260])
