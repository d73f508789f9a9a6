import numpy as np

from upsample_cli.images.image import with_visible_colours


def test_hidden_pixels_get_the_nearest_visible_colour() -> None:
    """Along their row first; along their column where the row is hidden throughout."""
    opacity = [[0, 9, 0, 0, 0, 9], [0, 0, 0, 0, 0, 0], [9, 9, 9, 9, 9, 9]]
    colours = [[1, 2, 3, 4, 5, 6], [7, 7, 7, 7, 7, 7], [8, 9, 10, 11, 12, 13]]
    samples = np.dstack([colours, opacity]).astype(np.uint8)
    result = with_visible_colours(samples)
    assert result[..., 0].tolist() == [[2, 2, 2, 2, 6, 6], [2, 2, 2, 2, 6, 6], colours[2]]
    assert (result[..., 1] == opacity).all()


def test_pictures_without_a_visible_pixel_or_a_hidden_one_stay() -> None:
    """Where nothing is visible there is no colour to take; where nothing is hidden, no need."""
    for opacity in (0, 255):
        samples = np.full((3, 4, 4), opacity, np.uint8)
        assert (with_visible_colours(samples) == samples).all()
