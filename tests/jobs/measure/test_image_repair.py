import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure import image_repair
from upsample_cli.jobs.measure.image_repair import repaired
from upsample_cli.jobs.measure.measurement import measure_image
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
    result = repaired(image)
    change = np.subtract(result.image.samples, image.samples, dtype=np.float64)
    assert result.moved == pytest.approx(np.sqrt(np.square(change).mean()), rel=1e-5)
    assert result.moved > 2


def test_the_change_of_several_rounds_is_that_of_the_picture() -> None:
    """Patterns of two strides are taken off one after the other; the change is that of both."""
    levels = blurred(1)
    levels[..., 0] += 8 * periodic_pattern(240, 260, 2) + 3 * periodic_pattern(240, 260, 3)
    image = Image(whole(levels), "PNG")
    result = repaired(image)
    change = np.subtract(result.image.samples, image.samples, dtype=np.float64)
    assert result.moved == pytest.approx(np.sqrt(np.square(change).mean()), rel=1e-5)


def test_a_share_of_a_repair_is_one_of_all_patterns() -> None:
    """With a strength of 0.9 a tenth of each pattern is left, whatever their strides."""
    levels = blurred(1)
    patterns = [6 * periodic_pattern(240, 260, 2), 4 * periodic_pattern(240, 260, 3)]
    image = Image(whole(levels + sum(patterns)[..., None]), "PNG")
    result = repaired(image, strength=0.9)
    left = [measure_image(result.image, stride).luma.ripple for stride in (2, 3)]
    assert left == pytest.approx([0.6, 0.4], abs=0.2)


def test_bright_floating_point_samples_are_not_clipped() -> None:
    """A picture whose samples go to 4 is measured and repaired like one whose samples go to 1."""
    levels = blurred(1) * (1 + 0.05 * periodic_pattern(240, 260, 2)[..., None])
    for scale in (1 / 255, 4 / 180):
        result = repaired(Image((levels * scale).astype(np.float32), "TIFF"))
        assert result.before.luma.ripple_rel == pytest.approx(0.05, rel=0.05)
        assert result.after.luma.verdict == "none"


@pytest.mark.parametrize("hidden", [0, 255])
def test_hidden_pixels_neither_change_nor_count(hidden: int) -> None:
    """The colours of fully transparent pixels stay, and those beside them are repaired."""
    clean = blurred(3)
    y, x = np.ogrid[:240, :260]
    visible = np.hypot(y - 120, x - 130) < 100
    dirty = clean * (1 + 0.06 * periodic_pattern(240, 260, 2)[..., None])
    samples = np.dstack([whole(dirty), np.where(visible, 255, 0).astype(np.uint8)])
    samples[~visible, :3] = hidden
    result = repaired(Image(samples, "PNG")).image.samples
    assert (result[~visible] == samples[~visible]).all()
    inside = visible & (np.hypot(y - 120, x - 130) > 90)
    errors = [np.std(one[inside][:, :3] - clean[inside]) for one in (samples, result)]
    assert errors[1] < errors[0] / 4


def test_a_repaired_opacity_stays_0_where_it_was() -> None:
    """A pattern in the opacity of a cut-out is removed without a fringe around it."""
    y, x = np.ogrid[:240, :260]
    visible = np.hypot(y - 120, x - 130) < 100
    opacity = np.where(visible, 200 * (1 + 0.1 * periodic_pattern(240, 260, 2)), 0)
    samples = np.dstack([whole(blurred(3)), whole(opacity)])
    result = repaired(Image(samples, "PNG"))
    assert result.before.channels["opacity"].verdict == "checkerboard"
    assert (result.image.samples[~visible, 3] == 0).all()
    assert result.after.channels["opacity"].ripple < 1


def test_a_colour_that_is_clipped_all_over_is_repaired_as_luma() -> None:
    """Where each cell of a colour has clipped pixels, the pattern of luma is removed from it."""
    clean = blurred(3)
    clean[..., 0] = 235 + 20 * (clean[..., 0] - 60) / 120
    pattern = 0.1 * np.tile([[7, 1], [1, -5]], (120, 130)) / 3
    samples = whole(clean * (1 + pattern[..., None]))
    result = repaired(Image(samples, "PNG")).image.samples
    errors = [np.std(np.subtract(one, clean, dtype=float)[..., 0]) for one in (samples, result)]
    assert errors[1] < errors[0] / 2


def test_a_round_that_leaves_the_pattern_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further round that changes the picture and not its ripple is not kept."""
    rounds, mend = list[Image](), image_repair._repaired_at

    def fails_later(image: Image, *settings: object) -> Image:
        """Repair half in the first round; after that only shift the picture."""
        if rounds:
            rounds.append(image._replace(samples=image.samples + np.uint8(1)))
        else:
            rounds.append(image_repair._blended(image, mend(image, *settings), 0.5))  # type: ignore[arg-type]
        return rounds[-1]

    monkeypatch.setattr(image_repair, "_repaired_at", fails_later)
    levels = blurred(1)
    levels[..., 0] += 6 * periodic_pattern(240, 260, 2)
    result = repaired(Image(whole(levels), "PNG"))
    assert len(rounds) == 2
    assert result.image is rounds[0]


def test_a_repair_that_changes_far_more_than_the_pattern_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Changes of many times the ripple are not those of the pattern: the picture stays."""
    levels = blurred(1)
    levels[..., 0] += 2 * periodic_pattern(240, 260, 2)
    image = Image(whole(levels), "PNG")
    spoilt = image._replace(samples=image.samples // 2)
    monkeypatch.setattr(image_repair, "_repaired_at", lambda *_: spoilt)
    result = repaired(image)
    assert result.image is image
    assert result.before.overall.ripple > 1


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
    result = repaired(Image(whole(levels[..., None]), "PNG"), 2)
    assert result.moved > 1
    assert max(weights) < 100
