"""AVIF, JPEG 2000 and ICO as outputs, and what is written without loss."""

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import animations
import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms
from terminal import Outcome, check_refused
from textures import texture_samples

Call = Callable[..., Outcome]
FORMATS = {"avif": "AVIF", "jp2": "JPEG2000", "ico": "ICO"}
avif = pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")
imagecodecs = pytest.mark.skipif(not find_spec("imagecodecs"), reason="no imagecodecs")
each_format = pytest.mark.parametrize("suffix", [pytest.param("avif", marks=avif), "jp2", "ico"])


def samples(source: bytes | Path, format: str | None = None) -> np.ndarray:
    with PIL.Image.open(BytesIO(source) if isinstance(source, bytes) else source) as opened:
        assert format in (None, opened.format)
        return np.asarray(opened).astype(int)


@each_format
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_more_formats_are_written(call: Call, folder: Path, suffix: str, channels: int) -> None:
    """File, pipe and folder have one result, which looks as the PNG does."""
    x = texture_samples(40, 50, channels)
    PIL.Image.fromarray(x[..., 0] if channels == 1 else x).save(folder / "a.png")
    (folder / "in").mkdir()
    (folder / "in" / "a.png").write_bytes((folder / "a.png").read_bytes())
    assert call("a.png", f"b.{suffix}").code == 0
    assert call("a.png", "b.png").code == 0
    actual = samples(folder / f"b.{suffix}", FORMATS[suffix])
    expected = samples(folder / "b.png")
    assert actual.shape[:2] == expected.shape[:2] == (80, 100)
    if channels == 1 and actual.ndim == 3:
        actual = actual[..., 0]
    if channels == 4:
        actual, expected = (one * (one[..., 3:] > 0) for one in (actual, expected))
    assert np.abs(actual[..., : expected.shape[-1]] - expected).mean() < 12
    if suffix != "avif":  # both are without loss
        np.testing.assert_array_equal(actual[..., : expected.shape[-1]], expected)
    data = (folder / f"b.{suffix}").read_bytes()
    piped = call("-", "-", "--format", suffix, stdin=(folder / "a.png").read_bytes())
    assert (piped.code, piped.out) == (0, data)
    assert call("in", "out", "--format", suffix).code == 0
    assert (folder / "out" / f"a.{suffix}").read_bytes() == data


@avif
def test_metadata_survives_in_avif(call: Call, folder: Path) -> None:
    """Profile, EXIF and XMP are in the AVIF; of a JPEG 2000 the losses are told."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = PIL.Image.fromarray(texture_samples(20, 24, 3))
    tags = {700: b"<x:xmpmeta/>", 0x10E: "a title"}
    picture.save(folder / "a.tif", icc_profile=profile, tiffinfo=tags)
    assert call("a.tif", "b.avif").err == ""
    with PIL.Image.open(folder / "b.avif") as opened:
        assert opened.info["icc_profile"] == profile
        assert opened.getexif()[0x10E] == "a title"
        assert b"xmpmeta" in opened.info["xmp"]
    assert "JPEG2000 cannot hold its profile, so it was left out" in call("a.tif", "b.jp2").err


def test_icons_are_small(call: Call, folder: Path) -> None:
    """An icon has 256 pixels at most, and icons of a folder become PNGs by themselves."""
    PIL.Image.new("RGB", (200, 100)).save(folder / "a.png")
    check_refused(call("a.png", "b.ico"), 1, "ICO cannot hold 400x200 pixels; write a PNG")
    (folder / "in").mkdir()
    PIL.Image.new("RGBA", (200, 200)).save(folder / "in" / "a.ico", sizes=[(200, 200)])
    assert call("in", "out").code == 0
    assert samples(folder / "out" / "a.ico.png").shape[:2] == (400, 400)


@pytest.fixture
def photo(folder: Path) -> str:
    """Return the name of a lossless picture with transparency."""
    x = np.random.default_rng(0).integers(0, 256, (20, 24, 4)).astype(np.uint8)
    x[..., 3] |= 128
    PIL.Image.fromarray(x).save(folder / "noise.png")
    return "noise.png"


@pytest.mark.parametrize("suffix", ["webp", pytest.param("avif", marks=[avif, imagecodecs])])
def test_lossless_keeps_every_level(call: Call, folder: Path, photo: str, suffix: str) -> None:
    """With --lossless the levels are those of the PNG, and a lossless input makes it so itself."""
    assert call(photo, f"a.{suffix}", "--lossless").code == 0
    assert call(photo, "a.png").code == 0
    np.testing.assert_array_equal(samples(folder / f"a.{suffix}"), samples(folder / "a.png"))
    for source in (f"a.{suffix}", "a.png"):
        assert call(source, f"b.{suffix}", "-f", *(["--lossless"] * (source == "a.png"))).code == 0
        assert call(source, "b.png", "-f").code == 0
        np.testing.assert_array_equal(samples(folder / f"b.{suffix}"), samples(folder / "b.png"))
    assert call(f"a.{suffix}", f"c.{suffix}", "--quality", 50).code == 0
    assert np.abs(samples(folder / f"c.{suffix}") - samples(folder / "b.png")).max() > 0


@avif
@imagecodecs
@pytest.mark.parametrize("channels", [1, 2])
def test_greys_are_lossless_in_avif(call: Call, folder: Path, channels: int) -> None:
    """Grey, with opacity too, is kept to the level, and known as lossless when it is read."""
    x = texture_samples(20, 24, channels)
    PIL.Image.fromarray(x[..., 0] if channels == 1 else x | 16).save(folder / "a.png")
    assert call("a.png", "a.avif", "--lossless").code == 0
    assert call("a.avif", "b.avif").code == 0
    for before, after in (("a.png", "a.avif"), ("a.avif", "b.avif")):
        assert call(before, "b.png", "-f").code == 0
        with PIL.Image.open(folder / "b.png") as opened, PIL.Image.open(folder / after) as other:
            expected = np.asarray(opened.convert("RGBA"))
            np.testing.assert_array_equal(np.asarray(other.convert("RGBA")), expected)


@avif
@imagecodecs
def test_a_lossless_avif_becomes_a_lossless_webp(call: Call, folder: Path, photo: str) -> None:
    """What has no loss keeps having none in the other format; what has some does not."""
    assert call(photo, "a.avif", "--lossless").code == 0
    assert call("a.avif", "b.webp").code == 0
    assert call("a.avif", "b.png").code == 0
    np.testing.assert_array_equal(samples(folder / "b.webp"), samples(folder / "b.png"))
    assert call(photo, "lossy.avif").code == 0
    assert call("lossy.avif", "c.webp").code == 0
    assert b"VP8L" not in (folder / "c.webp").read_bytes()[:64]


@avif
def test_a_lossless_webp_becomes_an_ordinary_avif(
    call: Call, folder: Path, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no extra library, and keeps its profile, which a lossless AVIF could not hold."""
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with PIL.Image.open(folder / photo) as opened:
        opened.save(folder / "a.webp", lossless=True, icc_profile=profile)
    outcome = call("a.webp", "a.avif")
    assert (outcome.code, "left out" in outcome.err) == (0, False)
    with PIL.Image.open(folder / "a.avif") as opened:
        assert opened.info["icc_profile"] == profile


@avif
def test_lossless_avif_needs_its_library(
    call: Call, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without imagecodecs the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    outcome = call(photo, "a.avif", "--lossless")
    check_refused(outcome, 1, "lossless AVIF needs imagecodecs; pip install 'upsample-cli[t")


def test_jpeg_is_never_lossless(call: Call) -> None:
    """Where there is no such thing, --lossless is refused or told, and contradicts a quality."""
    check_refused(call("in.png", "a.jpg", "--lossless"), 1, "JPEG cannot be lossless; leave")
    assert (
        "--lossless is for WebP and AVIF; it does nothing for PNG"
        in call("in.png", "a.png", "--lossless").err
    )
    outcome = call("in.png", "a.webp", "--lossless", "--quality", 3)
    check_refused(outcome, 2, "--lossless and --quality cannot be used together; leave one out")


@avif
def test_an_animation_becomes_an_avif(call: Call, folder: Path) -> None:
    """Every frame and its time are in it; that it ends after a while cannot be."""
    animations.write(folder / "a.gif", transparent=True)
    outcome = call("a.gif", "b.avif")
    assert outcome.code == 0
    with PIL.Image.open(folder / "a.gif") as before, PIL.Image.open(folder / "b.avif") as after:
        assert after.n_frames == before.n_frames
        assert after.size == (2 * before.width, 2 * before.height)
        for index in range(before.n_frames):
            before.seek(index)
            after.seek(index)
            after.load()  # AVIF tells the time then
            assert after.info["duration"] == pytest.approx(before.info["duration"], abs=1)
    check_refused(call("a.gif", "c.avif", "--lossless"), 1, "an animated AVIF cannot be lossless")
