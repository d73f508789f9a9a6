"""Read formats that Pillow cannot read, or not with all their bits, with optional libraries."""

import io
import re
from collections.abc import Sequence
from importlib import import_module
from struct import unpack_from
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.exif import orientation_of, upright_samples, with_upright_orientation
from upsample_cli.images.image import Image
from upsample_cli.images.levels import from_linear
from upsample_cli.images.metadata import Metadata, metadata_of
from upsample_cli.images.read.containers import boxes
from upsample_cli.images.read.opening import check_size
from upsample_cli.images.read.raw_modes import rescaled
from upsample_cli.planes import Size

_MAGIC = {
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"#?": "Radiance HDR",
    b"\x76\x2f\x31\x01": "OpenEXR", b"8BPS": "Photoshop",
}  # fmt: skip
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_RGB, _GREY = 16, 17  # colour spaces of JPEG 2000
_DPI, _PROFILE, _EXIF, _XMP = 1005, 1039, 1058, 1060  # numbers of Photoshop's resources
_MODULES = {
    "JPEG XL": "imagecodecs", "Radiance HDR": "imagecodecs", "OpenEXR": "OpenEXR",
    "Photoshop": "psd_tools",
}  # fmt: skip
_BYTES = {"Photoshop": 72}  # the most bytes that a pixel takes in these libraries, measured
_OTHER_BYTES = 32
_RADIANCE_SIZE = re.compile(rb"\n[-+]Y (\d+) [-+]X (\d+)\n")
_JPEGXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width : height

_RADIANCE_PRIMARIES = re.compile(rb"\nPRIMARIES=" + rb"\s*(\d*\.?\d+)" * 6)

_LINEAR = "it was converted from linear light to sRGB"
_OTHER_PRIMARIES = "its primaries are not sRGB's and were ignored, so its colours are wrong"
_SRGB = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of red, green and blue


def kind_of(head: bytes) -> str | None:
    """Return the name of a file's format by its first 12 bytes; None if it is not read here."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return "HEIF"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def library(kind: str, module: str) -> Any:
    """Return the imported library `module`, which a kind of picture needs.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        remedy = 'pip install "upsample-cli[formats]"'
        raise ImportError(f"is {kind}, which needs {module}; {remedy}") from error


def size(file: BinaryIO, name: str, max_pixels: int) -> Size:
    """Return height and width of a picture, in pixels, by decoding it, since it may be turned."""
    return read(file, name, max_pixels).size


def read(file: BinaryIO, name: str, max_pixels: int) -> Image:
    """Return the picture in a file of one of these formats.

    Raises:
        ImageFileError: Its kind of samples is not read.
        ImportError: Its library is not installed.
        PictureTooLargeError: It has too many pixels.
    """
    file.seek(0)
    data = file.read()
    kind = kind_of(data[:12]) or ""
    codecs = library(kind, _MODULES[kind])
    height, width = _size_in_head(kind, data, codecs)
    check_size((height, width), name, max_pixels)
    memory.check(_BYTES.get(kind, _OTHER_BYTES) * height * width, name)
    metadata = Metadata()
    notes: tuple[str, ...] = ()
    if kind == "Photoshop":
        return _photoshop(codecs.PSDImage.open(io.BytesIO(data)), name)
    if kind == "JPEG XL":
        samples = codecs.jpegxl_decode(data)
        library(kind, "pillow_jxl")
        with PIL.Image.open(io.BytesIO(data), formats=["JXL"]) as opened:
            metadata = metadata_of(opened)
    else:
        is_exr = kind == "OpenEXR"
        light = _exr(codecs.File(io.BytesIO(data)), name) if is_exr else codecs.rgbe_decode(data)
        samples, notes = _encoded(light), (_LINEAR,)
        primaries = _primaries(kind, data, codecs)
        if light.ndim == 3 and not np.allclose(primaries, _SRGB, atol=0.02):
            notes += (_OTHER_PRIMARIES,)
    if samples.ndim == 2:
        samples = samples[..., None]
    return Image(_checked(samples, name, kind), kind, metadata, notes)


def _size_in_head(kind: str, data: bytes, codecs: Any) -> Size:
    """Return height and width as a file's head states them, without decoding pixels.

    Source: Adobe, "Photoshop File Formats Specification"; Radiance, "Picture file format".
    """
    if kind == "Photoshop":
        height, width = unpack_from(">LL", data, 14)
        return height, width
    if kind == "OpenEXR":
        with codecs.File(io.BytesIO(data), header_only=True) as opened:
            first, last = (corner.tolist() for corner in opened.header()["dataWindow"])
        return last[1] - first[1] + 1, last[0] - first[0] + 1
    if kind == "Radiance HDR":
        if (match := _RADIANCE_SIZE.search(data)) is None:
            raise ValueError("its size is missing")
        return int(match[1]), int(match[2])
    return _jpegxl_size(data)


def _primaries(kind: str, data: bytes, codecs: Any) -> Sequence[float]:
    """Return x and y of red, green and blue as an OpenEXR or Radiance file's head states them."""
    if kind == "OpenEXR":
        with codecs.File(io.BytesIO(data), header_only=True) as opened:
            return tuple(opened.header().get("chromaticities", _SRGB)[:6])
    match = _RADIANCE_PRIMARIES.search(data.partition(b"\n\n")[0])
    return [float(number) for number in match.groups()] if match else _SRGB


def _jpegxl_size(data: bytes) -> Size:
    """Return height and width from the first bits of a JPEG XL, lowest bit of each byte first.

    Source: ISO/IEC 18181-1, SizeHeader; 18181-2, boxes jxlc and jxlp.
    """
    if data[:1] != b"\xff":
        streams = {b"jxlc": 0, b"jxlp": 4}  # boxes, and the bytes in them before the pixels
        data = next(body[streams[box] :] for box, body in boxes(data) if box in streams)
    bits = int.from_bytes(data[2:14], "little")

    def next_bits(count: int) -> int:
        """Return the next `count` bits as a number."""
        nonlocal bits
        number, bits = bits % (1 << count), bits >> count
        return number

    def side() -> int:
        """Return the next side, in pixels."""
        return 8 * (1 + next_bits(5)) if is_small else 1 + next_bits((9, 13, 18, 30)[next_bits(2)])

    is_small = next_bits(1)
    height = side()
    if ratio := next_bits(3):
        across, down = _JPEGXL_RATIOS[ratio - 1]
        return height, height * across // down
    return height, side()


def read_deep_jpeg2000(opened: PIL.Image.Image, file: BinaryIO, name: str) -> Image:
    """Return a JPEG 2000 of more than 8 bits per colour, in which Pillow would turn white black.

    Raises:
        ImageFileError: The samples are neither RGB nor grey.
        ImportError: imagecodecs is not installed.
    """
    bits, space = opened.info["bits"], opened.info.get("space", _RGB)
    if space not in (_RGB, _GREY):
        raise ImageFileError(f"{name} is {bits}-bit YCC or CMYK; save it as RGB")
    codecs = library(f"{bits}-bit JPEG 2000", "imagecodecs")
    file.seek(0)
    samples = _checked(codecs.jpeg2k_decode(file.read()), name, "JPEG 2000")
    wide = rescaled(samples, 2**bits - 1)
    metadata = metadata_of(opened)
    samples = upright_samples(wide, orientation_of(opened))
    return Image(samples, "JPEG2000", metadata)


def _checked(samples: NDArray[Any], name: str, kind: str) -> NDArray[Any]:
    """Return samples, 1 to 4 per pixel of 8 or 16 bits or floating-point; refuse all others."""
    if samples.dtype == np.float16:
        samples = samples.astype(np.float32)
    if samples.ndim != 3 or samples.shape[2] > 4 or samples.dtype not in ("u1", "u2", "f4"):
        raise ImageFileError(
            f"{name} is a {kind} of {samples.dtype} samples, {samples.shape}; save it as RGB"
        )
    return np.ascontiguousarray(samples)


def _photoshop(file: Any, name: str) -> Image:
    """Return the flattened picture in a Photoshop file."""
    if not file.has_preview():
        raise ImageFileError(
            f"{name} holds only layers; save it with Photoshop's maximum compatibility"
        )
    colours, resource = file.color_mode.name, file.image_resources.get_data
    dpi, exif = resource(_DPI), resource(_EXIF)
    metadata = Metadata(
        resource(_PROFILE), exif and with_upright_orientation(exif), resource(_XMP),
        dpi=dpi and (dpi.horizontal / 65536, dpi.vertical / 65536),
    )  # fmt: skip
    notes = ("its layers are flattened",) if len(file) else ()
    if colours == "CMYK" and file.depth == 8:
        return Image(np.asarray(file.topil(apply_icc=False)), "PSD", metadata, notes, is_cmyk=True)
    if colours not in ("RGB", "GRAYSCALE", "INDEXED", "BITMAP"):
        raise ImageFileError(f"{name} holds {colours} of {file.depth} bits; save it as RGB")
    levels = file.numpy()
    if file.depth == 32:
        return Image(_encoded(levels), "PSD", metadata, (*notes, _LINEAR))
    kind = np.dtype("u2" if file.depth == 16 else "u1")
    levels *= np.iinfo(kind).max
    levels += 0.5
    samples = levels.astype(kind)
    return Image(_checked(samples, name, "Photoshop"), "PSD", metadata, notes)


def _exr(file: Any, name: str) -> NDArray[Any]:
    """Return the samples of the first part of an OpenEXR file, with straight opacity."""
    with file as opened:
        head = opened.header()
        channels = {key: channel.pixels for key, channel in opened.channels().items()}
        windows = [[side.tolist() for side in head[key]] for key in ("dataWindow", "displayWindow")]
    if len(channels) != 1 or not {"RGB", "RGBA", "Y"} & set(channels) or windows[0] != windows[1]:
        raise ImageFileError(
            f"{name} holds channels {', '.join(channels)} or an overscan; save it as plain RGB"
        )
    samples: NDArray[Any] = next(iter(channels.values())).astype("f4")
    if samples.shape[-1] == 4:
        opacity = samples[..., 3:]
        samples[..., :3] /= opacity + (opacity == 0)
    return samples


def _encoded(light: NDArray[Any]) -> NDArray[Any]:
    """Return linear light as levels on sRGB's curve, which is extended beyond 0..1."""
    levels = np.array(light, np.float32)
    for row in levels:  # row by row, as the conversion makes copies
        colours = row[..., :3] if levels.ndim == 3 else row
        colours[...] = np.sign(colours) * from_linear(np.abs(colours))
    return levels
