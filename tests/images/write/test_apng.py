import io
from struct import pack, unpack

import numpy as np
import PIL.Image
import pytest

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.read import animation
from upsample_cli.images.write import apng, png
from upsample_cli.images.write.png import chunk


def written(frames: list[np.ndarray], milliseconds: float) -> bytes:
    height, width, channels = frames[0].shape
    encoder = apng.FrameEncoder((height, width))
    parts = [apng.header((height, width), channels, Metadata(), len(frames), 0)]
    for frame in frames:
        pieces = [png.encode_strip(frame[:3], 2, False), png.encode_strip(frame[3:], 2, True)]
        parts.extend(encoder.chunks(pieces, milliseconds))
    return b"".join([*parts, apng.TRAILER])


@pytest.mark.parametrize(
    "milliseconds", [0, 1, 16 + 2 / 3, 40, 100, 1000 / 3, 12_345.678, 65_535_000]
)
def test_a_duration_of_any_length_is_told(milliseconds: float) -> None:
    """Thirds of a second are exact, hours are to a thousandth of themselves."""
    data = written([np.zeros((5, 4, 3), np.uint8)] * 2, milliseconds)
    at = data.index(b"fcTL") + 4 + 20
    top, bottom = unpack(">HH", data[at : at + 4])
    assert 1000 * top / bottom == pytest.approx(milliseconds, rel=1e-3)


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
