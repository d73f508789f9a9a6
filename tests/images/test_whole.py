import io

import PIL.Image
import pytest
from textures import levels

from upsample_cli.images import whole


def picture() -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(levels(9, 11, 3)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("missing", [1, 4, 8, 11, 12, 13, 30])
def test_a_png_without_its_end_is_refused(missing: int) -> None:
    """However little is cut off, the end is not there."""
    with pytest.raises(OSError, match="its end is missing"):
        whole.chunks_of(io.BytesIO(picture()[:-missing]))


@pytest.mark.parametrize("more", [b"", b"appended"])
def test_a_png_with_its_end_is_whole(more: bytes) -> None:
    """What some programs append is not the picture's business, nor is where the file stands."""
    file = io.BytesIO(picture() + more)
    file.seek(5)
    assert whole.chunks_of(file) == [b"IHDR", b"IDAT", b"IEND"]
    assert file.tell() == 5
