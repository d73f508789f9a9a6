import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
from textures import levels

from upsample_cli.images import decoding


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_common_formats_wait_for_no_other(tmp_path: Path, suffix: str) -> None:
    """A PNG or JPEG is decoded without NumPy, and without Pillow's decoders of rare formats."""
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(levels(8, 9, 3)).save(path)
    code = (
        "import sys\n"
        "from upsample_cli.images.decoding import decode\n"
        f"decode({str(path)!r})\n"
        "late = {'numpy', 'tifffile', 'PIL.TiffImagePlugin', 'PIL.WebPImagePlugin'}\n"
        "print(sorted(late & set(sys.modules)))\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert made.stdout.decode().strip() == "[]", made.stdout


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_head_tells_the_size_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The size that is told beforehand is the size that is read."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(levels(8, 9, 3)).save(path, exif=exif)
    picture = decoding.decode(str(path)).picture
    assert decoding.size(str(path)) == (picture.height, picture.width)
    assert picture.width == (8 if orientation > 4 else 9)
