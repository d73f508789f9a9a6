import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import decode, files, jpeg_parts

OPTIONS = [
    {"quality": 90}, {"progressive": True}, {"quality": 30, "subsampling": "4:2:0"},
    {"restart_marker_blocks": 2}, {"progressive": True, "quality": 100}, {"optimize": True},
]  # fmt: skip


def jpeg(channels: int, options: dict[str, object]) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(texture_samples(40, 50, channels).squeeze()).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(("channels", "missing"), [(1, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_jpeg_may_lack_its_end_marker(
    tmp_path: Path, options: dict[str, object], channels: int, missing: int
) -> None:
    """All pixels are there: it is read with a note, or refused where asked to be strict."""
    data = jpeg(channels, options)
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "in.jpg").write_bytes(data[:-missing])
    whole, image = (files.read(parse(tmp_path / name)) for name in ("whole.jpg", "in.jpg"))
    np.testing.assert_array_equal(image.samples, whole.samples)
    assert image.notes == ("its end marker is missing",)
    with pytest.raises(ImageFileError, match=r"its end marker is missing.*leave --strict out"):
        decode.decode(parse(tmp_path / "in.jpg"), strict=True)
    assert decode.decode(parse(tmp_path / "whole.jpg"), strict=True).notes == ()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_jpeg_that_lacks_pixels_is_broken(options: dict[str, object]) -> None:
    """A file that is cut anywhere before is none that lacks its marker only."""
    data = jpeg(3, options)
    start = data.index(b"\xff\xda")
    for end in [*range(start, len(data) - 4, 37), len(data) - 5]:
        assert jpeg_parts.with_end_marker(io.BytesIO(data[:end])) is None, end


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_an_end_marker_does_not_hide_that_pixels_are_missing(
    tmp_path: Path, options: dict[str, object], mode: str, strict: bool
) -> None:
    """A file that was cut and ended is as damaged as one without its end."""
    file = io.BytesIO()
    picture = PIL.Image.fromarray(texture_samples(90, 110, 3)).convert(mode)
    picture.save(file, "JPEG", **options)
    data = file.getvalue()
    start = data.index(b"\xff\xda") + 12
    for share in (0.1, 0.4):
        cut = data[: start + int(share * (len(data) - start))].removesuffix(b"\xff")
        (tmp_path / "in.jpg").write_bytes(cut + b"\xff\xd9")
        with pytest.raises(ImageFileError, match="is damaged"):
            decode.decode(parse(tmp_path / "in.jpg"), strict=strict)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (50, 33)])
def test_mid_grey_is_no_damage(
    tmp_path: Path, options: dict[str, object], mode: str, size: tuple[int, int]
) -> None:
    """A grey like that of missing pixels is read, whatever follows the picture."""
    for level in (127, 128):
        levels = (level,) * len(mode) if len(mode) > 1 else level
        PIL.Image.new(mode, size, levels).save(tmp_path / "in.jpg", **options)
        with (tmp_path / "in.jpg").open("ab") as file:
            file.write(b"\xff\xd8 and more")
        assert decode.decode(parse(tmp_path / "in.jpg"), strict=True).notes == ()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_zeros_in_place_of_the_end_are_no_pixels(
    tmp_path: Path, options: dict[str, object]
) -> None:
    """A download that broke off in a file of reserved size is as damaged as a file that is cut."""
    data, path = jpeg(3, options), tmp_path / "in.jpg"
    start = data.index(b"\xff\xda") + 12
    for share in (0.1, 0.6):
        whole = start + int(share * (len(data) - start))
        path.write_bytes(data[:whole] + bytes(4 * len(data)))
        with pytest.raises(ImageFileError, match="is damaged"):
            decode.decode(parse(path))
    path.write_bytes(data[:-2] + bytes(500))
    assert decode.decode(parse(path)).notes == ("its end marker is missing",)
    with pytest.raises(ImageFileError, match=r"its end marker is missing.*leave --strict out"):
        decode.decode(parse(path), strict=True)


def test_other_files_are_none() -> None:
    """What is no JPEG lacks more than an end."""
    assert jpeg_parts.with_end_marker(io.BytesIO(b"")) is None
    assert jpeg_parts.with_end_marker(io.BytesIO(b"GIF89a" + bytes(50))) is None


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
    (tmp_path / "in.jpg").write_bytes(jpeg(3, {"xmp": packet}) + b"a second file")
    decoded = decode.decode(parse(tmp_path / "in.jpg"))
    assert len(decoded.notes) == 1
    assert word in decoded.notes[0]
    xmp = decoded.metadata.xmp or b""
    assert b'xmp:Rating="3"' in xmp
    assert b"<dc:title>A hill</dc:title></rdf:Description>" in xmp.replace(b"\n", b"")
    for claim in (b"hdrgm", b"GainMap", b"Container", b"MotionPhoto", b"MicroVideo"):
        assert claim not in xmp


def test_other_xmp_stays_as_it_is(tmp_path: Path) -> None:
    """A packet without such claims keeps every byte, and no note is given."""
    (tmp_path / "in.jpg").write_bytes(jpeg(3, {"xmp": b"<x Container:Directory='kept'/>"}))
    decoded = decode.decode(parse(tmp_path / "in.jpg"))
    assert (decoded.metadata.xmp, decoded.notes) == (b"<x Container:Directory='kept'/>", ())
