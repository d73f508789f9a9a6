import gc
import io
import weakref
from collections.abc import Iterator
from pathlib import Path
from struct import pack, unpack

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
from textures import texture_samples

from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import animation
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import animations, png
from upsample_cli.images.write.formats import Encoding
from upsample_cli.images.write.png import chunk

LOSSLESS = Encoding(lossless=True)


def frames_of(data: bytes) -> list[np.ndarray]:
    """Return the frames of an animation."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        return [np.asarray(frame) for frame in PIL.ImageSequence.Iterator(opened)]


def test_what_is_clear_around_frames_stays_clear(tmp_path: Path) -> None:
    """What is transparent around a moving card is so in the file, and when it is read."""
    frames = np.zeros((3, 20, 24, 4), np.uint8)
    for index, frame in enumerate(frames):
        frame[4:10, 6 * index : 6 * index + 8] = 200 + index, 90, 30, 255
    pictures = map(PIL.Image.fromarray, frames)
    data = animations.encode_webp_or_avif("WEBP", pictures, [40] * 3, 0, Metadata(), LOSSLESS)
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

    data = animations.encode_webp_or_avif("WEBP", frames(), range(10, 19), 0, Metadata(), LOSSLESS)
    assert len(frames_of(data)) == 9
    assert most <= 2  # the first, which the encoder is called on, and the latest


def written(frames: list[np.ndarray], milliseconds: float) -> bytes:
    height, width, channels = frames[0].shape
    cut = (
        [png.encode_strip(frame[:3], 2, False), png.encode_strip(frame[3:], 2, True)]
        for frame in frames
    )
    timed = ((strips, milliseconds) for strips in cut)
    return b"".join(
        animations.encode_png(timed, len(frames), (height, width), channels, 0, Metadata())
    )


@pytest.mark.parametrize(
    "milliseconds",
    [0, 1, 16 + 2 / 3, 40, 100, 1000 / 3, 12_345.678, 65_536, 70_001, 32_768_500, 65_535_000],
)
def test_a_duration_of_any_length_is_told(milliseconds: float) -> None:
    """Thirds of a second are exact, hours are to a thousandth of themselves."""
    data = written([np.zeros((5, 4, 3), np.uint8)] * 2, milliseconds)
    at = data.index(b"fcTL") + 4 + 20
    top, bottom = unpack(">HH", data[at : at + 4])
    assert 1000 * top / bottom == pytest.approx(milliseconds, rel=1e-3)


def test_a_duration_that_a_format_rounds_much_is_noted() -> None:
    """Frames of a sixtieth of a second are a fifth slower in a GIF, and said to be; not in WebP."""
    durations, _, notes = animations.held_times("GIF", [100, 1000 / 60], 0)
    assert durations == [100, 20]
    assert notes == ("GIF cannot hold a frame of 16.7 ms, so it takes 20 ms",)
    assert animations.held_times("WEBP", [100, 1000 / 60, 0], 0) == ([100, 17, 0], 0, ())


@pytest.mark.parametrize(
    ("format", "plays", "often"),
    [("AVIF", 1, "once"), ("AVIF", 3, "3 times"), ("GIF", 65537, "65537 times")],
)
def test_a_note_says_how_often_an_animation_played(format: str, plays: int, often: str) -> None:
    """It names what is lost, and what becomes of it."""
    _, held, (note,) = animations.held_times(format, [100], plays)
    assert held == 0
    assert note == f"{format} cannot hold that an animation plays {often}, so it plays endlessly"


@pytest.mark.parametrize("kind", [0, 2, 3], ids=["grey", "colours", "palette"])
@pytest.mark.parametrize("clear", [False, True])
def test_frames_have_the_colours_and_opacity_of_their_chunks(kind: int, clear: bool) -> None:
    """Palettes, and levels that are named as transparent, hold for every frame, read twice."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 5, 4, 3 if kind == 2 else 1), np.uint8)
    palette, key = rng.integers(0, 256, (256, 3), np.uint8), frames[0, 0, 0]
    opacity = bytes(255 * (level != key[0]) for level in range(256))
    more = chunk(b"PLTE", palette.tobytes()) if kind == 3 else b""
    if clear:
        more += chunk(b"tRNS", opacity if kind == 3 else pack(f">{len(key)}H", *key))
    data = written(list(frames), 50)
    head = chunk(b"IHDR", pack(">II5B", 4, 5, 8, kind, 0, 0, 0))
    data = data[:8] + head + data[33:53] + more + data[53:]
    colours = palette[frames[..., 0]] if kind == 3 else np.broadcast_to(frames, (3, 5, 4, 3))
    seen = ~(frames == key).all(-1) | (not clear)
    for frame, expected, visible in zip(
        animation.frames(animation.read(data, "it")), colours, seen, strict=True
    ):
        assert frame.mode == ("RGBA" if clear else "RGB")
        np.testing.assert_array_equal(np.asarray(frame)[..., :3][visible], expected[visible])
        np.testing.assert_array_equal(np.asarray(frame.convert("RGBA"))[..., 3], 255 * visible)


def test_chunks_are_numbered_and_frames_are_read() -> None:
    """The numbers of all chunks of frames are 0, 1, 2...; the first frame is the still picture."""
    frames = [np.full((5, 4, 3), level, np.uint8) for level in (10, 20, 30)]
    data = written(frames, 50)
    numbers, at = [], 8
    while at < len(data):
        length, kind = unpack(">I4s", data[at : at + 8])
        if kind in (b"fcTL", b"fdAT"):
            numbers += unpack(">I", data[at + 8 : at + 12])
        at += 12 + length
    assert numbers == list(range(len(numbers)))
    with PIL.Image.open(io.BytesIO(data)) as opened:
        for index, frame in enumerate(frames):
            opened.seek(index)
            np.testing.assert_array_equal(np.asarray(opened.convert("RGB")), frame)
