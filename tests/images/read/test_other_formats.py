import io
import struct
import subprocess
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import programs
import pytest
from PIL import ImageCms
from textures import texture_samples

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.levels import to_linear
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files, opening, other_formats


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_white_of_a_deep_jpeg_2000_is_white(tmp_path: Path, bits: int, channels: int) -> None:
    """All bits are kept and the highest level is full scale."""
    codecs = pytest.importorskip("imagecodecs")
    levels = texture_samples(20, 24, channels, 16) >> (16 - bits)
    levels[0] = 2**bits - 1
    data = codecs.jpeg2k_encode(levels.squeeze(), level=0, bitspersample=bits, codecformat="jp2")
    (tmp_path / "in.jp2").write_bytes(data)
    image = files.read(parse(tmp_path / "in.jp2"))
    expected = np.floor(levels / (2**bits - 1) * 65535 + 0.5)
    np.testing.assert_array_equal(image.samples, expected)
    assert image.notes == ()
    orientation = struct.pack("<HHHLHHL", 1, 0x112, 3, 1, 6, 0, 0)
    exif = b"JpgTiffExif->JP2II\x2a\0\x08\0\0\0" + orientation
    pixels = data.index(b"jp2c") - 4  # a box that may go on to the end
    box = struct.pack(">L4s", 8 + len(exif), b"uuid") + exif
    boxed = data[:pixels] + box + data[pixels:]
    (tmp_path / "in.jp2").write_bytes(boxed)
    turned = files.read(parse(tmp_path / "in.jp2")).samples
    np.testing.assert_array_equal(turned, np.rot90(expected, -1))


def test_a_deep_grey_jpeg_2000_needs_no_library(tmp_path: Path) -> None:
    """OpenCV writes 16 bits, of which Pillow reads all."""
    levels = texture_samples(64, 72, 1, 16)
    cv2.imwrite(str(tmp_path / "in.jp2"), levels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    image = files.read(parse(tmp_path / "in.jp2"))
    np.testing.assert_array_equal(image.samples, levels)


@pytest.mark.parametrize(
    ("name", "data", "kind", "module"),
    [
        ("in.jxl", b"\xff\x0a" + bytes(20), "JPEG XL", "imagecodecs"),
        ("in.exr", b"\x76\x2f\x31\x01" + bytes(20), "OpenEXR", "OpenEXR"),
        ("in.hdr", b"#?RADIANCE\n" + bytes(20), "Radiance HDR", "imagecodecs"),
        ("in.psd", b"8BPS\0\1" + bytes(20), "Photoshop", "psd_tools"),
        ("in.heic", b"\0\0\0\x18ftypheic" + bytes(20), "HEIF", "pillow_heif"),
    ],
)
def test_a_missing_library_is_named(
    tmp_path: Path, name: str, data: bytes, kind: str, module: str
) -> None:
    """The error says what the file is, what it needs, and the extra that has it."""
    (tmp_path / name).write_bytes(data)
    command = programs.command("without", module, tmp_path / name, tmp_path / "out.png")
    error = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert f"{name} is {kind}, which needs {module}; pip install" in error
    assert '"upsample-cli[formats]"' in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_xl_is_read_with_all_bits(tmp_path: Path, channels: int, dtype: str) -> None:
    """8 and 16 bits and floats come back as they were."""
    codecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    samples = texture_samples(20, 24, channels, 8 if dtype == "u1" else 16)
    if dtype == "f4":
        samples = (samples / 65535).astype(np.float32)
    data = codecs.jpegxl_encode(samples.squeeze(), lossless=True)
    (tmp_path / "in.jxl").write_bytes(data)
    image = files.read(parse(tmp_path / "in.jxl"))
    np.testing.assert_array_equal(image.samples, samples)
    assert opening.read_size(parse(tmp_path / "in.jxl")) == (20, 24)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_heif_is_read(tmp_path: Path, mode: str) -> None:
    """Pixels and profile are right; the decoder turns them where need be."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    samples, profile = texture_samples(64, 48, len(mode)), ImageCms.createProfile("sRGB")
    icc = ImageCms.ImageCmsProfile(profile).tobytes()
    path = tmp_path / "in.heic"
    PIL.Image.fromarray(samples).save(path, quality=-1, chroma=444, icc_profile=icc)
    image = files.read(parse(path))
    assert image.size == opening.read_size(parse(path)) == (64, 48)
    assert np.abs(image.samples.astype(int) - samples).mean() < 3
    assert image.metadata.icc == icc


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["exr", "hdr"])
def test_linear_light_gets_the_curve_of_srgb(tmp_path: Path, kind: str, channels: int) -> None:
    """Floats beyond white stay; colours are straight, whatever the file has."""
    light = to_linear((texture_samples(9, 11, channels, 16) / 40000).astype(np.float32))
    path = tmp_path / f"in.{kind}"
    if kind == "exr":
        openexr = pytest.importorskip("OpenEXR")
        stored = light.copy()
        if channels == 4:
            stored[..., :3] *= stored[..., 3:]
        name = {1: "Y", 3: "RGB", 4: "RGBA"}[channels]
        head = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
        openexr.File(head, {name: stored.squeeze()}).write(str(path))
    else:
        if channels != 3:
            pytest.skip("Radiance has no other")
        path.write_bytes(pytest.importorskip("imagecodecs").rgbe_encode(light, header=True))
    image = files.read(parse(path))
    colours = min(channels, 3)
    actual = to_linear(image.samples[..., :colours])
    np.testing.assert_allclose(actual, light[..., :colours], rtol=0.02, atol=0.02 * light.max())
    if channels == 4:
        np.testing.assert_array_equal(image.samples[..., 3], light[..., 3])
    assert image.notes == ("it was converted from linear light to sRGB",)


@pytest.mark.parametrize("kind", ["exr", "hdr"])
@pytest.mark.parametrize(
    ("primaries", "is_noted"),
    [
        ((0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329), False),
        ((0.64, 0.33, 0.29, 0.6, 0.15, 0.06, 0.333, 0.333), False),  # Radiance's own
        ((0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329), True),
    ],
)
def test_primaries_that_are_ignored_are_noted(
    tmp_path: Path, kind: str, primaries: tuple[float, ...], is_noted: bool
) -> None:
    """A note says that colours are wrong where a file has other primaries than sRGB."""
    path, light = tmp_path / f"in.{kind}", np.full((9, 11, 3), 0.5, np.float32)
    if kind == "exr":
        openexr = pytest.importorskip("OpenEXR")
        head = {"chromaticities": primaries, "type": openexr.scanlineimage}
        openexr.File(head, {"RGB": light}).write(str(path))
    else:
        data = pytest.importorskip("imagecodecs").rgbe_encode(light, header=True)
        words = "PRIMARIES= " + " ".join(map(str, primaries))
        path.write_bytes(data.replace(b"\n", f"\n{words}\n".encode(), 1))
    note = "its primaries are not sRGB's and were ignored, so its colours are wrong"
    assert files.read(parse(path)).notes[1:] == (note,) * is_noted


def psd(samples: np.ndarray, mode: int, has_picture: bool, layers: bytes = b"") -> bytes:
    """Return a Photoshop file of raw planes."""
    height, width, channels = samples.shape
    head = struct.pack(
        ">4sH6xHLLHH", b"8BPS", 1, channels, height, width, 8 * samples.itemsize, mode
    )
    version = struct.pack(">LBLLL", 1, has_picture, 0, 0, 1)
    resource = b"8BIM" + struct.pack(">HHL", 1057, 0, len(version)) + version + b"\0"
    planes = np.moveaxis(samples, 2, 0).astype(f">u{samples.itemsize}").tobytes()
    sections = [b"", resource, layers]
    return (
        head + b"".join(struct.pack(">L", len(part)) + part for part in sections) + b"\0\0" + planes
    )


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("mode", "channels"), [(1, 1), (3, 3), (3, 4)])
def test_a_photoshop_file_is_read_flattened(
    tmp_path: Path, mode: int, channels: int, bits: int
) -> None:
    """The picture behind the layers is read, with all its bits."""
    pytest.importorskip("psd_tools")
    samples = texture_samples(9, 11, channels, bits)
    samples[..., 3:] = 2**bits - 1
    (tmp_path / "in.psd").write_bytes(psd(samples, mode, True))
    np.testing.assert_array_equal(files.read(parse(tmp_path / "in.psd")).samples, samples)


def test_a_photoshop_file_of_layers_alone_is_refused(tmp_path: Path) -> None:
    """White in place of the picture would be a wrong one."""
    pytest.importorskip("psd_tools")
    (tmp_path / "in.psd").write_bytes(psd(texture_samples(9, 11, 3), 3, False))
    with pytest.raises(ImageFileError, match="holds only layers"):
        files.read(parse(tmp_path / "in.psd"))


@pytest.mark.parametrize("suffix", ["qoi", "dds", "pcx", "sgi"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_rare_formats_of_pillow_are_read(tmp_path: Path, suffix: str, mode: str) -> None:
    """Formats that it reads itself need no library."""
    samples = texture_samples(9, 11, {"L": 1, "RGB": 3, "RGBA": 4}[mode])
    file = io.BytesIO()
    try:
        PIL.Image.fromarray(samples.squeeze()).save(file, suffix)
    except (OSError, ValueError, KeyError):
        pytest.skip("Pillow does not write it")
    (tmp_path / f"in.{suffix}").write_bytes(file.getvalue())
    np.testing.assert_array_equal(files.read(parse(tmp_path / f"in.{suffix}")).samples, samples)


def head(kind: str, height: int, width: int) -> bytes:
    """Return a file that claims to be so large, with hardly a pixel in it."""
    if kind == "hdr":
        return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width)
    if kind == "psd":
        layout = struct.pack(">4sH6xHLLHH", b"8BPS", 1, 3, height, width, 8, 3)
        return layout + bytes(14)
    # A JPEG XL: lengths of 18 bits in a codestream; behind it nothing.
    bits = 0 | 2 << 1 | (height - 1) << 3 | 0 << 21 | 2 << 24 | (width - 1) << 26
    stream = b"\xff\x0a" + bits.to_bytes(12, "little")
    if kind == "jxl":
        return stream
    signature = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">L4s4x", 12, b"ftyp")
    return signature + struct.pack(">L4s4x", 12 + len(stream), b"jxlp") + stream


@pytest.mark.parametrize("kind", ["hdr", "psd", "jxl", "boxed jxl"])
def test_the_head_is_asked_before_memory_is_taken(tmp_path: Path, kind: str) -> None:
    """Neither more pixels nor more memory is taken than may be, whatever a file claims."""
    pytest.importorskip("imagecodecs")
    pytest.importorskip("psd_tools")
    (tmp_path / "in").write_bytes(head(kind, 25_000, 30_000))
    with pytest.raises(PictureTooLargeError, match="in is 30000x25000, more than 99 pixels"):
        files.read(parse(tmp_path / "in"), 99)
    memory.limit_to(1 << 30)
    try:
        with pytest.raises(PictureTooLargeError, match="GB of memory, but"):
            files.read(parse(tmp_path / "in"), 10**9)
    finally:
        memory.limit_to(None)


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (64, 64), (300, 400), (100, 177), (9, 5000)])
@pytest.mark.parametrize("container", [False, True])
def test_the_head_of_a_jpeg_xl_states_its_size(size: tuple[int, int], container: bool) -> None:
    """Small sizes, ratios and sizes of any length are read as the encoder writes them."""
    codecs = pytest.importorskip("imagecodecs")
    data = codecs.jpegxl_encode(np.zeros(size, np.uint8), usecontainer=container)
    assert other_formats._size_in_head("JPEG XL", data, codecs) == size


def test_a_deep_sgi_without_runs_is_told_to_be_cut(tmp_path: Path) -> None:
    """Pillow reads 16 bits as 8 where there are no runs."""
    levels = texture_samples(5, 7, 3, 16)
    PIL.Image.fromarray((levels >> 8).astype(np.uint8)).save(tmp_path / "in.sgi", bpc=2)
    notes = files.read(parse(tmp_path / "in.sgi")).notes
    assert notes == ("its colours of 16 bits are read as 8",)
