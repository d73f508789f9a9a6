import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from models import generator, model, node, saved
from terminal import Outcome, check_refused
from textures import natural_texture, periodic_pattern

from upsample_cli.images.image import Image
from upsample_cli.jobs.measure.measurement import measure_image

Call = Callable[..., Outcome]


def blurred(height: int = 240, width: int = 260) -> np.ndarray:
    """Return the levels of a picture in colour, as an enlargement is one."""
    planes = 40 + 150 * natural_texture(height, width, 0, 3)
    for axis in (1, 2):
        for _ in range(3):
            planes = (np.roll(planes, 1, axis) + 2 * planes + np.roll(planes, -1, axis)) / 4
    return np.moveaxis(planes, 0, 2)


@pytest.fixture
def pictures(folder: Path) -> Path:
    """Return a folder with a clean picture, one with a checkerboard, and a 16-bit one with both."""
    clean = blurred()
    dirty = clean * (1 + 0.06 * periodic_pattern(240, 260, 2)[..., None])
    for name, levels in (("clean", clean), ("dirty", dirty)):
        picture = PIL.Image.fromarray(np.floor(levels + 0.5).astype(np.uint8))
        picture.save(folder / f"{name}.png", dpi=(300, 300), icc_profile=b"x" * 200)
        picture.save(folder / f"{name}.jpg", quality=95)
    deep = np.dstack([np.floor(dirty * 257 + 0.5), np.full((240, 260), 40000)])
    cv2.imwrite(str(folder / "deep.png"), deep.astype(np.uint16))
    return folder


def enlarge_stripes(down: float, across: float) -> None:
    """Write low.png, of rows and columns some levels apart, and large.png of twice its size."""
    rows, columns = np.arange(120)[:, None] % 2, np.arange(130) % 2
    low = PIL.Image.fromarray((90 + down * rows + across * columns).astype(np.uint8))
    low.save("low.png")
    low.resize((260, 240), PIL.Image.Resampling.BICUBIC).save("large.png")


def levels_of(path: str) -> np.ndarray:
    return np.asarray(cv2.imread(path, cv2.IMREAD_UNCHANGED), np.float64)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


def test_a_pattern_of_another_stride_that_is_left_is_named(call: Call, folder: Path) -> None:
    """Where the picture repeats by itself too, the note says which stride was removed."""
    y, x = np.mgrid[:96, :96]
    bricks = 14 * ((y % 4 == 0) | ((x + 4 * (y // 4 % 2)) % 8 == 0))
    low = np.uint8(60 + 120 * natural_texture(96, 96, 1)[0] + bricks)
    PIL.Image.fromarray(low).resize((192, 192), PIL.Image.Resampling.BICUBIC).save("even.png")
    wall = levels_of("even.png") * (1 + 0.04 * periodic_pattern(192, 192, 2, 1))
    cv2.imwrite(str(folder / "wall.png"), np.floor(wall + 0.5).astype(np.uint8))
    outcome = call("repair", "wall.png", "-o", "repaired.png")
    assert "the checkerboard of stride 2 was removed; what is left has stride 8" in outcome.err
    assert rms(levels_of("repaired.png") - levels_of("even.png")) < 1


def test_a_format_that_cannot_hold_the_size_is_refused_first(call: Call, folder: Path) -> None:
    """A picture too large for the format of the output is refused before it is repaired."""
    PIL.Image.new("L", (17000, 40), 90).save(folder / "wide.png")
    outcome = call("repair", "wide.png", "-o", "wide.webp")
    check_refused(outcome, 1, "WEBP cannot hold 17000x40 pixels; write a PNG or TIFF")


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("out.jpg", "JPEG cannot hold transparency; write a PNG, WebP or TIFF, or enlarge with "),
        ("out.qoi", "no format '.qoi' to write out.qoi; use .png, or enlarge with --format"),
    ],
)
def test_remedies_say_which_command_has_their_options(
    call: Call, folder: Path, output: str, fault: str
) -> None:
    """An error of `repair` names no option as its own that only enlarging has."""
    PIL.Image.new("RGBA", (40, 40), (90, 90, 90, 9)).save(folder / "glass.png")
    check_refused(call("repair", "glass.png", "-o", output), 1, fault)


@pytest.mark.parametrize(
    ("name", "output"),
    [("a.pcx", "a-repaired.png"), ("a.BMP", "a-repaired.BMP"), ("a", "a-repaired")],
)
def test_a_repaired_file_is_named_by_a_format_that_can_be_written(
    call: Call, folder: Path, name: str, output: str
) -> None:
    """Without -o, a PNG is named for what is of a format that is only read; others keep theirs."""
    kind = "PCX" if name == "a.pcx" else "BMP"
    PIL.Image.new("RGB", (40, 40), (90, 90, 90)).save(folder / name, kind)
    assert call("repair", name).code == 0
    assert (folder / output).exists()


def test_a_repaired_folder_keeps_what_follows_its_point(call: Call, folder: Path) -> None:
    """The name of a folder has no format."""
    (folder / "run.v2").mkdir()
    (folder / "in.png").rename(folder / "run.v2/in.png")
    assert call("repair", "run.v2", "-j", 1).code == 0
    assert (folder / "run-repaired.v2/in.png").exists()


@pytest.mark.parametrize(
    "option",
    [("--include", "*.jpg"), ("--exclude", "*.jpg"), ("--name", "{stem}"), ("--no-report",)],
)
def test_options_of_folders_are_refused_for_one_picture(
    call: Call, option: tuple[str, ...]
) -> None:
    """Nothing that has no effect on one picture is taken silently, as when enlarging."""
    outcome = call("repair", "in.png", *option)
    check_refused(outcome, 2, f"{option[0]} is for folders; leave it out for one picture")


def test_what_a_lossy_codec_broke_is_taken_out_with_less_care(call: Call, folder: Path) -> None:
    """The same pixels come nearer to the truth from a JPEG than from a PNG or a lossless WebP."""
    clean = np.repeat(blurred()[..., :1], 3, axis=2)
    dirty = np.clip(clean * (1 + 0.06 * periodic_pattern(240, 260, 2, 1)[..., None]), 0, 255)
    PIL.Image.fromarray(dirty.astype(np.uint8)).save(folder / "lossy.jpg", quality=80)
    with PIL.Image.open("lossy.jpg") as opened:
        opened.save("exact.png")
        opened.save("exact.webp", lossless=True)
    errors = {}
    for name in ("lossy.jpg", "exact.png", "exact.webp"):
        call("repair", name, "-o", "out.png", "-f", "--stride", "2")
        errors[name] = rms(levels_of("out.png") - clean)
    assert errors["lossy.jpg"] < 0.98 * errors["exact.png"]
    assert errors["exact.webp"] == errors["exact.png"]


@pytest.mark.parametrize(
    ("name", "output", "most"),
    [
        ("lossy.webp", "out.webp", 2.0),
        ("exact.webp", "out.webp", 0.0),
        ("dirty.png", "out.webp", 2.0),
        ("dirty.png", "out.jpg", 2.2),
    ],
)
def test_a_new_file_loses_little(
    call: Call, pictures: Path, name: str, output: str, most: float
) -> None:
    """A repair is written at quality 95; without loss, as the input was, or at a JPEG's own."""
    with PIL.Image.open("dirty.png") as opened:
        opened.save("lossy.webp", quality=90)
        opened.save("exact.webp", lossless=True)
    for path in (output, "out.png"):
        call("repair", name, "-o", path)
    assert rms(levels_of(output) - levels_of("out.png")) <= most


def test_a_jpeg_keeps_its_quality(call: Call, pictures: Path) -> None:
    """A repaired JPEG is written with the tables of the input."""
    call("repair", "dirty.jpg", "-o", "out.jpg")
    with PIL.Image.open("dirty.jpg") as old, PIL.Image.open("out.jpg") as new:
        assert new.quantization == old.quantization


def test_a_checkerboard_is_taken_out(call: Call, pictures: Path) -> None:
    """The output is near the clean picture, has no checkerboard, and keeps its metadata."""
    outcome = call("repair", "dirty.png", "-o", "out.png", "--json")
    report = json.loads(outcome.out)
    clean, dirty, out = (levels_of(f"{name}.png") for name in ("clean", "dirty", "out"))
    assert rms(out - clean) < 0.6 < 5 < rms(dirty - clean)
    assert report["moved"] == pytest.approx(rms(out - dirty), rel=1e-3)
    assert (report["before"]["stride"], report["before"]["verdict"]) == (2, "checkerboard")
    assert (report["status"], report["checkerboard"]["verdict"]) == ("done", "none")
    assert "brickwork, halftones and screens repeat by nature" in outcome.err
    with PIL.Image.open("out.png") as opened:
        assert opened.info["icc_profile"] == b"x" * 200
        assert opened.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
    text = call("repair", "dirty.png", "-q", "-o", "out2.png")
    assert (text.out, text.err) == (b"", "")


def test_the_name_of_an_output_is_made(call: Call, pictures: Path) -> None:
    """Without --output the repaired picture lies beside the original."""
    line = call("repair", "dirty.png").out.decode()
    assert line.startswith("dirty-repaired.png  260x240  checkerboard found (")
    assert ", repaired: none (" in line
    assert (pictures / "dirty-repaired.png").exists()


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_the_map_is_another_file_than_the_picture(
    call: Call, pictures: Path, options: list[str]
) -> None:
    """The map would replace what has just been repaired."""
    words = ["repair", "dirty.png", "-o", "out.png", "--map", "./out.png", *options]
    check_refused(call(*words), 2, "-o and --map are both out.png; name two files")
    assert not (pictures / "out.png").exists()


def test_a_clean_picture_is_copied_bit_by_bit(call: Call, pictures: Path) -> None:
    """Where nothing is found the bytes stay, for JPEG too; another format is converted."""
    for name in ("clean.png", "clean.jpg"):
        outcome = call("repair", name, "-o", f"out-{name}")
        assert (pictures / f"out-{name}").read_bytes() == (pictures / name).read_bytes()
        assert f"note: {name}: nothing was repaired, so it was copied unchanged" in outcome.err
    outcome = call("repair", "clean.png", "-o", "out.tif")
    assert "nothing was repaired, so it was only written as TIFF" in outcome.err
    with PIL.Image.open("out.tif") as tiff, PIL.Image.open("clean.png") as png:
        assert np.array_equal(np.asarray(tiff), np.asarray(png))


def test_depth_and_opacity_stay(call: Call, pictures: Path) -> None:
    """Of 16 bits a colour the fractions are repaired too; the opacity is the same."""
    assert call("repair", "deep.png", "-o", "out.png").code == 0
    out, clean = levels_of("out.png"), blurred()
    assert out.shape == (240, 260, 4)
    assert (out[..., 3] == 40000).all()
    assert rms(out[..., :3] / 257 - clean) < 0.5
    assert len(np.unique(out[..., 0] % 257)) > 100


def test_strength_is_how_much_is_taken_off(call: Call, pictures: Path) -> None:
    """--strength 0.5 leaves half of the pattern, 0 all of it."""
    call("repair", "dirty.png", "-o", "half.png", "--strength", 0.5)
    call("repair", "dirty.png", "-o", "none.png", "--strength", 0)
    assert (pictures / "none.png").read_bytes() == (pictures / "dirty.png").read_bytes()
    before, half = (
        measure_image(Image(np.asarray(PIL.Image.open(name)), "PNG"), 2).luma.ripple
        for name in ("dirty.png", "half.png")
    )
    assert half == pytest.approx(before / 2, rel=0.1)


def test_folders_pipes_and_resuming(call: Call, pictures: Path) -> None:
    """A folder is repaired into a folder with a report; a pipe gives the same bytes as a file."""
    call("repair", "dirty.png", "-o", "one.png")
    data = (pictures / "dirty.png").read_bytes()
    assert call("repair", "-", "-o", "-", stdin=data).out == (pictures / "one.png").read_bytes()
    (pictures / "in").mkdir()
    for name in ("clean.png", "dirty.png"):
        (pictures / "in" / name).write_bytes((pictures / name).read_bytes())
    outcome = call("repair", "in", "-o", "out", "--json", "-j", 2)
    *reports, summary = map(json.loads, outcome.out.splitlines())
    assert summary["summary"]["done"] == 2
    assert {report["input"]: report["moved"] > 0 for report in reports} == {
        "in/clean.png": False,
        "in/dirty.png": True,
    }
    assert (pictures / "out/dirty.png").read_bytes() == (pictures / "one.png").read_bytes()
    rows = list(csv.DictReader((pictures / "out/checkerboard.csv").read_text().splitlines()))
    reports.sort(key=lambda report: report["input"])  # they come as they are done
    for row, report in zip(rows, reports, strict=True):
        assert float(row["before_ripple"]) == pytest.approx(report["before"]["ripple"])
        assert float(row["moved"]) == pytest.approx(report["moved"])
    again = call("repair", "in", "-o", "out", "--skip-existing", "--json").out.splitlines()
    assert json.loads(again[-1])["summary"]["skipped"] == 2


def test_a_map_shows_where_the_pattern_was(call: Call, pictures: Path) -> None:
    """--map draws a figure of the original."""
    assert call("repair", "dirty.png", "-o", "out.png", "--map", "map.png").code == 0
    with PIL.Image.open("map.png") as drawn:
        assert min(drawn.size) > 200


def test_what_the_original_repeats_stays_with_a_reference(call: Call, pictures: Path) -> None:
    """A texture that the original has, too, is no checkerboard: --reference keeps it."""
    enlarge_stripes(down=20, across=20)
    assert b", repaired: " in call("repair", "large.png", "-o", "less.png").out
    outcome = call("repair", "large.png", "-o", "out.png", "--reference", "low.png")
    assert "copied unchanged" in outcome.err
    assert (pictures / "out.png").read_bytes() == (pictures / "large.png").read_bytes()


def test_stripes_stay_unless_a_stride_is_given(call: Call, pictures: Path) -> None:
    """Few uneven kernels repeat along one axis alone, but fences do."""
    enlarge_stripes(down=20, across=0)
    outcome = call("repair", "large.png", "-o", "out.png")
    stride = re.search(r"repeat by nature and were left; --stride (\d) removes them", outcome.err)
    assert stride is not None
    assert b"checkerboard found" in outcome.out
    assert (pictures / "out.png").read_bytes() == (pictures / "large.png").read_bytes()
    assert (
        b", repaired: " in call("repair", "large.png", "-o", "less.png", "--stride", stride[1]).out
    )


def test_patterns_of_two_strides_are_removed(call: Call, pictures: Path) -> None:
    """Two uneven layers in a row leave patterns of two periods; the report is on what is left."""
    levels = blurred() + 8 * periodic_pattern(240, 260, 2)[..., None]
    levels += 3 * periodic_pattern(240, 260, 3)[..., None]
    PIL.Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8)).save("both.png")
    assert b"repaired: none" in call("repair", "both.png", "-o", "out.png").out
    with PIL.Image.open("out.png") as opened:
        left = measure_image(Image(np.asarray(opened), "PNG"), None)
    assert left.luma.verdict == "none"
    line = json.loads(
        call("repair", "both.png", "-o", "half.png", "--strength", "0.5", "--json").out
    )
    assert line["checkerboard"]["verdict"] == "checkerboard"


def test_a_palette_that_is_copied_is_not_said_to_change(call: Call, pictures: Path) -> None:
    """Notes on what a new file would lose are for pictures that are written anew."""
    with PIL.Image.open("clean.png") as opened:
        opened.convert("L").quantize(32).save("palette.png")
    outcome = call("repair", "palette.png", "-o", "out.png")
    assert "copied unchanged" in outcome.err
    assert "becomes" not in outcome.err
    assert (pictures / "out.png").read_bytes() == (pictures / "palette.png").read_bytes()


def test_animations_and_inks_are_refused(call: Call, pictures: Path) -> None:
    """What cannot be repaired is refused in one line, and nothing is written."""
    frames = [PIL.Image.new("L", (40, 40), level) for level in (10, 200)]
    frames[0].save("move.gif", save_all=True, append_images=frames[1:])
    PIL.Image.new("CMYK", (40, 40)).save("inks.jpg")
    check_refused(call("repair", "move.gif", "-o", "o.gif"), 1, "move.gif is animated")
    check_refused(call("repair", "inks.jpg", "-o", "o.jpg"), 1, "inks.jpg is CMYK; convert")
    assert not {"o.gif", "o.jpg"} & {path.name for path in pictures.iterdir()}


def test_a_network_is_balanced_between_two_audits(call: Call, pictures: Path) -> None:
    """The copy of a network has no uneven layer, and its quality is left to its owner."""
    saved(generator(), pictures, "net.onnx")
    outcome = call("repair", "net.onnx", "-o", "even.onnx", "--json")
    report = json.loads(outcome.out)
    assert (report["before"]["ripple"] > 0.2, report["after"]["ripple"] < 1e-5) == (True, True)
    assert list(report["layers"]) == ["up1", "up2", "up3"]
    assert "the network's output has changed and was not checked" in outcome.err
    assert call("audit", "even.onnx", "--max-ripple", 0.001).code == 0
    text = call("repair", "net.onnx", "-o", "b.onnx", "--layer", "up1").out.decode()
    assert text.startswith("b.onnx  balanced layers of net.onnx: 1\n    up1  changed by ")


def test_a_layer_that_a_blur_makes_even_is_left(call: Call, pictures: Path) -> None:
    """As in StyleGAN2: the layer has no checkerboard, and other weights would undo its training."""
    blur = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32)[None, None] / 16
    uneven = np.random.default_rng(0).normal(size=(1, 1, 3, 3)).astype(np.float32)
    nodes = [
        node("ConvTranspose", "x up1.weight", "a", strides=[2, 2]),
        node("Conv", "a blur", "b", pads=[1] * 4), node("Relu", "b", "c"),
        node("ConvTranspose", "c up2.weight", "y", strides=[2, 2]),
    ]  # fmt: skip
    tensors = {"up1.weight": uneven, "blur": blur, "up2.weight": uneven}
    saved(model(nodes, tensors), pictures, "net.onnx")
    report = json.loads(call("repair", "net.onnx", "-o", "even.onnx", "--json").out)
    assert (report["layers"]["up1"], report["layers"]["up2"] > 0.1) == (0.0, True)
    assert "up1 is left as it is: it has no checkerboard" in report["notes"]


@pytest.mark.parametrize(
    ("second", "notes"),
    [
        (0.0, ["up is left as it is: it has no checkerboard"]),
        (0.008, ["the network's output has changed"]),
        (-0.1, ["net.onnx as a whole has no checkerboard", "the network's output has changed"]),
    ],
    ids=["even", "faint", "cancelled"],
)
def test_notes_on_a_network_agree_with_its_audit(
    call: Call, pictures: Path, second: float, notes: list[str]
) -> None:
    """Only patterns that cancel are said to, not faint ones nor what is even or has not changed."""
    even = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    taps = np.stack([even, even])[None]
    taps[0, :, 1, 1] += (max(-second, 0.0), second)
    nodes = [node("ConvTranspose", "x up.weight", "a", strides=[2, 2]), node("Relu", "a", "b"),
             node("Conv", "b halves", "y")]  # fmt: skip
    tensors = {"up.weight": taps, "halves": np.full((1, 2, 1, 1), 0.5)}
    made = model(nodes, {name: value.astype(np.float32) for name, value in tensors.items()})
    saved(made, pictures, "net.onnx")
    report = json.loads(call("repair", "net.onnx", "-o", "even.onnx", "--json").out)
    assert len(report["notes"]) == len(notes)
    assert all(map(str.startswith, report["notes"], notes))


def test_options_without_effect_on_a_network_are_refused(call: Call, pictures: Path) -> None:
    """Its layers have their strides, and sub-pixel convolutions keep no ramps."""
    weights = np.random.default_rng(0).normal(size=(4, 1, 3, 3)).astype(np.float32)
    nodes = [node("Conv", "x w", "a", pads=[1] * 4), node("DepthToSpace", "a", "y", blocksize=2)]
    saved(model(nodes, {"w": weights}), pictures, "net.onnx")
    repair = ("repair", "net.onnx", "-o", "even.onnx")
    check_refused(call(*repair, "-s", 3), 2, "--stride is not for net.onnx, whose layers have")
    check_refused(call(*repair, "--ramp"), 2, "--ramp is for transposed convolutions, of which")
    assert not (pictures / "even.onnx").exists()
    assert call(*repair).code == 0


def test_a_repair_that_fails_is_called_a_repair(call: Call, folder: Path) -> None:
    """Lines of JSON, rows of reports and names have the method "repair", whatever becomes of it."""
    failed = json.loads(call("repair", "nope.png", "-o", "n.png", "--json").out)
    assert (failed["status"], failed["method"]) == ("failed", "repair")
    (folder / "many").mkdir()
    (folder / "in.png").rename(folder / "many" / "a.png")
    (folder / "many" / "b.png").write_bytes(b"no picture")
    call("repair", "many", "-o", "out", "--name", "{stem}-{method}{suffix}", "-j", 1)
    rows = list(csv.DictReader((folder / "out" / "checkerboard.csv").read_text().splitlines()))
    assert [(row["status"], row["method"]) for row in rows] == [
        ("done", "repair"), ("failed", "repair"),
    ]  # fmt: skip
    assert rows[0]["output"].endswith("a-repair.png")
