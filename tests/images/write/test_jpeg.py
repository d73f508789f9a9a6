import io
from collections.abc import Iterator

import cv2
import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.write import encode, jpeg


def cut(samples: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    for top in range(0, len(samples), rows):
        yield samples[top : top + rows]


def written(samples: np.ndarray, rows: int, cmyk: bool = False, **options: object) -> bytes:
    return b"".join(jpeg.parts(cut(samples, rows), samples.shape[:2], cmyk, dict(options)))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(2, 3), (128, 40), (129, 17), (1000, 50), (2500, 9)])
def test_pixels_are_those_of_a_whole(
    subsampling: int, channels: int, height: int, width: int
) -> None:
    """However the strips are cut, a decoder sees what it sees of Pillow's own file."""
    samples = texture_samples(height, width, channels)
    options = {"quality": 83, "subsampling": subsampling}
    whole = io.BytesIO()
    encode.to_pillow(samples, channels == 4).save(whole, "JPEG", **options)
    parts = [written(samples, rows, channels == 4, **options) for rows in (1, 77, 128, 3000)]
    assert len(set(parts)) == 1
    for data in parts[:1]:
        with PIL.Image.open(io.BytesIO(data)) as actual, PIL.Image.open(whole) as expected:
            assert (actual.size, actual.mode) == (expected.size, expected.mode)
            np.testing.assert_array_equal(np.asarray(actual), np.asarray(expected))
        if channels != 4:
            flags = cv2.IMREAD_UNCHANGED
            both = (np.frombuffer(file, np.uint8) for file in (data, whole.getvalue()))
            actual, expected = (cv2.imdecode(file, flags) for file in both)
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("width", [8, 30000, 65500])
def test_any_width_has_a_restart_that_fits(width: int) -> None:
    """The number of blocks between two restarts has 16 bits; wide pictures restart sooner."""
    samples = np.full((200, width, 3), 99, np.uint8)
    data = written(samples, 50, subsampling=0)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.size == (width, 200)
        assert abs(int(np.asarray(opened)[-1, -1, 0]) - 99) <= 1


def test_metadata_is_in_the_head() -> None:
    """Profile, EXIF and comment are written once, as Pillow writes them."""
    samples = texture_samples(400, 40, 3)
    options = {"icc_profile": b"p" * 70000, "comment": "hello", "dpi": (300, 300)}
    data = written(samples, 100, **options)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.info["icc_profile"] == b"p" * 70000
        assert opened.info["comment"] == b"hello"
        assert opened.info["dpi"] == (300, 300)
    assert data.count(b"hello") == 1


def test_what_cannot_be_encoded_is_an_error() -> None:
    """The encoder's refusal is an error about the format."""
    with pytest.raises(ImageFileError, match="JPEG cannot hold 8x8 pixels"):
        written(texture_samples(8, 8, 3), 8, qtables=[[1]])
