"""Bombs, devices, full disks and odd names, through the real command line."""

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import programs
import pytest
import tifffile
from terminal import Outcome, check_refused, contents, shell
from textures import levels

Call = Callable[..., Outcome]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def claiming(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a small PNG that claims a size and has next to no pixels."""
    head = chunk(b"IHDR", struct.pack(">LL5B", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels


def large_gif() -> bytes:
    """Return a GIF of a few bytes and 4 gigapixels."""
    screen = struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<4HB", 0, 0, 65535, 65535, 0) + b"\2\2L\1\0;"


def growing_gif() -> bytes:
    """Return a GIF whose second frame is far larger than its head says."""
    frame = b"," + struct.pack("<4HB", 0, 0, 4, 4, 0) + b"\2\2L\1\0"
    larger = b"," + struct.pack("<4HB", 0, 0, 60000, 60000, 0) + b"\2\2L\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6) + frame + larger + b";"


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("bomb.png", claiming(60_000, 60_000), "is 60000x60000, more than 268435456 pixels"),
        ("absurd.png", claiming(2**31 - 1, 2**31 - 1), "2147483647x2147483647, more than"),
        ("empty.png", claiming(0, 5), "empty.png"),
        ("short.png", claiming(16_000, 16_000), "is broken"),
        ("bomb.gif", large_gif(), "is 65535x65535, more than"),
        ("growing.gif", growing_gif(), "growing.gif is broken"),
        ("text.png", claiming(4, 4, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 28)))),
         "is broken"),
        ("icc.png", claiming(4, 4, chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(1 << 28)))),
         "is broken"),
    ],
    ids=["large", "absurd", "empty", "short", "gif", "growing", "text", "profile"],
)  # fmt: skip
def test_bombs_are_refused(call: Call, folder: Path, name: str, data: bytes, fault: str) -> None:
    """A small file that would become huge is refused by its head, in little memory."""
    (folder / name).write_bytes(data)
    before = contents(folder)
    check_refused(call(name, "out.png"), 1, fault)
    check_refused(call("-", "out.png", stdin=data), 1, fault.replace(name, "on stdin"))
    assert contents(folder) == before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is not told there")
def test_a_bomb_takes_little_memory(folder: Path) -> None:
    """What a bomb would need is not even asked for."""
    (folder / "growing.gif").write_bytes(growing_gif())
    command = programs.command("peak_memory", "growing.gif", "out.png")
    made = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    code, peak = made.stdout.split()
    assert code == b"1"
    assert int(peak) < 1 << 17  # kB


@pytest.mark.parametrize("level", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats_that_are_no_numbers_are_refused(
    call: Call, folder: Path, level: float, channels: int
) -> None:
    """NaN and infinity are told, and nothing is written."""
    samples = np.full((8, 9, channels), 0.5, np.float32)
    samples[3, 4] = level
    tifffile.imwrite(
        folder / "in.tiff", samples.squeeze(), photometric=["minisblack", "rgb"][channels // 3]
    )
    check_refused(call("in.tiff", "out.tiff"), 1, "NaN")
    assert not (folder / "out.tiff").exists()


@pytest.mark.parametrize("missing", [1, 2, 3, 30, 500])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp", "ppm"])
def test_any_cut_is_refused(call: Call, folder: Path, suffix: str, missing: int) -> None:
    """However few bytes are missing at the end, the file is not whole."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    whole = folder / f"whole.{suffix}"
    if suffix == "tiff":
        PIL.Image.fromarray(noise).save(whole)  # OpenCV puts the tags last
    else:
        cv2.imwrite(str(whole), noise)
    (folder / f"in.{suffix}").write_bytes(whole.read_bytes()[:-missing])
    before = contents(folder)
    check_refused(call(f"in.{suffix}", "out.png"), 1, f"in.{suffix} is")
    assert contents(folder) == before


@pytest.mark.parametrize("place", [20, 45], ids=["head", "text"])
def test_a_png_with_a_broken_head_is_a_png(call: Call, folder: Path, place: int) -> None:
    """What begins as a PNG and has a wrong checksum is broken, not something else."""
    data = bytearray(claiming(4, 4, chunk(b"tEXt", b"Title\0cat")))
    data[place] ^= 1
    (folder / "broken.png").write_bytes(data)
    check_refused(call("broken.png", "out.png"), 1, "broken.png is broken")


def test_a_png_of_its_first_bytes_alone_ends_too_early(call: Call, folder: Path) -> None:
    """What is missing is told in words, not in those of a parser."""
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    check_refused(call("broken.png", "out.png"), 1, "broken.png is broken (it ends too early)")


def test_a_wrong_suffix_does_not_mislead(call: Call, folder: Path) -> None:
    """A picture is what its bytes say."""
    (folder / "in.jpg").write_bytes((folder / "in.png").read_bytes())
    assert call("in.jpg", "out.png").code == 0
    assert call("in.png", "same.png").code == 0
    assert (folder / "out.png").read_bytes() == (folder / "same.png").read_bytes()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such devices")
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_no_pictures(call: Call, folder: Path, device: str) -> None:
    """A device is read no further than it takes to see that."""
    check_refused(call(device, "out.png"), 1, f"{device} is no picture")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg", "webp", "gif", "ppm"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """Where writing fails half-way, neither a part nor the target is left."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "in.png")
    before = contents(tmp_path)
    command = programs.command(
        "limit", "RLIMIT_FSIZE", 20_000, sys.executable, "-B", "-m", "upsample_cli", "in.png",
        f"out.{suffix}", "-s", 3,
    )  # fmt: skip
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    outcome = Outcome(made.returncode, made.stdout, made.stderr.decode())
    check_refused(outcome, 1, f"cannot write out.{suffix}: File too large")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["with space.png", "caf\xe9 \u732b.png", "-dash.png", "new\nline.png", "'\"$x;*.png"]
)
def test_odd_names_are_names(folder: Path, name: str) -> None:
    """Blanks, any script, dashes, line breaks, what a shell would expand: all are names."""
    if sys.platform == "win32" and set(name) & set('\n"*'):
        pytest.skip("no such names there")
    (folder / name).write_bytes((folder / "in.png").read_bytes())
    outcome = shell("--", name, f"{name}.png", folder=folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert (folder / f"{name}.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="such folders can be written there")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_told(folder: Path) -> None:
    """A folder without the right to write is told, and nothing is left."""
    (folder / "closed").mkdir(mode=0o500)
    check_refused(shell("in.png", "closed/out.png", folder=folder), 1, "Permission denied")


def test_a_long_text_is_no_bomb(call: Call, folder: Path) -> None:
    """A text chunk of some megabytes, as editors write their history, is carried along."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("History", "edit " * 600_000, zip=True)
    PIL.Image.fromarray(levels(8, 9, 3)).save(folder / "long.png", pnginfo=info)
    assert call("long.png", "out.png").code == 0
    assert (folder / "out.png").stat().st_size > 3_000_000
