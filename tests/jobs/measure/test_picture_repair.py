import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure import picture_repair
from upsample_cli.jobs.measure.measure import MeasureOptions
from upsample_cli.jobs.measure.picture_repair import repaired
from upsample_cli.metrics import bands


def blurred(channels: int) -> np.ndarray:
    """Return the levels of a picture, as an enlargement is one, shape (240, 260, channels)."""
    planes = 60 + 120 * natural_texture(240, 260, 0, channels)
    for axis in (1, 2):
        for _ in range(3):
            planes = (np.roll(planes, 1, axis) + 2 * planes + np.roll(planes, -1, axis)) / 4
    return np.moveaxis(planes, 0, 2)


def whole(levels: np.ndarray) -> np.ndarray:
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channel", [2, 3])
def test_the_change_is_that_of_all_channels(channel: int) -> None:
    """Of a pattern in one colour or in the opacity, the change is the RMS over all channels."""
    levels = blurred(4)
    levels[..., channel] += 6 * periodic_pattern(240, 260, 2)
    image = Image(whole(levels), "PNG")
    result = repaired(image, MeasureOptions())
    change = np.subtract(result.image.samples, image.samples, dtype=np.float64)
    assert result.moved == pytest.approx(np.sqrt(np.square(change).mean()), rel=1e-5)
    assert result.moved > 2


def test_the_change_of_several_rounds_is_that_of_the_picture() -> None:
    """Patterns of two strides are taken off one after the other; the change is that of both."""
    levels = blurred(1)
    levels[..., 0] += 8 * periodic_pattern(240, 260, 2) + 3 * periodic_pattern(240, 260, 3)
    image = Image(whole(levels), "PNG")
    result = repaired(image, MeasureOptions())
    change = np.subtract(result.image.samples, image.samples, dtype=np.float64)
    assert result.moved == pytest.approx(np.sqrt(np.square(change).mean()), rel=1e-5)


def test_a_round_that_leaves_the_pattern_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further round that changes the picture and not its ripple is not kept."""
    rounds, mend = list[Image](), picture_repair._mended

    def fails_later(image: Image, *settings: object) -> Image:
        """Repair half in the first round; after that only shift the picture."""
        if rounds:
            rounds.append(image._replace(samples=image.samples + np.uint8(1)))
        else:
            half = mend(image, settings[0], None, 0.5, *settings[3:])  # type: ignore[arg-type]
            rounds.append(half)
        return rounds[-1]

    monkeypatch.setattr(picture_repair, "_mended", fails_later)
    levels = blurred(1)
    levels[..., 0] += 6 * periodic_pattern(240, 260, 2)
    result = repaired(Image(whole(levels), "PNG"), MeasureOptions())
    assert len(rounds) == 2
    assert result.image is rounds[0]


def test_wide_pictures_take_time_by_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of cells are interpolated from the cells around alone, however many there are."""
    weights, original = list[int](), bands.linear_weights

    def counted(places: np.ndarray, count: int) -> np.ndarray:
        """Interpolate, and keep how many cells were looked at."""
        weights.append(count)
        return original(places, count)

    monkeypatch.setattr(bands, "linear_weights", counted)
    y, x = np.mgrid[:40, :4000]
    levels = 120 + 30 * np.sin(x / 37) + 10 * np.sin(y / 9)
    levels += 4 * periodic_pattern(40, 4000, 2) * (x < 2000)
    result = repaired(Image(whole(levels[..., None]), "PNG"), MeasureOptions(2))
    assert result.moved > 1
    assert max(weights) < 100
