import io
import struct
import zlib
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Metadata, Samples
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import containers, decode, files, raw_modes
from upsample_cli.images.write import png

RAW, LZW, DEFLATE = 1, 5, 32946


def png_file(samples: Samples, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with more chunks before its pixels."""
    height, width, channels = samples.shape
    head = png.header((height, width), channels, 8 * samples.itemsize, Metadata())
    body = b"".join(png.joined([png.encode_strip(samples, 2, True)]))
    more = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return head[:33] + more + head[33:] + body + png.TRAILER


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("in.png", []),
        *(("in.tiff", [cv2.IMWRITE_TIFF_COMPRESSION, code]) for code in (RAW, LZW, DEFLATE)),
    ],
)
def test_every_bit_is_read(tmp_path: Path, name: str, options: list[int], channels: int) -> None:
    """Files of 16 bits that OpenCV wrote are read without loss, whatever the compression."""
    samples = texture_samples(9, 11, channels, 16)
    order = [0] if channels == 1 else [2, 1, 0, 3][:channels]
    assert cv2.imwrite(str(tmp_path / name), samples[..., order], options)
    image = files.read(parse(tmp_path / name))
    assert image.samples.dtype == np.uint16
    assert image.notes == ()
    np.testing.assert_array_equal(image.samples, samples)


@pytest.mark.parametrize(
    ("byteorder", "compression", "predictor", "separate"),
    [*product("<>", [None, "zlib"], [False, True], [False, True])],
)
def test_every_layout_of_a_tiff_is_read(
    tmp_path: Path, byteorder: str, compression: str | None, predictor: bool, separate: bool
) -> None:
    """Either byte order, a predictor, and separate planes give the same samples."""
    samples = texture_samples(9, 11, 3, 16)
    tifffile.imwrite(
        tmp_path / "in.tiff",
        np.moveaxis(samples, 2, 0) if separate else samples,
        photometric="rgb",
        planarconfig="separate" if separate else "contig",
        byteorder=byteorder,
        compression=compression,
        predictor=predictor and compression is not None,
    )
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.tiff")).samples, samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_deep_pngs_are_read_from_a_stream(channels: int, tmp_path: Path) -> None:
    """Every number of channels is read with 16 bits, also grey with opacity."""
    samples = texture_samples(9, 11, channels, 16)
    (tmp_path / "in.png").write_bytes(png_file(samples))
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.png")).samples, samples)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_level_is_compared_with_all_its_bits(channels: int, tmp_path: Path) -> None:
    """A colour that differs from the transparent one in its low byte is opaque."""
    samples = np.zeros((2, 2, channels), np.uint16)
    samples[0, 0], samples[0, 1] = 0x1234, 0x1235
    key = (b"tRNS", struct.pack(">H", 0x1234) * channels)
    (tmp_path / "in.png").write_bytes(png_file(samples, key))
    image = files.read(parse(tmp_path / "in.png"))
    np.testing.assert_array_equal(image.samples[..., :-1], samples)
    assert image.samples[..., -1].tolist() == [[0, 65535], [65535, 65535]]


@pytest.mark.parametrize("highest", [1023, 4095, 65535])
def test_anymaps_are_scaled_to_16_bits(highest: int, tmp_path: Path) -> None:
    """A PPM of any depth is scaled to 16 bits and rounded once."""
    samples = texture_samples(9, 11, 3, 16).astype(np.int64) * highest // 65535
    head = b"P6\n11 9\n%d\n" % highest
    (tmp_path / "in.ppm").write_bytes(head + samples.astype(">u2").tobytes())
    expected = np.floor(samples * 65535 / highest + 0.5)
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.ppm")).samples, expected)


def test_an_anymap_of_bits_has_no_levels(tmp_path: Path) -> None:
    """A bitmap in plain text, where 1 is black, is read."""
    (tmp_path / "in.pbm").write_bytes(b"P1\n# words\n3 2\n101\n0 1 0\n")
    image = files.read(parse(tmp_path / "in.pbm"))
    assert image.samples[..., 0].tolist() == [[0, 255, 0], [255, 0, 255]]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_anymaps_that_follow_are_noted(tmp_path: Path, mode: str) -> None:
    """Of the pictures that a video tool puts in a row, the first is read, with a note."""
    file = io.BytesIO()
    picture = PIL.Image.fromarray(texture_samples(9, 11, 3))
    picture.convert("L" if mode == "I;16" else mode).convert(mode).save(file, "PPM")
    for count in (1, 2, 3):
        (tmp_path / "in.ppm").write_bytes(count * file.getvalue())
        decoded = decode.decode(parse(tmp_path / "in.ppm"))
        note = "only the first of its pictures is used"
        assert (note in decoded.notes) is (count > 1)
    (tmp_path / "in.ppm").write_bytes(file.getvalue() + b"\n")
    assert note not in decode.decode(parse(tmp_path / "in.ppm")).notes


@pytest.mark.parametrize(("across", "down"), [(2, 1), (1, 1), (0, 1)])
def test_pixels_that_are_not_square_are_noted(tmp_path: Path, across: int, down: int) -> None:
    """A ratio without a unit, in a PNG or JPEG, is kept nowhere; 0 stands for an unknown one."""
    samples = texture_samples(9, 11, 3)
    data = png_file(samples, (b"pHYs", struct.pack(">IIB", across, down, 0)))
    (tmp_path / "in.png").write_bytes(data)
    PIL.Image.fromarray(samples).save(tmp_path / "in.jpg")
    data = (tmp_path / "in.jpg").read_bytes()
    (tmp_path / "in.jpg").write_bytes(data[:13] + struct.pack(">BHH", 0, across, down) + data[18:])
    notes = ("the shape of its pixels (2:1) is left out",) if across == 2 else ()
    for name in ("in.png", "in.jpg"):
        assert decode.decode(parse(tmp_path / name)).notes == notes


@pytest.mark.parametrize("orientation", range(2, 9))
def test_deep_pictures_are_turned_whole(orientation: int, tmp_path: Path) -> None:
    """Both halves of a sample are turned as EXIF says."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    samples = texture_samples(5, 7, 3, 16)
    (tmp_path / "deep.png").write_bytes(png_file(samples, (b"eXIf", data)))
    shallow = (samples >> 8).astype(np.uint8)
    (tmp_path / "shallow.png").write_bytes(png_file(shallow, (b"eXIf", data)))
    expected = files.read(parse(tmp_path / "shallow.png")).samples
    np.testing.assert_array_equal(files.read(parse(tmp_path / "deep.png")).samples >> 8, expected)


def test_interlaced_deep_pngs_are_read(tmp_path: Path) -> None:
    """Both bytes of each sample are read from all seven passes."""
    samples = texture_samples(16, 16, 3, 16)
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
              (1, 0, 2, 1)]  # fmt: skip
    rows = b"".join(
        b"\0" + row.astype(">u2").tobytes()
        for top, left, down, across in starts
        for row in samples[top::down, left::across]
    )
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 1)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    with io.BytesIO() as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in chunks:
            file.write(struct.pack(">I", len(data)) + kind + data)
            file.write(struct.pack(">I", zlib.crc32(kind + data)))
        (tmp_path / "in.png").write_bytes(file.getvalue())
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.png")).samples, samples)


def test_12_bits_of_grey_are_scaled_to_16(tmp_path: Path) -> None:
    """White in a TIFF of 12 bits becomes full scale."""
    path = tmp_path / "in.tiff"
    tifffile.imwrite(path, np.frombuffer(b"\0\1\x23\xff\xf0\0", np.uint8)[None])
    data = path.read_bytes()
    for tag, old, new in ((256, 6, 4), (258, 8, 12)):
        entry = next(
            struct.pack("<HHI", tag, kind, 1) for kind in (3, 4)
            if struct.pack("<HHIH", tag, kind, 1, old) in data
        )  # fmt: skip
        data = data.replace(entry + struct.pack("<H", old), entry + struct.pack("<H", new))
    path.write_bytes(data)
    expected = [round(level * 65535 / 4095) for level in (0x000, 0x123, 0xFFF, 0x000)]
    assert files.read(parse(path)).samples[0, :, 0].tolist() == expected


def test_16_bits_a_pixel_are_not_deep(tmp_path: Path) -> None:
    """A BMP of five or six bits a colour is read as 8 bits."""
    masks = struct.pack("<3I", 0xF800, 0x07E0, 0x001F)
    head = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0) + masks
    pixels = struct.pack("<2H", 0xF81F, 0x07E0)
    start = struct.pack("<IHHI", 70, 0, 0, 14 + len(head))
    (tmp_path / "in.bmp").write_bytes(b"BM" + start + head + pixels)
    image = files.read(parse(tmp_path / "in.bmp"))
    assert image.samples.tolist() == [[[255, 0, 255], [0, 255, 0]]]


def test_what_would_be_cut_is_refused(tmp_path: Path) -> None:
    """A layout that Pillow can only read as 8 bits is refused with a remedy."""
    path = tmp_path / "in.tiff"
    tifffile.imwrite(
        path, texture_samples(9, 11, 4, 16), photometric="rgb", extrasamples=["assocalpha"]
    )
    with (
        path.open("rb") as file,
        PIL.Image.open(file) as opened,
        pytest.raises(ImageFileError, match=r"16 bits a colour .* save it as a 16-bit PNG"),
    ):
        raw_modes.prepare(opened, file, "in.tiff")


@pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")
def test_a_decoder_that_cuts_colours_is_noted() -> None:
    """A note says where Pillow reads colours of more than 8 bits as 8."""
    file = io.BytesIO()
    PIL.Image.new("RGB", (16, 16)).save(file, "AVIF")
    data = file.getvalue()
    at = data.index(b"av1C") + 6
    with PIL.Image.open(file) as opened:
        for byte, bits in {0x0C: None, 0x4C: 10, 0x6C: 12}.items():
            file = io.BytesIO(data[:at] + bytes([byte]) + data[at + 1 :])
            expected = (f"its colours of {bits} bits are read as 8",) if bits else ()
            containers.read_avif(opened, file.getvalue())
            assert raw_modes.notes_on_cut(opened) == expected
        containers.read_avif(opened, data[:at])
        assert raw_modes.notes_on_cut(opened) == ()


@pytest.mark.skipif(not find_spec("PIL.AvifImagePlugin"), reason="no AVIF")
@pytest.mark.parametrize(("byte", "bits"), [(0x0C, 8), (0x4C, 10)])
def test_what_a_decoder_cuts_of_an_animation_is_noted(tmp_path: Path, byte: int, bits: int) -> None:
    """An animated AVIF of 10 bits a colour is read with a note, and one of 8 without."""
    file = io.BytesIO()
    first, *rest = (PIL.Image.new("RGB", (16, 16), (red, 0, 0)) for red in (0, 99))
    first.save(file, "AVIF", save_all=True, append_images=rest)
    data = bytearray(file.getvalue())
    data[data.index(b"av1C") + 6] = byte
    (tmp_path / "in.avif").write_bytes(data)
    notes = decode.decode(parse(tmp_path / "in.avif")).notes
    assert notes == ((f"its colours of {bits} bits are read as 8",) if bits > 8 else ())
