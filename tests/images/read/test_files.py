from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms
from textures import texture_samples

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.image import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files
from upsample_cli.images.read.decode import decode


def saved(tmp_path: Path, picture: PIL.Image.Image, name: str = "in.png", **options: Any) -> str:
    path = tmp_path / name
    picture.save(path, **options)
    return str(path)


@pytest.mark.parametrize(
    ("suffix", "channels"),
    [*product(["png", "tiff"], [1, 2, 3, 4]), ("webp", 3), ("webp", 4), ("bmp", 3), ("ppm", 3)],
)
def test_plain_pictures_are_read_as_they_are(tmp_path: Path, suffix: str, channels: int) -> None:
    """Grey and colour, with and without opacity, are read without any change."""
    samples = texture_samples(9, 11, channels)
    picture = PIL.Image.fromarray(samples[..., 0] if channels == 1 else samples)
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    image = files.read(parse(saved(tmp_path, picture, f"in.{suffix}", **options)))
    assert image.size == (9, 11)
    assert image.has_alpha == (channels in (2, 4))
    assert image.notes == ()
    np.testing.assert_array_equal(image.samples, samples)


@pytest.mark.parametrize("name", ["in.png", "in.tiff", "in.pgm"])
def test_16_bits_stay_16_bits(tmp_path: Path, name: str) -> None:
    """Grey of 16 bits loses no bit."""
    samples = texture_samples(9, 11, 1, 16)
    path = tmp_path / name
    assert cv2.imwrite(str(path), samples[..., 0])
    image = files.read(parse(path))
    assert image.samples.dtype == np.uint16
    assert image.peak == 65535
    np.testing.assert_array_equal(image.samples, samples)


def test_big_endian_16_bits_are_read(tmp_path: Path) -> None:
    """A TIFF in the other byte order has the same levels."""
    samples = texture_samples(9, 11, 1, 16)[..., 0]
    picture = PIL.Image.frombytes("I;16B", (11, 9), samples.astype(">u2").tobytes())
    image = files.read(parse(saved(tmp_path, picture, "in.tiff")))
    assert image.samples.dtype == np.uint16
    assert image.samples.dtype.isnative
    np.testing.assert_array_equal(image.samples[..., 0], samples)


@pytest.mark.parametrize(
    ("mode", "becomes", "note"),
    [
        ("1", "L", "1-bit becomes grey"),
        ("P", "RGB", "palette becomes RGB"),
        ("LAB", "RGB", "LAB"),
    ],
)
def test_other_modes_are_converted_with_a_note(
    tmp_path: Path, mode: str, becomes: str, note: str
) -> None:
    """1-bit, palette and Lab become grey or RGB, which can be filtered, with a note."""
    picture = PIL.Image.fromarray(texture_samples(9, 11, 3))
    if mode == "LAB":
        sides = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, *sides, outputMode="LAB")
    else:
        picture = picture.convert(mode)
    name = "in.tiff" if mode == "LAB" else "in.png"
    image = files.read(parse(saved(tmp_path, picture, name)))
    assert len(image.notes) == 1
    assert note in image.notes[0]
    expected = np.asarray(picture.convert(becomes))
    np.testing.assert_array_equal(image.samples.squeeze(), expected)


def test_a_transparent_palette_has_opacity(tmp_path: Path) -> None:
    """The transparent entry of a palette becomes an opacity of 0."""
    picture = PIL.Image.fromarray(texture_samples(9, 11, 3)).convert("P")
    clear = picture.getpixel((0, 0))
    image = files.read(parse(saved(tmp_path, picture, transparency=clear)))
    expected = np.where(np.asarray(picture) == clear, 0, 255)
    np.testing.assert_array_equal(image.samples[..., 3], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int) -> None:
    """A turned picture is read upright with orientation 1; other tags stay."""
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "maker"
    samples = texture_samples(6, 9, 3)
    picture = PIL.Image.fromarray(samples)
    image = files.read(parse(saved(tmp_path, picture, "in.png", exif=exif)))
    turn = {
        1: samples, 2: samples[:, ::-1], 3: samples[::-1, ::-1], 4: samples[::-1],
        5: samples.transpose(1, 0, 2), 6: np.rot90(samples, -1),
        7: samples[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(samples),
    }  # fmt: skip
    np.testing.assert_array_equal(image.samples, turn[orientation])
    again = PIL.Image.Exif()
    again.load(image.metadata.exif)
    assert again.get(0x0112) == 1
    assert again.get(0x010F) == "maker"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["in.jpg", "in.png", "in.webp", "in.tiff", "float.tiff"])
def test_resolutions_change_places_where_a_picture_is_turned(
    tmp_path: Path, name: str, orientation: int
) -> None:
    """A fax page has 98 dots per inch down the page however it lay, by its file and its EXIF."""
    exif, is_tiff = PIL.Image.Exif(), name.endswith("tiff")
    exif[0x0112] = orientation
    if not is_tiff:
        exif[0x011A], exif[0x011B], exif[0x0128] = 204.0, 98.0, 2
        exif.get_ifd(0x8769).update({0xA20E: 4000.0, 0xA20F: 3000.0})
    picture = PIL.Image.fromarray(texture_samples(6, 9, 1 if "float" in name else 3).squeeze())
    picture = picture.convert("F") if "float" in name else picture
    metadata = files.read(parse(saved(tmp_path, picture, name, exif=exif, dpi=(204, 98)))).metadata
    way = slice(None, None, -1 if orientation > 4 else 1)
    assert metadata.dpi == pytest.approx((204, 98)[way], abs=0.02)
    if not is_tiff:
        again = PIL.Image.Exif()
        again.load(metadata.exif)
        assert (again[0x011A], again[0x011B]) == (204, 98)[way]
        inside = again.get_ifd(0x8769)
        assert (inside[0xA20E], inside[0xA20F]) == (4000, 3000)[way]


@pytest.mark.parametrize("name", ["in.jpg", "in.webp"])
def test_a_resolution_in_exif_alone_has_both_its_numbers(tmp_path: Path, name: str) -> None:
    """Dots across and down are read, also of a JPEG; a JPEG of neither has no resolution."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    picture = PIL.Image.fromarray(texture_samples(6, 9, 3))
    assert files.read(parse(saved(tmp_path, picture, name, exif=exif))).metadata.dpi is None
    exif[0x011A], exif[0x011B], exif[0x0128] = 204.0, 98.0, 2
    path = saved(tmp_path, picture, name, exif=exif)
    assert files.read(parse(path)).metadata.dpi == (204, 98)


def test_metadata_is_read(tmp_path: Path) -> None:
    """Profile, dpi and text are read; of stripped metadata only what colours need is left."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "cat")
    path = saved(tmp_path, PIL.Image.fromarray(texture_samples(4, 5, 3)), icc_profile=b"profile",
                 dpi=(300, 150), pnginfo=info)  # fmt: skip
    metadata = files.read(parse(path)).metadata
    assert metadata.icc == b"profile"
    assert metadata.dpi == pytest.approx((300, 150), abs=0.02)
    assert metadata.text == (("Title", "cat"),)
    assert metadata.stripped() == Metadata(icc=b"profile")


def test_a_profile_of_lab_is_dropped(tmp_path: Path) -> None:
    """Lab becomes sRGB, which its profile does not describe; CMYK keeps its profile."""
    for mode, kept in (("LAB", None), ("CMYK", b"profile")):
        path = saved(tmp_path, PIL.Image.new(mode, (5, 4)), "in.tif", icc_profile=b"profile")
        assert decode(parse(path)).metadata.icc == kept


@pytest.mark.parametrize("comment", ["caf\xe9".encode(), "caf\xe9".encode("latin-1")])
def test_a_comment_is_read_as_it_was_written(tmp_path: Path, comment: bytes) -> None:
    """A JPEG does not say how its comment is encoded: UTF-8 and Latin-1 are both read."""
    path = saved(tmp_path, PIL.Image.fromarray(texture_samples(4, 5, 3)), "in.jpg", comment=comment)
    assert files.read(parse(path)).metadata.comment == "caf\xe9"


def test_animations_are_refused(tmp_path: Path) -> None:
    """An animation is not silently cut to its first frame."""
    frames = [PIL.Image.fromarray(texture_samples(4, 5, 3)), PIL.Image.new("RGB", (5, 4))]
    path = saved(tmp_path, frames[0], "in.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageFileError, match="is animated; give a still picture"):
        files.read(parse(path))


def test_too_many_pixels_are_refused_by_the_head(tmp_path: Path) -> None:
    """A picture over the limit is refused before decoding; one at the limit is read."""
    path = saved(tmp_path, PIL.Image.new("L", (30, 20)))
    assert files.read(parse(path), 600).size == (20, 30)
    with pytest.raises(PictureTooLargeError, match=r"30x20, more than 599 pixels; raise"):
        files.read(parse(path), 599)
