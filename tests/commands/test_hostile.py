"""Hostile input through the real command line: bombs, devices, full disks and unusual names."""

import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import programs
import pytest
import tifffile
from terminal import Outcome, check_refused, contents, run_process
from textures import texture_samples

Call = Callable[..., Outcome]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png_of_size(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a small PNG whose header claims any size, with almost no pixels."""
    head = chunk(b"IHDR", struct.pack(">LL5B", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels


def gif_of_size(width: int, height: int) -> bytes:
    """Return a GIF of a few bytes whose header claims a size."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<4HB", 0, 0, width, height, 0) + b"\2\2L\1\0;"


def growing_gif() -> bytes:
    """Return a GIF whose second frame is far larger than its header says."""
    frame = b"," + struct.pack("<4HB", 0, 0, 4, 4, 0) + b"\2\2L\1\0"
    larger = b"," + struct.pack("<4HB", 0, 0, 60000, 60000, 0) + b"\2\2L\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6) + frame + larger + b";"


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("bomb.png", png_of_size(60_000, 60_000), "is 60000x60000, more than 268435456 pixels"),
        ("absurd.png", png_of_size(2**31 - 1, 2**31 - 1), "2147483647x2147483647, more than"),
        ("empty.png", png_of_size(0, 5), "empty.png"),
        ("short.png", png_of_size(16_000, 16_000), "is damaged"),
        ("bomb.gif", gif_of_size(65535, 65535), "is 65535x65535, more than"),
        ("growing.gif", growing_gif(), "growing.gif is damaged"),
        ("text.png", png_of_size(4, 4, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 28)))),
         "is damaged"),
        ("icc.png", png_of_size(4, 4, chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(1 << 28)))),
         "is damaged"),
    ],
    ids=["large", "absurd", "empty", "short", "gif", "growing", "text", "profile"],
)  # fmt: skip
def test_bombs_are_refused(call: Call, folder: Path, name: str, data: bytes, fault: str) -> None:
    """A small file that decodes to a huge picture is refused, and nothing is written."""
    (folder / name).write_bytes(data)
    before = contents(folder)
    check_refused(call(name, "out.png"), 1, fault)
    check_refused(call("-", "out.png", stdin=data), 1, fault.replace(name, "on stdin"))
    assert contents(folder) == before


NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc to measure memory"
)


def write_bombs(folder: Path) -> None:
    """Write files of a few kilobytes that stand for hundreds of megabytes."""
    row = zlib.compress(bytes(4000 * 3 * 8))
    tifffile.imwrite(
        folder / "floats.tif", repeat(row, 4000), shape=(4000, 4000, 3), dtype="f8",
        photometric="rgb", compression="zlib", rowsperstrip=1,
    )  # fmt: skip
    (folder / "still.gif").write_bytes(gif_of_size(8000, 8000))
    np.savez_compressed(folder / "zeros.npz", taps=np.zeros(1 << 28, "u1"))
    PIL.Image.new("RGB", (20_000, 2)).save(folder / "wide.png")
    PIL.Image.new("RGB", (1500, 1500)).save(folder / "small.png")


@NEEDS_PROC
def test_nothing_takes_more_than_max_memory(folder: Path) -> None:
    """Pictures, kernels, maps, pipes and outputs are refused before they take the memory."""
    write_bombs(folder)
    calls = [
        ["floats.tif", "out.png"], ["measure", "floats.tif"], ["still.gif", "out.png"],
        ["measure", "still.gif"], ["small.png", "out.png", "--kernel", "zeros.npz"],
        ["zeros.npz", "out.npz"], ["audit", "zeros.npz"], ["-", "out.png"],
        ["wide.png", "out.png", "--scale", "64"], ["small.png", "out.webp", "--scale", "6"],
        ["small.png", "out.jp2"], ["small.png", "out.webp", "--lossless"],
    ]  # fmt: skip
    if not Path("/dev/zero").exists():
        calls.remove(["-", "out.png"])
    before = contents(folder)
    for words in calls:
        command = programs.command("peak_memory", *words, "--max-memory", "220MB")
        with Path("/dev/zero").open("rb") as zeros:
            result = subprocess.run(
                command, cwd=folder, stdin=zeros, capture_output=True, check=True, text=True
            )
        code, peak = result.stdout.split()
        assert code in "12", words
        assert result.stderr.startswith("Error: "), words
        assert result.stderr.count("\n") == 1, words
        assert int(peak) < 220 << 10, words  # kB
    assert contents(folder) == before


def write_smooth(folder: Path) -> None:
    """Write pictures that make encoders take much memory, and a palette that takes little."""
    y, x = np.mgrid[:700, :700] / 700
    waves = [127.5 + 127.5 * np.sin(7 * x * (i + 1) + 5 * y) for i in range(4)]
    picture = PIL.Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))
    picture.save(folder / "clear.png")
    picture.convert("RGB").save(folder / "progressive.jpg", progressive=True)
    picture.convert("RGB").quantize(16).save(folder / "palette.gif")


@NEEDS_PROC
@pytest.mark.parametrize(
    "words",
    [["clear.png", "out.webp", "--scale", "5"], ["progressive.jpg", "out.jpg", "--scale", "5"]],
)
def test_the_memory_that_an_encoder_is_said_to_need_is_enough(
    folder: Path, words: list[str]
) -> None:
    """With that budget the picture is written, and takes no more."""
    write_smooth(folder)

    def run(budget: int) -> tuple[str, int, str]:
        """Return the exit code, the peak of memory in kB, and what is on standard error."""
        command = programs.command("peak_memory", *words, "-q", "--max-memory", f"{budget}MB")
        result = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
        code, peak = result.stdout.split()
        return code, int(peak), result.stderr

    code, budget, stderr = "1", 100, "needs 110 MB"
    while code == "1":  # decoding, strips and encoding ask one after the other
        needed = 1 + int(re.search(r"needs (\d+) MB", stderr)[1])
        assert needed > budget
        budget = needed
        code, peak, stderr = run(budget)
        assert peak < budget << 10
    assert code == "0"


def test_a_palette_is_encoded_in_little_memory(call: Call, folder: Path) -> None:
    """Indices of a GIF are not asked to fit as colours do."""
    write_smooth(folder)
    words = ["palette.gif", "out.gif", "-m", "nearest", "--scale", "5", "--max-memory", "220MB"]
    assert call(*words).code == 0


def test_workers_share_the_memory(call: Call, folder: Path) -> None:
    """What one process may take, each of four workers may not."""
    for name in ("a", "b"):
        PIL.Image.new("RGB", (2000, 2000)).save(folder / f"{name}.png")
    (folder / "in").mkdir()
    (folder / "a.png").rename(folder / "in" / "a.png")
    assert call("b.png", "c.png", "--max-memory", "300MB").code == 0
    outcome = call("in", "out", "--max-memory", "300MB", "-j", 4)
    assert outcome.code == 1
    assert "in/a.png needs 157 MB of memory, but only 75 MB may be used" in outcome.err


def test_too_little_address_space_is_named(folder: Path) -> None:
    """Where the libraries cannot be loaded, one line says so; some would hang."""
    pytest.importorskip("resource")
    words = [sys.executable, "-m", "upsample_cli", "in.png", "out.png"]
    command = programs.command("limit", "RLIMIT_AS", 150_000 << 10, *words)
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    outcome = Outcome(result.returncode, result.stdout.encode(), result.stderr)
    check_refused(outcome, 1, "146 MB of address space, and the libraries need 192 MB")


@NEEDS_PROC
def test_a_bomb_takes_little_memory(folder: Path) -> None:
    """A bomb is refused before its pixels take memory."""
    (folder / "growing.gif").write_bytes(growing_gif())
    command = programs.command("peak_memory", "growing.gif", "out.png")
    result = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    code, peak = result.stdout.split()
    assert code == b"1"
    assert int(peak) < 1 << 17  # kB


@pytest.mark.parametrize("level", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_nan_and_infinite_samples_are_refused(
    call: Call, folder: Path, level: float, channels: int
) -> None:
    """NaN and infinity are reported, and nothing is written."""
    samples = np.full((8, 9, channels), 0.5, np.float32)
    samples[3, 4] = level
    tifffile.imwrite(
        folder / "in.tiff", samples.squeeze(), photometric=["minisblack", "rgb"][channels // 3]
    )
    check_refused(call("in.tiff", "out.tiff"), 1, "NaN")
    assert not (folder / "out.tiff").exists()


@pytest.mark.parametrize("missing_bytes", [1, 2, 3, 30, 500])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp", "ppm"])
def test_a_truncated_picture_is_refused(
    call: Call, folder: Path, suffix: str, missing_bytes: int
) -> None:
    """A file is refused however few bytes are missing at its end, but for a JPEG's end marker."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    complete = folder / f"whole.{suffix}"
    if suffix == "tiff":
        PIL.Image.fromarray(noise).save(complete)  # OpenCV puts the tags last
    else:
        cv2.imwrite(str(complete), noise)
    (folder / f"in.{suffix}").write_bytes(complete.read_bytes()[:-missing_bytes])
    before = contents(folder)
    outcome = call(f"in.{suffix}", "out.png")
    if suffix == "jpg" and missing_bytes < 3:
        assert outcome.err == "note: in.jpg: its end marker is missing\n"
        outcome = call("in.jpg", "strict.png", "--strict")
        (folder / "out.png").unlink()
    check_refused(outcome, 1, f"in.{suffix} is")
    assert contents(folder) == before


@pytest.mark.parametrize("offset", [20, 45], ids=["head", "text"])
def test_a_png_with_a_wrong_checksum_is_broken(call: Call, folder: Path, offset: int) -> None:
    """A wrong checksum breaks a PNG; in a text it is told, or refused where asked to be strict."""
    data = bytearray(png_of_size(4, 4, chunk(b"tEXt", b"Title\0cat")))
    data[offset] ^= 1
    (folder / "broken.png").write_bytes(data)
    if offset == 20:
        check_refused(call("broken.png", "out.png"), 1, "broken.png is damaged")
        return
    outcome = call("broken.png", "out.png")
    assert outcome.err == "note: broken.png: its chunk tEXt is damaged and is not read\n"
    check_refused(call("broken.png", "o.png", "--strict"), 1, "broken.png is damaged")


def test_a_png_with_only_a_signature_ends_too_early(call: Call, folder: Path) -> None:
    """The error says in plain words that the file ends too early."""
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    check_refused(call("broken.png", "out.png"), 1, "broken.png is damaged (truncated)")


def test_the_format_is_read_from_the_bytes(call: Call, folder: Path) -> None:
    """A PNG with the suffix .jpg is read as a PNG."""
    (folder / "in.jpg").write_bytes((folder / "in.png").read_bytes())
    assert call("in.jpg", "out.png").code == 0
    assert call("in.png", "same.png").code == 0
    assert (folder / "out.png").read_bytes() == (folder / "same.png").read_bytes()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such devices")
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_refused(call: Call, folder: Path, device: str) -> None:
    """A device that is not a picture is refused without reading it to its end."""
    check_refused(call(device, "out.png"), 1, f"{device} is not a supported image file")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg", "webp", "gif", "ppm"])
def test_a_full_disk_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    """A failed write leaves neither the output nor a partial file."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "in.png")
    before = contents(tmp_path)
    command = programs.command(
        "limit", "RLIMIT_FSIZE", 20_000, sys.executable, "-B", "-m", "upsample_cli", "in.png",
        f"out.{suffix}", "-s", 3,
    )  # fmt: skip
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    outcome = Outcome(result.returncode, result.stdout, result.stderr.decode())
    check_refused(outcome, 1, f"cannot write out.{suffix}: File too large")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["with space.png", "caf\xe9 \u732b.png", "-dash.png", "new\nline.png", "'\"$x;*.png"]
)
def test_unusual_names_are_accepted(folder: Path, name: str) -> None:
    """File names may contain blanks, any script, dashes, line breaks and shell characters."""
    if sys.platform == "win32" and set(name) & set('\n"*'):
        pytest.skip("Windows does not allow such names")
    (folder / name).write_bytes((folder / "in.png").read_bytes())
    outcome = run_process("--", name, f"{name}.png", folder=folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert (folder / f"{name}.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows writing there")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_write_permission_is_reported(folder: Path) -> None:
    """An output in a read-only folder is an error."""
    (folder / "closed").mkdir(mode=0o500)
    check_refused(run_process("in.png", "closed/out.png", folder=folder), 1, "Permission denied")


def test_a_long_text_chunk_is_kept(call: Call, folder: Path) -> None:
    """A text chunk of some megabytes, such as an editor's history, is copied to the output."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("History", "edit " * 600_000, zip=True)
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(folder / "long.png", pnginfo=info)
    assert call("long.png", "out.png").code == 0
    assert (folder / "out.png").stat().st_size > 3_000_000
