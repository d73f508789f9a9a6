import io
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from strategies import cuts
from textures import texture_samples

from upsample_cli.images.image import Image, Metadata, Samples
from upsample_cli.images.write import tiff_and_ppm


def written(
    format: str, samples: Samples, cut: list[range] | None = None, metadata: Metadata | None = None
) -> bytes:
    """Return the file that is made of samples, cut into runs of rows."""
    parts = [
        tiff_and_ppm.header(
            format, samples.shape[:2], Image(samples, format, metadata or Metadata())
        ),
        *(tiff_and_ppm.rows(format, samples[run.start : run.stop]).tobytes() for run in cut or []),
    ]
    return b"".join(parts if cut else [*parts, tiff_and_ppm.rows(format, samples).tobytes()])


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tifffile_reads_what_was_written(channels: int, dtype: str) -> None:
    """Every sample comes back, of its type, with opacity marked as straight."""
    samples = (texture_samples(150, 500, channels, 16) / (257 if dtype == "u1" else 1)).astype(
        dtype
    )
    with tifffile.TiffFile(io.BytesIO(written("TIFF", samples))) as opened:
        (page,) = opened.pages
        assert page.dtype == dtype
        assert page.extrasamples == ((2,) if channels in (2, 4) else ())
        assert page.photometric == (2 if channels > 2 else 1)
        assert len(page.dataoffsets) > 1
        np.testing.assert_array_equal(page.asarray(), samples.squeeze())


@given(st.data(), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["u1", "u2"]))
def test_any_cut_gives_the_same_file(
    data: st.DataObject, height: int, width: int, dtype: str
) -> None:
    """However a picture is cut into strips, the file is the same, and OpenCV reads it."""
    rng = np.random.default_rng(height * width)
    format = data.draw(st.sampled_from(["TIFF", "PPM"]))
    channels = data.draw(st.sampled_from([1, 3]))
    full = np.iinfo(dtype).max
    samples = rng.integers(0, full, (height, width, channels), dtype, endpoint=True)
    output = written(format, samples, data.draw(cuts(height)))
    assert output == written(format, samples)
    result = cv2.imdecode(np.frombuffer(output, np.uint8), cv2.IMREAD_UNCHANGED)
    assert result.dtype == dtype
    result = result[..., ::-1] if channels == 3 else result[..., None]
    np.testing.assert_array_equal(result, samples)


def test_metadata_is_in_a_tiff() -> None:
    """Profile, XMP, resolution and EXIF, its parts too, are read back by Pillow."""
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", 1
    exif.get_ifd(0x8769)[0x829A] = (1, 125)
    exif.get_ifd(0x8825)[1] = "N"
    metadata = Metadata(
        icc=b"profile" * 9, exif=exif.tobytes().removeprefix(b"Exif\0\0"), xmp=b"<xmp/>",
        dpi=(300, 150),
    )  # fmt: skip
    with PIL.Image.open(
        io.BytesIO(written("TIFF", texture_samples(9, 11, 3), None, metadata))
    ) as opened:
        result = opened.getexif()
        assert result[0x010F] == "maker"
        assert result.get_ifd(0x8769)[0x829A] == (1, 125)
        assert result.get_ifd(0x8825)[1] == "N"
        assert opened.info["icc_profile"] == metadata.icc
        assert opened.info["xmp"] == metadata.xmp
        assert opened.info["dpi"] == (300, 150)


def test_beyond_4_gb_a_tiff_is_a_big_one() -> None:
    """Offsets of 64 bits are used where 32 do not reach, and only there."""
    heads: dict[int, Any] = {}
    image = Image(np.zeros((1, 1, 3), np.uint8), "TIFF")
    for height in (5_000, 47_721, 50_000):  # the pixels of 47721 rows end 77296 bytes below 4 GB
        head = tiff_and_ppm.header("TIFF", (height, 30_000), image)
        with tifffile.TiffFile(io.BytesIO(head)) as opened:
            heads[height] = (opened.is_bigtiff, opened.pages[0].dataoffsets)
    assert not heads[5_000][0]
    assert heads[47_721][0]
    assert heads[50_000][0]
    assert heads[50_000][1][-1] > 1 << 32
