from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.errors import SettingError
from upsample_cli.images.image import Image
from upsample_cli.images.places.place import parse
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.measure import measure_figures
from upsample_cli.jobs.measure.measure import MeasureOptions, measure, measure_image
from upsample_cli.jobs.measure.measurement import Reference, luma_of
from upsample_cli.metrics.meter import LEAST_RIPPLE


def pictured(planes: np.ndarray) -> Image:
    """Return levels of shape (C, H, W) as a picture of 8 bits."""
    levels = np.clip(np.floor(planes + 0.5), 0, 255).astype(np.uint8)
    return Image(np.ascontiguousarray(np.moveaxis(levels, 0, 2)), "PNG")


def coloured(height: int = 300, width: int = 280) -> np.ndarray:
    return 30 + 180 * natural_texture(height, width, 2, 3)


def test_depth_does_not_change_the_figures(tmp_path: Path) -> None:
    """16 bits are measured in the same levels of 0..255 as 8 bits are."""
    plane = natural_texture(150, 140, 2)[0] * 200 + 20 + 3 * periodic_pattern(150, 140, 2)
    result = []
    for dtype, factor in ((np.uint8, 1), (np.uint16, 257)):
        path = tmp_path / f"{factor}.png"
        assert cv2.imwrite(str(path), np.round(plane * factor).astype(dtype))
        result.append(measure(parse(path), MeasureOptions(2)).luma)
    assert result[0].ripple == pytest.approx(3, rel=0.05)
    assert result[1].ripple == pytest.approx(result[0].ripple, rel=0.01)
    assert result[1].verdict == result[0].verdict == "checkerboard"


@pytest.mark.parametrize("stride", [-1, 1, 17])
def test_strides_out_of_range_are_refused(stride: int) -> None:
    """The stride is refused before any file is opened."""
    with pytest.raises(SettingError, match=f"--stride {stride} is out of range; give 2 to 16"):
        MeasureOptions(stride)


@pytest.mark.parametrize("stride", [2, 3, 7])
def test_the_stride_is_found(stride: int) -> None:
    """Without a stride the one that the picture repeats with is found."""
    planes = coloured() + 2 * periodic_pattern(300, 280, stride)
    result = measure_image(pictured(planes), None)
    assert (result.luma.stride, result.likeliest_stride) == ((stride, stride), (stride, stride))
    assert result.luma.verdict == "checkerboard"
    assert measure_image(pictured(coloured()), None).luma.stride == (0, 0)


def test_a_pattern_in_one_colour_is_found_there() -> None:
    """Blue weighs little in luma: the channel is measured by itself, and is the worst."""
    planes = coloured()
    planes[2] += 3 * periodic_pattern(300, 280, 2)
    result = measure_image(pictured(planes), None)
    assert (result.worst_channel, result.overall.verdict) == ("blue", "checkerboard")
    assert result.worst.ripple == pytest.approx(3, rel=0.1)
    assert result.luma.ripple == pytest.approx(0.114 * 3, rel=0.2)
    assert result.overall == result.luma
    assert result.channels["red"].verdict == result.channels["green"].verdict == "none"


@pytest.mark.parametrize("stride", [None, 2])
def test_a_pattern_that_luma_hides_is_still_found(stride: int | None) -> None:
    """In luma it is too faint to be called one; the picture's verdict is the worst channel's."""
    planes = coloured()
    planes[2] += periodic_pattern(300, 280, 2)
    result = measure_image(pictured(planes), stride)
    assert (result.worst_channel, result.overall.verdict) == ("blue", "checkerboard")
    assert result.luma.ripple < LEAST_RIPPLE
    assert (result.luma.verdict, result.overall) == ("none", result.channels["blue"])


def test_a_trace_in_one_colour_is_no_checkerboard() -> None:
    """What codecs leave in the colours that they store coarsely, up to 0.8 level, is none."""
    planes = coloured()
    planes[2] += 0.7 * periodic_pattern(300, 280, 2)
    result = measure_image(pictured(planes), None)
    assert result.channels["blue"].verdict == result.overall.verdict == "none"


def test_the_stride_is_that_of_luma_if_luma_has_a_pattern() -> None:
    """A stronger pattern of another stride in one colour does not hide that of the whole."""
    planes = coloured() + 1.5 * periodic_pattern(300, 280, 3)
    planes[2] += 10 * periodic_pattern(300, 280, 4, 1)
    result = measure_image(pictured(planes), None)
    luma = measure_image(luma_of(pictured(planes)), None)
    assert result.overall.stride == luma.overall.stride


def test_a_small_picture_with_hidden_corners_is_measured() -> None:
    """Strides for which a small picture has too few cells do not make it unknown."""
    samples = np.moveaxis(coloured(128, 128), 0, 2).astype(np.uint8)
    opacity = np.full((128, 128, 1), 255, np.uint8)
    opacity[:8, :8] = opacity[-8:, -8:] = opacity[:8, -8:] = 0
    result = measure_image(Image(np.dstack([samples, opacity]), "PNG"), None)
    assert (result.overall.status, result.overall.verdict) == ("ok", "none")


def test_what_is_transparent_is_not_measured() -> None:
    """A pattern under alpha 0 counts neither in luma nor in the colours."""
    planes = np.concatenate([coloured(), np.full((1, 300, 280), 255.0)])
    planes[:3, :150] += 5 * periodic_pattern(150, 280, 2)
    assert measure_image(pictured(planes), 2).overall.verdict == "checkerboard"
    planes[3, :150] = 0
    assert measure_image(pictured(planes), 2).overall.verdict == "none"


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_chroma_at_half_size_is_no_checkerboard(quality: int) -> None:
    """JPEG stores colours in blocks of 16 pixels and at half size: neither is called one."""
    file = BytesIO()
    PIL.Image.fromarray(pictured(coloured(400, 400)).samples).save(
        file, "JPEG", quality=quality, subsampling=2
    )
    result = measure_image(Image(np.asarray(PIL.Image.open(file)), "JPEG"), None)
    assert result.luma.verdict == "none"


def test_grey_pictures_have_no_channels() -> None:
    """A grey picture is measured once."""
    result = measure_image(pictured(coloured()[:1]), 2)
    assert (result.channels, result.worst_channel) == ({}, "luma")


def test_a_reference_takes_off_what_repeats_by_nature() -> None:
    """A weave in the low picture is no checkerboard of the enlarged one; an uneven kernel's is."""
    low = coloured(150, 140) + 12 * periodic_pattern(150, 140, 2)
    reference = Reference(pictured(low), (300, 280))
    even = pictured(upsample(low, "bicubic"))
    assert measure_image(even, 4).luma.verdict == "checkerboard"
    assert measure_image(even, 4, reference).luma.verdict == "none"
    uneven = upsample(low / 2, "tconv", kernel="uniform", kernel_size=3)
    result = measure_image(pictured(uneven), 4, Reference(pictured(low / 2), (300, 280)))
    assert result.luma.ripple_rel == pytest.approx(0.4843, rel=0.05)


@pytest.mark.parametrize("method", ["bilinear", "lanczos", "tconv"])
def test_a_reference_explains_every_even_enlargement(method: str) -> None:
    """A screen that a method makes stronger or weaker than bicubic does is no checkerboard."""
    screen = 20 * np.cos(2 * np.pi * np.arange(96) / 3)
    low = np.clip(coloured(96, 96) + screen * screen[:, None] / 20, 0, 255)
    reference = Reference(pictured(low), (192, 192))
    planes = np.moveaxis(pictured(low).samples, 2, 0).astype(np.float32) / 255
    even = 255 * upsample(planes, method, scale=2.0)
    ripples = [measure_image(pictured(even), 6, one).luma.ripple for one in (None, reference)]
    assert ripples[0] > 3
    assert ripples[1] < 0.3
    uneven = 255 * upsample(planes, "tconv", kernel="uniform", kernel_size=3, scale=2.0)
    assert measure_image(pictured(uneven), 2, reference).luma.ripple > 20


@pytest.mark.parametrize(("method", "scale"), [("tconv", 2), ("nearest", 3), ("bilinear", 3)])
def test_a_reference_explains_what_every_other_pixel_repeats(method: str, scale: int) -> None:
    """A dither of two levels has a frequency that bicubic enlargements by 3 leave out."""
    low = 30 + 0.7 * coloured(90, 90) + 12 * (-1) ** np.add.outer(np.arange(90), np.arange(90))
    planes = np.moveaxis(pictured(low).samples, 2, 0).astype(np.float32) / 255
    even = pictured(255 * upsample(planes, method, scale=scale))
    reference = Reference(pictured(low), even.size)
    assert measure_image(even, 2 * scale).luma.ripple > 1
    assert measure_image(even, 2 * scale, reference).overall.verdict == "none"


def test_a_reference_larger_than_the_picture_is_refused() -> None:
    """What a picture was enlarged from is smaller."""
    with pytest.raises(SettingError, match="--reference is 280x300, larger than the picture, 9x9"):
        Reference(pictured(coloured()), (9, 9))


@pytest.mark.parametrize(
    ("size", "fault"),
    [
        ((128, 192), "as large as the picture"),
        ((96, 64), "of another shape than the picture"),
        ((64, 60), "of another shape than the picture"),
        ((1, 1), "of another shape than the picture"),
    ],
)
def test_a_reference_that_cannot_be_right_is_refused(size: tuple[int, int], fault: str) -> None:
    """The picture itself explains all that is in it, and a turned or cropped one fits nowhere."""
    height, width = size
    low = pictured(np.zeros((3, height, width)))
    words = f"--reference is {width}x{height}, {fault}, 192x128; give what the picture was enlarged"
    with pytest.raises(SettingError, match=words):
        Reference(low, (128, 192))


@pytest.mark.parametrize("size", [(128, 192), (130, 194), (135, 199), (124, 188), (96, 144)])
def test_a_reference_may_lack_what_layers_add_or_crop(size: tuple[int, int]) -> None:
    """Unpadded convolutions change both sides by a few pixels; scales may be fractions."""
    rows = Reference(pictured(np.full((3, 64, 96), 90.0)), size).rows(range(size[0]), None)
    assert rows.shape == size
    assert np.allclose(rows, 90)


def test_the_reference_is_an_even_enlargement() -> None:
    """Its rows are those of a bicubic enlargement, of luma or of one colour."""
    low = coloured(40, 30)
    reference = Reference(pictured(low), (100, 75))
    planes = upsample(np.float32(pictured(low).samples.transpose(2, 0, 1)), "bicubic", scale=2.5)
    assert np.allclose(reference.rows(range(7, 31), 1), planes[1, 7:31], atol=1e-3)
    grey = 0.299 * planes[0] + 0.587 * planes[1] + 0.114 * planes[2]
    assert np.allclose(reference.rows(range(100), None), grey, atol=1e-3)


def soft(height: int = 160, width: int = 170) -> np.ndarray:
    """Return a smooth opacity between, in levels."""
    return 60 + 100 * natural_texture(height, width, 5, 1)[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pattern_in_the_opacity_is_found_there(channels: int) -> None:
    """What is not in the colours is seen on any ground: a white shape with an uneven soft edge."""
    white = np.full((channels, 160, 170), 255.0)
    result = measure_image(
        pictured(np.stack([*white, soft() + 3 * periodic_pattern(160, 170, 2)])), None
    )
    assert (result.worst_channel, result.overall.verdict) == ("opacity", "checkerboard")
    assert result.worst.ripple == pytest.approx(3, rel=0.05)
    even = measure_image(pictured(np.stack([*white, soft()])), None)
    assert (even.worst_channel, even.worst.verdict) == ("opacity", "none")
    clear = np.full((1, 160, 170), 255.0)
    assert measure_image(pictured(np.stack([*clear, *clear])), None).worst_channel == "luma"
    assert even.overall.verdict == "none"


def test_luma_is_the_worst_where_colours_cannot_be_told() -> None:
    """A colour that is the least bad, but the only one that is not clipped, is not the worst."""
    planes = coloured() + 6 * periodic_pattern(300, 280, 2)
    planes[2] = coloured()[2] + 0.7 * periodic_pattern(300, 280, 2)
    planes[0][::5] = 255.0
    planes[1][:, ::5] = 255.0
    result = measure_image(pictured(planes), 2)
    assert result.channels["blue"].status == "ok"
    assert {result.channels[name].status for name in ("red", "green")} == {"saturated"}
    assert result.luma.ripple > result.channels["blue"].ripple
    assert (result.worst_channel, result.worst) == ("luma", result.luma)


@pytest.mark.parametrize(("strength", "words"), [(3, "Checkerboard"), (0, "No checkerboard found")])
def test_a_map_says_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strength: float, words: str
) -> None:
    """What heat there is in a picture without a checkerboard is not called one."""
    plane = natural_texture(150, 140, 2)[0] * 200 + 20 + strength * periodic_pattern(150, 140, 2)
    assert cv2.imwrite(str(tmp_path / "in.png"), np.round(plane).astype(np.uint8))
    titles = []
    monkeypatch.setattr(measure_figures, "heat", lambda *arguments: titles.append(arguments[3]))
    monkeypatch.setattr(measure_figures, "write", lambda *_: None)
    measure(parse(tmp_path / "in.png"), MeasureOptions(2, heat_map=parse(tmp_path / "map.png")))
    assert titles == [f"{words} in in.png, luma: stride 2"]


def test_a_map_says_what_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of luma, also where the pattern of the opacity is known, and does not call it none."""
    samples = np.repeat(natural_texture(150, 140, 2)[0][..., None] * 200 + 20, 4, 2)
    samples[::5, :, :3] = 255
    assert cv2.imwrite(str(tmp_path / "in.png"), samples.astype(np.uint8))
    titles = []
    monkeypatch.setattr(measure_figures, "heat", lambda *arguments: titles.append(arguments[3]))
    monkeypatch.setattr(measure_figures, "write", lambda *_: None)
    options = MeasureOptions(2, heat_map=parse(tmp_path / "map.png"))
    result = measure(parse(tmp_path / "in.png"), options)
    assert (result.luma.verdict, result.channels["opacity"].verdict) == ("", "none")
    assert titles == ["Checkerboard unknown in in.png, luma: stride 2"]
