from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import decode, files, opening


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_head_states_the_upright_size(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The size from the head is the size of the decoded picture."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path, exif=exif)
    picture = decode.decode(parse(path)).picture
    assert opening.read_size(parse(path)) == (picture.height, picture.width)
    assert picture.width == (8 if orientation > 4 else 9)


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


@pytest.mark.parametrize("size", [32, 64, 128])
def test_icons_of_any_length_are_icons(tmp_path: Path, size: int) -> None:
    """An icon of noise, whose length may make its head look like that of a TGA, is an icon."""
    noise = np.random.default_rng(size).integers(0, 256, (size, size, 4), np.uint8)
    noise[..., 3] = 255
    PIL.Image.fromarray(noise).save(tmp_path / "in.ico", sizes=[(size, size)], bitmap_format="bmp")
    assert opening.read_size(parse(tmp_path / "in.ico")) == (size, size)
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.ico")).samples, noise)
