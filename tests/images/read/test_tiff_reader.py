import os
import re
import subprocess
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image
import programs
import pytest
import tifffile
from textures import texture_samples

from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files, opening


def floats(channels: int, dtype: str = "f4") -> np.ndarray:
    """Return samples from -1 to 3, none of them a level of 16 bits."""
    return (texture_samples(9, 11, channels, 16) / 16411 - 1).astype(dtype)


def error_without_imagecodecs(path: Path) -> str:
    """Return the error about a file from a new process, as tifffile remembers its decoders."""
    command = programs.command("without", "imagecodecs", path, path.with_suffix(".png"))
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_are_read_as_they_are(tmp_path: Path, channels: int, dtype: str) -> None:
    """Floating-point samples are read as 32-bit floats without rounding or clipping."""
    samples = floats(channels, dtype)
    kind = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "in.tiff", samples.squeeze(), photometric=kind)
    image = files.read(parse(tmp_path / "in.tiff"))
    assert image.samples.dtype == np.float32
    assert image.peak == 1
    np.testing.assert_array_equal(image.samples, samples.astype(np.float32))
    assert len(image.notes) == (dtype != "f4")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_compressed_floats_are_put_in_order_once(
    tmp_path: Path, order: Literal["<", ">"], compression: str | None
) -> None:
    """Grey floats are the same in either byte order, compressed or not."""
    samples = floats(1)
    path = tmp_path / "in.tiff"
    tifffile.imwrite(path, samples.squeeze(), byteorder=order, compression=compression)
    np.testing.assert_array_equal(files.read(parse(path)).samples, samples)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("channels", [2, 4])
def test_straight_opacity_is_read(tmp_path: Path, channels: int, dtype: str) -> None:
    """An extra sample that is straight opacity becomes the alpha channel."""
    samples = texture_samples(9, 11, channels, 16) if dtype == "u2" else floats(channels)
    kind = "rgb" if channels == 4 else "minisblack"
    tifffile.imwrite(
        tmp_path / "in.tiff", samples, photometric=kind, planarconfig="contig",
        extrasamples=["unassalpha"],
    )  # fmt: skip
    image = files.read(parse(tmp_path / "in.tiff"))
    assert image.has_alpha
    np.testing.assert_array_equal(image.samples, samples)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 2])
def test_white_may_be_zero(tmp_path: Path, channels: int, order: Literal["<", ">"]) -> None:
    """Grey of 16 bits with white as 0 is inverted; its opacity is not."""
    samples = texture_samples(9, 11, channels, 16)
    tifffile.imwrite(
        tmp_path / "in.tiff", samples.squeeze(), photometric="miniswhite", byteorder=order,
        planarconfig="contig", extrasamples=["unassalpha"] * (channels - 1),
    )  # fmt: skip
    image = files.read(parse(tmp_path / "in.tiff")).samples
    np.testing.assert_array_equal(image[..., 0], 65535 - samples[..., 0])
    np.testing.assert_array_equal(image[..., 1:], samples[..., 1:])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [np.nan, np.inf, -np.inf, 2e30])
def test_samples_that_are_no_numbers_are_refused(
    tmp_path: Path, level: float, channels: int
) -> None:
    """NaN, infinity and very large samples, which spoil their neighbours, are refused."""
    samples = floats(channels)
    samples[4, 5, 0] = level
    kind = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "in.tiff", samples.squeeze(), photometric=kind)
    with pytest.raises(ImageFileError, match="samples that are NaN, infinite or beyond"):
        files.read(parse(tmp_path / "in.tiff"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    """Floats, size and resolution are turned as Pillow turns 8 bits; XMP has orientation 1 then."""
    shallow, path = texture_samples(5, 7, 3), str(tmp_path / "in.tiff")
    packet = b"<x tiff:Orientation='%d'/>" % orientation
    images = []
    for samples in (shallow, shallow.astype(np.float32)):
        tags = [(274, 3, 1, orientation, True), (700, 1, len(packet), packet, True)]
        tifffile.imwrite(path, samples, photometric="rgb", extratags=tags, resolution=(204, 98),
                         resolutionunit="inch")  # fmt: skip
        images.append(files.read(parse(path)))
        assert opening.read_size(parse(path)) == images[-1].size
    np.testing.assert_array_equal(images[1].samples, images[0].samples)
    assert {image.metadata.xmp for image in images} == {b"<x tiff:Orientation='1'/>"}
    dpi = (98, 204) if orientation > 4 else (204, 98)
    assert [image.metadata.dpi for image in images] == [dpi, dpi]


def test_metadata_is_read(tmp_path: Path) -> None:
    """Profile, XMP, resolution, software and size are read as from any TIFF."""
    path = str(tmp_path / "in.tiff")
    tifffile.imwrite(
        path, floats(3), photometric="rgb", iccprofile=b"profile" * 20, resolution=(300, 150),
        resolutionunit="inch", software="a program", extratags=[(700, 1, 6, b"<xmp/>", True)],
        metadata=None,
    )  # fmt: skip
    metadata = files.read(parse(path)).metadata
    assert (metadata.icc, metadata.xmp) == (b"profile" * 20, b"<xmp/>")
    assert metadata.dpi == (300, 150)
    exif = PIL.Image.Exif()
    exif.load(metadata.exif)
    assert dict(exif) == {0x0131: "a program"}
    assert opening.read_size(parse(path)) == (9, 11)
    assert opening.is_picture(parse(path))


@pytest.mark.parametrize(
    ("samples", "options", "fault"),
    [
        (np.ones((4, 5, 3), "u4"), {"photometric": "rgb"}, "RGB samples of type uint32"),
        (np.ones((4, 5), "c8"), {}, "samples of type complex64"),
        (np.ones((4, 5), "i1"), {}, "samples of type int8"),
        (np.ones((4, 5), "f4"), {"photometric": "miniswhite"}, "MINISWHITE samples of"),
        (np.ones((4, 4, 5), "u1"),
         {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["assocalpha"]},
         "has premultiplied opacity; save it with straight opacity"),
        (np.ones((4, 5, 4), "f4"), {"photometric": "rgb", "extrasamples": ["assocalpha"]},
         "has premultiplied opacity; save it with straight opacity"),
        (np.ones((4, 5, 4), "u2"), {"photometric": "rgb", "extrasamples": ["assocalpha"]},
         "has premultiplied opacity; save it with straight opacity"),
        (np.ones((4, 5, 4), "u2"), {"photometric": "separated"},
         "CMYK samples of type uint16; save it as CMYK of 8 bits without opacity"),
    ],
)  # fmt: skip
def test_other_samples_are_refused(
    tmp_path: Path, samples: np.ndarray, options: dict[str, Any], fault: str
) -> None:
    """Samples whose meaning is unclear are refused with a remedy."""
    tifffile.imwrite(tmp_path / "in.tiff", samples, **options)
    with pytest.raises(ImageFileError, match=fault):
        files.read(parse(tmp_path / "in.tiff"))


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("minisblack", ["unspecified"]),
        ("separated", ["unspecified"]),
        ("rgb", ["unspecified"]),
        ("rgb", ["unassalpha", "unspecified"]),
        ("rgb", ["assocalpha", "unspecified"]),
    ],
)
def test_bands_are_not_dropped(tmp_path: Path, dtype: str, kind: str, extra: list[str]) -> None:
    """Samples that are neither colours nor opacity, such as infrared, are refused."""
    channels = {"minisblack": 1, "rgb": 3, "separated": 4}[kind] + len(extra)
    tifffile.imwrite(
        tmp_path / "in.tiff", np.ones((4, 5, channels), dtype), photometric=kind,
        planarconfig="contig", extrasamples=extra,
    )  # fmt: skip
    fault = f"has {channels} samples per pixel, and some are neither .*; save it without"
    with pytest.raises(ImageFileError, match=fault):
        files.read(parse(tmp_path / "in.tiff"))


@pytest.mark.parametrize(
    ("dtype", "fault"),
    [
        ("<i2", "signed integers of 16 bits; save"),
        (">i2", "signed integers of 16 bits; save"),
        ("<i4", "signed integers of 32 bits; save"),
        ("<u4", "holds integers of 32 bits; save"),
        (">u4", "samples of type uint32; save"),
    ],
)
def test_whole_numbers_that_are_no_levels_are_refused(
    tmp_path: Path, dtype: str, fault: str
) -> None:
    """Signed and 32-bit integers have no known full scale, however small they are."""
    order: Literal["<", ">"] = "<" if dtype[0] == "<" else ">"
    tifffile.imwrite(tmp_path / "in.tiff", np.ones((4, 5), dtype[1:]), byteorder=order)
    with pytest.raises(ImageFileError, match=fault):
        files.read(parse(tmp_path / "in.tiff"))


def test_a_preview_is_not_taken_for_the_picture(tmp_path: Path) -> None:
    """A raw file, whose first picture is a preview, is refused; a pyramid is read."""
    path = str(tmp_path / "in.tiff")
    for first, second in ((0, 1), (1, 0)):
        with tifffile.TiffWriter(path) as file:
            file.write(texture_samples(4, 5, 3), photometric="rgb", subfiletype=first, subifds=1)
            file.write(texture_samples(8, 10, 1)[..., 0], subfiletype=second)
        if first == 0:
            np.testing.assert_array_equal(files.read(parse(path)).samples, texture_samples(4, 5, 3))
    fault = r"only a preview can be read; develop it into a TIFF or PNG"
    with pytest.raises(ImageFileError, match=fault):
        opening.read_size(parse(path))
    with pytest.raises(ImageFileError, match=fault):
        files.read(parse(path))


@pytest.mark.parametrize(
    ("samples", "code", "word"), [(floats(3), 5, "LZW"), (texture_samples(9, 11, 3), 50001, "WEBP")]
)
def test_a_missing_decoder_is_named(
    tmp_path: Path, samples: np.ndarray, code: int, word: str
) -> None:
    """The error about a compression that needs imagecodecs says how to install it.

    Of floats Pillow decodes none; of bytes it tries, and may be built without.
    """
    tifffile.imwrite(tmp_path / "in.tiff", samples, photometric="rgb", compression="zlib")
    data = (tmp_path / "in.tiff").read_bytes()
    entry = b"\x03\x01\x03\0\x01\0\0\0"  # tag 259, compression
    assert data.count(entry + b"\x08\0") == 1
    renamed = data.replace(entry + b"\x08\0", entry + code.to_bytes(2, "little"))
    (tmp_path / "in.tiff").write_bytes(renamed)
    fault = rf"{word}, which needs .*; pip install .*\[tiff\]"
    assert re.search(fault, error_without_imagecodecs(tmp_path / "in.tiff"))


def test_samples_of_12_bits_are_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without imagecodecs 12 bits are refused; with it the highest level is full scale."""
    tifffile.imwrite(tmp_path / "in.tiff", np.ones((4, 6, 3), "u2"), photometric="rgb")
    data = (tmp_path / "in.tiff").read_bytes()
    assert data.count(b"\x10\0\x10\0\x10\0") == 1  # bits of each sample
    path = tmp_path / "in12.tiff"
    path.write_bytes(data.replace(b"\x10\0\x10\0\x10\0", b"\x0c\0\x0c\0\x0c\0"))
    fault = r"has samples of 12 bits, which needs imagecodecs; pip install .*\[tiff\]"
    assert re.search(fault, error_without_imagecodecs(path))
    read = np.full((4, 6, 3), 4095, np.uint16)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda _: read)
    image = files.read(parse(path))
    assert (image.samples == 65535).all()
    assert image.highest == 4095


def test_too_many_pixels_are_refused_by_the_head(tmp_path: Path) -> None:
    """A picture over the limit is refused before decoding."""
    tifffile.imwrite(tmp_path / "in.tiff", floats(3), photometric="rgb")
    with pytest.raises(PictureTooLargeError, match="11x9, more than 98 pixels"):
        files.read(parse(tmp_path / "in.tiff"), 98)


def test_damage_is_raised_and_not_written_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written to stderr by libtiff, and stderr works again afterwards."""
    path = tmp_path / "in.tiff"
    PIL.Image.fromarray(texture_samples(64, 64, 1)[..., 0]).save(path, compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    data[200:1000:37] = bytes(22)
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match="is damaged"):
        files.read(parse(path))
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_a_big_tiff_is_read_as_a_classic_one(
    tmp_path: Path, dtype: str, order: Literal["<", ">"]
) -> None:
    """Offsets of 64 bits change neither the samples nor what the tags say."""
    samples = floats(3) if dtype == "f4" else texture_samples(9, 11, 3, 8 * int(dtype[1]))
    images = []
    for is_big in (False, True):
        tifffile.imwrite(
            tmp_path / "in.tif", samples, photometric="rgb", bigtiff=is_big, byteorder=order,
            software="a scanner", resolution=(300, 300), resolutionunit="inch",
        )  # fmt: skip
        images.append(files.read(parse(tmp_path / "in.tif")))
        assert opening.read_size(parse(tmp_path / "in.tif")) == (9, 11)
    np.testing.assert_array_equal(images[1].samples, images[0].samples)
    assert images[1].metadata == images[0].metadata
    assert b"a scanner" in (images[1].metadata.exif or b"")
