import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.images.image import Image
from upsample_cli.images.metadata.exif import parse
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.places.place import parse_file
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import encode, tiff_and_ppm
from upsample_cli.images.write.formats import Encoding

IPTC = b"\x1c\x02\x78\0\x03cap"
PACKET = b"<x xmpNote:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'/>"
MORE = b"http://ns.adobe.com/xmp/extension/\x000123456789ABCDEF0123456789ABCDEF" + bytes(8)


def jpeg(metadata: Metadata) -> bytes:
    made = io.BytesIO()
    encode.save(PIL.Image.fromarray(texture_samples(9, 11, 3)), "JPEG", metadata, made, Encoding())
    return made.getvalue()


@pytest.mark.parametrize("iptc", [IPTC, IPTC + b"s"])
def test_a_jpeg_keeps_iptc_and_extended_xmp(tmp_path: Path, iptc: bytes) -> None:
    """Written segments are read again, of even and of odd length."""
    (tmp_path / "in.jpg").write_bytes(
        jpeg(Metadata(iptc=iptc, xmp=PACKET, extended_xmp=(MORE + b"one", MORE + b"two")))
    )
    metadata = decode(parse_file(tmp_path / "in.jpg")).metadata
    assert (metadata.iptc, metadata.xmp) == (iptc, PACKET)
    assert metadata.extended_xmp == (MORE + b"one", MORE + b"two")
    assert metadata.losses("JPEG") == ()
    assert set(metadata.losses("PNG")) == {"IPTC", "extended XMP"}
    assert metadata.stripped().losses("PNG") == ()


def test_iptc_that_no_segment_holds_is_left_out() -> None:
    """IPTC longer than a segment, as a TIFF may hold, is left out of a JPEG."""
    made = jpeg(Metadata(iptc=bytes(65_501)))
    assert "photoshop" not in PIL.Image.open(io.BytesIO(made)).info


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
    assert decoded.notes == (
        ("its description of pages and units is left out",) if is_noted else ()
    )
    assert decoded.metadata.exif is not None
    assert dict(parse(decoded.metadata.exif)) == {0x0131: "scope"}


def test_a_description_for_people_is_kept(tmp_path: Path) -> None:
    """A description for people stays, even if it names such a program."""
    path = str(tmp_path / "in.tiff")
    tifffile.imwrite(path, np.zeros((4, 6), "u1"), description="made by ImageJ", metadata=None)
    exif = decode(parse_file(path)).metadata.exif
    assert exif is not None
    assert parse(exif)[0x010E] == "made by ImageJ"


GAIN_MAP = b"""<x:xmpmeta><rdf:Description
  hdrgm:Version="1.0" hdrgm:GainMapMax='2.5' xmp:Rating="3" hdrgm:HDRCapacityMax="1.3">
 <Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Semantic="GainMap" Item:Length="99"/>
 </rdf:li></rdf:Seq></Container:Directory><dc:title>A hill</dc:title></rdf:Description>
</x:xmpmeta>"""
MOTION = b"""<x:xmpmeta><rdf:Description GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"
  Camera:MicroVideoOffset='12' xmp:Rating="3"><dc:title>A hill</dc:title></rdf:Description>
</x:xmpmeta>"""
OLD_MOTION = b"""<x:xmpmeta><rdf:Description xmp:Rating="3">
  <GCamera:MicroVideo>1</GCamera:MicroVideo><dc:title>A hill</dc:title>
</rdf:Description></x:xmpmeta>"""


@pytest.mark.parametrize(
    ("packet", "word"),
    [(GAIN_MAP, "gain map"), (MOTION, "motion photo"), (OLD_MOTION, "motion photo")],
)
def test_xmp_no_longer_claims_what_is_left_out(tmp_path: Path, packet: bytes, word: str) -> None:
    """A gain map or a video behind the picture is told to be lost, and other words stay."""
    (tmp_path / "in.jpg").write_bytes(jpeg(Metadata(xmp=packet)) + b"a second file")
    decoded = decode(parse_file(tmp_path / "in.jpg"))
    assert len(decoded.notes) == 1
    assert word in decoded.notes[0]
    xmp = decoded.metadata.xmp or b""
    assert b'xmp:Rating="3"' in xmp
    assert b"<dc:title>A hill</dc:title></rdf:Description>" in xmp.replace(b"\n", b"")
    for claim in (b"hdrgm", b"GainMap", b"Container", b"MotionPhoto", b"MicroVideo"):
        assert claim not in xmp


def test_other_xmp_stays_as_it_is(tmp_path: Path) -> None:
    """A packet without such claims keeps every byte, and no note is given."""
    (tmp_path / "in.jpg").write_bytes(jpeg(Metadata(xmp=b"<x Container:Directory='kept'/>")))
    decoded = decode(parse_file(tmp_path / "in.jpg"))
    assert (decoded.metadata.xmp, decoded.notes) == (b"<x Container:Directory='kept'/>", ())


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
