import io
from pathlib import Path
from struct import pack

import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.images import tiff_tags
from upsample_cli.images.exif import parse
from upsample_cli.images.image import Image
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse_file
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import tiff_and_ppm

IPTC = b"\x1c\x02\x78\0\x03cap"


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_a_tiff_keeps_iptc(tmp_path: Path, dtype: str) -> None:
    """IPTC is read from a TIFF by either reader, and written."""
    tifffile.imwrite(
        tmp_path / "in.tiff", np.zeros((4, 5, 3), dtype), photometric="rgb",
        extratags=[(33723, 7, len(IPTC), IPTC, True)],
    )  # fmt: skip
    decoded = decode(parse_file(tmp_path / "in.tiff"))
    assert (decoded.metadata.iptc, decoded.notes) == (IPTC, ())
    assert decoded.metadata.losses("TIFF") == ()
    image = Image(np.zeros((4, 5, 3), np.uint8), "TIFF", decoded.metadata)
    assert IPTC in tiff_and_ppm.header("TIFF", (4, 5), image)


def test_iptc_of_the_wrong_type_is_noted(tmp_path: Path) -> None:
    """IPTC stored as 32-bit numbers, as some programs do, is left out with a note."""
    tifffile.imwrite(
        tmp_path / "in.tiff", np.zeros((4, 5, 3), np.uint8), photometric="rgb",
        extratags=[(33723, 4, 2, (1, 2), True)],
    )  # fmt: skip
    decoded = decode(parse_file(tmp_path / "in.tiff"))
    assert (decoded.metadata.iptc, decoded.notes) == (None, ("its IPTC is left out",))


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_a_lost_georeference_is_noted(tmp_path: Path, dtype: str) -> None:
    """A georeference, which is right for one size only, is left out with a note."""
    tifffile.imwrite(
        tmp_path / "in.tiff", np.zeros((4, 5, 3), dtype), photometric="rgb",
        extratags=[(33550, 12, 3, (10.0, 10.0, 0.0), True)],
    )  # fmt: skip
    assert decode(parse_file(tmp_path / "in.tiff")).notes == ("its georeference is left out",)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize(
    ("description", "is_noted"),
    [
        ("ImageJ=1.54f\nimages=5\nslices=5\nunit=um\n", True),
        ('<?xml version="1.0"?><OME xmlns="x"><Image><Pixels SizeX="6"/></Image></OME>', True),
        ('{"shape": [5, 4, 6], "axes": "ZYX"}', True),
        ('{"shape": [4, 6]}', False),
    ],
)
def test_a_description_of_pages_is_left_out(
    tmp_path: Path, dtype: str, description: str, is_noted: bool
) -> None:
    """ImageJ, OME and tifffile describe sizes and pages, which are wrong in another file."""
    path = str(tmp_path / "in.tiff")
    tifffile.imwrite(
        path, np.zeros((4, 6), dtype), description=description, metadata=None, software="scope"
    )
    decoded = decode(parse_file(path))
    assert decoded.notes == (("its ImageJ or OME description is left out",) if is_noted else ())
    assert decoded.metadata.exif is not None
    assert dict(parse(decoded.metadata.exif)) == {0x0131: "scope"}


def test_a_description_for_people_is_kept(tmp_path: Path) -> None:
    """A description for people stays, even if it names such a program."""
    path = str(tmp_path / "in.tiff")
    tifffile.imwrite(path, np.zeros((4, 6), "u1"), description="made by ImageJ", metadata=None)
    exif = decode(parse_file(path)).metadata.exif
    assert exif is not None
    assert parse(exif)[0x010E] == "made by ImageJ"


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_a_tiff_keeps_names_and_colours_and_tells_the_rest(tmp_path: Path, dtype: str) -> None:
    """Names, white point and primaries travel; what depends on size or depth is named."""
    path = tmp_path / "in.tif"
    white, primaries = (3127, 10000, 3290, 10000), (64, 100, 33, 100, 3, 10, 6, 10, 15, 100, 6, 100)
    tifffile.imwrite(
        path, texture_samples(9, 11, 3).astype(dtype), photometric="rgb",
        extratags=[
            (269, 2, 0, "a book", True), (285, 2, 0, "page one", True), (318, 5, 2, white, True),
            (319, 5, 6, primaries, True), (286, 5, 1, (3, 1), True), (287, 5, 1, (4, 1), True),
            (301, 3, 3, (0, 1, 2), True),
        ],
    )  # fmt: skip
    decoded = decode(parse_file(path))
    tags = parse(decoded.metadata.exif or b"")
    assert (tags[269], tags[285]) == ("a book", "page one")
    assert [float(value) for value in tags[318]] == pytest.approx([0.3127, 0.329])
    assert [float(value) for value in tags[319]] == pytest.approx(
        [0.64, 0.33, 0.3, 0.6, 0.15, 0.06]
    )
    assert decoded.notes == (
        "its position on the page is left out", "its transfer function is left out",
    )  # fmt: skip


def test_bytes_keep_their_type() -> None:
    """Bytes that are no numbers, such as a user's comment, stay of type UNDEFINED; others BYTE."""
    comment, first, inside = b"ASCII\0\0\0hello", 8, 38
    gps = inside + 30
    data = b"II*\0" + pack("<L", first) + pack("<H", 2)
    data += pack("<HHLL HHLL L", 0x8769, 4, 1, inside, 0x8825, 4, 1, gps, 0)
    data += pack("<H HHL4s HHLL L", 2, 0x9000, 7, 4, b"0232", 0x9286, 7, 13, gps + 30, 0)
    data += pack("<H HHL4s HHLL L", 2, 0, 1, 4, b"\2\3\0\0", 0x1B, 7, 13, gps + 30, 0) + comment
    image = Image(np.zeros((8, 9, 3), np.uint8), "TIFF", Metadata(exif=data))
    written = tiff_and_ppm.header("TIFF", (8, 9), image)
    with PIL.Image.open(io.BytesIO(written + bytes(216))) as opened:
        read = tiff_tags.as_exif(opened.getexif())
    assert read is not None
    for made, order in ((written, "<"), (read, ">")):
        for tag, kind, count in ((0x9000, 7, 4), (0x9286, 7, 13), (0, 1, 4), (0x1B, 7, 13)):
            assert pack(f"{order}HHL", tag, kind, count) in made, hex(tag)
        assert made.count(comment) == 2
        assert b"0232" in made


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_what_windows_says_of_a_picture_is_kept(tmp_path: Path, dtype: str) -> None:
    """Title, comment, author, keywords, subject and rating travel from TIFF and to TIFF."""
    title = "T\xeftel\0".encode("utf-16-le")
    texts = {tag: (tag, 1, len(title), title, True) for tag in range(0x9C9B, 0x9CA0)}
    tifffile.imwrite(
        tmp_path / "in.tif", np.zeros((4, 6, 3), dtype), photometric="rgb", metadata=None,
        software=False, extratags=[*texts.values(), (0x4749, 3, 1, 75, True)],
    )  # fmt: skip
    exif = decode(parse_file(tmp_path / "in.tif")).metadata.exif
    assert exif is not None
    assert dict(parse(exif)) == dict.fromkeys(texts, title) | {0x4749: 75}
    image = Image(np.zeros((4, 6, 3), np.uint8), "TIFF", Metadata(exif=exif))
    assert tiff_and_ppm.header("TIFF", (4, 6), image).count(title) == len(texts)
