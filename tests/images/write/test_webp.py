import io
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
from textures import levels

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import animation
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import encode, webp


def encoded(lossless: bool, frames: int = 1) -> io.BytesIO:
    """Return a WebP of so many frames."""
    made = io.BytesIO()
    pictures = [PIL.Image.fromarray(levels(9, 11, 3) // (1 + n)) for n in range(frames)]
    pictures[0].save(
        made, "WEBP", lossless=lossless, save_all=frames > 1, append_images=pictures[1:]
    )
    return made


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("lossless", [True, False])
def test_lossless_is_found(tmp_path: Path, frames: int, lossless: bool) -> None:
    """The way a WebP was coded is told with its pixels, of a still one and of an animated one."""
    path = tmp_path / "in.webp"
    path.write_bytes(encoded(lossless, frames).getvalue())
    assert decode(parse(path)).metadata.lossless is lossless


@pytest.mark.parametrize(("quality", "kept"), [(None, True), (90, False)])
def test_lossless_stays_lossless(quality: int | None, kept: bool) -> None:
    """A lossless WebP becomes a lossless one, unless a quality is asked for."""
    samples = levels(9, 11, 3)
    made = io.BytesIO()
    encode.save(PIL.Image.fromarray(samples), "WEBP", Metadata(lossless=True), made, quality)
    assert np.array_equal(np.asarray(PIL.Image.open(made)), samples) is kept
    assert webp.is_lossless(made) is kept


def test_what_is_cut_off_is_not_lossless() -> None:
    """A file that ends within its first chunks tells nothing."""
    assert not webp.is_lossless(io.BytesIO(encoded(True).getvalue()[:18]))


def test_what_is_clear_around_frames_stays_clear(tmp_path: Path) -> None:
    """A card that moves over a clear canvas does so in what is written, and where it is read."""
    frames = np.zeros((3, 20, 24, 4), np.uint8)
    for index, frame in enumerate(frames):
        frame[4:10, 6 * index : 6 * index + 8] = 200 + index, 90, 30, 255
    made = webp.encode_animation(map(PIL.Image.fromarray, frames), [40] * 3, 0, lossless=True)
    np.testing.assert_array_equal(shown(made), frames)
    unsaid = bytearray(made)
    unsaid[20] &= ~0x10  # as other programs write it: the flag of opacity is not set
    (tmp_path / "in.webp").write_bytes(unsaid)
    read = decode(parse(tmp_path / "in.webp")).picture
    np.testing.assert_array_equal(list(map(np.asarray, animation.frames(read))), frames)


def shown(data: bytes) -> list[np.ndarray]:
    """Return the frames of an animation."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        return [np.asarray(frame) for frame in PIL.ImageSequence.Iterator(opened)]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_pillow_without_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    """Where Pillow was built without libwebp, the remedy is another format, still or animated."""
    (tmp_path / "in.webp").write_bytes(encoded(True, frames).getvalue())
    picture = decode(parse(tmp_path / "in.webp")).picture
    for known in (PIL.Image.SAVE, PIL.Image.SAVE_ALL):
        monkeypatch.delitem(known, "WEBP")
    made, samples = io.BytesIO(), levels(9, 11, 3)
    if isinstance(picture, Animation):
        save = partial(
            encode.save_animated_webp, iter([samples] * frames), picture.durations, picture.plays
        )
    else:
        save = partial(encode.save, encode.to_pillow(samples), "WEBP")
    with pytest.raises(ImageFileError, match="built without WEBP; write a PNG"):
        save(Metadata(), made, None)
    assert made.getvalue() == b""
