from struct import pack

import PIL.Image
import pytest

from upsample_cli.images import exif, exif_directory
from upsample_cli.images.metadata import Metadata

COMMENT = b"ASCII\0\0\0J\xc3\xb6rg"
THUMBNAIL = b"the bytes of a thumbnail"


def sample(order: str) -> bytes:
    """Return EXIF with a maker, an orientation, a comment of type UNDEFINED, and a thumbnail."""
    mark = b"II\x2a\0" if order == "<" else b"MM\0\x2a"
    first = pack(
        f"{order}H HHL4s HHLHH HHLL L", 3, 0x010F, 2, 3, b"me\0\0", 0x0112, 3, 1, 6, 0,
        0x8769, 4, 1, 50, 68,
    )  # fmt: skip
    inside = pack(f"{order}H HHLL L", 1, 0x9286, 7, len(COMMENT), 98, 0)
    second = pack(
        f"{order}H HHLL HHLL L", 2, 0x0201, 4, 1, 98 + len(COMMENT), 0x0202, 4, 1, len(THUMBNAIL), 0
    )
    return mark + pack(f"{order}L", 8) + first + inside + second + COMMENT + THUMBNAIL


def read(data: bytes | None) -> PIL.Image.Exif:
    assert data is not None
    return exif.parse(data)


def thumbnail(data: bytes) -> bytes:
    """Return the thumbnail that EXIF points to."""
    tags = read(data).get_ifd(PIL.ExifTags.IFD.IFD1)
    return data[tags[0x0201] :][: tags[0x0202]]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_resolution_is_added_once(order: str) -> None:
    """A resolution is added to EXIF without one, and to missing EXIF; an existing one stays."""
    for given in (None, sample(order)):
        made = exif_directory.with_dpi(given, (300.0, 149.99))
        assert (read(made)[0x011A], float(read(made)[0x011B]), read(made)[0x0128]) == (
            300,
            149.99,
            2,
        )
        assert exif_directory.with_dpi(made, (72.0, 72.0)) == made
        assert exif_directory.with_dpi(given, None) == given
    assert exif_directory.with_dpi(b"garbage", (72.0, 72.0)) == b"garbage"


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_tags_stay_as_they_are(order: str) -> None:
    """Texts, types of values and the thumbnail stay where a tag is added or removed."""
    before = sample(order)
    added = exif_directory.with_dpi(before, (300.0, 300.0))
    removed = exif_directory.without_orientation(before)
    assert set(read(added)) == {0x010F, 0x0112, 0x011A, 0x011B, 0x0128, 0x8769}
    assert set(read(removed)) == {0x010F, 0x8769}
    for made in (added, removed):
        assert read(made)[0x010F] == "me"
        assert read(made).get_ifd(0x8769) == {0x9286: COMMENT}
        assert made[50:68] == before[50:68]
        assert thumbnail(made) == THUMBNAIL


def test_no_directory_is_added() -> None:
    """Adding a resolution adds no empty EXIF or GPS directory."""
    assert set(read(exif_directory.with_dpi(None, (300.0, 150.0)))) == {0x011A, 0x011B, 0x0128}


@pytest.mark.parametrize("length", [0, 7, 9, 40])
def test_damaged_exif_is_none(length: int) -> None:
    """EXIF that is no EXIF or ends within its first directory is not for AVIF, with a note."""
    cut = sample("<")[:length]
    assert exif_directory.without_orientation(cut) is None
    assert Metadata(exif=cut).losses("AVIF") == (("EXIF",) if cut else ())
    assert exif_directory.without_orientation(b"garbage!" + sample("<")[8:]) is None
