import io
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.images.places.place import parse
from upsample_cli.images.read import containers, files, opening
from upsample_cli.images.read.decode import decode

EXIF = b"II\x2a\0\x08\0\0\0" + struct.pack("<HHHLHHL", 1, 0x112, 3, 1, 6, 0, 0)
XMP = b"<x:xmpmeta><a tiff:Orientation='6'/></x:xmpmeta>"


NEEDS_AVIF = pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L4s", 8 + len(body), kind) + body


def jp2(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(samples.squeeze()).save(file, "JPEG2000")
    return file.getvalue()


def with_boxes(data: bytes, inner: bytes, outer: bytes) -> bytes:
    """Return a JP2 with more boxes in its header, instead of that of colours, and behind it."""
    start = data.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">L", data, start)
    head = data[start + 8 : start + length]
    kept = head[: head.index(b"colr") - 4]
    return data[:start] + box(b"jp2h", kept + inner) + outer + data[start + length :]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_jpeg_2000_keeps_profile_exif_and_xmp(tmp_path: Path, channels: int) -> None:
    """They lie in boxes of their own; the orientation in EXIF is applied."""
    samples, profile = texture_samples(8, 9, channels), bytes(range(200))
    inner = box(b"colr", b"\2\0\0" + profile)
    outer = box(b"uuid", b"JpgTiffExif->JP2" + EXIF)
    outer += box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP)
    (tmp_path / "in.jp2").write_bytes(with_boxes(jp2(samples), inner, outer))
    image = files.read(parse(tmp_path / "in.jp2"))
    np.testing.assert_array_equal(image.samples, np.rot90(samples, -1))
    assert opening.read_size(parse(tmp_path / "in.jp2")) == image.size
    assert image.metadata.icc == profile
    assert image.metadata.exif == EXIF.replace(b"\x06\0", b"\x01\0")
    assert image.metadata.xmp == XMP.replace(b"6", b"1")


@pytest.mark.parametrize("colours", [[1, 2, 1, 3], [1, 1, 1, 2], [4, 3, 2, 1]])
def test_a_palette_may_repeat_a_colour(tmp_path: Path, colours: list[int]) -> None:
    """A colour that comes twice keeps both of its numbers."""
    numbers = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    levels = np.array([[40 * c, 255 - 40 * c, c] for c in colours], np.uint8)
    inner = box(b"colr", b"\1\0\0" + struct.pack(">L", 16))
    inner += box(b"pclr", struct.pack(">HB3B", 4, 3, 7, 7, 7) + levels.tobytes())
    inner += box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, index) for index in range(3)))
    (tmp_path / "in.jp2").write_bytes(with_boxes(jp2(numbers), inner, b""))
    image = files.read(parse(tmp_path / "in.jp2"))
    np.testing.assert_array_equal(image.samples, levels[numbers])


def avif(samples: np.ndarray, crop: tuple[int, ...], **options: object) -> bytes:
    """Return an AVIF whose picture has a crop for a property, instead of its number of bits."""
    file = io.BytesIO()
    PIL.Image.fromarray(samples).save(file, "AVIF", quality=100, subsampling="4:4:4", **options)
    data = bytearray(file.getvalue())
    old, new = data.index(b"pixi") - 4, box(b"clap", struct.pack(">LLLLlLlL", *crop))
    (length,) = struct.unpack_from(">L", data, old)
    more = len(new) - length
    for kind in (b"meta", b"iprp", b"ipco"):
        start = data.index(kind) - 4
        struct.pack_into(">L", data, start, struct.unpack_from(">L", data, start)[0] + more)
    kinds = [kind for kind, _ in containers.boxes(bytes(data[data.index(b"ipco") + 4 :]))]
    own = data.index(b"ipma") + 4 + 8 + 2  # how many properties the picture has, and which
    place = data.index(bytes([kinds.index(b"pixi") + 1]), own + 1)
    data[place] |= 0x80  # it must not be overlooked
    pixels = data.index(b"mdat") + 4
    places = data.index(b"iloc")
    for at in range(places, places + struct.unpack_from(">L", data, places - 4)[0] - 8):
        (place,) = struct.unpack_from(">L", data, at)
        if pixels <= place < len(data):
            struct.pack_into(">L", data, at, place + more)
    return bytes(data[:old]) + new + bytes(data[old + length :])


@pytest.mark.parametrize(
    ("crop", "part"),
    [
        ((20, 1, 10, 1, 0, 1, 0, 1), (14, 19, 34, 29)),
        ((48, 1, 24, 1, 0, 1, -12, 1), (0, 0, 48, 24)),
        ((15, 1, 48, 1, 33, 2, 0, 1), (33, 0, 48, 48)),
        ((48, 1, 48, 1, 0, 1, 0, 1), (0, 0, 48, 48)),
    ],
)
@NEEDS_AVIF
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_avif_is_cropped(
    tmp_path: Path, crop: tuple[int, ...], part: tuple[int, ...], orientation: int
) -> None:
    """Its clean aperture, around the middle, is the picture, before that is turned."""
    samples = texture_samples(48, 48, 3)
    exif = PIL.Image.Exif()
    exif[0x112] = orientation
    (tmp_path / "in.avif").write_bytes(avif(samples, crop, exif=exif))
    left, top, right, bottom = part
    expected = samples[top:bottom, left:right]
    expected = np.rot90(expected, -1) if orientation == 6 else expected
    image = files.read(parse(tmp_path / "in.avif"))
    assert image.size == opening.read_size(parse(tmp_path / "in.avif")) == expected.shape[:2]
    assert np.abs(image.samples.astype(int) - expected).mean() < 8


def crop_of(data: bytes | bytearray) -> object:
    """Return the crop that an AVIF of 48x48 pixels states."""
    opened = PIL.Image.new("RGB", (48, 48))
    containers.read_avif(opened, bytes(data))
    return opened.info["crop"]


@NEEDS_AVIF
def test_a_crop_that_lies_outside_is_an_error() -> None:
    """Half a picture beyond the pixels is none."""
    data = avif(texture_samples(48, 48, 3), (90, 1, 10, 1, 0, 1, 0, 1))
    with pytest.raises(ValueError, match="its crop lies outside"):
        crop_of(data)


@NEEDS_AVIF
def test_a_crop_of_another_item_is_none() -> None:
    """A crop counts for the item that has it, which may be a thumbnail."""
    data = bytearray(avif(texture_samples(48, 48, 3), (10, 1, 10, 1, 0, 1, 0, 1)))
    assert crop_of(data) == (19, 19, 29, 29)
    data[data.index(b"pitm") + 9] += 1
    assert crop_of(data) is None


def webp_file(lossless: bool, frames: int = 1) -> io.BytesIO:
    """Return a WebP of so many frames."""
    file = io.BytesIO()
    pictures = [PIL.Image.fromarray(texture_samples(9, 11, 3) // (1 + n)) for n in range(frames)]
    pictures[0].save(
        file, "WEBP", lossless=lossless, save_all=frames > 1, append_images=pictures[1:]
    )
    return file


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("lossless", [True, False])
def test_lossless_is_found(tmp_path: Path, frames: int, lossless: bool) -> None:
    """A still or animated WebP says whether it is coded without loss."""
    path = tmp_path / "in.webp"
    path.write_bytes(webp_file(lossless, frames).getvalue())
    assert decode(parse(path)).metadata.lossless is lossless


def test_what_is_cut_off_is_not_lossless() -> None:
    """A file that ends within its first chunks is not called lossless."""
    assert not containers.is_lossless_webp(io.BytesIO(webp_file(True).getvalue()[:18]))
