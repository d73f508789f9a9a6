import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import natural_texture, periodic_pattern, texture_samples

Call = Callable[..., Outcome]
TWO = ("--methods", "bicubic,tconv:kernel=uniform:kernel_size=3")


@pytest.fixture
def photos(folder: Path) -> Path:
    """Return a folder with two pictures of 120 x 90 pixels, one below, and a text."""
    (folder / "photos" / "more").mkdir(parents=True)
    for name, seed in (("a.png", 1), ("more/b.png", 2)):
        samples = texture_samples(90, 120, 3)
        PIL.Image.fromarray(np.roll(samples, seed)).save(folder / "photos" / name)
    (folder / "photos" / "notes.txt").write_text("no picture")
    return folder / "photos"


def test_a_page_and_a_table_are_made(call: Call, folder: Path) -> None:
    """Without options all is told and shown of eight methods."""
    outcome = call("compare", "in.png")
    assert (outcome.code, outcome.err) == (0, "")
    header, *rows = outcome.out.decode().splitlines()
    assert header.split()[:3] == ["Method", "Checkerboard", "Ripple"]
    assert len(rows) == 8
    assert (folder / "compare.html").read_bytes().startswith(b"<!doctype html>")


def test_the_truth_is_told_where_it_is_known(call: Call, folder: Path) -> None:
    """With --shrink, and with --reference, there is a PSNR; both say the same of the same."""
    samples = texture_samples(96, 128, 3)
    PIL.Image.fromarray(samples).save(folder / "large.png")
    shrunk = call("compare", "large.png", "--shrink", "--json", *TWO)
    low = PIL.Image.fromarray(samples).resize((64, 48), PIL.Image.Resampling.BICUBIC)
    low.save(folder / "low.png")
    beside = call("compare", "low.png", "--reference", "large.png", "--json", *TWO)
    assert (shrunk.code, beside.code) == (0, 0)
    scores = [json.loads(one.out)["methods"] for one in (shrunk, beside)]
    assert [one["method"] for one in scores[0]] == ["bicubic", "tconv uniform 3"]
    for first, second in zip(*scores, strict=True):
        assert first["psnr"] == pytest.approx(second["psnr"], abs=0.5)
    assert not (folder / "compare.html").exists()


def test_a_reference_sets_the_default_methods(call: Call, folder: Path) -> None:
    """Without -s, the uneven kernel is the classic one of the scale that leads to the reference."""
    samples = texture_samples(96, 128, 3)
    PIL.Image.fromarray(samples).save(folder / "large.png")
    PIL.Image.fromarray(samples[::4, ::4]).save(folder / "low.png")
    outcome = call("compare", "low.png", "--reference", "large.png", "--json")
    labels = [one["method"] for one in json.loads(outcome.out)["methods"]]
    assert "tconv uniform 5" in labels
    assert "tconv uniform 3" not in labels


def test_a_checkerboard_is_shown_repaired(call: Call, folder: Path) -> None:
    """A picture with a checkerboard has one entry more, in which it is gone."""
    levels = 40 + 150 * natural_texture(160, 180)[0]
    for axis in (0, 1):
        for _ in range(3):
            levels = (np.roll(levels, 1, axis) + 2 * levels + np.roll(levels, -1, axis)) / 4
    dirty = levels * (1 + 0.06 * periodic_pattern(160, 180, 2))
    for name, one in (("clean", levels), ("dirty", dirty)):
        picture = PIL.Image.fromarray(np.floor(one + 0.5).astype(np.uint8))
        picture.save(folder / f"{name}.png")
        picture.resize((360, 320), PIL.Image.Resampling.BICUBIC).save(folder / f"{name}-x2.png")
    outcome = call("compare", "dirty.png", "--reference", "clean-x2.png", "--json", "-o",
                   "page.html", "--methods", "bicubic,nearest")  # fmt: skip
    first, _, last = json.loads(outcome.out)["methods"]
    assert (first["method"], last["method"]) == ("bicubic", "repaired, bicubic")
    assert last["psnr"] > first["psnr"] + 10
    page = (folder / "page.html").read_text()
    assert "repaired, bicubic" in page
    assert re.search(r"The picture itself has a checkerboard \(\d\.\d\d levels, stride 2\)", page)
    (folder / "many").mkdir()
    (folder / "dirty.png").rename(folder / "many" / "dirty.png")
    outcome = call("compare", "many", "--json", "--methods", "bicubic,nearest")
    assert len(json.loads(outcome.out)["methods"]) == 2


def test_a_sheet_shows_the_crop_by_every_method(call: Call, folder: Path) -> None:
    """Each panel is the same part, magnified by a whole number, under the method's name."""
    outcome = call("compare", "in.png", "-o", "sheet.png", "--crop", "2,3,12,9",
                   "--methods", "nearest,bicubic")  # fmt: skip
    assert (outcome.code, outcome.err) == (0, "")
    sheet = np.asarray(PIL.Image.open(folder / "sheet.png"))
    source = np.asarray(PIL.Image.open(folder / "in.png"))[3:12, 2:14]
    large = source.repeat(32, 0).repeat(32, 1)  # twice as large, sixteen times magnified
    assert (sheet[-24 - 288 : -24, 24 : 24 + 384] == large).all()


def test_a_folder_has_mean_and_worst(call: Call, photos: Path) -> None:
    """The table is on all pictures, the page on the worst; what is no picture is left out."""
    outcome = call("compare", photos, "--shrink", *TWO, "-o", "page.html")
    assert (outcome.code, outcome.err) == (0, "")
    header, *rows = outcome.out.decode().splitlines()
    assert "PSNR dB mean  PSNR dB worst" in header
    assert len(rows) == 2
    page = Path("page.html").read_text()
    assert "2 pictures, enlarged x2" in page
    lines = call("compare", photos, "--json", *TWO).out.decode().splitlines()
    names = [json.loads(line)["input"] for line in lines]
    assert names == [f"{photos}/a.png", f"{photos}/more/b.png"]


def test_pictures_of_one_name_are_told_apart(call: Call, photos: Path) -> None:
    """On the page a picture of a folder has its path in it."""
    (photos / "a.png").rename(photos / "b.png")
    for source in (str(photos), f"{photos}/"):
        assert call("compare", source, *TWO, "-o", "page.html", "-f").code == 0
        names = re.findall(r'"name": "([^"]*)"', Path("page.html").read_text())
        assert sorted(names) == ["b.png", "more/b.png"]


def test_a_picture_that_fails_stops_no_other(call: Call, photos: Path) -> None:
    """It is named, the others are compared, and the exit code is 1."""
    (photos / "broken.png").write_bytes((photos / "a.png").read_bytes()[:300])
    outcome = call("compare", photos, *TWO, "--json")
    assert outcome.code == 1
    assert "broken.png" in outcome.err
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed", "done"]
    assert "broken.png" in lines[1]["error"]


def test_one_picture_that_fails_has_its_line_too(call: Call, folder: Path) -> None:
    """With --json, a picture that cannot be read fails in a line of JSON, and in an error."""
    outcome = call("compare", "nope.png", "--json")
    assert (outcome.code, outcome.err) == (1, "Error: no file nope.png; check the path\n")
    assert json.loads(outcome.out) == {
        "input": "nope.png", "status": "failed", "error": "no file nope.png; check the path",
    }  # fmt: skip


def test_notes_on_the_inputs_are_printed(call: Call, folder: Path) -> None:
    """What of a file is left out, or was damaged, is noted: of a picture, reference or folder."""
    (folder / "many").mkdir()
    first, second = (PIL.Image.new("L", (side, side), 90) for side in (40, 20))
    first.save(folder / "large.tif", save_all=True, append_images=[second])
    second.save(folder / "many" / "small.jpg")
    (folder / "many" / "small.jpg").write_bytes((folder / "many" / "small.jpg").read_bytes()[:-2])
    words = ("compare", "many/small.jpg", "--reference", "large.tif", "--methods", "nearest")
    notes = ["its end marker is missing",
             "--reference: only the first of its 2 pictures is used"]  # fmt: skip
    outcome = call(*words, "--json")
    assert json.loads(outcome.out)["notes"] == notes
    assert outcome.err == "".join(f"note: many/small.jpg: {note}\n" for note in notes)
    assert call("compare", "many", "--methods", "nearest").err == (
        "note: many/small.jpg: its end marker is missing\n"
    )


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("in.png", "--shrink", "--reference", "in.png"), "cannot be used together"),
        (("in.png", "-s", "0.5"), "--scale 0.5 would shrink"),
        (("in.png", "-o", "page.pdf"), "page.pdf is neither a page nor a sheet"),
        (("in.png", "-o", "in.png"), "in.png is also the input"),
        (("in.png", "--crop", "1,2,3"), "invalid --crop '1,2,3'"),
        (("in.png", "--crop", "1,2,0,4"), "--crop 1,2,0,4 is empty; give a WIDTH and HEIGHT of 1"),
        (("in.png", "--crop", "1,2,4,0"), "--crop 1,2,4,0 is empty; give a WIDTH and HEIGHT of 1"),
        (("in.png", "--crop", "90,2,3,4"), "lies outside the picture"),
        (("in.png", "--methods", "bicubc"), "did you mean 'bicubic'"),
        (("in.png", "--methods", "tconv:kernel=none.npz"), "none.npz"),
        ((".", "--crop", "0,0,5,5"), "for one picture, not a folder"),
        (("nowhere.png",), "no file nowhere.png"),
    ],
)
def test_what_cannot_be_is_refused(
    call: Call, folder: Path, words: tuple[str, ...], fault: str
) -> None:
    """One line names the fault and what to do; nothing is written."""
    before = contents(folder)
    outcome = call("compare", *words)
    check_refused(outcome, 1 if "no file" in fault or "the input" in fault else 2, fault)
    assert contents(folder) == before


def test_a_page_is_not_replaced_without_force(call: Call, folder: Path) -> None:
    """What is there stays, unless --force is given."""
    (folder / "compare.html").write_text("mine")
    check_refused(call("compare", "in.png", *TWO), 1, "compare.html exists")
    assert (folder / "compare.html").read_text() == "mine"
    assert call("compare", "in.png", *TWO, "--force").code == 0
    assert (folder / "compare.html").stat().st_size > 10_000


def test_a_folder_without_pictures_has_nothing_to_compare(call: Call, tmp_path: Path) -> None:
    """The exit code is 3, which a note explains, and no page is written."""
    (tmp_path / "empty").mkdir()
    outcome = call("compare", "empty")
    assert outcome == Outcome(3, b"", "note: found no picture to compare\n")
    assert not (tmp_path / "compare.html").exists()


def test_a_crop_that_no_page_holds_is_refused(call: Call, folder: Path) -> None:
    """It is said how large it may be."""
    PIL.Image.new("L", (1200, 1200)).save(folder / "large.png")
    outcome = call("compare", "large.png", "--crop", "0,0,1200,1200", *TWO)
    check_refused(outcome, 2, "give at most 1500x1500 enlarged pixels")


def test_more_memory_than_there_is_is_not_taken(call: Call, folder: Path) -> None:
    """A picture whose outputs do not fit is refused, with what may be done."""
    PIL.Image.new("L", (3000, 3000)).save(folder / "large.png")
    outcome = call("compare", "large.png", *TWO, "--max-memory", "256MB", "-j", 4)
    check_refused(outcome, 1, "large.png at x2 needs")
