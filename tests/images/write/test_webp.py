import gc
import io
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
from textures import texture_samples

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import animation
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import webp
from upsample_cli.images.write.formats import Encoding

LOSSLESS = Encoding(lossless=True)


def webp_file(lossless: bool, frames: int = 1) -> io.BytesIO:
    """Return a WebP of so many frames."""
    file = io.BytesIO()
    pictures = [PIL.Image.fromarray(texture_samples(9, 11, 3) // (1 + n)) for n in range(frames)]
    pictures[0].save(
        file, "WEBP", lossless=lossless, save_all=frames > 1, append_images=pictures[1:]
    )
    return file


def frames_of(data: bytes) -> list[np.ndarray]:
    """Return the frames of an animation."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        return [np.asarray(frame) for frame in PIL.ImageSequence.Iterator(opened)]


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("lossless", [True, False])
def test_lossless_is_found(tmp_path: Path, frames: int, lossless: bool) -> None:
    """A still or animated WebP says whether it is coded without loss."""
    path = tmp_path / "in.webp"
    path.write_bytes(webp_file(lossless, frames).getvalue())
    assert decode(parse(path)).metadata.lossless is lossless


def test_what_is_cut_off_is_not_lossless() -> None:
    """A file that ends within its first chunks is not called lossless."""
    assert not webp.is_lossless(io.BytesIO(webp_file(True).getvalue()[:18]))


def test_what_is_clear_around_frames_stays_clear(tmp_path: Path) -> None:
    """What is transparent around a moving card is so in the file, and when it is read."""
    frames = np.zeros((3, 20, 24, 4), np.uint8)
    for index, frame in enumerate(frames):
        frame[4:10, 6 * index : 6 * index + 8] = 200 + index, 90, 30, 255
    pictures = map(PIL.Image.fromarray, frames)
    data = webp.encode_animation("WEBP", pictures, [40] * 3, 0, Metadata(), LOSSLESS)
    np.testing.assert_array_equal(frames_of(data), frames)
    without_flag = bytearray(data)
    without_flag[20] &= ~0x10  # as other programs write it
    (tmp_path / "in.webp").write_bytes(without_flag)
    read = decode(parse(tmp_path / "in.webp"))
    np.testing.assert_array_equal(list(map(np.asarray, animation.frames(read))), frames)


def test_one_frame_at_a_time_is_in_memory() -> None:
    """Frames are computed as the encoder asks for them, and freed after that."""
    alive: list[weakref.ref[PIL.Image.Image]] = []
    most = 0

    def frames() -> Iterator[PIL.Image.Image]:
        nonlocal most
        for n in range(9):
            gc.collect()
            most = max(most, sum(frame() is not None for frame in alive))
            frame = PIL.Image.fromarray(texture_samples(9, 11, 3) // (1 + n))
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    data = webp.encode_animation("WEBP", frames(), range(10, 19), 0, Metadata(), LOSSLESS)
    assert len(frames_of(data)) == 9
    assert most <= 2  # the first, which the encoder is called on, and the latest
