from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from enlargers import enlarger, written
from textures import texture_samples

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files, opening
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs import api
from upsample_cli.jobs.enlarge.picture import enlarge
from upsample_cli.jobs.enlarge.task import Report, TargetSize, Task
from upsample_cli.methods.catalogue import build


def enlarge_file(
    source: Path, target: Path, method: str = "lanczos", scale: float = 2.0, **options: Any
) -> Report:
    """Enlarge a file and return the report."""
    task = Task(build(method), TargetSize(scale=scale), **options)
    return enlarge(parse(source), parse(target), task)


def write_png(folder: Path, samples: np.ndarray, name: str = "in.png") -> Path:
    """Write samples, shape (H, W, C), as a PNG of the same depth."""
    order = [0] if samples.shape[2] == 1 else [2, 1, 0, 3][: samples.shape[2]]
    assert cv2.imwrite(str(folder / name), samples[..., order])
    return folder / name


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (16, 1), (16, 3)])
@pytest.mark.parametrize("method", ["nearest", "lanczos", "tconv"])
def test_a_file_contains_the_rounded_planes(
    tmp_path: Path, bits: int, channels: int, method: str
) -> None:
    """The file's samples are the enlarged planes, rounded half up once to its depth."""
    samples = texture_samples(36, 30, channels, bits)
    report = enlarge_file(write_png(tmp_path, samples), tmp_path / "out.png", method, 2.5)
    peak = 2**bits - 1
    enlarged = api.upsample(np.moveaxis(samples, 2, 0) / peak, method, scale=2.5)
    expected = np.clip(np.floor(enlarged * peak + 0.5), 0, peak)
    actual = files.read(parse(tmp_path / "out.png")).samples
    assert actual.dtype == samples.dtype
    assert report.size == actual.shape[:2] == (90, 75)
    # Single precision may round a tie differently, by one level.
    assert np.abs(np.moveaxis(actual, 2, 0) - expected).max() <= 1
    assert (np.moveaxis(actual, 2, 0) != expected).mean() < (1e-3 if bits == 8 else 0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_are_neither_clipped_nor_rounded(tmp_path: Path, channels: int) -> None:
    """A TIFF of floats contains the enlarged planes exactly, whatever their range."""
    samples = (texture_samples(36, 30, channels, 16) / 9000 - 2).astype(np.float32)
    source, target = tmp_path / "in.tiff", tmp_path / "out.tiff"
    tifffile.imwrite(source, samples.squeeze(), photometric=["minisblack", "rgb"][channels // 3])
    report = enlarge_file(source, target, "lanczos", 2.5)
    expected = api.upsample(np.moveaxis(samples, 2, 0), "lanczos", scale=2.5)
    actual = tifffile.imread(target).reshape(90, 75, channels)
    assert actual.dtype == np.float32
    assert report.notes == ()
    np.testing.assert_array_equal(np.moveaxis(actual, 2, 0), expected)


@pytest.mark.parametrize("suffix", ["png", "tiff", "ppm"])
def test_a_gradient_of_16_bits_stays_smooth(tmp_path: Path, suffix: str) -> None:
    """The output has 16 bits per channel and more than 10,000 levels."""
    y, x = np.mgrid[:120, :120]
    ramp = (x * 120 + y) * 4.5
    samples = np.stack([ramp, 65535 - ramp, ramp / 2], axis=2).astype(np.uint16)
    enlarge_file(write_png(tmp_path, samples), tmp_path / f"out.{suffix}", "bicubic")
    actual = cv2.imread(str(tmp_path / f"out.{suffix}"), cv2.IMREAD_UNCHANGED)
    assert actual.dtype == np.uint16
    assert len(np.unique(actual[..., 2])) > 10_000


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
def test_any_number_of_threads_writes_the_same_bytes(tmp_path: Path, format: str) -> None:
    """1 thread and 4 threads write identical files and report the same checkerboard."""
    source = write_png(tmp_path, texture_samples(160, 40, 3))
    one, four = tmp_path / f"one.{format}", tmp_path / f"four.{format}"
    first = enlarge_file(source, one, "tconv", 3, threads=1)
    second = enlarge_file(source, four, "tconv", 3, threads=4)
    assert one.read_bytes() == four.read_bytes()
    assert repr(first.checkerboard) == repr(second.checkerboard)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_is_written(tmp_path: Path, suffix: str) -> None:
    """Each suffix selects its format, and the output has the right size."""
    if suffix == "avif":
        pytest.importorskip("PIL.AvifImagePlugin")
    channels = 1 if suffix == "pgm" else 3
    enlarge_file(write_png(tmp_path, texture_samples(8, 9, channels)), tmp_path / f"out.{suffix}")
    with PIL.Image.open(tmp_path / f"out.{suffix}") as opened:
        assert opened.format == FORMATS[suffix].replace("PGM", "PPM")
        assert opened.size == (18, 16)


def test_hidden_colours_do_not_bleed(tmp_path: Path) -> None:
    """Transparent green pixels do not spread into a red one, unless alpha is straight."""
    samples = np.full((6, 6, 4), (0, 255, 0, 0), np.uint8)
    samples[2:4, 2:4] = (255, 0, 0, 255)
    source = write_png(tmp_path, samples)
    enlarge_file(source, tmp_path / "out.png", "bicubic", 4)
    result = files.read(parse(tmp_path / "out.png")).samples
    assert result[result[..., 3] > 0][:, 1].max() == 0
    enlarge_file(source, tmp_path / "straight.png", "bicubic", 4, premultiplied=False)
    result = files.read(parse(tmp_path / "straight.png")).samples
    assert result[result[..., 3] > 0][:, 1].max() > 50


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_nearest_copies_every_sample(tmp_path: Path, kind: type, linear: bool) -> None:
    """Pixels are copied bit for bit, transparent ones with their hidden colours."""
    samples = np.random.default_rng(0).random((6, 6, 4)).astype(np.float32)
    if kind is not np.float32:
        samples = (samples * np.iinfo(kind).max).astype(kind)
    samples[:2, :, 3] = 0
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="rgb", extrasamples=["unassalpha"])
    enlarge_file(tmp_path / "in.tif", tmp_path / "out.tif", "nearest", 2, linear=linear)
    expected = samples.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), expected)


def test_linear_light_averages_light(tmp_path: Path) -> None:
    """The middle between black and white is 187 in linear light, and 127.5 without."""
    samples = np.zeros((4, 9, 1), np.uint8)
    samples[:, 5:] = 255
    source = write_png(tmp_path, samples)
    middle = {}
    for linear in (False, True):
        size = TargetSize(width=8 * 9, height=4)
        task = Task(build("bilinear"), size, linear=linear, force=True)
        enlarge(parse(source), parse(tmp_path / "out.png"), task)
        row = files.read(parse(tmp_path / "out.png")).samples[0, :, 0].astype(int)
        middle[linear] = row[39:41].mean()
    assert middle[False] == pytest.approx(127.5, abs=1)
    assert middle[True] == pytest.approx(187, abs=4)


def test_metadata_survives_and_can_be_stripped(tmp_path: Path) -> None:
    """Profile, EXIF and dpi are kept; with --strip only the profile is kept."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    source = tmp_path / "in.png"
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(
        source, icc_profile=b"profile", dpi=(300, 300), exif=exif
    )
    enlarge_file(source, tmp_path / "out.png")
    actual = files.read(parse(tmp_path / "out.png")).metadata
    assert actual == files.read(parse(source)).metadata
    enlarge_file(source, tmp_path / "bare.png", drop_metadata=True)
    stripped = files.read(parse(tmp_path / "bare.png")).metadata
    assert (stripped.icc, stripped.exif, stripped.dpi) == (b"profile", None, None)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_metadata_survives_in_other_formats(tmp_path: Path, suffix: str) -> None:
    """The profile and EXIF are copied into JPEG, WebP and TIFF."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    source = tmp_path / "in.png"
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(source, icc_profile=b"profile", exif=exif)
    enlarge_file(source, tmp_path / f"out.{suffix}")
    with PIL.Image.open(tmp_path / f"out.{suffix}") as opened:
        assert opened.info["icc_profile"] == b"profile"
        assert opened.getexif()[0x010F] == "maker"


def test_the_report_contains_every_figure(tmp_path: Path) -> None:
    """A report contains method, kernel, size, scale, shift and ripple."""
    source = write_png(tmp_path, texture_samples(64, 64, 3))
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=2.0))
    report = enlarge(parse(source), parse(tmp_path / "out.png"), task)
    assert (report.status, report.method, report.kernel) == ("done", "tconv", "uniform")
    assert (report.size, report.scale, report.shift) == ((128, 128), 2.0, (-0.5, -0.5))
    assert report.kernel_ripple == pytest.approx(0.4843, abs=1e-4)
    assert report.checkerboard.verdict == "checkerboard"
    assert report.checkerboard.stride == (2, 2)


def test_the_ripple_is_that_of_the_scale(tmp_path: Path) -> None:
    """At a scale that is not whole, the reduction takes a part of the kernel's ripple off."""
    source = write_png(tmp_path, np.full((64, 64, 1), 100, np.uint8))
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=1.5))
    report = enlarge(parse(source), parse(tmp_path / "out.png"), task)
    levels = files.read(parse(tmp_path / "out.png")).samples
    assert report.kernel_ripple == pytest.approx(levels.std() / levels.mean(), abs=2e-3)


@pytest.mark.parametrize("target", [TargetSize(scale=9), TargetSize(width=180, height=240)])
def test_the_shift_is_that_of_the_whole_enlargement(tmp_path: Path, target: TargetSize) -> None:
    """A kernel that is repeated and reduced moves a dot as far as is reported, along both axes."""
    np.savez(
        tmp_path / "k.npz", format=1, method="tconv", stride=3, resize="", about="{}",
        taps=np.outer([0.5, 1, 1, 0.5], [0.5, 1, 1, 0.5]),
    )  # fmt: skip
    dot = np.zeros((41, 41, 1), np.uint8)
    dot[20, 20] = 255
    task = Task(build("tconv", kernel=str(tmp_path / "k.npz")), target)
    report = enlarge(parse(write_png(tmp_path, dot)), parse(tmp_path / "out.png"), task)
    spread = files.read(parse(tmp_path / "out.png")).samples[..., 0].astype(float)
    for axis, shift in enumerate(report.shift):
        profile = spread.sum(1 - axis)
        moved = profile @ np.arange(len(profile)) / profile.sum() - (len(profile) - 1) / 2
        assert shift == pytest.approx(moved, abs=0.02)


@pytest.mark.parametrize(
    ("factor", "note"), [(4.0, "are 4 on average"), (0.0, "are 0 on"), (1.005, "")]
)
def test_a_kernel_that_changes_brightness_is_noted(
    tmp_path: Path, factor: float, note: str
) -> None:
    """A note gives the average phase sum of the kernel when it differs from 1."""
    np.save(tmp_path / "k.npy", np.full((4, 4), 0.25 * factor))
    task = Task(build("tconv", kernel=str(tmp_path / "k.npy")), TargetSize(scale=2.0))
    source = write_png(tmp_path, texture_samples(64, 64, 3))
    notes = enlarge(parse(source), parse(tmp_path / "out.png"), task).notes
    assert (note in notes[0]) if note else notes == ()


def test_depth_does_not_change_the_figures(tmp_path: Path) -> None:
    """The checkerboard of a 16-bit picture is measured in levels of 0..255 too."""
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=2.0))
    samples_of_8_bits = texture_samples(64, 64, 1) // 2  # dark, so that no output is clipped at 255
    checkerboards = []
    for samples in (samples_of_8_bits, samples_of_8_bits.astype(np.uint16) * 257):
        name = f"{samples.dtype}.png"
        source = write_png(tmp_path, samples, name)
        checkerboards.append(
            enlarge(parse(source), parse(tmp_path / f"out-{name}"), task).checkerboard
        )
    assert checkerboards[0].ripple > 5
    assert checkerboards[1].ripple == pytest.approx(checkerboards[0].ripple, rel=0.01)


def test_an_output_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A scale that would exceed the limit on pixels is refused, and nothing is written."""
    source = write_png(tmp_path, texture_samples(20, 20, 1))
    with pytest.raises(PictureTooLargeError, match=r"would be 200x200, more than 64 times"):
        enlarge_file(source, tmp_path / "out.png", scale=10.0, max_pixels=400)
    assert not (tmp_path / "out.png").exists()


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error during writing leaves neither the output nor a partial file."""
    from upsample_cli.images.write import png

    source = write_png(tmp_path, texture_samples(160, 20, 3))

    joined = png.joined

    def fail(strips: Iterator[png.PngStrip]) -> Iterator[bytes]:
        yield from joined(strips)
        raise ImageFileError("the disk is gone; find it")

    monkeypatch.setattr(png, "joined", fail)
    with pytest.raises(ImageFileError, match="the disk is gone"):
        enlarge_file(source, tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_read_size_returns_height_and_width(tmp_path: Path) -> None:
    """The size of a file is returned as (height, width)."""
    assert opening.read_size(parse(write_png(tmp_path, texture_samples(20, 30, 1)))) == (20, 30)


@pytest.mark.parametrize(
    ("network", "channels", "size", "settings"),
    [
        ({}, 3, (20, 24), {}), ({}, 1, (20, 24), {}), ({}, 4, (20, 24), {}),
        ({}, 3, (20, 24), {"edges": "boundary"}), ({}, 3, (20, 24), {"antiring": 1.0}),
        ({}, 3, (20, 24), {"ensemble": True}), ({"channels": 1}, 3, (20, 24), {}),
        ({"border": 2}, 3, (20, 24), {}), ({"multiple": 8}, 3, (24, 16), {}),
        ({"multiple": 8}, 3, (20, 24), {}), ({"size": (32, 16)}, 3, (40, 40), {}),
        ({"size": (16, 32)}, 3, (20, 24), {}),
    ],
)  # fmt: skip
def test_a_boundary_that_does_nothing_is_noted(
    tmp_path: Path, network: dict[str, Any], channels: int, size: tuple[int, int],
    settings: dict[str, Any],
) -> None:  # fmt: skip
    """The note is there exactly if a network in ONNX makes the same of two boundaries."""
    source, model = tmp_path / "in.png", written(enlarger(**network), tmp_path)
    cv2.imwrite(str(source), texture_samples(*size, channels))
    task = Task(build("onnx", model=model, **settings), TargetSize(2.0))
    notes, outputs = list[str](), list[bytes]()
    for boundary in ("symmetric", "zero"):
        to = tmp_path / f"{boundary}.png"
        notes.extend(enlarge(parse(source), parse(to), task._replace(boundary=boundary)).notes)
        outputs.append(to.read_bytes())
    assert ("--boundary does nothing" in " ".join(notes)) == (outputs[0] == outputs[1])
