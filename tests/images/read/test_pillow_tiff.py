import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from textures import texture_samples

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files


def tiff(tags: dict[int, tuple[int, ...]], pixels: bytes) -> bytes:
    """Return a TIFF of tags whose numbers are all LONG, and one strip of pixels."""
    tags |= {273: (8,), 279: (len(pixels),)}
    start, more = 8 + len(pixels) + 2 + 12 * len(tags) + 4, b""
    entries = b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}L", *numbers)
        if len(numbers) > 1:
            more, packed = more + packed, struct.pack("<L", start + len(more))
        entries += struct.pack("<HHL", tag, 4, len(numbers)) + packed
    head = struct.pack("<4sL", b"II\x2a\0", 8 + len(pixels))
    return head + pixels + struct.pack("<H", len(tags)) + entries + bytes(4) + more


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_uncompressed_ycbcr_may_be_subsampled(tmp_path: Path, across: int, down: int) -> None:
    """Luma in blocks with one pair of chroma for each becomes RGB as BT.601 has it."""
    luma = texture_samples(8, 16, 1)[..., 0] // 2 + 60
    chroma = texture_samples(8 // down, 16 // across, 2) // 4 + 96
    blocks = luma.reshape(8 // down, down, 16 // across, across).swapaxes(1, 2)
    pixels = np.concatenate([blocks.reshape(*chroma.shape[:2], -1), chroma], axis=2)
    tags = {
        256: (16,), 257: (8,), 258: (8, 8, 8), 259: (1,), 262: (6,), 277: (3,), 278: (8,),
        530: (across, down),
    }  # fmt: skip
    (tmp_path / "in.tif").write_bytes(tiff(tags, pixels.tobytes()))
    blue, red = np.moveaxis(chroma.repeat(down, axis=0).repeat(across, axis=1) - 128.0, 2, 0)
    expected = np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=2
    )
    actual = files.read(parse(tmp_path / "in.tif")).samples
    assert np.abs(actual - expected.clip(0, 255)).max() < 2


@pytest.mark.parametrize("full", [255, 65535])
def test_a_colour_map_may_have_8_bits(tmp_path: Path, full: int) -> None:
    """A map whose largest level is 255 holds levels of 255, as old programs wrote them."""
    colours = texture_samples(1, 256, 3)[0]
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour_map = (colours.T.astype(np.uint32) * full // 255).ravel().tolist()
    tags = {
        256: (16,), 257: (16,), 258: (8,), 259: (1,), 262: (3,), 277: (1,), 278: (16,),
        320: tuple(colour_map),
    }  # fmt: skip
    (tmp_path / "in.tif").write_bytes(tiff(tags, numbers.tobytes()))
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.tif")).samples, colours[numbers])


@pytest.mark.parametrize("later", ["i8", "f8", "c16"])
def test_later_pages_may_be_of_any_kind(tmp_path: Path, later: str) -> None:
    """Only the first page is used, so what the others hold does not matter."""
    samples = texture_samples(9, 11, 3)
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(samples, photometric="rgb")
        file.write(np.zeros((5, 6), later), photometric="minisblack")
    image = files.read(parse(tmp_path / "in.tif"))
    np.testing.assert_array_equal(image.samples, samples)
    assert image.notes == ("only the first of its 2 pictures is used",)


@pytest.mark.parametrize("compression", ["group4", "tiff_ccitt"])
def test_a_broken_fax_is_refused(tmp_path: Path, compression: str) -> None:
    """A fax with bad code words is no picture of white lines; a whole one is read."""
    rng = np.random.default_rng(0)
    dots = np.kron(rng.integers(0, 2, (16, 16)), np.ones((8, 8))).astype(bool)
    path = tmp_path / "in.tif"
    PIL.Image.fromarray(dots).save(path, compression=compression)
    np.testing.assert_array_equal(files.read(parse(path)).samples[..., 0], 255 * dots)
    with tifffile.TiffFile(path) as opened:
        start = opened.pages[0].aspage().dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start + 5 : start + 40] = rng.integers(0, 256, 35, np.uint8).tobytes()
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match="is damaged"):
        files.read(parse(path))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [0, 1, 3])
def test_bits_may_run_from_the_lowest(tmp_path: Path, kind: int, bits: int) -> None:
    """Grey, inverted grey and palettes are the same in either order of bits."""
    rows = texture_samples(6, 16, 1)[..., 0]
    colours = {320: tuple(range(0, 3 << bits + 6, 64))} if kind == 3 else {}
    images = []
    for order in (1, 2):
        data = rows[:, : 2 * bits].tobytes()
        if order == 2:
            data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
        tags = {
            256: (16,), 257: (6,), 258: (bits,), 259: (1,), 262: (kind,), 266: (order,),
            277: (1,), 278: (6,), **colours,
        }  # fmt: skip
        (tmp_path / "in.tif").write_bytes(tiff(tags, data))
        images.append(files.read(parse(tmp_path / "in.tif")).samples)
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [2, 4])
def test_opacity_may_be_a_plane_of_its_own(
    tmp_path: Path, channels: int, compression: str | None
) -> None:
    """Grey and colours with opacity are read from separate planes."""
    samples = texture_samples(9, 11, channels)
    tifffile.imwrite(
        tmp_path / "in.tif", np.moveaxis(samples, 2, 0), planarconfig="separate",
        photometric="minisblack" if channels == 2 else "rgb", extrasamples=["unassalpha"],
        compression=compression,
    )  # fmt: skip
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.tif")).samples, samples)


@pytest.mark.parametrize(("kind", "name"), [(3, "PALETTE"), (8, "CIELAB")])
def test_some_separate_planes_are_refused(tmp_path: Path, kind: int, name: str) -> None:
    """CIELab, and palettes with opacity, are read only if the samples of a pixel lie together."""
    count = {3: 2, 8: 3}[kind]
    tags = {
        256: (8,), 257: (8,), 258: (8,) * count, 259: (1,), 262: (kind,), 277: (count,), 278: (8,),
        284: (2,), **({320: (9,) * 768, 338: (2,)} if kind == 3 else {}),
    }  # fmt: skip
    (tmp_path / "in.tif").write_bytes(tiff(tags, bytes(64 * count)))
    with pytest.raises(ImageFileError, match=f"{name} samples of type uint8 in separate planes"):
        files.read(parse(tmp_path / "in.tif"))


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_a_tile_must_fit_in_memory(tmp_path: Path, dtype: str) -> None:
    """A small picture in a large tile is refused by the size of the tile."""
    samples = texture_samples(9, 11, 3).astype(dtype)
    tifffile.imwrite(
        tmp_path / "in.tif", samples, photometric="rgb", tile=(1600, 1600), compression="zlib"
    )
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.tif")).samples, samples)
    memory.limit_to(100 << 20)
    try:
        with pytest.raises(PictureTooLargeError, match=r"a tile of .*--max-memory"):
            files.read(parse(tmp_path / "in.tif"))
    finally:
        memory.limit_to(None)
