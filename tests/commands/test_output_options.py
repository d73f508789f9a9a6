"""Options on what is written: its shape, its background, its name, and the report beside it."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import animations
import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused
from textures import texture_samples

Call = Callable[..., Outcome]
pytestmark = pytest.mark.usefixtures("in_threads")


def samples(source: bytes | Path) -> np.ndarray:
    with PIL.Image.open(BytesIO(source) if isinstance(source, bytes) else source) as opened:
        return np.asarray(opened)


@pytest.fixture
def clear(folder: Path) -> str:
    """Return the name of a picture with an opaque, a half and a hidden part."""
    x = texture_samples(30, 40, 4)
    x[..., 3] = np.array([255, 128, 0, 70]).repeat(10)
    PIL.Image.fromarray(x).save(folder / "clear.png")
    return "clear.png"


def laid_on(x: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    opacity = x[..., 3:] / 255
    return x[..., :3] * opacity + np.array(colour) * (1 - opacity)


@pytest.mark.parametrize("target", ["out.jpg", "out.bmp", "out.ppm", "out.png", "out.webp"])
def test_transparency_is_laid_on_a_colour(
    call: Call, folder: Path, clear: str, target: str
) -> None:
    """The output is opaque, and its colours are what a browser shows over the background."""
    how = ("-m", "nearest", "--background", "#ff8000", "--quality", 100)
    assert call(clear, target, *how).code == 0
    actual = samples(folder / target)
    expected = laid_on(samples(folder / clear), (255, 128, 0)).repeat(2, 0).repeat(2, 1)
    assert actual.shape == expected.shape
    exact = target.endswith(("bmp", "ppm", "png"))
    assert np.abs(actual - expected).max() <= 0.5 + 1e-4 if exact else 60
    assert np.abs(actual - expected).mean() < 4


def test_a_background_works_in_pipes_and_folders(call: Call, folder: Path, clear: str) -> None:
    """Through a pipe and in a folder the bytes are those of a file."""
    how = ("--background", "white", "--format", "bmp")
    data = (folder / clear).read_bytes()
    piped = call("-", "-", *how, stdin=data)
    assert piped.code == 0
    (folder / "in").mkdir()
    (folder / "in" / "a.png").write_bytes(data)
    assert call("in", "out", *how).code == 0
    assert (folder / "out" / "a.bmp").read_bytes() == piped.out


@pytest.mark.parametrize("depth", ["grey", "deep", "palette"])
def test_any_kind_of_transparency_is_laid(call: Call, folder: Path, depth: str) -> None:
    """Grey, 16 bits and palettes with transparency become opaque too."""
    if depth == "grey":
        x = texture_samples(10, 12, 2)
        x[..., 1] = 0
        PIL.Image.fromarray(x).save(folder / "a.png")
    elif depth == "palette":
        picture = PIL.Image.new("P", (12, 10), 3)
        picture.putpalette(bytes(range(30)))
        picture.save(folder / "a.png", transparency=3)
    else:
        import cv2

        cv2.imwrite(str(folder / "a.png"), np.zeros((10, 12, 4), np.uint16))
    for method in ("nearest", "tconv"):
        assert call("a.png", "b.png", "-m", method, "--background", "#0a141e", "-f").code == 0
        x = samples(folder / "b.png")
        np.testing.assert_array_equal(x, np.broadcast_to((10, 20, 30), x.shape))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_every_frame_is_laid_on_the_background(call: Call, folder: Path, suffix: str) -> None:
    """An animation with transparency becomes an opaque one."""
    animations.write(folder / "a.gif", transparent=True)
    assert call("a.gif", f"b.{suffix}", "--background", "lime").code == 0
    frames, _ = animations.read(folder / f"b.{suffix}")
    assert all(frame.shape[2] == 3 or (frame[..., 3] == 255).all() for frame in frames)


@pytest.mark.parametrize("colour", ["whit", "#12", "#ff000080"])
def test_what_is_no_colour_is_refused(call: Call, colour: str) -> None:
    """The colour is named, with what to give; a half transparent one is no background."""
    outcome = call("in.png", "out.jpg", "--background", colour)
    check_refused(
        outcome, 2, f"invalid --background '{colour}'; give an opaque colour: white, or #rrggbb"
    )


@pytest.mark.parametrize(
    ("fit", "expected"), [("contain", (100, 83)), ("cover", (100, 90)), ("stretch", (100, 90))]
)
def test_a_picture_is_fitted_into_a_box(
    call: Call, folder: Path, fit: str, expected: tuple[int, int]
) -> None:
    """24x20 pixels into 100x90: within it, filling it, or stretched to it."""
    outcome = call("in.png", "out.png", "--size", "100x90", "--fit", fit, "--json")
    assert outcome.code == 0
    report = json.loads(outcome.out)
    assert (report["width"], report["height"]) == expected
    assert samples(folder / "out.png").shape[1::-1] == expected
    assert ("stretched" in outcome.err) is (fit == "stretch")
    planned = call("in.png", "plan.png", "--size", "100x90", "--fit", fit, "--dry-run").out
    assert b"%dx%d" % expected in planned


@pytest.mark.parametrize("method", ["bicubic", "tconv", "nearest"])
@pytest.mark.parametrize("box", ["96x48", "48x80", "61x70"])
def test_cover_is_the_middle_of_the_whole(call: Call, folder: Path, method: str, box: str) -> None:
    """What `cover` writes is cut out of the middle of the picture at that scale, to the level."""
    width, height = map(int, box.split("x"))
    assert call("in.png", "out.png", "-m", method, "--size", box, "--fit", "cover").code == 0
    scale = max(width / 24, height / 20)
    whole = int(24 * scale + 0.5), int(20 * scale + 0.5)
    assert call("in.png", "all.png", "-m", method, "--size", "{}x{}".format(*whole)).code == 0
    left, top = (whole[0] - width) // 2, (whole[1] - height) // 2
    expected = samples(folder / "all.png")[top : top + height, left : left + width]
    actual = samples(folder / "out.png").astype(int)
    assert np.abs(actual - expected).max() <= 1  # sums of another order


def test_masks_maps_and_animations_are_covered_too(call: Call, folder: Path) -> None:
    """Label masks, feature maps and GIFs copied frame by frame have the size of the box."""
    PIL.Image.fromarray(np.eye(10, dtype=np.uint8)).save(folder / "m.png")
    np.save(folder / "f.npy", np.zeros((10, 10)))
    animations.write(folder / "a.gif", transparent=True)
    how = ("--size", "90x70", "--fit", "cover")
    assert call("m.png", "m2.png", *how, "--labels").code == 0
    assert call("f.npy", "f2.npy", *how).code == 0
    assert call("a.gif", "a2.gif", *how, "-m", "nearest").code == 0
    assert samples(folder / "m2.png").shape == (70, 90)
    assert np.load(folder / "f2.npy").shape == (70, 90)
    assert samples(folder / "a2.gif").shape[:2] == (70, 90)


@pytest.mark.parametrize("options", [("-s", 2), ("--size", "90x"), ()])
def test_fit_needs_a_box(call: Call, options: tuple[object, ...]) -> None:
    """Without width and height there is nothing to fit into."""
    check_refused(call("in.png", "out.png", "--fit", "cover", *options), 2, "is for --size WxH")


def test_a_box_within_the_picture_is_refused(call: Call) -> None:
    """A fit that would shrink is refused as any other shrinking is."""
    outcome = call("in.png", "out.png", "--size", "100x10", "--fit", "contain")
    check_refused(outcome, 2, "is smaller than the input")


@pytest.fixture
def pictures(folder: Path) -> Path:
    """Make a folder with two pictures at two levels."""
    (folder / "in" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.c.jpg"):
        PIL.Image.fromarray(texture_samples(8, 9, 3)).save(folder / "in" / name)
    return folder


def below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_names_follow_a_template(call: Call, pictures: Path) -> None:
    """Folders stay; stem, scale, method and suffix go where the template has them."""
    how = ("--name", "{stem}_x{scale}-{method}{suffix}", "--no-report", "-s", 1.5, "-m", "bicubic")
    planned = call("in", "out", *how, "--dry-run").out.decode()
    assert "in/deep/b.c.jpg -> out/deep/b.c_x1.5-bicubic.jpg" in planned
    assert call("in", "out", *how).code == 0
    assert below(pictures / "out") == ["a_x1.5-bicubic.png", "deep/b.c_x1.5-bicubic.jpg"]
    assert call("in/a.png", "in/deep/b.c.jpg", "out2/", *how, "--format", "webp").code == 0
    assert below(pictures / "out2") == ["a_x1.5-bicubic.webp", "b.c_x1.5-bicubic.webp"]


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("x{scale}.png", "gives every output the same name; use {stem}"),
        ("{stem:5d}", "invalid --name '{stem:5d}' (Unknown format code 'd'"),
        ("{stem:{x}}", "invalid --name '{stem:{x}}' ('x'); use fields"),
        ("{stem}{}", "--name has no field {}; choose {stem}"),
        ("a\\{stem}", "has a slash; name files only, such as {stem}"),
        ("../{stem}.png", "has a slash; name files only, such as {stem}"),
        ("{stem}{size}", "--name has no field {size}; choose {stem}, {suffix}, {scale}, {method}"),
        ("{stem", "invalid --name '{stem' (expected '}' before end of string); use fields"),
        ("{stem.x}", "--name has no field {stem.x}"),
    ],
)
def test_a_template_that_names_no_file_is_refused(
    call: Call, pictures: Path, template: str, fault: str
) -> None:
    """Unknown fields, folders and names that are all the same are refused before work starts."""
    check_refused(call("in", "out", "--name", template), 2, fault)
    assert not (pictures / "out").exists()


def test_a_template_needs_one_scale(call: Call, pictures: Path) -> None:
    """With --size each picture has its own scale, so no name can hold it."""
    how = ("--name", "{stem}_{scale}{suffix}", "--size", "30x")
    check_refused(call("in", "out", *how), 2, "--name has {scale}, but --size sets no scale")


@pytest.mark.parametrize("option", [("--name", "{stem}.png"), ("--no-report",)])
def test_options_of_folders_are_refused_for_one_picture(
    call: Call, option: tuple[str, ...]
) -> None:
    """One picture has its name already, and no report unless it is asked for."""
    check_refused(call("in.png", "out.png", *option), 2, f"{option[0]} is for folders; leave it")


def test_no_report_and_a_report_exclude_each_other(call: Call, pictures: Path) -> None:
    """Only one of both can be meant."""
    outcome = call("in", "out", "--no-report", "--report", "r.csv")
    check_refused(outcome, 2, "--report and --no-report cannot be used together; leave one out")


@pytest.mark.parametrize("option", [("--background", "white"), ("--lossless",)])
def test_masks_and_maps_have_neither(call: Call, folder: Path, option: tuple[str, ...]) -> None:
    """Labels and feature maps have no transparency and no losses, so the options are refused."""
    check_refused(call("in.png", "o.png", "--labels", *option), 2, "is not for --labels; leave it")
    np.save(folder / "f.npy", np.zeros((4, 4)))
    check_refused(call("f.npy", "g.npy", *option), 2, "is for pictures, not for feature maps")


def test_a_box_is_filled_in_pipes_and_folders(call: Call, folder: Path) -> None:
    """Through a pipe and in a folder the bytes are those of a file."""
    how = ("--size", "70x70", "--fit", "cover")
    data = (folder / "in.png").read_bytes()
    (folder / "in").mkdir()
    (folder / "in" / "a.png").write_bytes(data)
    assert call("in.png", "out.png", *how).code == 0
    assert call("in", "out", *how).code == 0
    expected = (folder / "out.png").read_bytes()
    assert call("-", "-", *how, stdin=data).out == expected
    assert (folder / "out" / "a.png").read_bytes() == expected
