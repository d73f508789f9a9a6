"""TIFFs: whether Pillow reads one correctly, and reading the others with tifffile.

Pillow has no mode for float colours and 16-bit opacity, and it misreads some other TIFFs. tifffile
needs imagecodecs for compressions other than Deflate and PackBits.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import PIL.Image

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata import exif, tiff_tags
from upsample_cli.images.metadata.metadata import Metadata, upright_xmp
from upsample_cli.images.read.decode import Decoded
from upsample_cli.images.read.opening import check_size
from upsample_cli.images.read.raw_modes import set_float_order

if TYPE_CHECKING:  # tifffile is slow to import, and few TIFFs need it
    import tifffile
    from numpy.typing import NDArray

    from upsample_cli.planes import Size

_SUBFILE, _SUBIFDS = 254, 330  # tags
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = (
    258, 259, 262, 284, 338, 339
)  # fmt: skip
_XMP, _ICC = 700, 34675
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5  # photometric interpretations
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # samples of each, without extra ones
_UNSPECIFIED, _ASSOCIATED = 0, 1  # kinds of extra samples
_SIGNED, _SEPARATE_PLANES, _REDUCED = 2, 2, 1
_RARE_COMPRESSIONS = {34925, 50000, 50001}  # LZMA, Zstandard, WebP
# Steps that undo each orientation: transpose, flip left and right, flip up and down.
_STEPS = {2: "lr", 3: "lr ud", 4: "ud", 5: "t", 6: "t lr", 7: "t lr ud", 8: "t ud"}
_STDERR_LOCK = Lock()
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def pillow_reads(opened: PIL.Image.Image) -> bool:
    """Tell whether Pillow reads a TIFF correctly; if so, prepare it for loading."""
    tags: Any = getattr(opened, "tag_v2", {})
    bits, extra = max(tags.get(_BITS, (1,))), tags.get(_EXTRA_SAMPLES, ())
    # Pillow drops samples other than colours and opacity.
    drops = _UNSPECIFIED in extra or len(extra) > 1
    # It reads separate planes as 8 bits, whatever their depth, and as straight opacity.
    separate = tags.get(_PLANAR) == _SEPARATE_PLANES and (bits > 8 or _ASSOCIATED in extra)
    # Above 8 bits it does not invert white as 0, and cuts CMYK and premultiplied colours.
    special = tags.get(_PHOTOMETRIC) in (_WHITE_IS_ZERO, _CMYK) or _ASSOCIATED in extra
    # It reads negative levels of 8 bits as light ones.
    negative = tags.get(_SAMPLE_FORMAT) == (_SIGNED,) and bits == 8
    if drops or separate or (special and bits > 8) or negative:
        return False
    set_float_order(opened)
    return True


def is_rarely_supported(opened: PIL.Image.Image) -> bool:
    """Tell whether a TIFF's compression is one that Pillow may be built without."""
    tags: Any = getattr(opened, "tag_v2", {})
    return opened.format == "TIFF" and tags.get(_COMPRESSION) in _RARE_COMPRESSIONS


def check(opened: PIL.Image.Image, name: str) -> None:
    """Refuse previews, and signed or 32-bit integers, which have no known full scale.

    Raises:
        ImageFileError: Pillow would read one of these.
    """
    tags: Any = getattr(opened, "tag_v2", {})
    if tags.get(_SUBFILE, 0) & _REDUCED and _SUBIFDS in tags:
        raise ImageFileError(
            f"{name} shows but a preview of the picture in it, as raw files of cameras do; "
            "develop it into a TIFF or PNG"
        )
    if opened.mode == "I":
        signed = "signed " if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) else ""
        raise ImageFileError(
            f"{name} holds {signed}whole numbers of {max(tags.get(_BITS, (32,)))} bits; "
            "save it as grey or RGB of 8 or 16 bits or 32-bit floats"
        )


@contextmanager
def quiet_libtiff() -> Iterator[None]:
    """Keep libtiff, which decodes for Pillow, from writing to stderr what Pillow raises as well.

    It writes in C, to the file descriptor. What other threads write to stderr meanwhile is lost.
    """
    with _STDERR_LOCK, ExitStack() as stack:
        with suppress(OSError):  # stderr may be closed
            stderr = os.dup(2)
            stack.callback(os.close, stderr)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
            stack.callback(os.dup2, stderr, 2)
        yield


def size(file: BinaryIO) -> "Size":
    """Return height and width of the first picture in a file."""
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0].aspage()
        return page.imagelength, page.imagewidth


def read(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """Return the first picture in a file, decoded by tifffile.

    Raises:
        ImageFileError: Its samples are of another kind, or need a decoder that is not installed.
        PictureTooLargeError: It has too many pixels.
    """
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0].aspage()
        check_size((page.imagelength, page.imagewidth), name, max_pixels)
        memory.check(2 * page.nbytes, name)
        _check_samples(page, name)
        samples = _samples(page, name)
        notes = []
        if samples.dtype.kind == "f" and page.dtype != samples.dtype:
            notes.append(f"{page.dtype} samples become float32")
        if len(opened.pages) > 1:
            notes.append(f"only the first of its {len(opened.pages)} pictures is enlarged")
        tags = PIL.Image.Exif()
        file.seek(0)
        tags.load_from_fp(file)
        metadata = _metadata(tags, page)
        notes.extend(tiff_tags.notes_on_losses(tags, metadata.iptc))
        return Decoded(name, _upright(samples, tags), "TIFF", metadata, tuple(notes))


def _check_samples(page: "tifffile.TiffPage", name: str) -> None:
    """Refuse samples other than levels of colours and straight opacity."""
    photometric, dtype = int(page.photometric), page.dtype
    extra = page.samplesperpixel - _COLOURS.get(photometric, page.samplesperpixel)
    if extra == 1 and _ASSOCIATED in page.extrasamples:
        raise ImageFileError(
            f"{name} has opacity multiplied into its colours; save it with straight opacity"
        )
    if extra not in (0, 1) or _UNSPECIFIED in page.extrasamples:
        raise ImageFileError(
            f"{name} has {page.samplesperpixel} samples a pixel, of which some are neither "
            "colours nor opacity; save it without those"
        )
    is_level = str(dtype) in ("uint8", "uint16") and isinstance(page.bitspersample, int)
    is_float = dtype is not None and dtype.kind == "f" and photometric != _WHITE_IS_ZERO
    is_known = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    if not (is_level or is_float) or not is_known or page.axes not in ("YX", "YXS", "SYX"):
        word = getattr(page.photometric, "name", f"photometric {photometric}")
        colours = {_BLACK_IS_ZERO: "grey", _CMYK: "CMYK"}.get(photometric, word)
        remedy = "grey or RGB of 8 or 16 bits or 32-bit floats"
        if colours == "CMYK":
            remedy = "CMYK of 8 bits without opacity"
        raise ImageFileError(f"{name} holds {colours} samples of type {dtype}; save it as {remedy}")


def _samples(page: "tifffile.TiffPage", name: str) -> "NDArray[Any]":
    """Return samples, shape (H, W, C), as uint8, uint16 or float32 with 0 as black."""
    import numpy as np

    samples = _decoded(page, name)
    if samples.ndim == 2:
        samples = samples[..., None]
    elif page.axes == "SYX":
        samples = samples.transpose(1, 2, 0)
    if samples.dtype.kind == "f":
        return np.ascontiguousarray(samples, np.float32)
    full, highest = np.iinfo(samples.dtype).max, 2**page.bitspersample - 1
    if highest < full:
        scaled = (samples.astype(np.uint32) * full + highest // 2) // highest
        samples = scaled.astype(samples.dtype)
    if int(page.photometric) == _WHITE_IS_ZERO:
        samples = np.concatenate([~samples[..., :1], samples[..., 1:]], axis=2)
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))


def _decoded(page: "tifffile.TiffPage", name: str) -> "NDArray[Any]":
    """Return samples as tifffile decodes them."""
    import tifffile

    try:
        return page.asarray()
    except (ImportError, ValueError, NotImplementedError) as error:
        if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
            raise
        what = f"is compressed with {tifffile.COMPRESSION(page.compression).name}"
        if page.predictor > 1:
            what += f" and predictor {tifffile.PREDICTOR(page.predictor).name}"
        if page.bitspersample not in (8, 16, 32, 64):
            what = f"has samples of {page.bitspersample} bits"
        raise ImageFileError(
            f'{name} {what}, which needs imagecodecs; pip install "upsample-cli[tiff]"'
        ) from error


def _metadata(tags: PIL.Image.Exif, page: "tifffile.TiffPage") -> Metadata:
    """Return what a TIFF's tags say beside the pixels."""
    iptc = page.tags.valueof(exif.IPTC)
    return Metadata(
        icc=tags.get(_ICC) or None,
        exif=tiff_tags.as_exif(tags),
        xmp=upright_xmp(tags.get(_XMP, b"")) or None,
        iptc=iptc if isinstance(iptc, bytes) else None,
        dpi=exif.tags_dpi(tags),
    )


def _upright(samples: "NDArray[Any]", tags: PIL.Image.Exif) -> "NDArray[Any]":
    """Return samples turned as the orientation says."""
    for step in _STEPS.get(tags.get(exif.ORIENTATION, 1), "").split():
        if step == "t":
            samples = samples.transpose(1, 0, 2)
        else:
            samples = samples[:, ::-1] if step == "lr" else samples[::-1]
    return samples
