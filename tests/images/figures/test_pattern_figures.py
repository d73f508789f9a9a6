import numpy as np
import pytest

from upsample_cli.images.figures.pattern_figures import block_means, heat_figure, spectrum_figure


def corner(drawn: np.ndarray, width: int) -> tuple[int, int]:
    """Return the first row and column of the picture in a figure without a title.

    Nothing but the picture is in the middle of the upper half, or at the right there.
    """
    inked = (drawn != drawn[0, 0]).any(axis=2)
    top = int(inked[:, inked.shape[1] // 2].argmax())
    right = int(np.flatnonzero(inked[top + 2]).max()) + 1
    return top, right - width


@pytest.mark.parametrize(("tile", "margin"), [((20, 20), (40, 10)), ((24, 16), (8, 8))])
def test_a_hot_tile_is_drawn_where_it_is(tile: tuple[int, int], margin: tuple[int, int]) -> None:
    """The middle of the colour is the middle of the tile."""
    heat = np.zeros((12, 15))
    heat[4, 9] = 3.0
    size = 12 * tile[0] + 2 * margin[0], 15 * tile[1] + 2 * margin[1]
    blank = np.asarray(heat_figure(np.zeros(size, np.float32), 0 * heat, tile, margin, ""))
    drawn = np.asarray(heat_figure(np.zeros(size, np.float32), heat, tile, margin, ""))
    top, left = corner(drawn, size[1])
    inside = slice(top, top + size[0]), slice(left, left + size[1])
    weight = np.abs(drawn.astype(float) - blank)[inside].sum(axis=2)
    for axis, index in ((0, 4), (1, 9)):
        along = weight.sum(axis=1 - axis)
        middle = (along * (np.arange(len(along)) + 0.5)).sum() / along.sum()
        assert middle == pytest.approx(margin[axis] + (index + 0.5) * tile[axis], abs=1)


def test_the_scale_reaches_to_the_strongest() -> None:
    """Faint heat does not fill the scale, which goes up to one level at least."""
    light = np.full((200, 200), 100, np.float32)
    faint, strong = (
        np.asarray(heat_figure(light, np.full((10, 10), level), (20, 20), (0, 0), ""))[100, 250]
        for level in (0.1, 1.0)
    )
    assert strong.astype(int).sum() > faint.astype(int).sum() + 150


@pytest.mark.parametrize("hot", [400, 40])
def test_few_strong_parts_do_not_set_the_scale(hot: int) -> None:
    """Two tiles in 400, or of some that are hot, are drawn at full heat, the others as without."""
    light, heat = np.full((400, 400), 100, np.float32), np.zeros(400)
    heat[:hot] = 5.0
    even = heat_figure(light, heat.reshape(20, 20), (20, 20), (0, 0), "")
    heat[0] = 100.0
    uneven = heat_figure(light, heat.reshape(20, 20), (20, 20), (0, 0), "")
    different = (np.asarray(even) != np.asarray(uneven)).any(axis=2)
    assert different.mean() < 0.01 if hot == 400 else different.mean() > 0.01


@pytest.mark.parametrize(
    ("size", "down", "across"),
    [((400, 300), range(0, 401, 100), range(0, 301, 100)),
     ((3000, 400), range(0, 3001, 500), range(0, 401, 200))],
)  # fmt: skip
def test_axes_count_the_pixels_of_the_picture(
    size: tuple[int, int], down: range, across: range
) -> None:
    """Each side has round numbers of pixels where they are, also of a picture that is reduced."""
    light = np.full(size, 200, np.float32)
    drawn = np.asarray(heat_figure(light, np.zeros((4, 4)), (75, 75), (0, 0), ""))
    grey, step = block_means(light, 2048)
    (height, width), (top, left) = grey.shape, corner(drawn, grey.shape[1])
    ink = (drawn == (30, 30, 34)).all(axis=2)
    assert (np.flatnonzero(ink[top : top + height + 1, left - 1]) * step).tolist() == [*down]
    assert (np.flatnonzero(ink[top + height + 1, left : left + width + 1]) * step).tolist() == [
        *across
    ]


@pytest.mark.parametrize(("height", "width"), [(40, 160), (9, 4000), (20, 2000), (100, 100)])
def test_the_axis_of_a_low_picture_covers_nothing(height: int, width: int) -> None:
    """The name of the axis down, longer than the picture is high, leaves title and ramp free."""
    light = np.full((height, width), 200, np.float32)
    drawn = np.asarray(heat_figure(light, np.zeros((2, 2)), (20, 20), (0, 0), ""))
    grey, _ = block_means(light, 2048)
    inked = (drawn != 255).any(axis=2)
    top, _ = corner(drawn, grey.shape[1])
    assert not inked[: top * 3 // 4].any()
    assert inked[3 * top + grey.shape[0] + 2, top // 3 : top].all()


def test_what_cannot_be_told_is_hatched_and_draws_nothing_down() -> None:
    """Parts of NaN look neither clean nor hot, and heat beside them is as strong as elsewhere."""
    light, heat = np.full((240, 480), 100, np.float32), np.zeros((12, 24))
    clean = np.asarray(heat_figure(light, heat, (20, 20), (0, 0), "")).astype(int)
    heat[:, 12:] = np.nan
    half = np.asarray(heat_figure(light, heat, (20, 20), (0, 0), "")).astype(int)
    heat[:, :12] = 4.0
    hot = np.asarray(heat_figure(light, heat, (20, 20), (0, 0), "")).astype(int)
    top, left = corner(clean, 480)
    clean, half, hot = (item[top : top + 240, left : left + 480] for item in (clean, half, hot))
    different = (half != clean).any(axis=2)
    assert not different[:, :240].any()
    assert different[:, 240:].mean() == pytest.approx(0.25, abs=0.1)
    assert np.ptp(hot[:, :240], axis=(0, 1)).max() == 0
    assert (hot[:, 240:] == half[:, 240:]).all()


@pytest.mark.parametrize("side", [16, 24, 256])
def test_a_ring_is_around_its_line(side: int) -> None:
    """The ring of half a cycle down and across has that bin in its middle, and goes around it."""
    power = np.ones((side, side))
    power[0, 0] = 1e6
    plain, marked = (
        np.asarray(spectrum_figure(power, (stride, stride), "")).astype(int) for stride in (1, 2)
    )
    height, width = (length // 2 for length in plain.shape[:2])
    bright = np.argwhere((plain[:height, :width] == (252, 252, 180)).all(axis=2))
    changed = np.abs(marked - plain).sum(axis=2) > 0
    (top, left), (bottom, right) = np.maximum(0, bright.min(axis=0) - 99), bright.max(axis=0) + 100
    ring = np.argwhere(changed[top:bottom, left:right]) + np.array((top, left))
    assert ring.mean(axis=0) == pytest.approx(bright.mean(axis=0), abs=0.6)
    assert (ring.min(axis=0) < bright.min(axis=0)).all()
