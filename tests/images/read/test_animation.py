import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.GifImagePlugin import getdata
from textures import texture_samples

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import animation, files
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import gif

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


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(("end", "is_whole"), [(b"", False), (b";", True), (b";more", True)])
def test_a_gif_may_lack_its_end_marker(
    tmp_path: Path, frames: int, end: bytes, is_whole: bool
) -> None:
    """A GIF that ends behind a frame is read with a note, or refused where asked to be strict."""
    data, path = animated("GIF", "RGB"), tmp_path / "in.gif"
    if frames == 1:
        PIL.Image.new("P", (8, 9)).save(path)
        data = path.read_bytes()
    path.write_bytes(data.removesuffix(b";") + end)
    is_noted = "its end marker is missing" in decode(parse(path)).notes
    assert is_noted is not is_whole
    if is_whole:
        decode(parse(path), strict=True)
        return
    with pytest.raises(ImageFileError, match=r"its end marker is missing.*leave --strict out"):
        decode(parse(path), strict=True)


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


PALETTE = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0]


class Drawn(NamedTuple):
    """A frame to write: its colours are numbers of `PALETTE`, of which `clear` is transparent."""

    left: int
    top: int
    numbers: np.ndarray
    disposal: int = 0
    clear: int | None = None


def gif_of(size: tuple[int, int], drawn: list[Drawn], extensions: bytes = b"") -> bytes:
    """Return a GIF of frames at any place, each with colours of its own."""
    data = gif.header(size, 0) + extensions
    for frame in drawn:
        picture = PIL.Image.fromarray(frame.numbers.astype(np.uint8), "P")
        picture.putpalette(PALETTE)
        options = {} if frame.clear is None else {"transparency": frame.clear}
        data += b"".join(
            getdata(
                picture, (frame.left, frame.top), duration=40, disposal=frame.disposal,
                include_color_table=True, **options,
            )
        )  # fmt: skip
    return data + gif.TRAILER


def composed(size: tuple[int, int], drawn: list[Drawn]) -> Iterator[np.ndarray]:
    """Yield what browsers show, pixel by pixel."""
    canvas = np.zeros((*size, 4), np.uint8)
    for frame in drawn:
        before = canvas.copy()
        for (row, column), number in np.ndenumerate(frame.numbers):
            y, x = frame.top + row, frame.left + column
            if y < size[0] and x < size[1] and number != frame.clear:
                canvas[y, x] = (*PALETTE[3 * number : 3 * number + 3], 255)
        yield canvas.copy()
        if frame.disposal == 3:
            canvas = before
        if frame.disposal == 2:
            height, width = frame.numbers.shape
            canvas[frame.top : frame.top + height, frame.left : frame.left + width] = 0


@st.composite
def drawings(draw: st.DrawFn) -> Drawn:
    """Draw a frame, the canvas being 7 rows of 9."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 9)))
    numbers = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 4, shape)
    return Drawn(
        draw(st.integers(0, 8)), draw(st.integers(0, 6)), numbers, draw(st.integers(0, 3)),
        draw(st.none() | st.integers(0, 3)),
    )  # fmt: skip


@given(st.lists(drawings(), min_size=1, max_size=5))
def test_frames_lie_on_the_canvas_as_in_browsers(drawn: list[Drawn]) -> None:
    """Wherever frames lie and however they go, pixels are as a slow composition has them."""
    frames, times = zip(*animation.gif_frames(gif_of((7, 9), drawn), (9, 7)), strict=True)
    np.testing.assert_array_equal([*map(np.asarray, frames)], [*composed((7, 9), drawn)])
    assert times == (40,) * len(drawn)


@pytest.mark.parametrize("disposal", [0, 2])
def test_an_animation_is_transparent_where_nothing_is(disposal: int) -> None:
    """Neither uncovered nor cleared pixels get the background colour; later frames are cut."""
    drawn = [
        Drawn(0, 0, np.ones((4, 4), int), disposal),
        Drawn(3, 2, np.full((6, 6), 2), disposal),
        Drawn(1, 1, np.full((2, 2), 3), disposal),
    ]
    moving = animation.read(gif_of((7, 8), drawn), "it")
    assert (moving.mode, moving.size) == ("RGBA", (7, 8))
    np.testing.assert_array_equal(
        [np.asarray(frame) for frame in animation.frames(moving)], [*composed((7, 8), drawn)]
    )


@pytest.mark.parametrize("clear", [None, 1])
def test_a_still_gif_is_transparent_where_its_frame_does_not_reach(
    tmp_path: Path, clear: int | None
) -> None:
    """So it is with one frame, whether that has a transparent colour or none."""
    drawn = Drawn(2, 1, np.arange(12).reshape(3, 4) % 4, 0, clear)
    (tmp_path / "in.gif").write_bytes(gif_of((5, 8), [drawn]))
    image = files.read(parse(tmp_path / "in.gif"))
    np.testing.assert_array_equal(image.samples, next(composed((5, 8), [drawn])))
    assert image.notes == ()


def blocks(data: bytes) -> bytes:
    parts = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


@pytest.mark.parametrize("count", [1, 2])
def test_profile_and_xmp_are_kept(tmp_path: Path, count: int) -> None:
    """Both travel in application extensions; the packet is not cut into blocks."""
    profile, packet = bytes(range(256)) * 3, b"<x:xmpmeta>" + b"a" * 300 + b"</x:xmpmeta>"
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    extensions = (
        b"!\xff\x0bICCRGBG1012" + blocks(profile) + b"!\xff\x0bXMP DataXMP" + packet + trailer
    )
    drawn = [Drawn(0, 0, np.full((4, 4), number)) for number in range(count)]
    data = gif_of((4, 4), drawn, extensions)
    (tmp_path / "in.gif").write_bytes(data)
    if count > 1:
        metadata = animation.read(data, "it").metadata
    else:
        metadata = files.read(parse(tmp_path / "in.gif")).metadata
    assert (metadata.icc, metadata.xmp) == (profile, packet)


def test_a_profile_of_grey_does_not_fit_frames() -> None:
    """Frames become RGB, so a profile of grey is left out with a note."""
    profile = bytes(16) + b"GRAY" + bytes(108)
    moving = animation.read(animated("PNG", "L", icc_profile=profile), "it")
    assert moving.metadata.icc is None
    assert moving.notes == ("its profile of grey does not fit colours, so it was left out",)


def test_a_cut_gif_is_an_error() -> None:
    """A frame that ends early is no frame; the zero after it and the trailer may be missing."""
    data = gif_of((4, 4), [Drawn(0, 0, np.ones((4, 4), int))])
    for length in range(data.index(b",", 13) + 1, len(data) - 2):
        with pytest.raises((IndexError, struct.error)):
            list(animation.gif_frames(data[:length], (4, 4)))


@pytest.mark.parametrize("clear", [None, 0, 1])
def test_a_gif_without_a_palette_is_grey(clear: int | None) -> None:
    """Numbers are levels then, and one of them may be transparent."""
    levels = np.array([[0, 1, 200], [255, 1, 0]], np.uint8)
    options = {} if clear is None else {"transparency": clear}
    data = gif.header((2, 3), 1) + b"".join(getdata(PIL.Image.fromarray(levels), (0, 0), **options))
    ((frame, _),) = animation.gif_frames(data + gif.TRAILER, (3, 2))
    expected = np.dstack([levels, levels, levels, 255 * (levels != clear)])
    expected[levels == clear] = 0
    np.testing.assert_array_equal(np.asarray(frame), expected)


def test_a_frame_far_larger_than_the_canvas_is_an_error() -> None:
    """Few bytes would take gigabytes of memory."""
    data = bytearray(gif_of((4, 4), [Drawn(0, 0, np.ones((4, 4), int))] * 2))
    place = data.rindex(b",\0\0\0\0" + bytes([4, 0, 4, 0]))
    data[place + 5 : place + 9] = b"\xff" * 4
    drawn = animation.gif_frames(bytes(data), (4, 4))
    next(drawn)
    with pytest.raises(PictureTooLargeError, match="a frame of 65535x65535 needs"):
        next(drawn)
