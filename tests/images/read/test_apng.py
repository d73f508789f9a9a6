import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack
from typing import NamedTuple

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import animation
from upsample_cli.images.read.apng import apng_frames
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.images.write.png import chunk

GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6
CLEAR, RESTORE, OVER = 1, 2, 1


class Part(NamedTuple):
    """A frame to write: its samples, shape (H, W, C), its place, and how it comes and goes."""

    samples: np.ndarray
    left: int = 0
    top: int = 0
    disposal: int = 0
    blend: int = 0


def packed(samples: np.ndarray, bits: int = 8) -> bytes:
    """Return samples as the data of a PNG."""
    rows = samples.astype(np.uint8).reshape(len(samples), -1)
    if bits < 8:
        rows = np.packbits(
            np.unpackbits(rows[..., None], axis=2)[..., -bits:].reshape(len(rows), -1), axis=1
        )
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))


def apng(
    size: tuple[int, int], parts: list[Part], kind: int = RGBA, bits: int = 8, tables: bytes = b"",
    hidden: np.ndarray | None = None,
) -> bytes:  # fmt: skip
    """Return an animated PNG of a height and width; `hidden` is a picture that is no frame."""
    data = PNG_SIGNATURE + chunk(b"IHDR", pack(">II5B", *size[::-1], bits, kind, 0, 0, 0)) + tables
    data += chunk(b"acTL", pack(">II", len(parts), 0))
    if hidden is not None:
        data += chunk(b"IDAT", packed(hidden, bits))
    number = 0
    for part in parts:
        height, width = part.samples.shape[:2]
        place = width, height, part.left, part.top
        data += chunk(b"fcTL", pack(">5I2H2B", number, *place, 4, 100, part.disposal, part.blend))
        number += 1
        if number == 1 and hidden is None:
            data += chunk(b"IDAT", packed(part.samples, bits))
        else:
            data += chunk(b"fdAT", pack(">I", number) + packed(part.samples, bits))
            number += 1
    return data + chunk(b"IEND", b"")


def full(height: int, width: int, *levels: int) -> np.ndarray:
    return np.full((height, width, len(levels)), levels)


def pixels(data: bytes, y: int, x: int) -> list[list[int]]:
    """Return one pixel of every frame."""
    moving = animation.read(data, "it")
    return [np.asarray(frame.convert("RGBA"))[y, x].tolist() for frame in animation.frames(moving)]


RED, BLUE, GREEN = [255, 0, 0, 255], [0, 0, 255, 255], [0, 255, 0, 255]
NOTHING = [0, 0, 0, 0]


def test_half_clear_over_opaque_stays_opaque() -> None:
    """Opacity of a blended frame adds to what is below it."""
    data = apng((8, 8), [Part(full(8, 8, *RED)), Part(full(4, 4, 0, 0, 255, 128), 2, 2, 0, OVER)])
    assert pixels(data, 3, 3)[1] == [127, 0, 128, 255]


def test_a_frame_goes_and_what_was_below_it_is_back() -> None:
    """A frame that is to be restored leaves what it was drawn on."""
    parts = [
        Part(full(8, 8, *RED)),
        Part(full(4, 4, *BLUE), 2, 2, RESTORE, OVER),
        Part(full(1, 1, *GREEN)),
    ]
    assert pixels(apng((8, 8), parts), 3, 3) == [RED, BLUE, RED]


def test_an_opaque_frame_is_cleared_to_nothing() -> None:
    """Also a picture without opacity is transparent where a frame was cleared."""
    parts = [Part(full(8, 8, *RED[:3]), 0, 0, CLEAR), Part(full(2, 2, *BLUE[:3]))]
    assert pixels(apng((8, 8), parts, RGB), 5, 5) == [RED, NOTHING]


def test_a_still_picture_is_not_below_the_frames() -> None:
    """The canvas is empty before the first frame, whatever the still picture is."""
    parts = [Part(full(8, 8, *NOTHING), 0, 0, 0, OVER), Part(full(8, 8, *RED))]
    assert pixels(apng((8, 8), parts, hidden=full(8, 8, *GREEN)), 5, 5) == [NOTHING, RED]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("blend", [0, OVER])
def test_a_transparent_level_is_opacity(bits: int, blend: int) -> None:
    """The level that tRNS names is clear in every frame, and blends as such."""
    highest = 2**bits - 1
    parts = [Part(full(8, 8, 0)), Part(full(8, 8, highest), 0, 0, 0, blend)]
    data = apng((8, 8), parts, GREY, bits, chunk(b"tRNS", pack(">H", highest)))
    assert pixels(data, 5, 5) == [[0, 0, 0, 255], [0, 0, 0, 255] if blend else [255] * 3 + [0]]


def test_a_palette_has_opacity() -> None:
    """Colours of a palette blend with the opacity that tRNS gives each."""
    tables = chunk(b"PLTE", bytes(RED[:3] + BLUE[:3])) + chunk(b"tRNS", b"\xff\x80")
    parts = [Part(full(8, 8, 0)), Part(full(8, 8, 1), 0, 0, 0, OVER)]
    assert pixels(apng((8, 8), parts, PALETTE, 2, tables), 5, 5) == [RED, [127, 0, 128, 255]]


def composed(size: tuple[int, int], parts: list[Part]) -> Iterator[np.ndarray]:
    """Yield what the specification says, in exact arithmetic."""
    canvas = np.zeros((*size, 4))
    for part in parts:
        before, (height, width) = canvas.copy(), part.samples.shape[:2]
        box = slice(part.top, part.top + height), slice(part.left, part.left + width)
        above, below = part.samples.astype(float), canvas[box]
        if part.blend == OVER:
            upper, lower = above[..., 3:] / 255, below[..., 3:] / 255
            opacity = upper + lower * (1 - upper)
            colours = above[..., :3] * upper + below[..., :3] * lower * (1 - upper)
            colours = colours / np.where(opacity, opacity, 1)
            canvas[box] = np.where(upper > 0, np.dstack([colours, 255 * opacity]), below)
        else:
            canvas[box] = above
        canvas = canvas.round()
        yield canvas.copy()
        if part.disposal == RESTORE:
            canvas = before
        if part.disposal == CLEAR:
            canvas[box] = 0


@st.composite
def drawings(draw: st.DrawFn) -> Part:
    """Draw a frame on a canvas of 7 rows of 9."""
    left, top = draw(st.integers(0, 8)), draw(st.integers(0, 6))
    shape = draw(st.integers(1, 7 - top)), draw(st.integers(1, 9 - left)), 4
    samples = np.random.default_rng(draw(st.integers(0, 99))).choice([0, 90, 180, 255], shape)
    return Part(samples, left, top, draw(st.integers(0, 2)), draw(st.integers(0, 1)))


@given(st.lists(drawings(), min_size=1, max_size=5))
def test_frames_are_composed_as_the_specification_says(parts: list[Part]) -> None:
    """Wherever frames lie and however they come and go, pixels differ by rounding at most."""
    data = apng((7, 9), parts, hidden=full(7, 9, *GREEN))
    frames, times = zip(*apng_frames(data, len(parts)), strict=True)
    for frame, expected in zip(frames, composed((7, 9), parts), strict=True):
        opacity = expected[..., 3:] / 255  # faint colours are rounded more
        np.testing.assert_allclose(np.asarray(frame)[..., 3:], expected[..., 3:], atol=3)
        np.testing.assert_allclose(
            np.asarray(frame)[..., :3] * opacity, expected[..., :3] * opacity, atol=4
        )
    assert times == (40,) * len(parts)


@pytest.mark.parametrize("turns", [1, 6])
def test_frames_are_upright(tmp_path: Path, turns: int) -> None:
    """EXIF turns every frame."""
    tags = PIL.Image.Exif()
    tags[0x0112] = turns
    part = Part(full(4, 6, *RED))
    data = apng(
        (4, 6), [part, part], tables=chunk(b"eXIf", tags.tobytes().removeprefix(b"Exif\0\0"))
    )
    moving = animation.read(data, "it")
    assert moving.size == ((6, 4) if turns == 6 else (4, 6))
    assert {frame.size for frame in animation.frames(moving)} == {moving.size[::-1]}


def changed(data: bytes, kind: bytes, body: bytes) -> bytes:
    """Return a PNG with other data in its last chunk of a kind."""
    at = data.rindex(kind)
    length = int.from_bytes(data[at - 4 : at], "big")
    return data[: at - 4] + chunk(kind, body) + data[at + length + 8 :]


TWO = apng((4, 4), [Part(full(4, 4, 0, 0, 0, 0)), Part(full(4, 4, *RED))])
EARLY = pack(">I", 2) + packed(full(3, 4, *RED))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (changed(TWO, b"fdAT", EARLY), "its pixels end early"),
        (changed(TWO, b"IDAT", packed(full(2, 4, 0, 0, 0, 0))), "its pixels end early"),
        (changed(TWO, b"fdAT", EARLY[:-9]), "truncated"),
        (changed(TWO, b"acTL", pack(">II", 3, 0)), "frames are missing"),
        (changed(TWO, b"fcTL", pack(">5I2H2B", 1, 4, 4, 1, 0, 1, 1, 0, 0)), "damaged"),
    ],
)
def test_a_damaged_frame_is_an_error(tmp_path: Path, data: bytes, fault: str, strict: bool) -> None:
    """No frame is filled, left out or cut."""
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(ImageFileError, match=fault):
        decode(parse(tmp_path / "in.png"), strict=strict)


@pytest.mark.parametrize("kind", [GREY, RGB, RGBA])
def test_frames_of_16_bits_are_refused(tmp_path: Path, kind: int) -> None:
    """They would be cut to 8 bits, or to white."""
    still = full(4, 4, *[128] * (2 * {GREY: 1, RGB: 3, RGBA: 4}[kind]))
    (tmp_path / "in.png").write_bytes(apng((4, 4), [Part(still)] * 2, kind, 16))
    with pytest.raises(ImageFileError, match="16 bits per colour"):
        decode(parse(tmp_path / "in.png"))
