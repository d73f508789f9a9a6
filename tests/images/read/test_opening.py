import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import TiffImagePlugin
from PIL.PngImagePlugin import PngInfo
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import decode, files, opening
from upsample_cli.images.write.png import chunk

avif = pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")
JPEG_LS = (
    b"\xff\xd8\xff\xf7\0\x0b\x08\0\4\0\4\1\1\x11\0\xff\xda\0\x08\1\1\0\0\0\0"
    + bytes(9)
    + b"\xff\xd9"
)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_head_states_the_upright_size(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The size from the head is the size of the decoded picture."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, exif=exif)
    picture = decode.decode(parse(path))
    assert opening.read_size(parse(path)) == picture.size
    assert picture.size[1] == (8 if orientation > 4 else 9)


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>"""


@pytest.mark.parametrize(
    ("orientations", "broken", "size"),
    [([6], 0, (9, 8)), ([6], 1, (8, 9)), ([1, 6], 0, (9, 8)), ([6, 1], 0, (8, 9))],
)
def test_the_orientation_of_a_png_may_come_late(
    tmp_path: Path, orientations: list[int], broken: int, size: tuple[int, int]
) -> None:
    """EXIF may stand after the pixels: the last counts, if its checksum is right."""
    path, exif = tmp_path / "in.png", PIL.Image.Exif()
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path)
    data, late = path.read_bytes(), b""
    for orientation in orientations:
        exif[0x0112] = orientation
        late += chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    late = late[:-1] + bytes([late[-1] ^ broken])
    path.write_bytes(data[:-12] + late + data[-12:])
    assert opening.read_size(parse(path)) == decode.decode(parse(path)).size == size


@pytest.mark.parametrize("has_exif", [True, False])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", pytest.param("avif", marks=avif)])
def test_xmp_turns_nothing(tmp_path: Path, suffix: str, has_exif: bool) -> None:
    """Only the orientation in EXIF, or in a TIFF's own tag, counts."""
    path, options = tmp_path / f"in.{suffix}", {}
    if has_exif:
        options["exif"] = PIL.Image.Exif()
        options["exif"][0x010F] = "a maker"
    if suffix == "tiff":
        options["tiffinfo"] = {700: XMP}
    elif suffix == "png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, **options)
    decoded = decode.decode(parse(path))
    assert decoded.metadata.xmp is not None
    assert decoded.size == (8, 9)
    assert opening.read_size(parse(path)) == (8, 9)


def test_the_xmp_of_a_tiff_may_be_text(tmp_path: Path) -> None:
    """Some programs write the packet as text, not as bytes."""
    path = tmp_path / "in.tiff"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700], tags.tagtype[700] = XMP.decode(), 2
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, tiffinfo=tags)
    decoded = decode.decode(parse(path))
    assert decoded.metadata.xmp == XMP.replace(b"6", b"1")
    assert decoded.size == (8, 9)


def test_a_pillow_without_avif_reads_tiffs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pillow without an AVIF plugin is not asked to try AVIF."""
    samples = texture_samples(9, 11, 3).astype(np.float32)
    PIL.Image.init()
    monkeypatch.delitem(PIL.Image.OPEN, "AVIF", raising=False)
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    tifffile.imwrite(tmp_path / "in.tiff", samples, photometric="rgb")
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.tiff")).samples, samples)


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"II*\0"])
def test_only_files_that_claim_to_be_pictures_are_broken(tmp_path: Path, data: bytes) -> None:
    """A file with the first bytes of a known format counts as a picture, which cannot be read."""
    path = parse(tmp_path / "in")
    (tmp_path / "in").write_bytes(data)
    is_picture = data[:1] in (b"\x89", b"I")
    assert opening.is_picture(path) == is_picture
    with pytest.raises(ImageFileError, match="is damaged" if is_picture else opening.NOT_A_PICTURE):
        opening.read_size(path)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\xff\xd8\xff\xe0\0\7JFIF\0", "is damaged (truncated)"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\1\0\1\1\1\x11\0", "of a kind that is not read (cannot"),
        (JPEG_LS, "is of a kind that is not read (unsupported JPEG-LS); save it as a PNG"),
        (JPEG_LS[:2] + JPEG_LS[15:], "is damaged ("),
        (b"P1\n4 4\n0 \0 1 1 ", "is damaged (Invalid token for this mode: "),
    ],
    ids=["JPEG", "JPEG of 12 bits", "JPEG-LS", "JPEG without a frame", "PBM"],
)
def test_errors_say_what_is_wrong(tmp_path: Path, data: bytes, fault: str) -> None:
    """What claims to be a picture is damaged or of a kind that is not read, in plain words."""
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(ImageFileError, match=re.escape(fault)):
        decode.decode(parse(tmp_path / "in"))


@pytest.mark.parametrize("format", ["GIF", "ICO", pytest.param("AVIF", marks=avif)])
@pytest.mark.parametrize("length", [16, 30, 300])
def test_a_head_that_is_cut_off_is_damage(tmp_path: Path, format: str, length: int) -> None:
    """The first bytes of a format make a file a damaged picture, though no more is there."""
    PIL.Image.fromarray(texture_samples(32, 32, 3)).save(tmp_path / "whole", format)
    (tmp_path / "in").write_bytes((tmp_path / "whole").read_bytes()[:length])
    assert opening.is_picture(parse(tmp_path / "in"))
    with pytest.raises(ImageFileError, match=r"in is damaged \(.*\); get an intact copy"):
        decode.decode(parse(tmp_path / "in"))


@pytest.mark.parametrize("cause", [TypeError("'<' not supported"), AttributeError("no attribute")])
def test_errors_hold_no_words_about_python(cause: Exception) -> None:
    """A decoder that stumbles over a wrong value says nothing that a user understands."""
    for error in (cause, SyntaxError(str(cause))):
        error.__cause__ = None if error is cause else cause
        with (
            pytest.raises(ImageFileError, match=r"^a is damaged \(it holds a wrong value\); get"),
            opening.image_errors("a"),
        ):
            raise error


@pytest.mark.parametrize("size", [32, 64, 128])
def test_icons_of_any_length_are_icons(tmp_path: Path, size: int) -> None:
    """An icon of noise, whose length may make its head look like that of a TGA, is an icon."""
    noise = np.random.default_rng(size).integers(0, 256, (size, size, 4), np.uint8)
    noise[..., 3] = 255
    PIL.Image.fromarray(noise).save(tmp_path / "in.ico", sizes=[(size, size)], bitmap_format="bmp")
    assert opening.read_size(parse(tmp_path / "in.ico")) == (size, size)
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.ico")).samples, noise)
