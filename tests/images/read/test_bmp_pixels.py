import struct
from pathlib import Path

import numpy as np
import pytest
from textures import texture_samples

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files, opening

GREY = [(17 * level, 17 * level, 255 - 17 * level) for level in range(16)]


def bmp(size: tuple[int, int], bits: int, compression: int, behind: bytes, data: bytes) -> bytes:
    """Return a BMP whose header of 40 bytes is followed by a palette or masks."""
    height, width = size
    head = struct.pack("<LllHHLLllLL", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    start = 14 + len(head) + len(behind)
    file_head = struct.pack("<2sLLL", b"BM", start + len(data), 0, start)
    return file_head + head + behind + data


def palette() -> bytes:
    return b"".join(bytes([*colour[::-1], 0]) for colour in GREY)


def packed(row: list[int], bits: int) -> bytes:
    """Return one absolute run of a row, with a pixel too many where nibbles leave one over."""
    if bits == 8:
        data = bytes(row)
    else:
        row = [*row, *[9] * (len(row) % 2)]
        data = bytes(a << 4 | b for a, b in zip(row[::2], row[1::2], strict=True))
    return bytes([0, len(row)]) + data + bytes(len(data) % 2)


def read(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return files.read(parse(path)).samples


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("width", [6, 7, 33])
def test_runs_end_with_their_row(tmp_path: Path, width: int, bits: int) -> None:
    """What a run has too much for its row is left out; the next row begins where it should."""
    numbers = texture_samples(5, width, 1)[..., 0] // 16
    rows = b"".join(packed(row.tolist(), bits) + b"\0\0" for row in numbers[::-1])
    data = bmp((5, width), bits, 1 if bits == 8 else 2, palette() * (16 if bits == 8 else 1), rows)
    np.testing.assert_array_equal(read(tmp_path / "in.bmp", data), np.array(GREY, "u1")[numbers])


def test_runs_may_skip(tmp_path: Path) -> None:
    """Ends of rows, jumps and the end of the picture leave the first colour behind."""
    runs = bytes([0, 0, 3, 5, 0, 2, 1, 1, 9, 6, 0, 0, 2, 7, 0, 1])  # an empty row comes first
    expected = np.zeros((5, 6), int)
    expected[3, :3], expected[2, 4:], expected[1, :2] = 5, 6, 7
    data = bmp((5, 6), 8, 1, palette() * 16, runs)
    np.testing.assert_array_equal(read(tmp_path / "in.bmp", data), np.array(GREY, "u1")[expected])
    for cut in (2, 4, 6):
        with pytest.raises(ImageFileError, match="is damaged"):
            read(tmp_path / "in.bmp", data[:-cut])


@pytest.mark.parametrize(
    "masks",
    [
        (0x7C00, 0x3E0, 0x1F, 0x8000), (0xF00, 0xF0, 0xF, 0xF000), (0xF800, 0x7E0, 0x1F),
        (0xE0, 0x1C, 0x3), (0x1F, 0x3E0, 0x7C00), (0xFF00, 0xFF0000, 0xFF000000, 0xFF),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF00, 0xFF0000, 0xFF000000),
        (0x3FF, 0xFFC00, 0x3FF00000),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_upright", [True, False])
def test_masks_say_where_samples_lie(
    tmp_path: Path, masks: tuple[int, ...], is_upright: bool
) -> None:
    """Samples of any bits at any place become 8 bits, rounded; opacity is one of them."""
    bits = 16 if max(masks) < 1 << 16 else 32
    values = np.random.default_rng(0).integers(0, 1 << bits, (5, 7), np.uint64)
    stride = -(-7 * bits // 32) * 4
    rows = values[:: 1 if is_upright else -1].astype(f"<u{bits // 8}").view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, stride - rows.shape[1]))).tobytes()
    compression = 6 if len(masks) == 4 else 3
    made = bmp(
        (-5 if is_upright else 5, 7), bits, compression,
        struct.pack(f"<{len(masks)}L", *masks), data,
    )  # fmt: skip
    (tmp_path / "in.bmp").write_bytes(made)
    assert opening.read_size(parse(tmp_path / "in.bmp")) == (5, 7)
    image = files.read(parse(tmp_path / "in.bmp"))
    fields = [int(format(mask, "b").rstrip("0") or "0", 2) for mask in masks]
    shifts = [len(format(mask, "b")) - len(format(mask, "b").rstrip("0")) for mask in masks]
    expected = [
        np.floor((values >> shift & field).astype(float) / field * 255 + 0.5)
        for field, shift in zip(fields, shifts, strict=True)
    ]
    np.testing.assert_array_equal(image.samples, np.stack(expected, axis=2))
    assert image.notes == (("its colours of 10 bits are read as 8",) if fields[0] > 255 else ())
    with pytest.raises(ImageFileError, match="is damaged"):
        read(tmp_path / "in.bmp", made[:-stride])


@pytest.mark.parametrize("bits", [24, 32])
def test_the_profile_of_a_bmp_is_kept(tmp_path: Path, bits: int) -> None:
    """The fifth version of the header says where a profile lies."""
    samples, profile = texture_samples(5, 8, 3), bytes(range(200))
    colours = np.pad(samples[::-1, :, ::-1], ((0, 0), (0, 0), (0, bits // 8 - 3)))
    data = colours.tobytes()
    head = struct.pack("<LllHHLLllLL", 124, 8, 5, 1, bits, 0, 0, 0, 0, 0, 0)
    head += bytes(16) + b"DEBM" + bytes(52) + struct.pack("<LL", 124 + len(data), len(profile))
    head = head.ljust(124, b"\0")
    made = struct.pack("<2sLLL", b"BM", 0, 0, 14 + 124) + head + data + profile
    np.testing.assert_array_equal(read(tmp_path / "in.bmp", made), samples)
    assert files.read(parse(tmp_path / "in.bmp")).metadata.icc == profile


def test_runs_of_an_absurd_size_take_no_memory(tmp_path: Path) -> None:
    """A head that claims billions of pixels is refused by its size."""
    (tmp_path / "in.bmp").write_bytes(bmp((1 << 30, 1 << 30), 8, 1, palette() * 16, b"\0\1"))
    with pytest.raises(ImageFileError, match="raise --max-pixels"):
        files.read(parse(tmp_path / "in.bmp"))


@pytest.mark.parametrize("compression", [1, 3])
def test_the_budget_is_asked_before_pixels_are_laid_out(tmp_path: Path, compression: int) -> None:
    """Neither runs nor masks take more memory than may be used."""
    behind = palette() * 16 if compression == 1 else struct.pack("<3L", 0xF800, 0x7C0, 0x3F)
    data = bmp((15_000, 15_000), 8 if compression == 1 else 16, compression, behind, b"\0\1")
    (tmp_path / "in.bmp").write_bytes(data)
    memory.limit_to(256 << 20)
    try:
        with pytest.raises(PictureTooLargeError, match="a BMP of 15000x15000 needs"):
            files.read(parse(tmp_path / "in.bmp"))
    finally:
        memory.limit_to(None)


def test_a_bmp_that_is_not_read_is_not_called_damaged(tmp_path: Path) -> None:
    """Two bits a pixel are intact, so another copy would not help."""
    with pytest.raises(ImageFileError, match=r"not read \(Unsupported .*\); save it as a PNG"):
        read(tmp_path / "in.bmp", bmp((4, 4), 2, 0, palette()[:16], bytes(16)))
