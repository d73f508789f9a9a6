import io
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import opening, png_chunks
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.images.write.png import chunk, metadata_chunks
from upsample_cli.jobs.enlarge.picture import enlarge
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.methods.catalogue import build


def picture() -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(texture_samples(9, 11, 3)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("missing", [1, 4, 8, 11, 12, 13, 30])
def test_a_png_without_its_end_is_refused(missing: int) -> None:
    """However little is cut off, the end is missing."""
    file, _ = png_chunks.safe_png(io.BytesIO(picture()[:-missing]))
    with pytest.raises(OSError, match="its end is missing"):
        png_chunks.check_end(file)


@pytest.mark.parametrize("share", [0.4, 0.9, 1])
def test_the_png_in_an_icon_is_checked(tmp_path: Path, share: float) -> None:
    """An icon whose rest is zeros, as of a download that broke off, is damaged."""
    path = tmp_path / "in.ico"
    PIL.Image.fromarray(texture_samples(64, 64, 4)).save(path, sizes=[(64, 64)])
    data = path.read_bytes()
    whole = int(share * len(data))
    path.write_bytes(data[:whole] + bytes(len(data) - whole))
    if share == 1:
        assert decode(parse(path), strict=True).notes == ()
        return
    with pytest.raises(ImageFileError, match="is damaged"):
        decode(parse(path))


@pytest.mark.parametrize("more", [b"", b"appended"])
def test_a_png_with_its_end_is_whole(more: bytes) -> None:
    """Data that some programs append is ignored."""
    file, _ = png_chunks.safe_png(io.BytesIO(picture() + more))
    assert [chunk.kind for chunk in png_chunks.chunks_of(file)] == [b"IHDR", b"IDAT", b"IEND"]
    png_chunks.check_end(file)


@pytest.mark.parametrize("indexed", [False, True])
def test_more_opacities_than_colours_are_damage(tmp_path: Path, indexed: bool) -> None:
    """A palette of 300 opacities is refused, whether indices are kept or not."""
    image = PIL.Image.fromarray(texture_samples(9, 11, 1)[..., 0]).convert("P")
    path = tmp_path / "in.png"
    image.save(path, transparency=bytes(256))
    data = path.read_bytes()
    whole, longer = (chunk(b"tRNS", bytes(length)) for length in (256, 300))
    assert whole in data
    path.write_bytes(data.replace(whole, longer))
    with pytest.raises(ImageFileError, match="is damaged"):
        decode(parse(path), indexed=indexed)


def test_another_file_has_no_chunks() -> None:
    """A file that is no PNG is handed back as it is."""
    file = io.BytesIO(b"GIF89a" + bytes(20))
    assert png_chunks.safe_png(file) == (file, ())


HDR = (b"cICP", b"\x09\x10\0\1"), (b"mDCV", bytes(range(24))), (b"cLLI", bytes(8))


def with_chunks(data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with more chunks behind its head."""
    return data[:33] + b"".join(chunk(*item) for item in more) + data[33:]


def test_colours_of_hdr_are_found() -> None:
    """Chunks of colours are read before the pixels, if they have the right length."""
    data = with_chunks(picture(), HDR[0], (b"cLLI", b"short"), *HDR[1:])
    assert png_chunks.colours(io.BytesIO(data)) == HDR
    assert png_chunks.colours(io.BytesIO(picture()[:40])) == ()


def test_colours_of_hdr_are_kept_by_png_and_told_for_others(tmp_path: Path) -> None:
    """A PNG gets the chunks of its input; for other formats they are noted as lost."""
    path = tmp_path / "in.png"
    path.write_bytes(with_chunks(picture(), *HDR))
    metadata = decode(parse(path)).metadata.stripped()
    assert metadata.losses("PNG") == ()
    assert metadata.losses("JPEG") == ("cICP", "mDCV", "cLLI")
    assert metadata_chunks(metadata) == b"".join(chunk(*item) for item in HDR)


def test_colours_that_are_srgb_are_no_loss() -> None:
    """Other formats are taken for sRGB anyway."""
    assert Metadata(colours=((b"cICP", b"\x01\x0d\0\1"),)).losses("JPEG") == ()


@pytest.mark.parametrize("default", [True, False])
def test_an_animation_keeps_its_colours(tmp_path: Path, default: bool) -> None:
    """Chunks of colours are read with and without a still picture before the frames."""
    saved = io.BytesIO()
    first, *others = (PIL.Image.fromarray(texture_samples(9, 11, 3) // n) for n in (1, 2, 3))
    first.save(saved, "PNG", save_all=True, append_images=others, default_image=default)
    path = tmp_path / "in.png"
    path.write_bytes(with_chunks(saved.getvalue(), *HDR))
    assert decode(parse(path)).metadata.colours == HDR


@pytest.mark.parametrize(
    ("bits", "colours"), [(1, 0), (2, 0), (4, 0), *((n, c) for n in (8, 16) for c in (0, 2, 4, 6))]
)
@pytest.mark.parametrize("rows", [10, 9, 8.5, 3])
def test_pixels_that_end_early_are_refused(
    tmp_path: Path, bits: int, colours: int, rows: float
) -> None:
    """A stream that ends properly, but before the last row, is not filled with black."""
    row = 1 + -(-13 * bits * {0: 1, 2: 3, 4: 2, 6: 4}[colours] // 8)
    shape = pack(">LL5B", 13, 10, bits, colours, 0, 0, 0)
    data = zlib.compress(bytes(int(row * rows)))
    parts = (chunk(b"IHDR", shape), chunk(b"IDAT", data[:3]), chunk(b"IDAT", data[3:]))
    path = tmp_path / "in.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))
    if rows == 10:
        assert decode(parse(path)).size == (10, 13)
        return
    # Half a row Pillow refuses itself.
    fault = "truncated" if rows == 8.5 else "its pixels end early"
    with pytest.raises(ImageFileError, match=fault):
        decode(parse(path))


NAMES = (
    "aspect", "background", "bbox", "blend", "chromaticity", "colours", "comment",
    "default_image", "disposal", "dpi", "duration", "exif", "gamma", "icc_profile", "interlace",
    "lossless", "loop", "photoshop", "quantization", "srgb", "transparency", "xmp",
)  # fmt: skip
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "tEXt": lambda name: name.encode() + b"\0abc",
    "zTXt": lambda name: name.encode() + b"\0\0" + zlib.compress(b"abc"),
    "iTXt": lambda name: name.encode() + b"\0\0\0\0\0abc",
}


def write_with_texts(path: Path, place: int, texts: bytes) -> bytes:
    """Write a PNG with texts before its pixels (-1) or after them (1); return it without them."""
    PIL.Image.fromarray(texture_samples(12, 14, 3)).save(path, dpi=(96, 96), exif=PIL.Image.Exif())
    data = path.read_bytes()
    at = data.index(b"IDAT") - 4 if place < 0 else data.index(b"IEND") - 4
    path.write_bytes(data[:at] + texts + data[at:])
    return data


@pytest.mark.parametrize("kind", list(SPELLINGS))
@pytest.mark.parametrize("place", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_no_property(tmp_path: Path, kind: str, place: int, name: str) -> None:
    """Whatever its keyword, a text is not taken for a gamma, profile, EXIF or transparency."""
    path = tmp_path / "in.png"
    without = write_with_texts(path, place, chunk(kind.encode(), SPELLINGS[kind](name)))
    decoded = decode(parse(path))
    path.write_bytes(without)
    expected = decode(parse(path))
    assert decoded.metadata == expected.metadata._replace(text=((name, "abc"),))
    assert np.array_equal(decoded.samples, expected.samples)


@pytest.mark.parametrize("format", sorted({*FORMATS} - {"jpg", "tif", "pgm", "apng"}))
def test_a_picture_with_such_texts_can_be_written(tmp_path: Path, format: str) -> None:
    """No keyword of a text breaks the writing of any format."""
    if format == "avif":
        pytest.importorskip("PIL.AvifImagePlugin")
    path = tmp_path / "in.png"
    write_with_texts(path, -1, b"".join(chunk(b"tEXt", name.encode() + b"\0abc") for name in NAMES))
    for linear in (False, True):
        to = str(tmp_path / f"out.{format}")
        task = Task(build("bilinear"), TargetSize(scale=2.0), linear=linear, force=True)
        assert enlarge(parse(path), parse(to), task).size == (24, 28)


@pytest.mark.parametrize("kind", [b"tEXt", b"iCCP", b"eXIf", b"pHYs", b"prVt"])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_damaged_chunk_that_no_pixel_needs_is_left_out(
    tmp_path: Path, kind: bytes, is_late: bool
) -> None:
    """The picture is read with a note that names the chunk, or refused where asked to be strict."""
    data = picture()
    place = data.index(b"IEND") - 4 if is_late else 33
    body = b"some words\0and more"
    bad = pack(">L", len(body)) + kind + body + b"\0\0\0\0"
    path = tmp_path / "in.png"
    path.write_bytes(data)
    whole = decode(parse(path))
    path.write_bytes(data[:place] + bad + data[place:])
    damaged = decode(parse(path))
    assert np.array_equal(damaged.samples, whole.samples)
    assert damaged.metadata == whole.metadata
    assert damaged.notes == (f"its chunk {kind.decode()} is damaged and is not read",)
    assert opening.read_size(parse(path)) == (9, 11)
    with pytest.raises(ImageFileError, match=f"is damaged .its chunk {kind.decode()}"):
        decode(parse(path), strict=True)


@pytest.mark.parametrize("kind", [b"IHDR", b"tRNS", b"PLTE"])
def test_a_damaged_chunk_of_pixels_is_not_left_out(tmp_path: Path, kind: bytes) -> None:
    """Without the opacity of a palette the picture would be another."""
    path = tmp_path / "in.png"
    PIL.Image.new("P", (4, 4)).save(path, transparency=0)
    data = bytearray(path.read_bytes())
    data[data.index(kind) + 4] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match="is damaged"):
        decode(parse(path))
