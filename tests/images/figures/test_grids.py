import io

import numpy as np
import PIL.Image
import PIL.ImageColor
import PIL.ImageFont
import pytest

from upsample_cli.images.figures.grids import Figure, Grid, hues, shades


def grid(rows: int, columns: int, colour: str, labels: bool = False) -> Grid:
    names = ([str(i) for i in range(n)] if labels else () for n in (rows, columns))
    return Grid("t", np.full((rows, columns), "a"), np.full((rows, columns), colour), *names)


def drawn(figure: Figure) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(figure.to_png())))


def share(picture: np.ndarray, colour: str) -> float:
    """Return how many pixels have a colour."""
    return float((picture == PIL.ImageColor.getrgb(colour)).all(axis=2).sum())


@pytest.mark.parametrize(("columns", "wide"), [(16, 1600), (64, 1600), (100, 2100)])
def test_cells_are_as_large_as_the_width_allows(columns: int, wide: int) -> None:
    """A figure is 1600 pixels wide, and wider only where cells would be under 20 pixels."""
    right = grid(columns, 4, "#00ff00", labels=True)
    rows = [
        [grid(2, 2, "#0000ff"), "*", grid(2, 2, "#0000ff")],
        [grid(4, columns, "#ff0000", True)],
    ]
    picture = drawn(Figure("Title", "sub", rows, right, ["One.", "Two."]))
    assert wide - 100 < picture.shape[1] <= wide + 200
    assert (picture.shape[1] == 1600) == (wide == 1600)
    areas = [share(picture, colour) for colour in ("#ff0000", "#00ff00")]
    assert min(areas) > 0.5 * 4 * columns * 20**2  # letters and lines take the rest
    np.testing.assert_allclose(*areas, rtol=0.02)
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all((edge == 255).all() for edge in edges), "nothing is cut off at the edges"


def test_what_is_empty_is_paper() -> None:
    """A cell without colour and text stays white between its lines."""
    blank = Grid("", np.full((1, 1), ""), np.full((1, 1), ""))
    picture = drawn(Figure("", "", [[blank]], blank, []))
    assert share(picture, "#ffffff") > 0.98 * picture.shape[0] * picture.shape[1]


@pytest.mark.parametrize("count", [1, 4, 9, 25, 49])
def test_colours_differ(count: int) -> None:
    """Every tap has a colour of its own, light enough to read black letters on."""
    colours = hues(count)
    assert len({*colours}) == count
    for colour in colours:
        red, green, blue = PIL.ImageColor.getrgb(colour)
        assert 0.299 * red + 0.587 * green + 0.114 * blue > 140
    assert len({*shades(count + 1)}) == count + 1


def test_without_freetype_the_small_font_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pillow built without FreeType draws the figure with its one bitmap font."""
    from upsample_cli.images.figures import drawing as module

    small = PIL.ImageFont.load_default_imagefont()

    def load(size: float | None = None) -> object:
        if size is not None:
            raise ImportError("The _imagingft C module is not installed")
        return small

    monkeypatch.setattr("PIL.ImageFont.load_default", load)
    module._font.cache_clear()
    try:
        rows = [[grid(2, 2, "#0000ff")]]
        picture = drawn(Figure("Title", "sub", rows, grid(2, 2, "#00ff00", True), ["One."]))
    finally:
        module._font.cache_clear()
    assert picture.shape[1] == 1600
    assert (picture < 128).any()
