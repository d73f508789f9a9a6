import io

import PIL.Image
import pytest

from upsample_cli.images import exif, tiff
from upsample_cli.images.metadata import Metadata


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
    """Orientation and size change, long or short; every other byte stays where it was."""
    before = sample(order)
    assert read(before)[0x0112] == 6
    after = exif.resized(exif.upright(before), (90_000, 80))
    assert len(after) == len(before)
    assert sum(one != two for one, two in zip(before, after, strict=True)) < 16
    tags = read(after)
    assert (tags[0x0112], tags[0x010F]) == (1, "maker")
    inside = tags.get_ifd(0x8769)
    assert (inside[0xA002], inside[0xA003]) == (80, 90_000)
    assert inside[0x927C] == b"note" * 5


def test_a_turned_thumbnail_is_left_out() -> None:
    """The small picture inside, which still lies as before, is no longer pointed to."""
    file, tags = io.BytesIO(), PIL.Image.Exif()
    tags[0x0112] = 6
    PIL.Image.new("L", (8, 8)).save(file, "JPEG")
    plain = tags.tobytes().removeprefix(b"Exif\0\0")
    # The first directory has one entry: the pointer to the second stands right behind it.
    pointed = bytearray(plain)
    at = 8 + 2 + 12
    pointed[at : at + 4] = len(plain).to_bytes(4, "little" if plain[:2] == b"II" else "big")
    assert exif.upright(bytes(pointed) + bytes(6))[at : at + 4] == bytes(4)


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_exif_that_is_cut_short_stays_harmless(length: int) -> None:
    """Broken EXIF is carried along, not a reason to fail."""
    cut = sample("<")[:length]
    assert len(exif.resized(exif.upright(cut), (9, 9))) == len(cut)


def test_a_resolution_is_told_once() -> None:
    """A resolution is added to EXIF that has none, and to none at all; a given one stays."""
    made = exif.with_dpi(None, (300.0, 150.0))
    assert read(made)[0x011A] == 300
    assert read(made)[0x011B] == 150
    assert exif.with_dpi(made, (72.0, 72.0)) == made
    assert exif.with_dpi(None, None) is None
    assert read(exif.with_dpi(sample("<"), (72.0, 72.0)))[0x010F] == "maker"


def test_text_keeps_its_bytes() -> None:
    """UTF-8, as cameras write it, is in a TIFF's tags and beside a new resolution as it was."""
    tags = PIL.Image.Exif()
    tags[0x013B] = "J\xf6rg \u9ad8".encode()
    tags.get_ifd(0x8769)[0xA434] = "50 mm \u0192/2".encode()
    given = exif.of_tiff(tags)
    written = tiff.head((8, 9), 3, "u1", Metadata(exif=given))
    for made in (given, exif.with_dpi(given, (300.0, 300.0)), written):
        assert "J\xf6rg \u9ad8".encode() in made
        assert "50 mm \u0192/2".encode() in made
    opened = PIL.Image.open(io.BytesIO(written + bytes(216)))
    again = exif.of_tiff(opened.getexif())
    assert "J\xf6rg \u9ad8".encode() in again
    assert "50 mm \u0192/2".encode() in again
