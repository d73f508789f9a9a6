from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import ImageCms
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images import profiles
from upsample_cli.images.image import Image
from upsample_cli.images.levels import Conversion, from_linear, luma, to_linear
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.profiles import notes_on_linear
from upsample_cli.images.read import files
from upsample_cli.images.write import encode, png
from upsample_cli.jobs.enlarge.picture import enlarge
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
    report = enlarge(parse(source), parse(tmp_path / "out.tiff"), NEAREST)
    with tifffile.TiffFile(tmp_path / "out.tiff") as opened:
        page = opened.pages[0]
        assert (page.photometric, page.extrasamples) == (5, ())
        assert page.iccprofile == b"a profile of inks"
        np.testing.assert_array_equal(page.asarray(), samples.repeat(2, 0).repeat(2, 1))
    assert report.notes == ()


def test_a_jpeg_stays_cmyk(tmp_path: Path) -> None:
    """A CMYK JPEG keeps its profile and its quality."""
    samples, source = picture(tmp_path, "jpg")
    report = enlarge(parse(source), parse(tmp_path / "out.jpg"), NEAREST)
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
    report = enlarge(parse(source), parse(tmp_path / "out.png"), NEAREST)
    assert report.notes == ("PNG cannot hold CMYK, so it became sRGB without a profile",)
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

    monkeypatch.setattr(profiles.ImageCms, "ImageCmsProfile", lambda file: file)
    monkeypatch.setattr(profiles.ImageCms, "profileToProfile", through)
    image = Image(texture_samples(4, 5, 4), "TIFF", Metadata(icc=b"p"), is_cmyk=True)
    converted, how = profiles.to_srgb(image)
    assert (modes, how) == ([("CMYK", "RGB")], "through its profile")
    assert converted.samples[0, 0].tolist() == [1, 2, 3]
    assert (converted.is_cmyk, converted.metadata.icc) == (False, None)


def test_the_luma_of_cmyk() -> None:
    """No ink is white, black alone is black, and yellow takes blue away."""
    colour = Conversion(np.uint8, is_cmyk=True)
    planes = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 255], [0, 255, 0]], np.float32)[:, None]
    expected = luma(np.array([[255, 0, 255], [255, 0, 255], [255, 0, 0]], np.float32)[:, None])
    np.testing.assert_allclose(colour.luma(planes), expected, atol=1e-3)


def test_cmyk_has_no_linear_light(tmp_path: Path) -> None:
    """--linear is refused where CMYK is kept."""
    _, source = picture(tmp_path, "tiff")
    task = Task(build("nearest"), TargetSize(scale=2.0), linear=True)
    with pytest.raises(ImageFileError, match="--linear is not for CMYK; leave it out"):
        enlarge(parse(source), parse(tmp_path / "out.tiff"), task)
    enlarge(parse(source), parse(tmp_path / "out.png"), task)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(curve: bytes, tag: bytes = b"rTRC") -> bytes:
    """Return a profile that has a curve and nothing else."""
    return bytes(128) + pack(">L4sLL", 1, tag, 144, len(curve)) + curve


def table(light: np.ndarray) -> bytes:
    return pack(">4s4xL", b"curv", len(light)) + (light * 65535).round().astype(">u2").tobytes()


def formula(form: int, *numbers: float) -> bytes:
    return pack(f">4s4xHH{len(numbers)}l", b"para", form, 0, *(round(n * 65536) for n in numbers))


AXIS = np.linspace(0, 1, 1024, dtype=np.float32)
PARTS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@pytest.mark.parametrize(
    "icc",
    [
        SRGB,
        profile(table(to_linear(AXIS))),
        profile(table(to_linear(AXIS)), b"kTRC"),
        profile(formula(3, *PARTS)),
        profile(formula(4, *PARTS, 0, 0)),
        profile(formula(2, *PARTS[:3], 0)),
        profile(formula(1, *PARTS[:3])),
    ],
)
def test_srgbs_curve_is_recognised(icc: bytes) -> None:
    """However a profile states sRGB's curve, there is no note."""
    assert notes_on_linear(Metadata(icc=icc)) == ()


KNOWN = [
    pack(">4s4xLH", b"curv", 1, 563),  # gamma 2.2 of Adobe RGB
    pack(">4s4xL", b"curv", 0),
    table(AXIS**1.6),
    formula(0, 1.8),
    formula(1, 1.8, 0.9, 0.1),
    formula(2, 1.8, 0.8, 0.1, 0.1),
    formula(3, 2.0, 0.9, 0.1, 0.3, 0.1),
    formula(4, 2.0, 0.8, 0.1, 0.3, 0.1, 0.1, 0.05),
]


def with_curve(curve: bytes) -> bytes:
    """Return the sRGB profile with another curve for all three colours."""
    data = bytearray(SRGB + bytes(-len(SRGB) % 4))
    for entry in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        if data[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            data[entry + 4 : entry + 12] = pack(">LL", len(data), len(curve))
    data += curve
    data[:4] = pack(">L", len(data))
    return bytes(data)


@pytest.mark.parametrize("curve", KNOWN)
def test_the_curve_of_a_profile_is_that_of_littlecms(curve: bytes) -> None:
    """Grey levels through LittleCMS into sRGB are the light that the profile's curve gives them."""
    icc = with_curve(curve)
    levels = np.arange(256, dtype=np.uint8)
    picture = PIL.Image.fromarray(levels[None, :, None].repeat(3, 2))
    source = ImageCms.ImageCmsProfile(BytesIO(icc))
    through = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), 1)
    expected = np.asarray(through)[0].T / 255
    curve_of_it = profiles.curve_of(Metadata(icc=icc))
    assert curve_of_it is not None
    planes = (levels / 255).astype(np.float32)[None, None].repeat(3, 0)
    light = curve_of_it.applied(planes)
    np.testing.assert_allclose(from_linear(light)[:, 0], expected, atol=0.012)
    if light[0, 0, 0] == 0 and (np.diff(light[0, 0]) > 0).all():
        np.testing.assert_allclose(curve_of_it.applied(light, inverse=True), planes, atol=1e-5)
    assert notes_on_linear(Metadata(icc=icc)) == ()


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("how", ["profile", "gamma"])
def test_linear_light_is_by_the_pictures_own_curve(tmp_path: Path, how: str, grey: bool) -> None:
    """Between black and white, a quarter of the light is the level that the file's curve gives."""
    x = np.zeros((8, 16) if grey else (8, 16, 3), np.uint8)
    x[:, 8:] = 255
    options: dict[str, object] = {}
    if how == "profile":
        curve = formula(0, 1.5)
        options["icc_profile"] = profile(curve, b"kTRC") if grey else with_curve(curve)
    PIL.Image.fromarray(x).save(tmp_path / "in.png", **options)
    if how == "gamma":
        data = (tmp_path / "in.png").read_bytes()
        gamma = png.chunk(b"gAMA", pack(">I", round(100_000 / 1.5)))
        (tmp_path / "in.png").write_bytes(data[:33] + gamma + data[33:])
    task = Task(build("bilinear"), TargetSize(scale=2.0), linear=True)
    report = enlarge(parse(tmp_path / "in.png"), parse(tmp_path / "out.png"), task)
    assert report.notes == ("it has only 2 colours; -m nearest keeps its pixels sharp",)
    with PIL.Image.open(tmp_path / "out.png") as opened:
        row = np.asarray(opened)[4, 15:17].reshape(2, -1)
    expected = np.array([0.25, 0.75]) ** (1 / 1.5) * 255
    np.testing.assert_allclose(row, np.broadcast_to(expected[:, None], row.shape), atol=0.51)


def test_levels_beyond_the_range_go_on_evenly() -> None:
    """Floating-point samples below 0 and above 1 survive the way to light and back."""
    curve = profiles.curve_of(Metadata(icc=profile(formula(0, 1.8))))
    planes = np.linspace(-0.5, 1.5, 41, dtype=np.float32)[None, None]
    np.testing.assert_allclose(
        curve.applied(curve.applied(planes), inverse=True), planes, atol=1e-5
    )


@pytest.mark.parametrize(
    "icc",
    [
        profile(formula(9, 1.8)),
        profile(formula(0, 1.8))[:150],
        profile(b"abcd" + bytes(8)),
        profile(b"")[:140],
        profile(table(to_linear(AXIS)))[:200],
        b"profile",
    ],
)
def test_another_curve_is_noted(icc: bytes) -> None:
    """A profile with an unreadable curve gives a note."""
    note = "--linear uses sRGB's curve, not that of its profile"
    assert notes_on_linear(Metadata(icc=icc)) == (note,)


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        (Metadata(), None),
        (Metadata(gamma=0.45455), None),
        (Metadata(gamma=1.0), None),
        (Metadata(gamma=1.0, srgb=0), None),
        (Metadata(gamma=1.0, icc=SRGB), None),
        (Metadata(icc=SRGB, colours=((b"cICP", b"\x09\x10\0\1"),)), "cICP"),
        (Metadata(icc=b"profile", colours=((b"cICP", b"\x0c\x0d\0\1"),)), None),
    ],
)
def test_the_first_declaration_counts(metadata: Metadata, word: str | None) -> None:
    """The first of cICP, profile, sRGB and gamma counts, as PNG specifies."""
    note = f"--linear uses sRGB's curve, not that of its {word}"
    assert notes_on_linear(metadata) == (() if word is None else (note,))


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("linear", [True, False])
def test_the_note_comes_with_linear_only(tmp_path: Path, frames: int, linear: bool) -> None:
    """Only --linear gives the note, for still pictures and animations."""
    pictures = [PIL.Image.fromarray(texture_samples(8, 9, 3) // n) for n in range(1, frames + 1)]
    pictures[0].save(
        tmp_path / "in.png", save_all=True, append_images=pictures[1:], icc_profile=b"profile"
    )
    task = Task(build("nearest"), TargetSize(scale=2.0), linear=linear)
    report = enlarge(parse(tmp_path / "in.png"), parse(tmp_path / "out.png"), task)
    assert len(report.notes) == linear
