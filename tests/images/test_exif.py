import io
from importlib.util import find_spec
from pathlib import Path
from struct import pack

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.images import exif, exif_directory, tiff_tags
from upsample_cli.images.image import Image
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import tiff_and_ppm
from upsample_cli.jobs.enlarge.picture import enlarge
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.methods.catalogue import build

AVIF = pytest.param(
    "AVIF", marks=pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")
)


def sample(order: str) -> bytes:
    """Return EXIF with orientation 6, a size, a maker's note and a thumbnail."""
    tags = PIL.Image.Exif()
    tags.endian = order
    tags[0x010F], tags[0x0112] = "maker", 6
    tags.get_ifd(0x8769).update({0xA002: 40, 0xA003: 70_000, 0x927C: b"note" * 5})
    return tags.tobytes().removeprefix(b"Exif\0\0")


def read(data: bytes) -> PIL.Image.Exif:
    tags = PIL.Image.Exif()
    tags.load(data)
    return tags


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_change_in_place(order: str) -> None:
    """Orientation and size change, as long or short; every other byte stays."""
    before = sample(order)
    assert read(before)[0x0112] == 6
    after = exif.resized(exif.with_upright_orientation(before), (90_000, 80))
    assert len(after) == len(before)
    assert sum(one != two for one, two in zip(before, after, strict=True)) < 16
    tags = read(after)
    assert (tags[0x0112], tags[0x010F]) == (1, "maker")
    inside = tags.get_ifd(0x8769)
    assert (inside[0xA002], inside[0xA003]) == (80, 90_000)
    assert inside[0x927C] == b"note" * 5


def test_a_turned_thumbnail_is_left_out() -> None:
    """EXIF no longer points to its thumbnail, which has not been turned."""
    file, tags = io.BytesIO(), PIL.Image.Exif()
    tags[0x0112] = 6
    PIL.Image.new("L", (8, 8)).save(file, "JPEG")
    plain = tags.tobytes().removeprefix(b"Exif\0\0")
    # The first directory has one entry: the pointer to the second stands right behind it.
    pointed = bytearray(plain)
    at = 8 + 2 + 12
    pointed[at : at + 4] = len(plain).to_bytes(4, "little" if plain[:2] == b"II" else "big")
    assert exif.with_upright_orientation(bytes(pointed) + bytes(6))[at : at + 4] == bytes(4)


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_exif_that_is_cut_short_stays_harmless(length: int) -> None:
    """Broken EXIF is kept and raises no error."""
    cut = sample("<")[:length]
    assert len(exif.resized(exif.with_upright_orientation(cut), (9, 9))) == len(cut)


def test_text_keeps_its_bytes() -> None:
    """UTF-8, as cameras write it, keeps its bytes in TIFF tags and in rewritten EXIF."""
    tags = PIL.Image.Exif()
    tags[0x013B] = "J\xf6rg \u9ad8".encode()
    tags.get_ifd(0x8769)[0xA434] = "50 mm \u0192/2".encode()
    kept = tiff_tags.as_exif(tags)
    image = Image(np.zeros((8, 9, 3), np.uint8), "TIFF", Metadata(exif=kept))
    written = tiff_and_ppm.header("TIFF", (8, 9), image)
    for made in (kept, exif_directory.with_dpi(kept, (300.0, 300.0)), written):
        assert "J\xf6rg \u9ad8".encode() in made
        assert "50 mm \u0192/2".encode() in made
    opened = PIL.Image.open(io.BytesIO(written + bytes(216)))
    again = tiff_tags.as_exif(opened.getexif())
    assert "J\xf6rg \u9ad8".encode() in again
    assert "50 mm \u0192/2".encode() in again


def oriented(kind: int, count: int, value: bytes, *more: bytes) -> bytes:
    """Return EXIF with an orientation of any type and count, and more tags of 12 bytes."""
    entries = sorted([pack("<HHL4s", 0x0112, kind, count, value), *more], key=lambda e: e[1::-1])
    return b"II*\0\x08\0\0\0" + pack("<H", len(entries)) + b"".join(entries) + bytes(4)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "odd", [b"\xff" * 40, b"garbage", b"II*\0\x08\0\0\0\xff\xff", oriented(2, 4, b"abc\0")]
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", AVIF])
def test_damaged_exif_keeps_no_picture_from_its_file(
    tmp_path: Path, format: str, odd: bytes
) -> None:
    """A picture with damaged EXIF is written, with the EXIF as it was or without it."""
    path, to = tmp_path / "in.jpg", str(tmp_path / f"out.{format.lower()}")
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, exif=b"Exif\0\0" + odd, dpi=(72, 72))
    report = enlarge(parse(path), parse(to), Task(build("bilinear"), TargetSize(scale=2.0)))
    assert report.size == (16, 18)
    with PIL.Image.open(to) as made:
        assert made.size == (18, 16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_thumbnail_that_comes_last_is_cut_off(order: str) -> None:
    """The first directory keeps every value; that of the thumbnail is no longer pointed to."""
    mark = b"II\x2a\0" if order == "<" else b"MM\0\x2a"
    text, thumbnail = b"a maker\0", bytes(range(256)) * 200
    first = pack(f"{order}H HHLL L", 1, 0x10F, 2, 8, 26, 34) + text
    second = pack(f"{order}H HHLL HHLL L", 2, 0x201, 4, 1, 64, 0x202, 4, 1, len(thumbnail), 0)
    made = mark + pack(f"{order}L", 8) + first + second + thumbnail
    assert len(made) == 64 + len(thumbnail)
    cut = exif.without_thumbnail(made)
    assert len(cut) == 64
    assert exif.parse(cut)[0x10F] == "a maker"
    assert exif.parse(cut).get_ifd(PIL.ExifTags.IFD.IFD1) == {}
    assert exif.without_thumbnail(made + b"more") == made + b"more"
    assert exif.without_thumbnail(made[:40]) == made[:40]


@pytest.mark.filterwarnings("ignore:Metadata Warning")
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", AVIF])
@pytest.mark.parametrize(
    ("kind", "count", "is_turned"),
    [(1, 1, False), (2, 2, False), (3, 1, True), (3, 2, True), (7, 1, False), (8, 1, True),
     (9, 1, True)],
)  # fmt: skip
def test_no_picture_is_turned_twice(
    tmp_path: Path, format: str, kind: int, count: int, is_turned: bool
) -> None:
    """The output is upright, whatever type and count the orientation had; an animation, too."""
    first = PIL.Image.fromarray(texture_samples(8, 9, 3))
    more = {"save_all": True, "append_images": [first.rotate(180)]} if format != "JPEG" else {}
    path, to = tmp_path / "in.webp", str(tmp_path / f"out.{format.lower()}")
    first.save(path, exif=b"Exif\0\0" + oriented(kind, count, b"\6\0\0\0"), **more)
    enlarge(parse(path), parse(to), Task(build("nearest"), TargetSize(scale=2.0)))
    with PIL.Image.open(to) as made:
        assert made.size == ((16, 18) if is_turned else (18, 16))
        assert made.getexif().get(0x0112, 1) == 1


RESOLUTION, UNIT, WIDTH, YCC, DATE = 0x011A, 0x0128, 0x0100, 0x0213, 0x0132


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize(
    "odd",
    [
        pack("<HHL4s", RESOLUTION, 2, 3, b"72\0"),
        pack("<HHLL", UNIT, 4, 1, 70_000),
        pack("<HHLl", WIDTH, 9, 1, -1),
        pack("<HHL4s", YCC, 2, 2, b"1\0"),
        pack("<HHLH2x", DATE, 3, 1, 7),
    ],
)
def test_odd_tags_do_not_keep_a_picture_from_being_turned(
    tmp_path: Path, suffix: str, odd: bytes
) -> None:
    """A picture is turned without its EXIF being written anew, which odd tags would prevent."""
    path = tmp_path / f"in.{suffix}"
    tags = b"Exif\0\0" + oriented(3, 1, b"\6\0\0\0", odd)
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, exif=tags)
    decoded = decode(parse(path))
    assert decoded.size == (9, 8)
    assert decoded.metadata.exif is not None
    assert read(decoded.metadata.exif)[0x0112] == 1
