import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import levels

from upsample_cli.images.read import files
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.images.write.png import chunk
from upsample_cli.jobs.enlarge.picture import upsample
from upsample_cli.jobs.enlarge.size import TargetSize
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.methods.catalogue import build

NAMES = (
    "aspect", "background", "bbox", "blend", "chromaticity", "colours", "comment",
    "default_image", "disposal", "dpi", "duration", "exif", "gamma", "icc_profile", "interlace",
    "lossless", "loop", "photoshop", "quantization", "srgb", "transparency", "xmp",
)  # fmt: skip
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "tEXt": lambda name: name.encode() + b"\0abc",
    "zTXt": lambda name: name.encode() + b"\0\0" + zlib.compress(b"abc"),
    "iTXt": lambda name: name.encode() + b"\0\0\0\0\0abc",
}


def png(path: Path, place: int, texts: bytes) -> bytes:
    """Write a PNG with texts before its pixels (-1) or after them (1), and return what it was."""
    PIL.Image.fromarray(levels(12, 14, 3)).save(path, dpi=(96, 96), exif=PIL.Image.Exif())
    data = path.read_bytes()
    at = data.index(b"IDAT") - 4 if place < 0 else data.index(b"IEND") - 4
    path.write_bytes(data[:at] + texts + data[at:])
    return data


@pytest.mark.parametrize("kind", list(SPELLINGS))
@pytest.mark.parametrize("place", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_but_a_text(tmp_path: Path, kind: str, place: int, name: str) -> None:
    """Whatever it is called, a text is no gamma, profile, EXIF or transparency."""
    path = tmp_path / "in.png"
    plain = png(path, place, chunk(kind.encode(), SPELLINGS[kind](name)))
    found = decode(str(path))
    samples = files.image(found).samples
    path.write_bytes(plain)
    expected = decode(str(path))
    assert found.metadata == replace(expected.metadata, text=((name, "abc"),))
    assert np.array_equal(samples, files.image(expected).samples)


@pytest.mark.parametrize("format", sorted({*FORMATS} - {"jpg", "tif", "pgm", "apng"}))
def test_every_format_is_written_of_it(tmp_path: Path, format: str) -> None:
    """No name of a text keeps a picture from being written."""
    path = tmp_path / "in.png"
    png(path, -1, b"".join(chunk(b"tEXt", name.encode() + b"\0abc") for name in NAMES))
    for linear in (False, True):
        to = str(tmp_path / f"out.{format}")
        task = Task(build("bilinear"), TargetSize(scale=2.0), linear=linear, force=True)
        assert upsample(str(path), to, task).size == (24, 28)
