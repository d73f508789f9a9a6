"""Every mode into every format, as a file and through a pipe: the promised data survives.

OpenCV and tifffile write and read the files, and metadata is read from the bytes. Pillow, which the
product uses, does neither.
"""

import struct
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import animations
import containers
import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import ImageCms
from terminal import Outcome, check_refused
from textures import texture_samples

from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write import png

Call = Callable[..., Outcome]
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><tiff:Orientation>1</tiff:Orientation></x:xmpmeta>"
# Each mode's channels after decoding, and the type of its samples.
MODES = {
    "bits": (1, "u1"), "palette": (3, "u1"), "clear-palette": (4, "u1"), "grey": (1, "u1"),
    "grey-clear": (2, "u1"), "rgb": (3, "u1"), "rgba": (4, "u1"), "deep-grey": (1, "u2"),
    "deep-grey-clear": (2, "u2"), "deep-rgb": (3, "u2"), "deep-rgba": (4, "u2"),
    "float": (1, "f4"), "float-rgb": (3, "f4"),
}  # fmt: skip
OPAQUE_FORMATS, FORMATS_OF_16_BITS = {"jpg", "bmp", "ppm"}, {"png", "tiff", "ppm"}
SUFFIXES = ("png", "tiff", "jpg", "webp", "bmp", "ppm", "gif", "tga")


def display_p3() -> bytes:
    """Return the sRGB profile with the primaries of Display P3."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }  # fmt: skip
    for index in range(struct.unpack_from(">L", profile, 128)[0]):
        kind, offset = struct.unpack_from(">4sL", profile, 132 + 12 * index)
        if kind in primaries:
            fixed = [round(value * 65536) for value in primaries[kind]]
            struct.pack_into(">3l", profile, offset + 8, *fixed)
    return bytes(profile)


def exif(orientation: int = 1) -> bytes:
    """Return EXIF with an orientation and a size, built without Pillow."""
    exif_directory = struct.pack("<H HHLL HHLL L", 2, 0xA002, 4, 1, 24, 0xA003, 4, 1, 20, 0)
    main_directory = struct.pack(
        "<H HHLHH HHLL L", 2, 0x112, 3, 1, orientation, 0, 0x8769, 4, 1, 38, 0
    )
    return b"II\x2a\0\x08\0\0\0" + main_directory + exif_directory


def samples(mode: str) -> np.ndarray:
    """Return the decoded samples of a mode's file, shape (20, 24, C)."""
    channels, kind = MODES[mode]
    result = texture_samples(20, 24, channels, 16)
    if kind == "f4":
        return (result / 65535).astype(np.float32)
    if kind == "u1":
        result = (result >> 8).astype(np.uint8)
    if mode == "bits":
        result = np.where(result > result.mean(), 255, 0).astype(np.uint8)
    elif "palette" in mode:
        result = result // 43 * 43
        if channels == 4:  # one entry of the palette is clear
            result[..., 3] = np.where((result[..., :3] == result[0, 0, :3]).all(axis=2), 0, 255)
    return result


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def palette_png(pixels: np.ndarray) -> bytes:
    """Return a PNG with a palette that holds these samples."""
    colours, index = np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0, return_inverse=True)
    rows = index.reshape(pixels.shape[:2]).astype(np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    clear = chunk(b"tRNS", colours[:, 3].tobytes()) if pixels.shape[2] == 4 else b""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LL5B", 24, 20, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", colours[:, :3].tobytes()) + clear
        + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )  # fmt: skip


def write_input(mode: str, folder: Path) -> Path:
    """Write a file of a mode, with a profile, EXIF, XMP and a resolution."""
    pixels, (channels, kind) = samples(mode), MODES[mode]
    path = folder / f"in.{'tiff' if kind == 'f4' else 'png'}"
    if kind == "f4":
        tifffile.imwrite(
            path, pixels.squeeze(), photometric="rgb" if channels == 3 else "minisblack",
            iccprofile=display_p3(), resolution=(300, 150), resolutionunit="inch",
            extratags=[(700, 1, len(XMP), XMP, True)], metadata=None,
        )  # fmt: skip
        return path
    if "palette" in mode:
        data = palette_png(pixels)
    elif mode == "bits":
        rows = b"".join(b"\0" + np.packbits(row > 0).tobytes() for row in pixels[..., 0])
        data = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LL5B", 24, 20, 1, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )  # fmt: skip
    else:
        body = b"".join(png.joined([png.encode_strip(pixels, 2, True)]))
        head = png.header((20, 24), channels, 8 * pixels.itemsize, Metadata())
        data = head + body + png.TRAILER
    metadata = (
        chunk(b"iCCP", b"p\0\0" + zlib.compress(display_p3()))
        + chunk(b"pHYs", struct.pack(">LLB", 11811, 5906, 1))
        + chunk(b"eXIf", exif())
        + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    )
    path.write_bytes(data[:33] + metadata + data[33:])
    return path


def read_samples(path: Path) -> np.ndarray:
    """Return the samples of a file, shape (H, W, C), without applying the orientation.

    They are read by tifffile or OpenCV; Pillow reads TGA.
    """
    if path.suffix == ".tiff":
        with tifffile.TiffFile(path) as opened:
            page = opened.pages.first
            result = page.asarray()
            if page.colormap is not None:
                result = (page.colormap.T[result] // 257).astype(np.uint8)
        if result.dtype == bool:
            result = result.astype(np.uint8) * 255
    elif path.suffix == ".tga":
        with PIL.Image.open(path) as opened:  # OpenCV reads none
            result = np.asarray(opened)
    elif path.suffix == ".gif":
        result = animations.read(path)[0][0]
    else:
        flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        result = cv2.imread(str(path), flags)
        if result.ndim == 3:
            result = result[..., [2, 1, 0, 3][: result.shape[2]]]
    return result if result.ndim == 3 else result[..., None]


def expand_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Return samples with as many channels as a reader returns: grey as RGB, opacity added."""
    if pixels.shape[2] < channels and pixels.shape[2] in (1, 2):
        pixels = pixels[..., [0, 0, 0, 1][: 3 + (pixels.shape[2] == 2)]]
    if pixels.shape[2] < channels:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)
    return pixels


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize(("mode", "suffix"), [*product(MODES, SUFFIXES)])
def test_promised_data_survives(
    call: Call, folder: Path, mode: str, suffix: str, piped: bool
) -> None:
    """Size, channels, depth, samples and metadata survive, or a message names the loss."""
    channels, kind = MODES[mode]
    source, target = write_input(mode, folder), folder / f"out.{suffix}"
    before = containers.read_metadata(source)
    if piped:
        format = {"jpg": "jpeg"}.get(suffix, suffix)
        outcome = call("-", "-", "-m", "nearest", "--format", format, stdin=source.read_bytes())
        target.write_bytes(outcome.out)
    else:
        outcome = call(source.name, target.name, "-m", "nearest")
    if channels in (2, 4) and suffix in OPAQUE_FORMATS:
        check_refused(outcome, 1, "cannot hold transparency")
        return
    assert outcome.code == 0, outcome.err
    expected = samples(mode).repeat(2, axis=0).repeat(2, axis=1)
    full = {"u1": 255, "u2": 65535, "f4": 1}[kind]
    bits = 16 if kind != "u1" and suffix in FORMATS_OF_16_BITS else 8
    if kind == "f4" and suffix == "tiff":
        bits = 32
    actual = read_samples(target)
    assert actual.dtype == {8: np.uint8, 16: np.uint16, 32: np.float32}[bits]
    if bits < {"u1": 8, "u2": 16, "f4": 32}[kind]:
        assert "rounded" in outcome.err
    scaled = expected if kind == "f4" and bits == 32 else expected / full * (2**bits - 1)
    scaled = expand_channels(np.floor(scaled + 0.5) if bits < 32 else scaled, actual.shape[2])
    assert actual.shape == scaled.shape
    if suffix in ("jpg", "webp", "gif"):
        visible = actual[..., -1] > 0 if actual.shape[2] == 4 else np.ones(actual.shape[:2], bool)
        assert np.abs(actual - scaled)[visible][..., :3].mean() < 12
    else:
        np.testing.assert_array_equal(actual, scaled)
    _check_metadata(before, containers.read_metadata(target), suffix, outcome.err)


def _check_metadata(before: dict, after: dict, suffix: str, stderr: str) -> None:
    formats_with_metadata = {"png", "tiff", "jpg", "webp"}
    for name, label in (("icc", "profile"), ("xmp", "XMP")):
        if suffix in formats_with_metadata | {"gif"}:
            assert after[name] == before[name]
        else:
            assert f"cannot hold its {label}" in stderr
    if suffix in formats_with_metadata - {"webp"}:
        assert after["dpi"] == pytest.approx((300, 150), abs=0.5)
    if suffix in {"png", "jpg", "webp"} and "exif" in before:
        tags = containers.tags(after["exif"])
        assert (tags[0x112], tags[0xA002], tags[0xA003]) == (1, 48, 40)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_look_the_same(
    call: Call, folder: Path, orientation: int, suffix: str
) -> None:
    """The output shows the picture as viewers do and needs no orientation."""
    picture = cv2.cvtColor(texture_samples(20, 24, 3), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(folder / "whole.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    data = (folder / "whole.jpg").read_bytes()
    body = b"Exif\0\0" + exif(orientation)
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    (folder / "in.jpg").write_bytes(data[:2] + segment + data[2:])
    upright = cv2.imread(str(folder / "in.jpg"))  # OpenCV turns it
    assert upright.shape == ((24, 20, 3) if orientation > 4 else (20, 24, 3))
    outcome = call("in.jpg", f"out.{suffix}", "-m", "nearest", "--quality", 100)
    assert outcome.code == 0
    actual = read_samples(folder / f"out.{suffix}")[..., ::-1]
    error = np.abs(actual.astype(int) - upright.repeat(2, axis=0).repeat(2, axis=1))
    assert error.mean() < 4
    after = containers.read_metadata(folder / f"out.{suffix}").get("exif")
    if after is not None:
        tags = containers.tags(after)
        height, width = actual.shape[:2]
        assert (tags[0x112], tags[0xA002], tags[0xA003]) == (1, width, height)


def test_hidden_magenta_does_not_bleed(call: Call, folder: Path) -> None:
    """A visible blue pixel beside transparent magenta gets no red."""
    picture = np.full((24, 24, 4), (255, 0, 255, 0), np.uint8)
    picture[6:18, 6:18] = (0, 0, 255, 255)
    cv2.imwrite(str(folder / "clear.png"), cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    for method in ("bilinear", "bicubic", "lanczos", "spline", "tconv", "resize-conv"):
        call("clear.png", "out.png", "-m", method, "-s", 3, "--force")
        actual = read_samples(folder / "out.png")
        assert actual[actual[..., 3] > 0][:, 0].max() <= 1
    call("clear.png", "out.png", "-m", "bicubic", "-s", 3, "--alpha", "straight", "--force")
    actual = read_samples(folder / "out.png")
    assert actual[actual[..., 3] > 0][:, 0].max() > 100


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "spline", "tconv"])
@pytest.mark.parametrize("bits", [8, 16])
def test_linear_light_at_scale_1_changes_nothing(
    call: Call, folder: Path, method: str, bits: int
) -> None:
    """The conversion to linear light and back is exact for every level."""
    picture = np.arange(2**bits, dtype=f"u{bits // 8}").reshape(2 ** (bits // 2), -1)
    cv2.imwrite(str(folder / "all.png"), picture)
    assert call("all.png", "out.png", "-m", method, "-s", 1, "--linear").code == 0
    np.testing.assert_array_equal(read_samples(folder / "out.png")[..., 0], picture)


@pytest.mark.parametrize("quality", [35, 75, 92, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_jpeg_keeps_its_quality(call: Call, folder: Path, quality: int, subsampling: str) -> None:
    """Quantisation tables and subsampling are the input's, unless --quality is given."""
    picture = PIL.Image.fromarray(texture_samples(40, 48, 3))
    picture.save(folder / "in.jpg", quality=quality, subsampling=subsampling, progressive=True)
    call("in.jpg", "out.jpg")
    call("in.jpg", "other.jpg", "--quality", 50)
    tables = [_tables(folder / name) for name in ("in.jpg", "out.jpg", "other.jpg")]
    assert tables[1] == tables[0]
    assert tables[2] != tables[0]


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
