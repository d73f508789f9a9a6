import io
import zlib
from pathlib import Path
from struct import pack

import PIL.Image
import pytest
from textures import levels

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.read import files, png_chunks
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write.png import chunk, metadata_chunks


def picture() -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(levels(9, 11, 3)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("missing", [1, 4, 8, 11, 12, 13, 30])
def test_a_png_without_its_end_is_refused(missing: int) -> None:
    """However little is cut off, the end is not there."""
    with pytest.raises(OSError, match="its end is missing"):
        png_chunks.kinds(io.BytesIO(picture()[:-missing]))


@pytest.mark.parametrize("more", [b"", b"appended"])
def test_a_png_with_its_end_is_whole(more: bytes) -> None:
    """What some programs append is not the picture's business, nor is where the file stands."""
    file = io.BytesIO(picture() + more)
    file.seek(5)
    assert png_chunks.kinds(file) == [b"IHDR", b"IDAT", b"IEND"]
    assert file.tell() == 5


HDR = (b"cICP", b"\x09\x10\0\1"), (b"mDCV", bytes(range(24))), (b"cLLI", bytes(8))


def with_chunks(given: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with more chunks behind its head."""
    return given[:33] + b"".join(chunk(*each) for each in more) + given[33:]


def test_colours_of_hdr_are_found() -> None:
    """What tells colours is found before the pixels, if it has its length; the file stays."""
    file = io.BytesIO(with_chunks(picture(), HDR[0], (b"cLLI", b"short"), *HDR[1:]))
    file.seek(5)
    assert png_chunks.colours(file) == HDR
    assert file.tell() == 5
    assert png_chunks.colours(io.BytesIO(picture()[:40])) == ()


def test_colours_of_hdr_are_kept_by_png_and_told_for_others(tmp_path: Path) -> None:
    """They stand in the output's PNG as in the input's; none else has any."""
    path = tmp_path / "in.png"
    path.write_bytes(with_chunks(picture(), *HDR))
    decoded = decode(str(path))
    told = decoded.metadata.stripped()
    assert told.losses("PNG") == ()
    assert told.losses("JPEG") == ("cICP", "mDCV", "cLLI")
    assert metadata_chunks(told) == b"".join(chunk(*each) for each in HDR)


def test_colours_that_are_srgb_are_no_loss() -> None:
    """A format that says nothing of colours is taken for sRGB."""
    assert Metadata(colours=((b"cICP", b"\x01\x0d\0\1"),)).losses("JPEG") == ()


@pytest.mark.parametrize("default", [True, False])
def test_an_animation_keeps_its_colours(tmp_path: Path, default: bool) -> None:
    """So it is with and without a still picture before the frames."""
    made = io.BytesIO()
    first, *others = (PIL.Image.fromarray(levels(9, 11, 3) // n) for n in (1, 2, 3))
    first.save(made, "PNG", save_all=True, append_images=others, default_image=default)
    path = tmp_path / "in.png"
    path.write_bytes(with_chunks(made.getvalue(), *HDR))
    assert decode(str(path)).metadata.colours == HDR


@pytest.mark.parametrize(
    ("bits", "colours"), [(1, 0), (2, 0), (4, 0), *((n, c) for n in (8, 16) for c in (0, 2, 4, 6))]
)
@pytest.mark.parametrize("rows", [10, 9, 8.5, 3])
def test_pixels_that_end_early_are_refused(
    tmp_path: Path, bits: int, colours: int, rows: float
) -> None:
    """A stream that ends as it should, but before the last row, is no black picture."""
    row = 1 + -(-13 * bits * {0: 1, 2: 3, 4: 2, 6: 4}[colours] // 8)
    shape = pack(">LL5B", 13, 10, bits, colours, 0, 0, 0)
    data = zlib.compress(bytes(int(row * rows)))
    parts = (chunk(b"IHDR", shape), chunk(b"IDAT", data[:3]), chunk(b"IDAT", data[3:]))
    path = tmp_path / "in.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))
    if rows == 10:
        assert files.image(decode(str(path))).size == (10, 13)
        return
    # Of half a row Pillow says so itself.
    fault = "image file is truncated" if rows == 8.5 else "its pixels end early"
    with pytest.raises(ImageFileError, match=fault):
        files.image(decode(str(path)))
