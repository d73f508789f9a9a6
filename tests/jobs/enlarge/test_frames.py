from itertools import product
from pathlib import Path

import animations
import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import gif, png
from upsample_cli.images.write.animations import encode_png
from upsample_cli.images.write.formats import Encoding
from upsample_cli.jobs.enlarge.picture import enlarge
from upsample_cli.jobs.enlarge.task import Report, TargetSize, Task
from upsample_cli.methods.catalogue import build

SUFFIXES = ("gif", "webp", "png")


def enlarge_file(
    source: Path, target: Path, method: str = "nearest", **options: int | bool
) -> Report:
    """Enlarge a file and return the report."""
    return enlarge(
        parse(source), parse(target), Task(build(method), TargetSize(scale=2.0), **options)
    )


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize(("source", "target"), [*product(SUFFIXES, SUFFIXES)])
def test_every_frame_is_enlarged(
    tmp_path: Path, source: str, target: str, transparent: bool
) -> None:
    """Each frame is enlarged as it appears; number and durations are kept in every format."""
    path = animations.write(tmp_path / f"in.{source}", transparent=transparent)
    report = enlarge_file(path, tmp_path / f"out.{target}", encoding=Encoding(quality=100))
    before, _ = animations.read(path)
    result, durations = animations.read(tmp_path / f"out.{target}")
    assert (report.status, report.size) == ("done", (40, 48))
    assert durations == animations.DURATIONS
    for old, new in zip(before, result, strict=True):
        expected = old.repeat(2, axis=0).repeat(2, axis=1)
        visible = expected[..., 3] > 0
        np.testing.assert_array_equal(new[..., 3] > 0, visible)
        error = np.abs(new.astype(int) - expected)[visible]
        # A GIF has 256 colours a frame and WebP halves the chroma's resolution.
        assert error.mean() < {"png": 1e-9, "gif": 4, "webp": 6}[target]


def test_few_colours_are_kept_exactly(tmp_path: Path) -> None:
    """A GIF enlarged by nearest keeps every colour of every frame."""
    source = animations.write(tmp_path / "in.gif")
    enlarge_file(source, tmp_path / "out.gif")
    for old, new in zip(
        animations.read(source)[0], animations.read(tmp_path / "out.gif")[0], strict=True
    ):
        np.testing.assert_array_equal(new, old.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("plays", [0, 1, 4])
@pytest.mark.parametrize(("source", "target"), [*product(SUFFIXES, SUFFIXES)])
def test_the_number_of_plays_is_kept(tmp_path: Path, source: str, target: str, plays: int) -> None:
    """The output is played once, four times or for ever, as the input is."""
    enlarge_file(animations.write(tmp_path / f"in.{source}", plays), tmp_path / f"out.{target}")
    with PIL.Image.open(tmp_path / f"out.{target}") as opened:
        loop = opened.info.get("loop")
    expected = {0: 0, 1: None, 4: 3}[plays] if target == "gif" else plays
    assert loop == expected


@pytest.mark.parametrize(
    ("suffix", "longest", "most"), [("gif", 655_350, 65_536), ("webp", 16_777_215, 65_535)]
)
@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize("is_within", [True, False])
def test_plays_and_durations_that_a_format_cannot_hold_are_noted(
    tmp_path: Path, suffix: str, longest: int, most: int, index: int, is_within: bool
) -> None:
    """The longest duration and the most plays are kept; more becomes the longest, and endless."""
    pictures = [texture_samples(8, 9, 3) // part for part in (1, 2, 3)]
    times = [50.0, 50.0, 50.0]
    times[index] = longest if is_within else 65_000_000
    encoded = zip([[png.encode_strip(one, 1, True)] for one in pictures], times, strict=True)
    plays = most if is_within else most + 1
    data = encode_png(encoded, 3, (8, 9), 3, plays, Metadata())
    (tmp_path / "in.png").write_bytes(b"".join(data))
    report = enlarge_file(tmp_path / "in.png", tmp_path / f"out.{suffix}")
    read = decode(parse(tmp_path / f"out.{suffix}"))
    assert isinstance(read, Animation)
    assert (read.durations[index], sum(read.durations)) == (longest, longest + 100)
    assert read.plays == (most if is_within else 0)
    notes = " ".join(report.notes)
    assert ("plays" in notes, "65000000 ms" in notes) == (not is_within,) * 2


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_equal_frames_are_not_merged(tmp_path: Path, suffix: str) -> None:
    """A frame that repeats the frame before it is kept."""
    red, blue = (PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    durations = (50, 60, 70, 80)
    frames = [gif.frame(item, n) for item, n in zip((red, blue, blue, red), durations, strict=True)]
    (tmp_path / "in.gif").write_bytes(b"".join([gif.header((8, 8), 0), *frames, gif.TRAILER]))
    enlarge_file(tmp_path / "in.gif", tmp_path / f"out.{suffix}")
    assert animations.read(tmp_path / f"out.{suffix}")[1] == durations


@pytest.mark.parametrize("format", ["jpg", "tiff", "bmp", "ppm", "tga"])
def test_a_still_format_is_refused(tmp_path: Path, format: str) -> None:
    """A format that stores one picture is refused, and nothing is written."""
    source = animations.write(tmp_path / "in.gif")
    with pytest.raises(
        ImageFileError, match=r"an animation of 5 frames .* write AVIF, GIF, PNG, WebP"
    ):
        enlarge_file(source, tmp_path / f"out.{format}")
    assert [item.name for item in tmp_path.iterdir()] == ["in.gif"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_animation_is_refused(tmp_path: Path, suffix: str) -> None:
    """A truncated frame is detected before anything is written."""
    source = animations.write(tmp_path / f"in.{suffix}")
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
    with pytest.raises(ImageFileError, match="get an intact copy"):
        enlarge_file(source, tmp_path / f"out.{suffix}")
    assert [item.name for item in tmp_path.iterdir()] == [f"in.{suffix}"]


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_worst_frame_is_reported(tmp_path: Path, suffix: str, index: int) -> None:
    """The report has the figures of the frame with the strongest checkerboard."""
    flat = PIL.Image.new("RGB", (64, 64), "black")
    busy = PIL.Image.fromarray(texture_samples(64, 64, 3) // 2)
    frames = [flat, flat.point(lambda level: level + 9)]
    frames.insert(index, busy)
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=50)
    busy.save(tmp_path / "busy.png")
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=2.0))
    moving = enlarge(parse(tmp_path / "in.png"), parse(tmp_path / f"out.{suffix}"), task)
    still = enlarge(parse(tmp_path / "busy.png"), parse(tmp_path / "still.png"), task)
    assert moving.checkerboard == still.checkerboard
    assert moving.checkerboard.verdict == "checkerboard"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_metadata_is_kept_or_its_loss_is_noted(tmp_path: Path, suffix: str) -> None:
    """Profile and EXIF are copied; for a GIF, which cannot store EXIF, a note is given."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    first, *rest = map(PIL.Image.fromarray, animations.frames())
    first.save(tmp_path / "in.png", save_all=True, append_images=rest, icc_profile=b"p", exif=exif)
    report = enlarge_file(tmp_path / "in.png", tmp_path / f"out.{suffix}")
    metadata = decode(parse(tmp_path / f"out.{suffix}")).metadata
    assert metadata.icc == b"p"
    assert bool(metadata.exif) is (suffix != "gif")
    lost = [note for note in report.notes if "was left out" in note]
    assert len(lost) == (suffix == "gif")


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
@pytest.mark.parametrize("strip", [True, False])
def test_a_gif_keeps_its_profile(tmp_path: Path, method: str, strip: bool) -> None:
    """Whether frames are copied or filtered, and other metadata kept or not, without a note."""
    metadata = Metadata(b"profile", xmp=b"<x/>", text=(("Comment", "words"),))
    frame = gif.frame(PIL.Image.new("RGB", (8, 8), "red"), 40)
    (tmp_path / "in.gif").write_bytes(gif.header((8, 8), 0, metadata) + frame * 2 + gif.TRAILER)
    report = enlarge_file(tmp_path / "in.gif", tmp_path / "out.gif", method, drop_metadata=strip)
    expected = metadata.stripped() if strip else metadata
    assert decode(parse(tmp_path / "out.gif")).metadata == expected
    assert not [note for note in report.notes if "profile" in note or "XMP" in note]


def test_the_pixels_of_all_frames_are_limited(tmp_path: Path) -> None:
    """A small file of very many pixels is refused because of its header."""
    source = animations.write(tmp_path / "in.gif")
    frames = [PIL.Image.new("L", (24, 20), level) for level in range(130)]
    frames[0].save(source, save_all=True, append_images=frames[1:])
    with pytest.raises(PictureTooLargeError, match="130 frames of 24x20, more than 64 times 500"):
        enlarge_file(source, tmp_path / "out.gif", max_pixels=500)


@pytest.mark.parametrize("orientation", [6, 8])
def test_the_orientation_is_applied_to_every_frame(tmp_path: Path, orientation: int) -> None:
    """The orientation in EXIF is applied to every frame."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    first, *rest = map(PIL.Image.fromarray, animations.frames())
    first.save(tmp_path / "in.png", save_all=True, append_images=rest, exif=exif, duration=50)
    report = enlarge_file(tmp_path / "in.png", tmp_path / "out.png")
    assert report.size == (48, 40)
    for old, new in zip(animations.frames(), animations.read(tmp_path / "out.png")[0], strict=True):
        turned = np.rot90(old, -1 if orientation == 6 else 1)
        np.testing.assert_array_equal(new[..., :3], turned.repeat(2, axis=0).repeat(2, axis=1))


def test_a_lossless_animation_stays_lossless(tmp_path: Path) -> None:
    """Every frame of a lossless WebP is stored exactly in the output."""
    source = tmp_path / "in.webp"
    pictures = [PIL.Image.fromarray(texture_samples(9, 11, 3) // n) for n in (1, 2, 3)]
    pictures[0].save(source, lossless=True, save_all=True, append_images=pictures[1:])
    enlarge_file(source, tmp_path / "out.webp")
    for old, new in zip(
        animations.read(source)[0], animations.read(tmp_path / "out.webp")[0], strict=True
    ):
        np.testing.assert_array_equal(new, old.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(("method", "count"), [("nearest", 0), ("lanczos", 1)])
@pytest.mark.parametrize("frames", [1, 3])
def test_rounded_colours_of_a_gif_are_noted(
    tmp_path: Path, method: str, count: int, frames: int
) -> None:
    """A note is given only when the method creates new colours."""
    samples = texture_samples(24, 30, 3)
    pictures = [PIL.Image.fromarray(samples // n).quantize(200) for n in range(1, frames + 1)]
    pictures[0].save(tmp_path / "in.gif", save_all=True, append_images=pictures[1:])
    task = Task(build(method), TargetSize(scale=2.0))
    notes = enlarge(parse(tmp_path / "in.gif"), parse(tmp_path / "out.gif"), task).notes
    assert len([note for note in notes if "256 colours" in note]) == count
