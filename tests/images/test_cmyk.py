from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images import cmyk
from upsample_cli.images.image import Image, Metadata
from upsample_cli.images.levels import Colour, luma
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files
from upsample_cli.images.write import encode
from upsample_cli.jobs.enlarge.picture import upsample
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.methods.catalogue import build

NEAREST = Task(build("nearest"), TargetSize(scale=2.0))


def picture(tmp_path: Path, suffix: str) -> tuple[np.ndarray, Path]:
    """Return CMYK samples and a file of them."""
    samples, path = texture_samples(20, 24, 4), tmp_path / f"in.{suffix}"
    saved = encode.to_pillow(samples, is_cmyk=True)
    saved.save(path, icc_profile=b"a profile of inks", quality=95)
    return samples, path


def test_a_tiff_stays_cmyk(tmp_path: Path) -> None:
    """CMYK is enlarged as it is and keeps its profile."""
    samples, source = picture(tmp_path, "tiff")
    report = upsample(parse(source), parse(tmp_path / "out.tiff"), NEAREST)
    with tifffile.TiffFile(tmp_path / "out.tiff") as opened:
        page = opened.pages[0]
        assert (page.photometric, page.extrasamples) == (5, ())
        assert page.iccprofile == b"a profile of inks"
        np.testing.assert_array_equal(page.asarray(), samples.repeat(2, 0).repeat(2, 1))
    assert report.notes == ()


def test_a_jpeg_stays_cmyk(tmp_path: Path) -> None:
    """A CMYK JPEG keeps its profile and its quality."""
    samples, source = picture(tmp_path, "jpg")
    report = upsample(parse(source), parse(tmp_path / "out.jpg"), NEAREST)
    with PIL.Image.open(tmp_path / "out.jpg") as output, PIL.Image.open(source) as original:
        assert output.mode == "CMYK"
        assert output.quantization == original.quantization
        assert output.info["icc_profile"] == b"a profile of inks"
        error = np.asarray(output).astype(int) - samples.repeat(2, 0).repeat(2, 1)
    assert np.abs(error).mean() < 3
    assert report.notes == ()


def test_other_formats_get_srgb(tmp_path: Path) -> None:
    """A format without CMYK gets sRGB, no CMYK profile, and a note."""
    samples, source = picture(tmp_path, "tiff")
    report = upsample(parse(source), parse(tmp_path / "out.png"), NEAREST)
    assert report.notes == ("PNG holds no inks, so CMYK became sRGB without a profile",)
    image = files.read(parse(tmp_path / "out.png"))
    assert image.metadata.icc is None
    expected = 255 - samples[..., :3].astype(int)
    expected = expected * (255 - samples[..., 3:].astype(int)) / 255
    np.testing.assert_allclose(image.samples[::2, ::2], expected, atol=1)


def test_a_profile_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours are converted through the profile, which is then dropped."""
    modes = []

    def through(
        picture: PIL.Image.Image, *_: object, outputMode: str
    ) -> PIL.Image.Image:  # Pillow's name
        modes.append((picture.mode, outputMode))
        return PIL.Image.new("RGB", picture.size, (1, 2, 3))

    monkeypatch.setattr(cmyk.ImageCms, "ImageCmsProfile", lambda file: file)
    monkeypatch.setattr(cmyk.ImageCms, "profileToProfile", through)
    image = Image(texture_samples(4, 5, 4), "TIFF", Metadata(icc=b"p"), is_cmyk=True)
    converted, how = cmyk.to_srgb(image)
    assert (modes, how) == ([("CMYK", "RGB")], "through its profile")
    assert converted.samples[0, 0].tolist() == [1, 2, 3]
    assert (converted.is_cmyk, converted.metadata.icc) == (False, None)


def test_the_luma_of_cmyk() -> None:
    """No ink is white, black alone is black, and yellow takes blue away."""
    colour = Colour(np.uint8, is_cmyk=True)
    planes = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 255], [0, 255, 0]], np.float32)[:, None]
    expected = luma(np.array([[255, 0, 255], [255, 0, 255], [255, 0, 0]], np.float32)[:, None])
    np.testing.assert_allclose(colour.luma(planes), expected, atol=1e-3)


def test_cmyk_has_no_linear_light(tmp_path: Path) -> None:
    """--linear is refused where CMYK is kept."""
    _, source = picture(tmp_path, "tiff")
    task = Task(build("nearest"), TargetSize(scale=2.0), linear=True)
    with pytest.raises(ImageFileError, match="inks are no light; leave --linear out"):
        upsample(parse(source), parse(tmp_path / "out.tiff"), task)
    upsample(parse(source), parse(tmp_path / "out.png"), task)
