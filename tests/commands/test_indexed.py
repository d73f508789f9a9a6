"""Pictures with a palette or of 1 bit, enlarged by copying their pixels, stay what they are."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome

Call = Callable[..., Outcome]
COLOURS = np.random.default_rng(1).integers(0, 256, (16, 3)).astype(np.uint8)
INDICES = np.random.default_rng(2).integers(0, 16, (7, 9)).astype(np.uint8)


def sprite(count: int = 16) -> PIL.Image.Image:
    """Return a picture with a palette of so many colours."""
    picture = PIL.Image.fromarray(INDICES % count, "P")
    picture.putpalette(COLOURS[:count].tobytes())
    return picture


def enlarged(x: np.ndarray, factor: int) -> np.ndarray:
    return np.kron(x, np.ones((factor, factor), x.dtype))


def chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by kind, read without the product."""
    parts, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        parts[kind] = data[at + 8 : at + 8 + length]
        at += 12 + length
    return parts


@pytest.mark.parametrize("count", [2, 3, 16, 200])
@pytest.mark.parametrize("clear", [None, 1, bytes([255, 0, 128])])
@pytest.mark.parametrize("pipe", [False, True])
def test_a_sprite_stays_one(
    call: Call, folder: Path, count: int, clear: int | bytes | None, pipe: bool
) -> None:
    """Indices, palette and transparency of a PNG are kept to the byte, in as few bits as before."""
    picture = PIL.Image.fromarray(INDICES % count, "P")
    picture.putpalette(np.resize(COLOURS, (count, 3)).tobytes())
    options = {} if clear is None else {"transparency": clear}
    picture.save(folder / "in.png", **options)
    before = (folder / "in.png").read_bytes()
    arguments = ("-m", "nearest", "-s", 3, "--json")
    outcome = call("-", "-", *arguments, stdin=before) if pipe else call(
        "in.png", "out.png", *arguments
    )  # fmt: skip
    assert outcome.code == 0
    after = outcome.out if pipe else (folder / "out.png").read_bytes()
    old, new = chunks(before), chunks(after)
    assert new[b"IHDR"][8:10] == old[b"IHDR"][8:10]  # depth and kind
    assert (new[b"PLTE"], new.get(b"tRNS")) == (old[b"PLTE"], old.get(b"tRNS"))
    with PIL.Image.open(BytesIO(after)) as opened:
        np.testing.assert_array_equal(np.asarray(opened), enlarged(INDICES % count, 3))


@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
@pytest.mark.parametrize("target", ["png", "gif", "tif", "bmp"])
def test_indices_pass_from_format_to_format(
    call: Call, folder: Path, suffix: str, target: str
) -> None:
    """Every format with palettes gets the same indices and colours."""
    sprite().save(folder / f"a.{suffix}")
    assert call(f"a.{suffix}", f"b.{target}", "-m", "nearest").code == 0
    with PIL.Image.open(folder / f"b.{target}") as opened:
        assert opened.mode == "P"
        np.testing.assert_array_equal(np.asarray(opened), enlarged(INDICES, 2))
        np.testing.assert_array_equal(
            np.asarray(opened.convert("RGB")), enlarged_colours(COLOURS[INDICES], 2)
        )


def enlarged_colours(x: np.ndarray, factor: int) -> np.ndarray:
    return x.repeat(factor, 0).repeat(factor, 1)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_one_bit_stays_one(call: Call, folder: Path, suffix: str) -> None:
    """A picture of 1 bit is written with 1 bit."""
    PIL.Image.fromarray(INDICES > 7).save(folder / f"a.{suffix}")
    outcome = call(f"a.{suffix}", f"b.{suffix}", "-m", "spline", "--order", 0, "-s", 5)
    assert (outcome.code, outcome.err) == (0, "")
    with PIL.Image.open(folder / f"b.{suffix}") as opened:
        assert opened.mode == "1"
        np.testing.assert_array_equal(np.asarray(opened), enlarged(INDICES > 7, 5))


def test_what_a_format_cannot_hold_becomes_colours(call: Call, folder: Path) -> None:
    """Palettes into WebP, and their transparency into TIFF, become colours, and that is said."""
    sprite().save(folder / "a.png", transparency=bytes([255, 9, 128]))
    for target in ("b.webp", "b.tif", "b.gif"):
        outcome = call("a.png", target, "-m", "nearest")
        assert outcome.code == 0
        assert "note: a.png: palette becomes RGBA\n" in outcome.err
    with PIL.Image.open(folder / "b.tif") as opened, PIL.Image.open(folder / "a.png") as before:
        expected = enlarged_colours(np.asarray(before.convert("RGBA")), 2)
        np.testing.assert_array_equal(np.asarray(opened), expected)


def test_other_methods_filter_colours(call: Call, folder: Path) -> None:
    """A method that mixes pixels makes RGB of a palette, and says so."""
    sprite().save(folder / "a.png")
    assert "palette becomes RGB" in call("a.png", "b.png", "-m", "bicubic").err


def test_metadata_and_orientation_of_a_sprite_are_kept(call: Call, folder: Path) -> None:
    """EXIF turns the indices, and resolution and texts survive."""
    exif = PIL.Image.Exif()
    exif[0x112] = 6
    sprite().save(folder / "a.png", exif=exif, dpi=(300, 300))
    assert call("a.png", "b.png", "-m", "nearest").code == 0
    with PIL.Image.open(folder / "b.png") as opened:
        np.testing.assert_array_equal(np.asarray(opened), enlarged(np.rot90(INDICES, -1), 2))
        assert opened.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def lzw(indices: bytes) -> bytes:
    """Return indices as uncompressed LZW of 8 bits, in blocks: a clear code before it grows."""
    codes: list[int] = []
    for start in range(0, len(indices), 100):
        codes += [256, *indices[start : start + 100]]
    bits = sum(code << 9 * place for place, code in enumerate([*codes, 257]))
    data = bits.to_bytes(-(-9 * (len(codes) + 1) // 8), "little")
    blocks = (data[start : start + 255] for start in range(0, len(data), 255))
    return b"\x08" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def moving(frames: list[tuple[int, int, np.ndarray, int]]) -> tuple[bytes, list[bytes]]:
    """Return an animated GIF of 9x7 whose frames lie at a place, and what surrounds their pixels.

    Args:
        frames: Left, top, indices and disposal of each.
    """
    table = COLOURS.tobytes()
    start = b"GIF89a" + struct.pack("<HHBBB", 9, 7, 0xF3, 2, 0) + table
    parts = [start + b"!\xff\x0bNETSCAPE2.0\x03\x01\x05\0\0" + b"!\xfe\x02hi\0"]
    whole = parts[0]
    for left, top, indices, disposal in frames:
        head = b"!\xf9\x04" + struct.pack("<BHBB", disposal << 2 | 1, 7, 3, 0)
        own = b"," + struct.pack("<4HB", left, top, *indices.shape[::-1], 0x83) + table[::-1]
        parts += [head, table[::-1]]
        whole += head + own + lzw(indices.tobytes())
    return whole + b";", parts


def test_an_animated_gif_stays_what_it_is(call: Call, folder: Path) -> None:
    """Each frame keeps its part of the canvas, palette, transparency, disposal and time."""
    frames = [(0, 0, INDICES, 1), (2, 1, INDICES[:4, :5], 2), (3, 3, INDICES[1:4, :6], 1)]
    data, parts = moving(frames)
    (folder / "a.gif").write_bytes(data)
    outcome = call("a.gif", "b.gif", "-m", "nearest", "-s", 3)
    assert outcome.code == 0
    after = (folder / "b.gif").read_bytes()
    at = -1
    for part in (parts[0][13:], *parts[1:]):
        at = after.index(part, at + 1)  # in this order
    assert struct.unpack_from("<HH", after, 6) == (27, 21)
    with PIL.Image.open(BytesIO(after)) as large, PIL.Image.open(BytesIO(data)) as small:
        assert large.n_frames == small.n_frames == 3
        for index in range(3):
            large.seek(index)
            small.seek(index)
            assert large.info["duration"] == small.info["duration"] == 70
            expected = enlarged_colours(np.asarray(small.convert("RGBA")), 3)
            np.testing.assert_array_equal(np.asarray(large.convert("RGBA")), expected)
    assert call("a.gif", "c.gif", "-m", "nearest", "--strip").code == 0
    stripped = (folder / "c.gif").read_bytes()
    assert b"hi" not in stripped
    assert b"NETSCAPE" in stripped


def test_interlaced_frames_are_read(call: Call, folder: Path) -> None:
    """The rows of an interlaced GIF come out in their order."""
    rows = np.random.default_rng(3).integers(0, 16, (40, 30)).astype(np.uint8)
    first, second = (PIL.Image.fromarray(each, "P") for each in (rows, rows[::-1].copy()))
    for picture in (first, second):
        picture.putpalette(COLOURS.tobytes())
    first.save(folder / "a.gif", save_all=True, append_images=[second], interlace=1)
    assert call("a.gif", "b.gif", "-m", "nearest").code == 0
    with PIL.Image.open(folder / "b.gif") as opened:
        opened.seek(1)
        expected = enlarged_colours(COLOURS[rows[::-1]], 2)
        np.testing.assert_array_equal(np.asarray(opened.convert("RGB")), expected)


def test_a_folder_of_sprites_stays_one(call: Call, folder: Path) -> None:
    """Pictures of a folder are treated as single ones are, and small sprites stay small."""
    (folder / "in").mkdir()
    sprite().save(folder / "in" / "a.png")
    assert call("in", "out", "-m", "nearest", "-s", 4).code == 0
    with PIL.Image.open(folder / "out" / "a.png") as opened:
        assert opened.mode == "P"
    data = (folder / "out" / "a.png").read_bytes()
    assert len(data) < 1000


def test_a_gif_without_its_end_is_copied(call: Call, folder: Path) -> None:
    """What readers forgive, a missing last byte or two, is forgiven here."""
    data, _ = moving([(0, 0, INDICES, 1), (0, 0, INDICES[::-1], 1)])
    for cut in (1, 2):
        (folder / "a.gif").write_bytes(data[:-cut])
        assert call("a.gif", "b.gif", "-m", "nearest", "-f").code == 0
        with PIL.Image.open(folder / "b.gif") as large, PIL.Image.open(folder / "a.gif") as small:
            for opened in (large, small):
                opened.seek(1)
            expected = enlarged_colours(np.asarray(small.convert("RGBA")), 2)
            np.testing.assert_array_equal(np.asarray(large.convert("RGBA")), expected)


def test_a_background_shows_through_copied_frames(call: Call, folder: Path) -> None:
    """With --background no frame of a GIF stays transparent, copied or not."""
    data, _ = moving([(0, 0, INDICES, 1), (0, 0, INDICES[::-1], 1)])
    (folder / "a.gif").write_bytes(data)
    assert call("a.gif", "b.gif", "-m", "nearest", "--background", "#010203").code == 0
    with PIL.Image.open(folder / "b.gif") as opened:
        assert np.asarray(opened.convert("RGBA"))[..., 3].min() == 255
