from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import levels

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files, opening
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs import api
from upsample_cli.jobs.enlarge.picture import upsample
from upsample_cli.jobs.enlarge.task import Report, TargetSize, Task
from upsample_cli.methods.catalogue import build


def made(source: Path, to: Path, method: str = "lanczos", scale: float = 2.0, **options: Any
         ) -> Report:  # fmt: skip
    return upsample(
        parse(source),
        parse(to),
        Task(build(method), TargetSize(scale=scale), **options),
    )


def picture(folder: Path, samples: np.ndarray, name: str = "in.png") -> Path:
    """Write samples, shape (H, W, C), as a PNG of their depth."""
    order = [0] if samples.shape[2] == 1 else [2, 1, 0, 3][: samples.shape[2]]
    assert cv2.imwrite(str(folder / name), samples[..., order])
    return folder / name


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (16, 1), (16, 3)])
@pytest.mark.parametrize("method", ["nearest", "lanczos", "tconv"])
def test_a_file_holds_what_the_planes_become(
    tmp_path: Path, bits: int, channels: int, method: str
) -> None:
    """The file's samples are the enlarged planes, rounded half up once to its depth."""
    samples = levels(36, 30, channels, bits)
    report = made(picture(tmp_path, samples), tmp_path / "out.png", method, 2.5)
    peak = 2**bits - 1
    whole = api.upsample(np.moveaxis(samples, 2, 0) / peak, method, scale=2.5)
    expected = np.clip(np.floor(whole * peak + 0.5), 0, peak)
    found = files.read(parse(tmp_path / "out.png")).samples
    assert found.dtype == samples.dtype
    assert report.size == found.shape[:2] == (90, 75)
    # Single precision may round a tie the other way, by one level.
    assert np.abs(np.moveaxis(found, 2, 0) - expected).max() <= 1
    assert (np.moveaxis(found, 2, 0) != expected).mean() < (1e-3 if bits == 8 else 0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_are_neither_clipped_nor_rounded(tmp_path: Path, channels: int) -> None:
    """A TIFF of floats becomes the enlarged planes, whatever their range."""
    samples = (levels(36, 30, channels, 16) / 9000 - 2).astype(np.float32)
    source, to = tmp_path / "in.tiff", tmp_path / "out.tiff"
    tifffile.imwrite(source, samples.squeeze(), photometric=["minisblack", "rgb"][channels // 3])
    report = made(source, to, "lanczos", 2.5)
    expected = api.upsample(np.moveaxis(samples, 2, 0), "lanczos", scale=2.5)
    found = tifffile.imread(to).reshape(90, 75, channels)
    assert found.dtype == np.float32
    assert report.notes == ()
    np.testing.assert_array_equal(np.moveaxis(found, 2, 0), expected)


@pytest.mark.parametrize("suffix", ["png", "tiff", "ppm"])
def test_a_deep_gradient_stays_smooth(tmp_path: Path, suffix: str) -> None:
    """16 bits a colour stay 16 bits: a gradient has more than 10,000 levels."""
    y, x = np.mgrid[:120, :120]
    ramp = (x * 120 + y) * 4.5
    samples = np.stack([ramp, 65535 - ramp, ramp / 2], axis=2).astype(np.uint16)
    made(picture(tmp_path, samples), tmp_path / f"out.{suffix}", "bicubic")
    found = cv2.imread(str(tmp_path / f"out.{suffix}"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    assert len(np.unique(found[..., 2])) > 10_000


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
def test_any_threads_write_the_same_bytes(tmp_path: Path, format: str) -> None:
    """The file is the same to the last byte with 1 and with 4 threads."""
    source = picture(tmp_path, levels(160, 40, 3))
    one, four = tmp_path / f"one.{format}", tmp_path / f"four.{format}"
    first = made(source, one, "tconv", 3, threads=1)
    second = made(source, four, "tconv", 3, threads=4)
    assert one.read_bytes() == four.read_bytes()
    assert repr(first.checkerboard) == repr(second.checkerboard)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_is_written(tmp_path: Path, suffix: str) -> None:
    """Each suffix gets its format, of the right size."""
    channels = 1 if suffix == "pgm" else 3
    made(picture(tmp_path, levels(8, 9, channels)), tmp_path / f"out.{suffix}")
    with PIL.Image.open(tmp_path / f"out.{suffix}") as opened:
        assert opened.format == FORMATS[suffix].replace("PGM", "PPM")
        assert opened.size == (18, 16)


def test_hidden_colours_do_not_bleed(tmp_path: Path) -> None:
    """A red pixel beside hidden green ones stays red in all it becomes, unless asked not to."""
    samples = np.full((6, 6, 4), (0, 255, 0, 0), np.uint8)
    samples[2:4, 2:4] = (255, 0, 0, 255)
    source = picture(tmp_path, samples)
    made(source, tmp_path / "out.png", "bicubic", 4)
    seen = files.read(parse(tmp_path / "out.png")).samples
    assert seen[seen[..., 3] > 0][:, 1].max() == 0
    made(source, tmp_path / "straight.png", "bicubic", 4, premultiplied=False)
    seen = files.read(parse(tmp_path / "straight.png")).samples
    assert seen[seen[..., 3] > 0][:, 1].max() > 50


def test_linear_light_averages_light(tmp_path: Path) -> None:
    """Half-way between black and white is 188 in linear light, and 128 without."""
    samples = np.zeros((4, 9, 1), np.uint8)
    samples[:, 5:] = 255
    source = picture(tmp_path, samples)
    middle = {}
    for linear in (False, True):
        size = TargetSize(width=8 * 9, height=4)
        task = Task(build("bilinear"), size, linear=linear, force=True)
        upsample(parse(source), parse(tmp_path / "out.png"), task)
        row = files.read(parse(tmp_path / "out.png")).samples[0, :, 0].astype(int)
        middle[linear] = row[39:41].mean()
    assert middle[False] == pytest.approx(127.5, abs=1)
    assert middle[True] == pytest.approx(187, abs=4)


def test_metadata_survives_and_can_be_stripped(tmp_path: Path) -> None:
    """Profile, EXIF, dpi and text are in the output; stripped, only the profile is."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    source = tmp_path / "in.png"
    PIL.Image.fromarray(levels(8, 9, 3)).save(
        source, icc_profile=b"profile", dpi=(300, 300), exif=exif
    )
    made(source, tmp_path / "out.png")
    found = files.read(parse(tmp_path / "out.png")).metadata
    assert found == files.read(parse(source)).metadata
    made(source, tmp_path / "bare.png", strip=True)
    bare = files.read(parse(tmp_path / "bare.png")).metadata
    assert (bare.icc, bare.exif, bare.dpi) == (b"profile", None, None)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_metadata_survives_in_other_formats(tmp_path: Path, suffix: str) -> None:
    """The profile and EXIF go along into JPEG, WebP and TIFF."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    source = tmp_path / "in.png"
    PIL.Image.fromarray(levels(8, 9, 3)).save(source, icc_profile=b"profile", exif=exif)
    made(source, tmp_path / f"out.{suffix}")
    with PIL.Image.open(tmp_path / f"out.{suffix}") as opened:
        assert opened.info["icc_profile"] == b"profile"
        assert opened.getexif()[0x010F] == "maker"


def test_the_report_says_what_was_done(tmp_path: Path) -> None:
    """A report names the method, kernel, scale, ripple and shift."""
    source = picture(tmp_path, levels(64, 64, 3))
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=2.0))
    report = upsample(parse(source), parse(tmp_path / "out.png"), task)
    assert (report.status, report.method, report.kernel) == ("done", "tconv", "uniform")
    assert (report.size, report.scale, report.shift) == ((128, 128), 2.0, (-0.5, -0.5))
    assert report.kernel_ripple == pytest.approx(0.4843, abs=1e-4)
    assert report.checkerboard.verdict == "checkerboard"
    assert report.checkerboard.stride == (2, 2)


@pytest.mark.parametrize(
    ("factor", "told"), [(4.0, "are 4 on average"), (0.0, "are 0 on"), (1.005, "")]
)
def test_a_kernel_that_changes_brightness_is_told(tmp_path: Path, factor: float, told: str) -> None:
    """Of a kernel whose phase sums are not 1 on average the report tells by what it multiplies."""
    np.save(tmp_path / "k.npy", np.full((4, 4), 0.25 * factor))
    task = Task(build("tconv", kernel=str(tmp_path / "k.npy")), TargetSize(scale=2.0))
    source = picture(tmp_path, levels(64, 64, 3))
    notes = upsample(parse(source), parse(tmp_path / "out.png"), task).notes
    assert (told in notes[0]) if told else notes == ()


def test_depth_does_not_change_the_figures(tmp_path: Path) -> None:
    """The checkerboard of a 16-bit picture is told in levels of 0..255 too."""
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=2.0))
    shallow = levels(64, 64, 1) // 2  # bright ones would be cut off at 255
    found = []
    for samples in (shallow, shallow.astype(np.uint16) * 257):
        name = f"{samples.dtype}.png"
        source = picture(tmp_path, samples, name)
        found.append(upsample(parse(source), parse(tmp_path / f"out-{name}"), task).checkerboard)
    assert found[0].ripple > 5
    assert found[1].ripple == pytest.approx(found[0].ripple, rel=0.01)


def test_an_output_too_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    """A huge scale is limited as a huge input is, and nothing is written."""
    source = picture(tmp_path, levels(20, 20, 1))
    with pytest.raises(PictureTooLargeError, match=r"would be 200x200, more than 64 times"):
        made(source, tmp_path / "out.png", scale=10.0, max_pixels=400)
    assert not (tmp_path / "out.png").exists()


def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the middle of the work leaves neither the target nor a part of it."""
    from upsample_cli.images.write import png

    source = picture(tmp_path, levels(160, 20, 3))

    def broken(*_: object) -> None:
        raise ImageFileError("the disk is gone; find it")

    monkeypatch.setattr(png, "trailer", broken)
    with pytest.raises(ImageFileError, match="the disk is gone"):
        made(source, tmp_path / "out.png")
    assert [each.name for each in tmp_path.iterdir()] == ["in.png"]


def test_the_head_alone_gives_the_size(tmp_path: Path) -> None:
    """Height and width are known without decoding."""
    assert opening.read_size(parse(picture(tmp_path, levels(20, 30, 1)))) == (20, 30)
