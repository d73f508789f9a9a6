from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.errors import SettingError, TargetExistsError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.measurement import Reference

SOURCE = parse_file("in.png")


@pytest.fixture
def picture() -> Image:
    """Return a grey picture whose right half holds a pattern of stride 4."""
    plane = 60 + 100 * natural_texture(320, 480, 1)[0]
    plane[:, 240:] += 5 * periodic_pattern(320, 240, 4)
    return Image(np.round(plane).astype(np.uint8)[..., None], "PNG")


def pixels(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as opened:
        assert opened.format == "PNG"
        return np.asarray(opened.convert("RGB")).astype(int)


def colourful(part: np.ndarray) -> float:
    return float((part.max(axis=2) - part.min(axis=2)).mean())


def test_heat_lies_over_the_pattern(tmp_path: Path, picture: Image) -> None:
    """The half with the pattern is coloured, the other one stays grey."""
    path = tmp_path / "heat.png"
    sheet = measure_figures.heat(picture, None, (4, 4), "a title")
    measure_figures.write(sheet, parse_file(path), SOURCE)
    drawn = pixels(path)
    assert drawn.shape[1] > 480
    inside = drawn[60:300]
    assert colourful(inside[:, 300:480]) > 60
    assert colourful(inside[:, 40:200]) < 5


def test_figures_show_nothing_that_a_reference_explains(tmp_path: Path) -> None:
    """Brickwork evenly enlarged has heat and lines, but none beyond those of its original."""
    low = 60 + 100 * natural_texture(160, 240, 1) + 20 * periodic_pattern(160, 240, 2)
    high = np.round(upsample(low.astype(np.float32), "bicubic", scale=2)[0]).astype(np.uint8)
    brickwork, original = Image(high[..., None], "PNG"), Image(low[0, ..., None] / 255, "PNG")
    path, heats, spectra = tmp_path / "heat.png", [], []
    for reference in (None, Reference(original, brickwork.size)):
        sheet = measure_figures.heat(brickwork, None, (4, 4), "a title", reference)
        measure_figures.write(sheet, parse_file(path), SOURCE, force=True)
        heats.append(colourful(pixels(path)[60:300, 40:440]))
        sheet = measure_figures.spectrum(brickwork, None, (4, 4), "a title", reference)
        measure_figures.write(sheet, parse_file(path), SOURCE, force=True)
        spectra.append(pixels(path).max(axis=2))
    assert heats[0] > 60
    assert heats[1] < 5
    assert spectra[1].mean() > 1.3 * spectra[0].mean()  # of noise alone no part is dark


def test_hidden_parts_have_no_heat(tmp_path: Path, picture: Image) -> None:
    """A pattern under alpha 0 is not drawn."""
    alpha = np.full_like(picture.samples, 255)
    alpha[:, 230:] = 0
    hidden = Image(np.concatenate([picture.samples, alpha], axis=2), "PNG")
    measure_figures.write(
        measure_figures.heat(hidden, None, (4, 4), "a title"),
        parse_file(tmp_path / "heat.png"),
        SOURCE,
    )
    assert colourful(pixels(tmp_path / "heat.png")[60:300, 40:220]) < 5


def test_large_pictures_have_maps_of_bounded_size(tmp_path: Path) -> None:
    """More than 2048 pixels along a side are drawn smaller."""
    wide = Image(np.full((70, 5000, 1), 9, np.uint8), "PNG")
    measure_figures.write(
        measure_figures.heat(wide, None, (2, 2), "a title"),
        parse_file(tmp_path / "heat.png"),
        SOURCE,
    )
    assert pixels(tmp_path / "heat.png").shape[1] < 2100


def test_the_spectrum_marks_the_lines(tmp_path: Path, picture: Image) -> None:
    """Rings stand in it where a stride is given, and none without."""
    drawn = []
    for stride in ((4, 4), (0, 0)):
        path = tmp_path / f"{stride[0]}.png"
        measure_figures.write(
            measure_figures.spectrum(picture, None, stride, "a title"), parse_file(path), SOURCE
        )
        drawn.append(pixels(path))
    ring = (drawn[0] == (120, 220, 255)).all(axis=2)
    assert ring.sum() > 500
    assert not (drawn[1] == (120, 220, 255)).all(axis=2).any()


def test_a_tiny_picture_has_no_spectrum(tmp_path: Path) -> None:
    """Under 16 pixels there is nothing to show, and nothing is written."""
    tiny = Image(np.zeros((15, 99, 3), np.uint8), "PNG")
    with pytest.raises(SettingError, match="a picture of 99x15 has no spectrum to show; give 16x"):
        measure_figures.write(
            measure_figures.spectrum(tiny, None, (2, 2), ""),
            parse_file(tmp_path / "no.png"),
            SOURCE,
        )
    assert not any(tmp_path.iterdir())


def test_figures_are_png_and_replace_nothing(tmp_path: Path) -> None:
    """Another suffix is refused, and so is a file that is there, unless forced."""
    with pytest.raises(SettingError, match=r"is not a \.png file; name a \.png file"):
        measure_figures.check(parse_file(tmp_path / "map.jpg"), [parse_file("in.png")], force=False)
    there = tmp_path / "map.png"
    there.write_text("mine")
    with pytest.raises(TargetExistsError):
        measure_figures.check(parse_file(there), [parse_file("in.png")], force=False)
    measure_figures.check(parse_file(there), [parse_file("in.png")], force=True)
