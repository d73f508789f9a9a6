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


@NEEDS_AVIF
@pytest.mark.parametrize(
    ("primaries", "curve", "is_named"),
    [(12, 13, True), (9, 16, True), (1, 16, True), (1, 13, False), (1, 1, False), (2, 2, False)],
)
def test_the_colours_that_an_avif_declares_are_kept(
    tmp_path: Path, primaries: int, curve: int, is_named: bool
) -> None:
    """They are those of a PNG's cICP; sRGB is what is assumed anyway, and a profile goes before."""
    for profile in (None, b"profile"):
        file = io.BytesIO()
        options = {} if profile is None else {"icc_profile": profile}
        PIL.Image.new("RGB", (16, 16), (234, 51, 35)).save(file, "AVIF", **options)
        data = bytearray(file.getvalue())
        struct.pack_into(">HH", data, data.index(b"nclx") + 4, primaries, curve)
        (tmp_path / "in.avif").write_bytes(data)
        kept = ((b"cICP", bytes([primaries, curve, 0, 1])),) if is_named and not profile else ()
        assert files.read(parse(tmp_path / "in.avif")).metadata.colours == kept


def test_the_colours_that_a_heic_declares_are_kept() -> None:
    """They are those of a PNG's cICP, as for an AVIF."""
    opened = PIL.Image.new("RGB", (8, 8))
    assert "colours" not in containers.with_heif_colours(opened).info
    opened.info["nclx_profile"] = {"color_primaries": 12, "transfer_characteristics": 13}
    assert containers.with_heif_colours(opened).info["colours"] == ((b"cICP", b"\x0c\x0d\0\1"),)


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
    assert decode(parse(path)).metadata.lossless == ("WEBP" if lossless else "")


def test_what_is_cut_off_is_not_lossless() -> None:
    """A file that ends within its first chunks is not called lossless."""
    assert not containers.is_lossless_webp(io.BytesIO(webp_file(True).getvalue()[:18]))


def tga(kind: int, bits: int, opacity: int, pixels: bytes, palette: bytes = b"") -> bytes:
    """Return a TGA of 4 x 2 pixels that declares a number of bits of opacity."""
    colours = (1, kind, 0, len(palette) // 4, 32) if palette else (0, kind, 0, 0, 0)
    return (
        struct.pack("<BBBHHBHHHHBB", 0, *colours, 0, 0, 4, 2, bits, 0x20 | opacity)
        + palette
        + pixels
    )


NOT_DECLARED = "its head declares no opacity, so that of its pixels is left out"


def read_tga(tmp_path: Path, data: bytes) -> tuple[list[list[int]], tuple[str, ...]]:
    """Return the first row, and the notes without those on modes."""
    (tmp_path / "in.tga").write_bytes(data)
    image = files.read(parse(tmp_path / "in.tga"))
    return image.samples[0].tolist(), tuple(note for note in image.notes if "becomes" not in note)


@pytest.mark.parametrize("runs", [False, True])
def test_a_set_bit_of_a_tga_is_opaque(tmp_path: Path, runs: bool) -> None:
    """The highest of 16 bits is opacity if the head declares it, else it has no meaning."""
    row = struct.pack("<4H", 0xFC00, 0x7C00, 0xFC00, 0xFC00)
    pixels = (b"\3" + row) * 2 if runs else row * 2
    kind, red = 10 if runs else 2, [255, 0, 0]
    assert read_tga(tmp_path, tga(kind, 16, 1, pixels)) == (
        [[*red, 255], [*red, 0], [*red, 255], [*red, 255]], ()
    )  # fmt: skip
    assert read_tga(tmp_path, tga(kind, 16, 0, pixels)) == ([red] * 4, (NOT_DECLARED,))


@pytest.mark.parametrize(("levels", "notes"), [((0, 0), ()), ((0, 9), (NOT_DECLARED,))])
def test_a_tga_of_32_bits_may_have_no_opacity(
    tmp_path: Path, levels: tuple[int, int], notes: tuple[str, ...]
) -> None:
    """The fourth byte has a meaning only if the head declares it; a note says if it varies."""
    pixels = b"".join(bytes([1, 2, 3, levels[number % 2]]) for number in range(8))
    assert read_tga(tmp_path, tga(2, 32, 0, pixels)) == ([[3, 2, 1]] * 4, notes)
    assert read_tga(tmp_path, tga(2, 32, 8, pixels))[0][1] == [3, 2, 1, levels[1]]


@pytest.mark.parametrize("indexed", [False, True])
def test_the_palette_of_a_tga_may_have_opacity(tmp_path: Path, indexed: bool) -> None:
    """A map of 32 bits holds the opacity of each colour, if the head declares it."""
    palette = bytes([0, 0, 255, 10, 0, 255, 0, 255])
    (tmp_path / "in.tga").write_bytes(tga(1, 8, 8, bytes([0, 1] * 4), palette))
    decoded = decode(parse(tmp_path / "in.tga"), indexed=indexed)
    if indexed:
        assert decoded.palette is not None
        assert decoded.palette.table().tolist()[:2] == [[255, 0, 0, 10], [0, 255, 0, 255]]
    else:
        assert decoded.samples[0, :2].tolist() == [[255, 0, 0, 10], [0, 255, 0, 255]]
    plain = tga(1, 8, 0, bytes([0, 1] * 4), palette)
    assert read_tga(tmp_path, plain) == ([[255, 0, 0], [0, 255, 0]] * 2, (NOT_DECLARED,))
