import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics import bands


def window(levels: np.ndarray, stride: int) -> list[np.ndarray]:
    """Return the changes and the bands of a picture, with its pattern in them."""
    *_, average, changes = bands.brightness_and_changes(levels.astype(np.float32), stride)
    residual = bands.centre(levels, average.shape) - average
    average = bands.averaged(residual, stride)
    parts = bands.bands(bands.centre(residual, average.shape) - average, stride)
    return [bands.centre(changes, parts[0].shape), *parts]


def excess(levels: np.ndarray, stride: int, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is taken for a pattern, and the same part of the picture."""
    inside = [length // cell * cell - 2 * bands.reach(stride, cell) for length in levels.shape]
    cells = tuple(length // cell * cell for length in inside)
    levels = bands.centre(levels, tuple(n + 2 * bands.reach(stride, cell) for n in cells))
    parts = window(levels, stride)
    care = np.ones([n // cell + 2 for n in cells], np.float32)
    found = bands.local_pattern(
        parts, bands.ratios([parts], cell, 0.0), care, 1e9 * care, cell, False
    )
    return found, bands.centre(levels, found.shape)


def even_pattern() -> tuple[list[np.ndarray], int]:
    """Return the parts of a flat picture with a pattern of 5 levels, and its cells along a side."""
    parts = window((128 + 5 * periodic_pattern(256, 256, 2)).astype(np.float32), 2)
    count = parts[0].shape[0] // 8 - 4
    return [bands.centre(one, ((count + 4) * 8,) * 2) for one in parts], count


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_bands_sum_to_what_they_are_cut_from(stride: int) -> None:
    """The core and the rings are the residual, in which a pattern is as it was."""
    pattern = 5 * periodic_pattern(240, 230, stride)
    y, x = np.mgrid[:240, :230]
    changes, *parts = window(60 + 0.2 * x + 0.3 * y + pattern, stride)
    whole = sum(parts)
    assert np.abs(whole - bands.centre(pattern, whole.shape)).max() < 1e-3
    assert np.abs(parts[0] - whole).max() < 1e-3
    assert np.abs(changes).max() < 1e-3


@pytest.mark.parametrize(("stride", "cell"), [(2, 8), (3, 9), (4, 12)])
def test_a_pattern_of_changing_sign_is_found(stride: int, cell: int) -> None:
    """What is far above the picture's own changes is taken, as strong as it is in the place."""
    y, x = np.mgrid[:320, :320]
    photo = 40 + 150 * natural_texture(320, 320)[0]
    for axis in (0, 1):
        for _ in range(2 * stride):
            photo = (np.roll(photo, 1, axis) + 2 * photo + np.roll(photo, -1, axis)) / 4
    truth = 6 * np.sin(x / 25) * np.sin(y / 25) * periodic_pattern(320, 320, stride)
    found = excess(photo + truth, stride, cell)[0]
    assert np.sqrt(np.square(found - bands.centre(truth, found.shape)).mean()) < 0.35


@pytest.mark.parametrize("stride", [2, 3])
def test_noise_and_textures_mostly_stay(stride: int) -> None:
    """What goes with the picture's own changes is no pattern."""
    cell = stride * (8 // stride + 1)
    noise = np.random.default_rng(0).normal(128, 5, (320, 320))
    photo = 250 * natural_texture(320, 320)[0]
    for levels in (noise, photo):
        found, own = excess(levels, stride, cell)
        assert np.square(found).mean() < 0.1 * np.square(own - own.mean()).mean()


def test_care_keeps_what_is_there() -> None:
    """A pattern is taken whole, but not from cells with all care in the world."""
    parts, count = even_pattern()
    care = np.ones((count, count), np.float32)
    care[:, : count // 2] = 1e30
    parts[0] = parts[0] + 1
    found = bands.local_pattern(parts, np.full(4, 1e-3), care, np.full_like(care, 1e9), 8, False)
    whole, middle = bands.centre(sum(parts[1:]), found.shape), (count // 2 - 1) * 8
    assert np.abs(found[:, : middle - 8]).max() < 1e-3
    assert np.abs(found - whole)[:, middle + 8 :].max() < 0.01


def test_no_more_is_taken_than_the_metric_may_have_seen() -> None:
    """Of what is stronger than the pattern that was seen, only as much is taken off."""
    parts, count = even_pattern()
    care = np.ones((count, count), np.float32)
    found = bands.local_pattern(parts, np.full(4, 1e-3), care, np.full_like(care, 0.25), 8, False)
    assert np.sqrt(np.square(found).mean()) == pytest.approx(0.5, rel=0.02)
