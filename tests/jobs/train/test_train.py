from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from objects import Bucket
from textures import natural_texture

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place, parse
from upsample_cli.jobs.train import train
from upsample_cli.jobs.train.pairs import pictures_in, resampled
from upsample_cli.jobs.train.train import Settings
from upsample_cli.kernels.least_squares import Structure


@pytest.fixture
def photos(tmp_path: Path) -> list[Place]:
    """Return the names of six textures and of a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(6):
        samples = np.round(natural_texture(120, 100, seed)[0] * 255).astype(np.uint8)
        PIL.Image.fromarray(samples).save(folder / f"{seed}.png")
    (folder / "notes.txt").write_text("no picture")
    return pictures_in([parse(folder)])


def settings_with(**changes: object) -> Settings:
    return Settings(**{"taps": 5, "samples": 20_000, "holdout": 0.3, **changes})


@pytest.mark.parametrize("method", ["tconv", "resize-conv"])
@pytest.mark.parametrize("stride", [2, 3])
def test_a_trained_kernel_beats_interpolation(
    photos: list[Place], method: str, stride: int
) -> None:
    """On pictures held out, the kernel comes nearer to the originals than bicubic does."""
    actual = train.train(photos, settings_with(stride=stride, structure=Structure(method)))
    about = actual.file.about
    scores = about["held_out"]["psnr"]
    assert scores["trained"] > scores["bicubic"] > scores["nearest"]
    assert (about["pictures"], about["held_out"]["pictures"]) == (4, 2)
    assert (actual.file.method, actual.file.stride) == (method, stride)
    assert actual.ripple_after < 1e-9
    assert len(actual.skipped) == 1
    assert "notes.txt" in actual.skipped[0]


def test_training_repeats_to_the_byte(photos: list[Place]) -> None:
    """The same seed gives the same file, another seed another."""
    first, again, other = (
        train.train(photos, settings_with(seed=seed, samples=2000)).file.to_bytes()
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_pictures_are_found_in_order(tmp_path: Path, photos: list[Place]) -> None:
    """Folders are searched to the bottom, sorted, each file once; hidden ones stay out."""
    deep = tmp_path / "photos" / "0"
    deep.mkdir()
    (tmp_path / "photos" / ".thumbnails").mkdir()
    (tmp_path / "photos" / ".thumbnails" / "z.png").write_bytes(b"")
    (deep / "x.png").write_bytes(b"")
    (deep / ".y.png").write_bytes(b"")
    result = [file.name for file in pictures_in([parse(tmp_path / "photos"), photos[0]])]
    assert result == [
        "x.png", "0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "notes.txt",
    ]  # fmt: skip
    with pytest.raises(ImageFileError, match=r"no file or folder .*; check the path"):
        pictures_in([parse(tmp_path / "nowhere")])


def test_pictures_may_be_objects(bucket: Bucket, photos: list[Place]) -> None:
    """A URL stands for a picture, or for all that lie below it, as anywhere."""
    for number, photo in enumerate(photos[:6]):
        bucket.put(f"in/{'deep/' * (number % 2)}{number}.png", Path(photo.path).read_bytes())
    result = pictures_in([parse(f"{bucket.url}/in"), parse(f"{bucket.url}/in/0.png")])
    names = ["0.png", "2.png", "4.png", "deep/1.png", "deep/3.png", "deep/5.png"]
    assert [file.path for file in result] == [f"{bucket.url}/in/{name}" for name in names]
    assert train.train(result, settings_with()).file.about["pictures"] == 4


def test_pictures_too_small_are_told(tmp_path: Path) -> None:
    """Where no picture can be used the least size is told, and why the first cannot."""
    PIL.Image.new("L", (20, 20)).save(tmp_path / "small.png")
    fault = r"no picture can be used \(.*small.png is 20x20, too small\); give pictures of at least"
    with pytest.raises(ImageFileError, match=fault):
        train.train([parse(tmp_path / "small.png")], settings_with())


@pytest.mark.parametrize(("good", "bad", "tests"), [(1, 1, 0), (1, 4, 0), (2, 4, 1), (6, 3, 2)])
@pytest.mark.parametrize("seed", [0, 1])
def test_held_out_pictures_are_chosen_among_the_readable(
    photos: list[Place], tmp_path: Path, good: int, bad: int, tests: int, seed: int
) -> None:
    """Damaged pictures take no place of those to learn from or to test on."""
    for number in range(bad):
        (tmp_path / f"cut{number}.png").write_bytes(Path(photos[0].path).read_bytes()[:5000])
    cut = [parse(tmp_path / f"cut{number}.png") for number in range(bad)]
    actual = train.train(photos[:good] + cut, settings_with(seed=seed))
    about = actual.file.about
    assert (about["pictures"], about["held_out"]["pictures"]) == (good - tests, tests)
    assert len(actual.skipped) == bad


@pytest.mark.parametrize("level", [0, 128])
@pytest.mark.parametrize(
    "changes", [{}, {"noise": 0.0}, {"structure": Structure("tconv", True, "none")}]
)
def test_flat_pictures_teach_nothing(tmp_path: Path, level: int, changes: dict[str, Any]) -> None:
    """Of pictures without content no kernel is made: it would blur, or be black."""
    PIL.Image.new("L", (90, 90), level).save(tmp_path / "flat.png")
    with pytest.raises(ImageFileError, match="the pictures are flat, so there is nothing to learn"):
        train.train([parse(tmp_path / "flat.png")], settings_with(**changes))


def test_a_picture_named_twice_is_one(photos: list[Place]) -> None:
    """One that is held out for trying the kernel is not held back altogether."""
    once, twice = (
        train.train(pictures_in(photos[:1] * times), settings_with()) for times in (1, 2)
    )
    assert once.file.to_bytes() == twice.file.to_bytes()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"taps": 4}, "invalid --taps 4; give an odd number from 3 to 15"),
        ({"taps": 17}, "invalid --taps 17"),
        (
            {"shrink": "box"},
            "invalid --shrink 'box'; choose bicubic, area, lanczos or gaussian:SIGMA",
        ),
        ({"shrink": "gaussian"}, "invalid --shrink 'gaussian'; "),
        ({"shrink": "gaussian:0"}, "invalid --shrink 'gaussian:0'; "),
        ({"shrink": "gaussian:1e-9"}, "gaussian:SIGMA, 0.2 to 16 pixels"),
        ({"shrink": "gaussian:nan"}, "invalid --shrink 'gaussian:nan'; "),
        ({"structure": Structure(balance="even")}, "no balance 'even'; choose flat, ramp, none"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], fault: str) -> None:
    """A wrong setting is refused before any picture is read."""
    with pytest.raises(SettingError) as caught:
        settings_with(**changes)
    assert fault in str(caught.value)


@pytest.mark.parametrize("shrink", ["bicubic", "area", "lanczos", "gaussian:0.2", "gaussian:0.8"])
def test_shrinking_keeps_brightness_and_place(shrink: str) -> None:
    """A shrunk ramp is the same ramp at half-pixel centres."""
    ramp = np.arange(120.0)[:, None] + np.zeros((1, 24))
    actual = resampled(ramp, (60, 12), settings_with(shrink=shrink).shrinking())[:, 5]
    expected = 2 * np.arange(60) + 0.5
    np.testing.assert_allclose(actual[15:45], expected[15:45], atol=1e-9)
