import base64
import io

import numpy as np
import PIL.Image
import pytest

from upsample_cli.images.figures.small_pictures import (
    crop_sheet,
    data_url,
    kernel_pixels,
    over_white,
    smaller,
)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_page_holds_every_pixel(rng: np.random.Generator, channels: int) -> None:
    """Without a quality nothing is lost, not even colours of transparent pixels."""
    pixels = rng.integers(0, 256, (20, 31, channels), np.uint8)
    stored = base64.b64decode(data_url(pixels).removeprefix("data:image/webp;base64,"))
    read = np.asarray(PIL.Image.open(io.BytesIO(stored)))
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    colours = pixels if channels > 2 else np.dstack([grey, pixels[..., 1:]])
    np.testing.assert_array_equal(read, colours)


def test_the_profile_is_kept_unless_it_is_large() -> None:
    """Colours stay those of the picture; a profile that would fill the page is left out."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    for profile, kept in ((b"p" * 500, b"p" * 500), (b"p" * 50_000, None)):
        stored = base64.b64decode(data_url(pixels, None, profile).split(",")[1])
        assert PIL.Image.open(io.BytesIO(stored)).info.get("icc_profile") == kept


def test_a_kernel_is_orange_and_blue() -> None:
    """A tap is a square of its colour, and as many squares stand side by side as there are taps."""
    pixels = kernel_pixels(np.array([[1.0, 0.0], [-1.0, 0.5]]))
    size = len(pixels)
    corners = [pixels[i, j] for i in (0, size - 1) for j in (0, size - 1)]
    assert [tuple(map(int, corner)) for corner in corners[:3]] == [
        (240, 140, 40, 255), (128, 128, 134, 255), (60, 130, 230, 255)
    ]  # fmt: skip
    assert (pixels[size // 2, :, 3] == 0).all()


def test_a_picture_is_reduced_by_a_whole_number(rng: np.random.Generator) -> None:
    """Each pixel is the mean of a block."""
    pixels = rng.integers(0, 256, (40, 80, 3), np.uint8)
    means = pixels.reshape(10, 4, 20, 4, 3).mean((1, 3))
    assert np.abs(smaller(pixels, 20) - means).max() <= 0.5


def test_what_is_transparent_is_white() -> None:
    """A sheet of crops is opaque."""
    pixels = np.zeros((1, 2, 2), np.uint8)
    pixels[0, 1] = 10, 255
    assert np.asarray(over_white(pixels)).tolist() == [[[255] * 3, [10] * 3]]


@pytest.mark.parametrize(("count", "rows", "across"), [(1, 1, 1), (4, 1, 4), (5, 2, 3), (9, 3, 3)])
def test_panels_stand_in_even_rows(count: int, rows: int, across: int) -> None:
    """Rows have up to four panels, as even as can be, with margins around and between them."""
    panels = [
        (f"method {i}", "30 dB", np.full((64, 96, 3), 20 * i, np.uint8)) for i in range(count)
    ]
    sheet = np.asarray(PIL.Image.open(io.BytesIO(crop_sheet(panels))))
    high, wide = 64 * 4, 96 * 4
    assert sheet.shape[1] == across * (wide + 20) - 20 + 48
    assert (sheet[:10] == 255).all()
    assert (sheet[:, :24] == 255).all()
    assert (sheet[:, -24:] == 255).all()
    assert (sheet[-24:] == 255).all()
    step = (sheet.shape[0] - 48 + 20) // rows
    for i, panel in enumerate(panels):
        bottom, left = 24 + (i // across + 1) * step - 20, 24 + i % across * (wide + 20)
        large = panel[2].repeat(4, 0).repeat(4, 1)
        assert (sheet[bottom - high : bottom, left : left + wide] == large).all()
        assert (sheet[bottom - high - 40 : bottom - high, left : left + wide] < 128).any()


def test_large_panels_are_not_enlarged() -> None:
    """A crop is magnified by a whole number of 1 or more, and a long name is shortened."""
    panels = [("x" * 300, "", np.zeros((10, 900, 1), np.uint8))]
    sheet = PIL.Image.open(io.BytesIO(crop_sheet(panels)))
    assert sheet.width == 900 + 48
