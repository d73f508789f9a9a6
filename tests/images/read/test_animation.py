import io

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.images.read import animation

COLOURS = [(255, 0, 0), (0, 204, 0), (0, 0, 255)]


def animated(format: str, mode: str, **options: object) -> bytes:
    """Return an animation with a frame of each colour."""
    first, *others = (PIL.Image.new("RGB", (8, 9), colour).convert(mode) for colour in COLOURS)
    file = io.BytesIO()
    first.save(file, format, save_all=True, append_images=others, duration=40, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "P"])
@pytest.mark.parametrize("is_separate", [True, False])
def test_a_still_picture_before_the_frames_is_no_frame(mode: str, is_separate: bool) -> None:
    """Frames of a PNG have their colours, also from a palette, with and without a still picture."""
    moving = animation.read(animated("PNG", mode, default_image=is_separate), "it")
    colours = [np.asarray(frame)[0, 0].tolist() for frame in animation.frames(moving)]
    assert colours == [list(colour) for colour in COLOURS[is_separate:]]
    assert moving.durations == (40.0,) * len(colours)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_frames_can_be_read_again(format: str) -> None:
    """Every reading of the frames starts at the first."""
    options = {"lossless": True} if format == "WEBP" else {}
    moving = animation.read(animated(format, "RGB", **options), "it")
    first, second = ([*map(np.asarray, animation.frames(moving))] for _ in range(2))
    assert len(first) == 3
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (2, 3)])
def test_a_gif_states_how_often_it_starts_again(loop: int | None, plays: int) -> None:
    """A GIF without a loop is played once, one that loops twice is played three times."""
    options = {} if loop is None else {"loop": loop}
    assert animation.read(animated("GIF", "RGB", **options), "it").plays == plays


def test_transparent_frames_are_rgba() -> None:
    """One transparent pixel in any frame makes all frames RGBA."""
    frames = [
        np.dstack([texture_samples(8, 9, 3), np.full((8, 9), 255, np.uint8)]) for _ in range(2)
    ]
    for level, mode in ((255, "RGB"), (254, "RGBA")):
        frames[1][3, 4, 3] = level
        first, second = map(PIL.Image.fromarray, frames)
        file = io.BytesIO()
        first.save(file, "PNG", save_all=True, append_images=[second])
        moving = animation.read(file.getvalue(), "it")
        assert moving.mode == mode
