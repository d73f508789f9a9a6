import io
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from struct import pack
from threading import Event

import numpy as np
import PIL.Image
import pytest
from textures import levels

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image
from upsample_cli.images.places import source
from upsample_cli.images.read import arrival, files
from upsample_cli.images.read.arrival import Arrival
from upsample_cli.images.read.decode import Decoded, decode
from upsample_cli.images.write.png_metadata import chunk
from upsample_cli.jobs.enlarge.picture import upsample
from upsample_cli.jobs.enlarge.render import Strip
from upsample_cli.jobs.enlarge.size import Target
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.methods.catalogue import build

PATIENCE = 60  # seconds, before a thread that should end is given up


class Slow(io.BytesIO):
    """A file that keeps what lies behind a place until it may come."""

    def __init__(self, data: bytes, place: int) -> None:
        super().__init__(data)
        self.place, self.may_come = place, Event()

    def read(self, count: int | None = -1) -> bytes:
        """Return what may come by now, and wait for what may not."""
        if self.tell() + (count or 0) > self.place:
            assert self.may_come.wait(PATIENCE)
        return super().read(count)


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures as small as these come in portions."""
    monkeypatch.setattr(arrival, "_LEAST", 1 << 15)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Slow, Path]]:
    """A JPEG of noise whose second half waits."""
    path = tmp_path / "in.jpg"
    PIL.Image.fromarray(levels(1500, 900, 3)).save(path, quality=98)  # 1.1 MB
    data = path.read_bytes()
    file = Slow(data, len(data) // 2)
    monkeypatch.setattr(source, "opened", lambda path: file)
    yield file, path
    file.may_come.set()


def windowed(decoded: Decoded) -> Image:
    return files.image(decoded, whole=False)


def test_rows_are_there_before_the_last_ones(slow: tuple[Slow, Path]) -> None:
    """A third of the rows can be had when half of the file has come; the rest when it has, too."""
    file, path = slow
    image = windowed(decode(str(path), early=True))
    head = image.window(range(500), range(900))
    assert not file.may_come.is_set()
    file.may_come.set()
    expected = np.asarray(PIL.Image.open(path))
    assert np.array_equal(head, expected[:500])
    assert np.array_equal(image.samples, expected)


def test_who_wants_all_samples_waits_for_them(slow: tuple[Slow, Path]) -> None:
    """Of a picture that is still decoded, all samples at once are those of the whole picture."""
    file, path = slow
    decoded = decode(str(path), early=True)
    file.may_come.set()
    assert np.array_equal(files.image(decoded).samples, np.asarray(PIL.Image.open(path)))


def test_whoever_stops_does_not_wait_for_the_rest(slow: tuple[Slow, Path]) -> None:
    """Threads that wait for rows give up where the picture is not to be written any more."""
    file, path = slow

    def stopping(strips: Iterable[Strip], count: int) -> Iterator[Strip]:
        for place, strip in enumerate(strips):
            if place == 3:  # those of rows that are still to come have been begun
                raise KeyboardInterrupt
            yield strip

    decoded = decode(str(path), early=True)
    task = Task(build("bilinear"), Target(scale=2.0), threads=2)
    with ThreadPoolExecutor(1) as pool:
        to = str(path.with_suffix(".png"))
        written = pool.submit(upsample, str(path), to, task, stopping, lambda: decoded)
        try:
            assert isinstance(written.exception(PATIENCE / 6), KeyboardInterrupt)
        finally:
            file.may_come.set()
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("suffix", "channels"), [*(("png", n) for n in range(1, 5)), ("jpg", 1), ("jpg", 3)]
)
@pytest.mark.parametrize("is_black", [False, True])
def test_early_is_the_same_picture(
    tmp_path: Path, suffix: str, channels: int, is_black: bool
) -> None:
    """Samples and metadata of a picture that is given early are those of the whole one."""
    samples = levels(70, 90, channels) * np.uint8(not is_black)
    path = tmp_path / f"in.{suffix}"
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = 1, "words"
    picture = PIL.Image.fromarray(samples[..., 0] if channels == 1 else samples)
    picture.save(path, dpi=(200, 300), exif=exif)
    decoded = decode(str(path), early=True)
    assert decoded.arrival is not None
    image, whole = windowed(decoded), files.image(decode(str(path)))
    assert np.array_equal(image.samples, whole.samples)
    assert image._replace(pixels=whole.pixels) == whole


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_comes_where_no_thread_can_begin(tmp_path: Path, suffix: str) -> None:
    """A system that has no more threads has the whole picture waited for."""
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(levels(300, 200, 3)).save(path)
    decoded = decode(str(path), early=True)
    assert decoded.arrival is not None
    assert decoded.arrival.wait(300) == 300
    assert np.array_equal(windowed(decoded).samples, np.asarray(PIL.Image.open(path)))


def png(samples: np.ndarray, *, before: bytes = b"", after: bytes = b"", laced: int = 0) -> bytes:
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    shape = pack(">II5B", width, height, 8, 2, 0, 0, laced)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", shape)
    return head + before + pixels + after + chunk(b"IEND", b"")


def turned(orientation: int) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))


RAW_EXIF = b"\nexif\n      14\n" + b"II*\0\x08\0\0\0\0\0\0\0\0\0".hex().encode()


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt"])
def test_text_before_the_pixels_is_given_early(tmp_path: Path, kind: str) -> None:
    """Of a PNG whose texts stand before its pixels, all is known before these."""
    text = {
        "tEXt": b"Comment\0w\xf6rds",
        "zTXt": b"Comment\0\0" + zlib.compress(b"w\xf6rds"),
        "iTXt": b"Comment\0\0\0\0\0" + "w\xf6rds".encode(),
    }
    path = tmp_path / "in.png"
    before = chunk(kind.encode(), text[kind]) + chunk(b"tEXt", b"Software\0ours")
    path.write_bytes(png(levels(8, 9, 3), before=before))
    early, whole = decode(str(path), early=True), decode(str(path))
    assert early.arrival is not None
    assert early.metadata == whole.metadata
    assert early.metadata.text == (("Comment", "w\xf6rds"), ("Software", "ours"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (turned(6), b""),
        (b"", turned(6)),
        (chunk(b"tEXt", b"Raw profile type exif\0" + RAW_EXIF), b""),
        (b"", chunk(b"tEXt", b"Comment\0last")),
        (chunk(b"tRNS", bytes(6)), b""),
    ],
    ids=["turned", "turned at the end", "EXIF as text", "text at the end", "a clear level"],
)
def test_what_says_more_at_its_end_is_not_given_early(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    """Where the pixels' place or the metadata is known late, the whole picture is waited for."""
    path = tmp_path / "in.png"
    path.write_bytes(png(levels(8, 9, 3), before=before, after=after))
    early, whole = decode(str(path), early=True), decode(str(path))
    assert early.arrival is None
    assert early.metadata == whole.metadata
    assert np.array_equal(windowed(early).samples, files.image(whole).samples)


def test_chunks_of_a_few_bytes_are_not_looked_at_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look where the picture stands after each of them would take longer than to decode it."""
    looks: list[Arrival] = []
    monkeypatch.setattr(Arrival, "_look", lambda self: looks.append(self))
    whole = png(levels(200, 200, 3))
    start, end = whole.index(b"IDAT") + 4, len(whole) - 16
    pixels = (chunk(b"IDAT", whole[place : place + 9]) for place in range(start, end, 9))
    path = tmp_path / "in.png"
    path.write_bytes(whole[: start - 8] + b"".join(pixels) + whole[-12:])
    image = windowed(decode(str(path), early=True))
    assert np.array_equal(image.samples, levels(200, 200, 3))
    assert 0 < len(looks) < 9


def test_an_interlaced_picture_is_not_given_early(tmp_path: Path) -> None:
    """Its rows come in seven passes, so that the first are complete only in the end."""
    path = tmp_path / "in.png"
    path.write_bytes(png(np.zeros((1, 1, 3), np.uint8), laced=1))
    assert decode(str(path), early=True).arrival is None


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_head_alone_is_broken(tmp_path: Path, suffix: str) -> None:
    """Where no pixels follow, nothing is decoded, which is not taken for a black picture."""
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(levels(8, 9, 3)).save(path)
    data = path.read_bytes()
    pixels = data.index(b"IDAT") - 4 if suffix == "png" else data.index(b"\xff\xda")
    path.write_bytes(data[:pixels] + chunk(b"IEND", b"") * (suffix == "png"))
    with pytest.raises(ImageFileError, match=r"cannot load this image|is no picture"):
        windowed(decode(str(path), early=True)).samples  # noqa: B018 # the property waits


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_what_breaks_on_the_way_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """A picture that turns out to be broken while it is written ends in one line and no file."""
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(levels(800, 700, 3)).save(path)
    data = bytearray(path.read_bytes())
    if suffix == "jpg":
        del data[-len(data) // 4 :]
    else:
        data[len(data) // 2 : len(data) // 2 + 9] = bytes(9)
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match="is broken"):
        windowed(decode(str(path), early=True)).samples  # noqa: B018 # the property waits
    for output in ("out.png", "-", "/dev/stdout"):
        command = [sys.executable, "-m", "upsample_cli", str(path), output, "-j", "2"]
        command += ["--format", "png"]  # which is written strip by strip
        run = subprocess.run(command, capture_output=True, cwd=tmp_path)
        assert run.returncode == 1
        assert run.stdout == b""
        assert run.stderr.startswith(b"Error: ")
        assert run.stderr.count(b"\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def chunked(pixels: list[bytes]) -> bytes:
    """Return a PNG of 40x33 pixels whose data come in these chunks."""
    shape = pack(">II5B", 33, 40, 8, 2, 0, 0, 0)
    data = b"".join(chunk(b"IDAT", each) for each in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", shape) + data + chunk(b"IEND", b"")


def odd_ends() -> dict[str, list[bytes]]:
    """Return chunks whose last ones are not looked at by a decoder that has all pixels before."""
    rows = b"".join(b"\0" + row.tobytes() for row in levels(40, 33, 3))
    whole = zlib.compress(rows)
    flushing = zlib.compressobj()
    flushed = flushing.compress(rows) + flushing.flush(zlib.Z_SYNC_FLUSH)
    return {
        "wrong checksum": [whole[:-4], b"abcd"],
        "no end": [flushed, b"\x07\x07\x07\xff\xff"],
        "more": [whole, b"more"],
        "broken": [whole[:99], b"abcd", whole[103:]],
        "cut": [whole[:-400]],
    }


@pytest.mark.parametrize("odd", list(odd_ends()))
def test_what_becomes_of_an_odd_end_is_the_same_for_all(tmp_path: Path, odd: str) -> None:
    """Decoded in larger portions, a picture is read or refused as it is chunk by chunk."""
    path = tmp_path / "in.png"
    path.write_bytes(chunked(odd_ends()[odd]))
    told = []
    for place, options in enumerate((["-j", "1"], ["-j", "2"], [])):  # the last has a twin
        to = tmp_path / f"out{place}.png"
        command = [sys.executable, "-m", "upsample_cli", str(path), str(to), *options]
        run = subprocess.run([*command, "--quiet"], capture_output=True, cwd=tmp_path)
        told.append((run.returncode, run.stderr, to.exists() and to.read_bytes()))
    assert told[0] == told[1] == told[2]
    assert told[0][0] == (odd in ("broken", "cut"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are not everywhere")
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_broken_picture_from_a_pipe_is_told_at_once(tmp_path: Path, suffix: str) -> None:
    """What a pipe gave is gone, so it is not tried again."""
    path, pipe = tmp_path / f"in.{suffix}", tmp_path / "pipe"
    PIL.Image.fromarray(levels(800, 700, 3)).save(path)
    data = path.read_bytes()
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "upsample_cli", str(pipe), "out.png", "-j", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as run:
        pipe.write_bytes(data[: len(data) // 2])
        _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    assert b"pipe is broken (" in err
