import io
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cuts
from textures import texture_samples

from upsample_cli.images.image import Metadata, Samples
from upsample_cli.images.write import png

CHANNELS = [1, 2, 3, 4]
DRAWING = np.tile((np.arange(3072) // 3 % 2).astype(np.uint8), (128, 1))  # upright lines


def written(
    samples: Samples,
    compression: int = 2,
    cut: list[range] | None = None,
    metadata: Metadata | None = None,
) -> bytes:
    """Return the file that the writer makes of samples, cut into runs of rows."""
    height, width, channels = samples.shape
    bits = 8 * samples.dtype.itemsize
    parts = [png.header((height, width), channels, bits, metadata or Metadata())]
    strips = (
        png.encode_strip(samples[run.start : run.stop], compression, run.stop == height)
        for run in cut or [range(height)]
    )
    return b"".join([*parts, *png.joined(strips), png.TRAILER])


def joined_checksum(parts: list[bytes]) -> int:
    """Return the checksum in the chunk after the strips of these parts."""
    *_, last = png.joined(png.PngStrip(b"", zlib.adler32(part), len(part)) for part in parts)
    return int.from_bytes(last[8:-4])


def by_pillow(data: bytes) -> Samples:
    """Return what Pillow decodes, checksums and all."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        output = np.asarray(opened)
    return output[..., None] if output.ndim == 2 else output


def by_opencv(data: bytes) -> Samples:
    """Return what OpenCV decodes, in the order of a file's channels."""
    output = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if output.ndim == 2:
        return output[..., None]
    return output[..., [2, 1, 0, 3][: output.shape[2]]]


def as_colours(samples: Samples) -> Samples:
    """Return grey with alpha as RGBA, which is how OpenCV gives it."""
    return samples[..., [0, 0, 0, 1]] if samples.shape[2] == 2 else samples


@pytest.fixture(params=["isal", "zlib"])
def deflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the writer use isal, then zlib alone."""
    if request.param == "zlib":
        monkeypatch.setattr(png, "isal_zlib", None)
    else:
        assert png.isal_zlib is not None


@pytest.mark.usefixtures("deflater")
@pytest.mark.parametrize("compression", range(10))
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", CHANNELS)
def test_two_decoders_read_what_was_written(channels: int, bits: int, compression: int) -> None:
    """Pillow and OpenCV give back every sample, for any colour type, depth and compression."""
    samples = texture_samples(21, 17, channels, bits)
    data = written(samples, compression, [range(9), range(9, 10), range(10, 21)])
    np.testing.assert_array_equal(by_opencv(data), as_colours(samples))
    # Pillow has no mode for 16-bit colours, and gives their high bytes.
    expected = as_colours(samples >> 8) if bits == 16 and channels > 1 else samples
    np.testing.assert_array_equal(by_pillow(data), expected)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 24), st.integers(1, 24), st.sampled_from(CHANNELS))
def test_any_cut_gives_the_same_pixels(
    data: st.DataObject, height: int, width: int, channels: int
) -> None:
    """However a picture is cut into strips, the file decodes to the same samples."""
    bits = data.draw(st.sampled_from([8, 16]))
    rng = np.random.default_rng(height * width)
    samples = rng.integers(0, 2**bits, (height, width, channels), f"u{bits // 8}")
    output = written(samples, data.draw(st.integers(0, 9)), data.draw(cuts(height)))
    np.testing.assert_array_equal(by_opencv(output), as_colours(samples))


@pytest.mark.parametrize("kind", ["flat", "ramp", "columns", "noise"])
@pytest.mark.parametrize("compression", [0, 1, 2, 6])
def test_every_filter_is_undone(kind: str, compression: int) -> None:
    """Pictures for which different filters are best all come back."""
    y, x = np.mgrid[:40, :50]
    plane = {
        "flat": np.full((40, 50), 7),
        "ramp": 3 * x + 2 * y,
        "columns": (x * 37) % 256,
        "noise": np.random.default_rng(0).integers(0, 256, (40, 50)),
    }[kind]
    samples = plane.astype(np.uint8)[..., None].repeat(3, axis=2)
    np.testing.assert_array_equal(by_pillow(written(samples, compression)), samples)


def kinds_of_picture() -> dict[str, Samples]:
    """Return pictures for which different filters are best, shape (96, 160, 3)."""
    noise = np.random.default_rng(7).integers(0, 256, (96, 160, 3), np.uint8)
    down, across = np.arange(96, dtype=np.uint8), np.arange(160, dtype=np.uint8)
    return {
        "few levels": noise // 86 * 100,  # none
        "ramps across": noise[:, :1] * across[:, None],  # Sub
        "ramps down": noise[:1] * down[:, None, None],  # Up
        "photo": texture_samples(96, 160, 3),  # Average
    }


def filtered_by_definition(samples: Samples, kind: int) -> Samples:
    """Return rows under one filter of the specification: 0 none, 1 Sub, 2 Up, 3 Average."""
    rows = samples.astype(int)
    left = np.pad(rows, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    up = np.pad(rows, ((1, 0), (0, 0), (0, 0)))[:-1]
    predicted = [0 * rows, left, up, (left + up) // 2][kind]
    flat = ((rows - predicted) % 256).astype(np.uint8).reshape(len(rows), -1)
    return np.insert(flat, 0, kind, axis=1)


def deflated_size(samples: Samples, kind: int) -> int:
    """Return the bytes that a picture takes under one filter for all its rows."""
    return len(zlib.compress(filtered_by_definition(samples, kind).tobytes(), 6))


def filters_in(data: bytes, row_length: int) -> set[int]:
    """Return the filters of all rows of a file but the first."""
    body, chunks = io.BytesIO(data[8:]), b""
    while head := body.read(8):
        part = body.read(int.from_bytes(head[:4]))
        chunks += part if head[4:] == b"IDAT" else b""
        body.read(4)
    return set(zlib.decompress(chunks)[row_length::row_length])


@pytest.mark.parametrize("kind", kinds_of_picture())
def test_the_filter_is_the_one_that_deflates_smallest(kind: str) -> None:
    """Deflated under every filter, no picture is more than 3 % smaller than under the chosen."""
    samples = kinds_of_picture()[kind]
    sizes = [deflated_size(samples, filter_type) for filter_type in range(4)]
    (chosen,) = filters_in(written(samples, 6), 1 + samples[0].size)
    assert sizes[chosen] <= 1.03 * min(sizes)


def test_no_one_filter_serves_all_of_these_pictures() -> None:
    """Any fixed filter makes some picture over 3 % larger, so that the test above can fail."""
    pictures = kinds_of_picture().values()
    sizes = np.array([[deflated_size(samples, kind) for kind in range(4)] for samples in pictures])
    assert (sizes > 1.03 * sizes.min(axis=1, keepdims=True)).any(axis=0).all()


def test_filters_make_smooth_pictures_smaller() -> None:
    """Every compression level above 0 is smaller than none, and 9 is no larger than 4."""
    samples = texture_samples(128, 128, 3)
    sizes = [len(written(samples, compression)) for compression in range(10)]
    assert max(sizes[1:]) < 0.8 * sizes[0]
    assert sizes[9] <= sizes[4]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8))
def test_checksums_join(parts: list[bytes]) -> None:
    """The joined checksum of pieces is the Adler-32 of all their bytes."""
    assert joined_checksum(parts) == zlib.adler32(b"".join(parts))


def test_checksums_join_over_long_pieces() -> None:
    """The modulus of Adler-32 holds for pieces longer than it."""
    parts = [bytes([255]) * 70_000, bytes([254]) * 131_072, b"\x01"]
    assert joined_checksum(parts) == zlib.adler32(b"".join(parts))


def test_metadata_is_read_back() -> None:
    """Profile, EXIF, XMP, dpi, gamma and text of any script come back as they were."""
    exif = PIL.Image.Exif()
    exif[0x010E] = "a cat"
    metadata = Metadata(
        icc=b"a profile" * 40,
        exif=exif.tobytes().removeprefix(b"Exif\0\0"),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        dpi=(72.009, 144.018),
        gamma=0.45455,
        text=(("Title", "chat \xe0 No\xebl"), ("Author", "\u732b")),
    )
    data = written(texture_samples(8, 9, 3), metadata=metadata)
    opened = PIL.Image.open(io.BytesIO(data))
    opened.load()
    assert opened.info["icc_profile"] == metadata.icc
    assert opened.getexif()[0x010E] == "a cat"
    assert opened.info["xmp"] == metadata.xmp
    assert opened.info["dpi"] == pytest.approx(metadata.dpi)
    assert opened.info["gamma"] == pytest.approx(0.45455)
    assert opened.text["Title"] == "chat \xe0 No\xebl"
    assert opened.text["Author"] == "\u732b"


@pytest.mark.parametrize("text", ["ends as in C\0", "two\0parts", "\u732b\0"])
def test_texts_hold_no_nul(text: str) -> None:
    """Comments of JPEGs often end with NUL, which ends a key in a PNG and is not allowed after."""
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>\0\0"
    metadata = Metadata(text=(("Comment", text), (" a\0key ", "value")), xmp=xmp)
    data = written(texture_samples(8, 9, 3), metadata=metadata)
    opened = PIL.Image.open(io.BytesIO(data))
    opened.load()
    assert opened.text["Comment"] == text.rstrip("\0").replace("\0", " ")
    assert opened.text["a key"] == "value"
    assert opened.info["xmp"] == xmp.rstrip(b"\0")


def test_srgb_intent_is_kept() -> None:
    """A picture that declares sRGB still does."""
    data = written(texture_samples(4, 4, 3), metadata=Metadata(srgb=1))
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.info["srgb"] == 1


def inflated(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15).decompress(data)


@pytest.mark.parametrize("compression", range(10))
@pytest.mark.parametrize("has_isal", [False, True])
@pytest.mark.parametrize("data", [DRAWING, texture_samples(70, 90, 3), np.zeros(0, np.uint8)])
def test_what_was_deflated_comes_back(
    monkeypatch: pytest.MonkeyPatch, compression: int, has_isal: bool, data: np.ndarray
) -> None:
    """At every level, with isal and without it; streams that end on a byte can be joined."""
    if not has_isal:
        monkeypatch.setattr(png, "isal_zlib", None)
    first = png.compress(data, compression, last=False)
    second = png.compress(data, compression, last=True)
    assert inflated(first + second) == 2 * data.tobytes()


def test_drawings_are_as_small_as_zlib_makes_them() -> None:
    """What is all but flat takes no more room than at a middle level of zlib."""
    usual = zlib.compressobj(4, wbits=-15)
    expected = len(usual.compress(DRAWING.data) + usual.flush())
    assert len(png.compress(DRAWING, 2)) <= expected
    if png.isal_zlib is not None:
        assert len(png.compress(DRAWING, 1)) > 1.5 * expected


def test_the_same_strip_again_costs_no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A black picture is made of one strip, again and again, and zlib is slow at that."""
    tries: list[int] = []
    compressobj = zlib.compressobj

    def counted(level: int, wbits: int) -> object:
        tries.append(level)
        return compressobj(level, wbits=wbits)

    monkeypatch.setattr(zlib, "compressobj", counted)
    black = np.zeros(1 << 16, np.uint8)
    output = [png.compress(black, 2, last=False) for _ in range(9)]
    if png.isal_zlib is not None:
        assert len(tries) <= 1
    assert {inflated(item) for item in output} == {black.tobytes()}
