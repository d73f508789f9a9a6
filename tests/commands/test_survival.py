"""Every mode into every format, as a file and through a pipe: what is promised survives.

Files are made and read by OpenCV and tifffile, and what stands beside the pixels is read from
bytes: Pillow, which the product uses, is not asked.
"""

import struct
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import containers
import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import ImageCms
from terminal import Outcome, check_refused
from textures import levels

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.write import png

Call = Callable[..., Outcome]
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><tiff:Orientation>1</tiff:Orientation></x:xmpmeta>"
# Channels as they are filtered, and type.
MODES = {
    "bits": (1, "u1"), "palette": (3, "u1"), "clear-palette": (4, "u1"), "grey": (1, "u1"),
    "grey-clear": (2, "u1"), "rgb": (3, "u1"), "rgba": (4, "u1"), "deep-grey": (1, "u2"),
    "deep-grey-clear": (2, "u2"), "deep-rgb": (3, "u2"), "deep-rgba": (4, "u2"),
    "float": (1, "f4"), "float-rgb": (3, "f4"),
}  # fmt: skip
OPAQUE, DEEP = {"jpg", "bmp", "ppm"}, {"png", "tiff", "ppm"}
WORDS = {"jpg": "jpeg"}
SUFFIXES = ("png", "tiff", "jpg", "webp", "bmp", "ppm", "gif", "tga")


def display_p3() -> bytes:
    """Return sRGB's profile with the primaries of Display P3."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }  # fmt: skip
    for index in range(struct.unpack_from(">L", made, 128)[0]):
        kind, place = struct.unpack_from(">4sL", made, 132 + 12 * index)
        if kind in primaries:
            fixed = [round(each * 65536) for each in primaries[kind]]
            struct.pack_into(">3l", made, place + 8, *fixed)
    return bytes(made)


def exif(orientation: int = 1) -> bytes:
    """Return EXIF with an orientation and a size, without Pillow."""
    inside = struct.pack("<H HHLL HHLL L", 2, 0xA002, 4, 1, 24, 0xA003, 4, 1, 20, 0)
    top = struct.pack("<H HHLHH HHLL L", 2, 0x112, 3, 1, orientation, 0, 0x8769, 4, 1, 38, 0)
    return b"II\x2a\0\x08\0\0\0" + top + inside


def samples(mode: str) -> np.ndarray:
    """Return what a mode's file holds once it is filtered, shape (20, 24, C)."""
    channels, kind = MODES[mode]
    made = levels(20, 24, channels, 16)
    if kind == "f4":
        return (made / 65535).astype(np.float32)
    if kind == "u1":
        made = (made >> 8).astype(np.uint8)
    if mode == "bits":
        made = np.where(made > made.mean(), 255, 0).astype(np.uint8)
    elif "palette" in mode:
        made = made // 43 * 43
        if channels == 4:  # one entry of the palette is clear
            made[..., 3] = np.where((made[..., :3] == made[0, 0, :3]).all(axis=2), 0, 255)
    return made


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def palette(made: np.ndarray) -> bytes:
    """Return a PNG with a palette of samples."""
    colours, index = np.unique(made.reshape(-1, made.shape[2]), axis=0, return_inverse=True)
    rows = index.reshape(made.shape[:2]).astype(np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    clear = chunk(b"tRNS", colours[:, 3].tobytes()) if made.shape[2] == 4 else b""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LL5B", 24, 20, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", colours[:, :3].tobytes()) + clear
        + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )  # fmt: skip


def written(mode: str, folder: Path) -> Path:
    """Write a file of a mode, with a profile, EXIF, XMP and a resolution."""
    made, (channels, kind) = samples(mode), MODES[mode]
    path = folder / f"in.{'tiff' if kind == 'f4' else 'png'}"
    if kind == "f4":
        tifffile.imwrite(
            path, made.squeeze(), photometric="rgb" if channels == 3 else "minisblack",
            iccprofile=display_p3(), resolution=(300, 150), resolutionunit="inch",
            extratags=[(700, 1, len(XMP), XMP, True)], metadata=None,
        )  # fmt: skip
        return path
    if "palette" in mode:
        data = palette(made)
    elif mode == "bits":
        rows = b"".join(b"\0" + np.packbits(row > 0).tobytes() for row in made[..., 0])
        data = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LL5B", 24, 20, 1, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )  # fmt: skip
    else:
        piece, checksum = png.encode_strip(made, 2, True), png.Checksum()
        checksum.add(piece)
        head = png.header((20, 24), channels, 8 * made.itemsize, Metadata())
        data = head + piece.chunk + png.trailer(checksum)
    more = (
        chunk(b"iCCP", b"p\0\0" + zlib.compress(display_p3()))
        + chunk(b"pHYs", struct.pack(">LLB", 11811, 5906, 1))
        + chunk(b"eXIf", exif())
        + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    )
    path.write_bytes(data[:33] + more + data[33:])
    return path


def pixels(path: Path) -> np.ndarray:
    """Return the samples of a file, shape (H, W, C), by tifffile or OpenCV, not turned."""
    if path.suffix == ".tiff":
        found = tifffile.imread(path)
    elif path.suffix == ".tga":
        with PIL.Image.open(path) as opened:  # OpenCV reads none
            found = np.asarray(opened)
    elif path.suffix == ".gif":
        found = cv2.cvtColor(cv2.imreadanimation(str(path))[1].frames[0], cv2.COLOR_BGRA2RGBA)
    else:
        flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        found = cv2.imread(str(path), flags)
        if found.ndim == 3:
            found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    return found if found.ndim == 3 else found[..., None]


def expanded(made: np.ndarray, channels: int) -> np.ndarray:
    """Return samples with as many channels as a reader gives: grey as colours, opacity added."""
    if made.shape[2] < channels and made.shape[2] in (1, 2):
        made = made[..., [0, 0, 0, 1][: 3 + (made.shape[2] == 2)]]
    if made.shape[2] < channels:
        made = np.concatenate([made, np.full_like(made[..., :1], 255)], axis=2)
    return made


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize(("mode", "suffix"), [*product(MODES, SUFFIXES)])
def test_what_is_promised_survives(
    call: Call, folder: Path, mode: str, suffix: str, piped: bool
) -> None:
    """Size, channels, depth, every level, profile, EXIF, XMP and dpi, or a word about the loss."""
    (channels, kind), source, to = MODES[mode], written(mode, folder), folder / f"out.{suffix}"
    before = containers.beside(source)
    if piped:
        word = WORDS.get(suffix, suffix)
        made = call("-", "-", "-m", "nearest", "--format", word, stdin=source.read_bytes())
        to.write_bytes(made.out)
    else:
        made = call(source.name, to.name, "-m", "nearest")
    if channels in (2, 4) and suffix in OPAQUE:
        check_refused(made, 1, "holds no transparency")
        return
    assert made.code == 0, made.err
    expected = samples(mode).repeat(2, axis=0).repeat(2, axis=1)
    full = {"u1": 255, "u2": 65535, "f4": 1}[kind]
    bits = 32 if kind == "f4" and suffix == "tiff" else 16 if kind != "u1" and suffix in DEEP else 8
    found = pixels(to)
    assert found.dtype == {8: np.uint8, 16: np.uint16, 32: np.float32}[bits]
    if bits < {"u1": 8, "u2": 16, "f4": 32}[kind]:
        assert "rounded" in made.err
    scaled = expected if kind == "f4" and bits == 32 else expected / full * (2**bits - 1)
    scaled = expanded(np.floor(scaled + 0.5) if bits < 32 else scaled, found.shape[2])
    if channels in (2, 4):  # hidden colours are black
        scaled[..., :-1] *= scaled[..., -1:] > 0
    assert found.shape == scaled.shape
    if suffix in ("jpg", "webp", "gif"):
        seen = found[..., -1] > 0 if found.shape[2] == 4 else np.ones(found.shape[:2], bool)
        assert np.abs(found - scaled)[seen][..., :3].mean() < 12
    else:
        np.testing.assert_array_equal(found, scaled)
    _check_beside(before, containers.beside(to), suffix, made.err)


def _check_beside(before: dict, after: dict, suffix: str, said: str) -> None:
    held = {"png", "tiff", "jpg", "webp"}
    for name, word in (("icc", "profile"), ("xmp", "XMP")):
        if suffix in held:
            assert after[name] == before[name]
        else:
            assert f"holds no {word}" in said
    if suffix in held - {"webp"}:
        assert after["dpi"] == pytest.approx((300, 150), abs=0.5)
    if suffix in {"png", "jpg", "webp"} and "exif" in before:
        told = containers.tags(after["exif"])
        assert (told[0x112], told[0xA002], told[0xA003]) == (1, 48, 40)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_look_the_same(
    call: Call, folder: Path, orientation: int, suffix: str
) -> None:
    """A picture is enlarged as viewers show it, and the output needs no turning."""
    made = cv2.cvtColor(levels(20, 24, 3), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(folder / "whole.jpg"), made, [cv2.IMWRITE_JPEG_QUALITY, 100])
    data = (folder / "whole.jpg").read_bytes()
    mark = b"Exif\0\0" + exif(orientation)
    segment = b"\xff\xe1" + struct.pack(">H", len(mark) + 2) + mark
    (folder / "in.jpg").write_bytes(data[:2] + segment + data[2:])
    shown = cv2.imread(str(folder / "in.jpg"))  # OpenCV turns it
    assert shown.shape == ((24, 20, 3) if orientation > 4 else (20, 24, 3))
    outcome = call("in.jpg", f"out.{suffix}", "-m", "nearest", "--quality", 100)
    assert outcome.code == 0
    found = pixels(folder / f"out.{suffix}")[..., ::-1]
    error = np.abs(found.astype(int) - shown.repeat(2, axis=0).repeat(2, axis=1))
    assert error.mean() < 4
    after = containers.beside(folder / f"out.{suffix}").get("exif")
    if after is not None:
        told = containers.tags(after)
        height, width = found.shape[:2]
        assert (told[0x112], told[0xA002], told[0xA003]) == (1, width, height)


def test_hidden_magenta_does_not_bleed(call: Call, folder: Path) -> None:
    """Blue beside a transparent magenta has no red in it, as far as it can be seen."""
    made = np.full((24, 24, 4), (255, 0, 255, 0), np.uint8)
    made[6:18, 6:18] = (0, 0, 255, 255)
    cv2.imwrite(str(folder / "clear.png"), cv2.cvtColor(made, cv2.COLOR_RGBA2BGRA))
    for method in ("bilinear", "bicubic", "lanczos", "spline", "tconv", "resize-conv"):
        call("clear.png", "out.png", "-m", method, "-s", 3, "--force")
        found = pixels(folder / "out.png")
        assert found[found[..., 3] > 0][:, 0].max() <= 1
    call("clear.png", "out.png", "-m", "bicubic", "-s", 3, "--alpha", "straight", "--force")
    found = pixels(folder / "out.png")
    assert found[found[..., 3] > 0][:, 0].max() > 100


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "spline", "tconv"])
@pytest.mark.parametrize("bits", [8, 16])
def test_linear_light_at_scale_1_changes_nothing(
    call: Call, folder: Path, method: str, bits: int
) -> None:
    """There and back is exact for every level."""
    made = np.arange(2**bits, dtype=f"u{bits // 8}").reshape(2 ** (bits // 2), -1)
    cv2.imwrite(str(folder / "all.png"), made)
    assert call("all.png", "out.png", "-m", method, "-s", 1, "--linear").code == 0
    np.testing.assert_array_equal(pixels(folder / "out.png")[..., 0], made)


@pytest.mark.parametrize("quality", [35, 75, 92, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_jpeg_keeps_its_quality(call: Call, folder: Path, quality: int, subsampling: str) -> None:
    """Quantisation tables and subsampling are the source's, unless a quality is given."""
    picture = PIL.Image.fromarray(levels(40, 48, 3))
    picture.save(folder / "in.jpg", quality=quality, subsampling=subsampling, progressive=True)
    call("in.jpg", "out.jpg")
    call("in.jpg", "other.jpg", "--quality", 50)
    held = [_tables(folder / name) for name in ("in.jpg", "out.jpg", "other.jpg")]
    assert held[1] == held[0]
    assert held[2] != held[0]


def _tables(path: Path) -> tuple[list[bytes], bytes]:
    """Return the quantisation tables of a JPEG, and its frame's kind and sampling factors."""
    data, at = path.read_bytes(), 2
    tables, frame = [], b""
    while data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xDB:
            tables.append(body)
        elif data[at + 1] in (0xC0, 0xC2):
            frame = data[at + 1 : at + 2] + body[6:]
        at += 2 + length
    return tables, frame
