import struct
import subprocess
import zlib
from pathlib import Path

import PIL.Image
import programs
import pytest
from textures import texture_samples

from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files
from upsample_cli.images.write.png import chunk


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_common_formats_import_no_other(tmp_path: Path, suffix: str) -> None:
    """A PNG or JPEG is decoded without decoders of rare formats."""
    path = tmp_path / f"in.{suffix}"
    PIL.Image.fromarray(texture_samples(8, 9, 3)).save(path)
    command = programs.command("modules_to_decode", path)
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "PIL.Image" in loaded
    late = {"tifffile", "PIL.TiffImagePlugin", "PIL.WebPImagePlugin"}
    assert late & set(loaded) == set()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_transparent_level_of_grey_is_scaled(tmp_path: Path, bits: int) -> None:
    """At every depth, exactly the level that tRNS names is transparent."""
    count = 2**bits
    row = sum(level << bits * (count - 1 - level) for level in range(count))
    row = row.to_bytes(-(-bits * count // 8)) if bits > 1 else b"\x40"
    for clear in {0, 1, count - 1}:
        path = tmp_path / f"{clear}.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">II5B", count, 1, bits, 0, 0, 0, 0))
            + chunk(b"tRNS", struct.pack(">H", clear))
            + chunk(b"IDAT", zlib.compress(b"\0" + row))
            + chunk(b"IEND", b"")
        )
        pixels = files.read(parse(path)).samples[0]
        expected = [[255 * n // (count - 1), 255 * (n != clear)] for n in range(count)]
        assert pixels.tolist() == expected
