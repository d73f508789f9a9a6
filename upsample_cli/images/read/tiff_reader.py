"""Read TIFFs with tifffile where Pillow does not read them correctly.

Pillow has no mode for float colours or 16-bit opacity, and it misreads some other TIFFs. tifffile
needs imagecodecs for compressions other than Deflate and PackBits.
"""

import logging
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
import tifffile
from numpy.typing import NDArray
from PIL.TiffImagePlugin import IFDRational

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images import exif, tiff_tags, xmp
from upsample_cli.images.image import Image
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.read.opening import check_size
from upsample_cli.images.read.pillow_tiff import ASSOCIATED, CMYK, UNSPECIFIED, WHITE_IS_ZERO
from upsample_cli.images.read.raw_modes import rescaled
from upsample_cli.planes import Size

_XMP, _ICC = 700, 34675  # tags
_BLACK_IS_ZERO, _RGB = 1, 2  # photometric interpretations
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # colour samples per pixel of each
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def size(file: BinaryIO, name: str, max_pixels: int) -> Size:
    """Return the upright height and width of the first picture in a file, after `check_size`."""
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0].aspage()
        check_size((page.imagelength, page.imagewidth), name, max_pixels)
        if page.tags.valueof(exif.ORIENTATION) in exif.SIDEWAYS:
            return page.imagewidth, page.imagelength
        return page.imagelength, page.imagewidth


def read(file: BinaryIO, name: str, max_pixels: int) -> Image:
    """Return the first picture in a file, decoded by tifffile.

    Raises:
        ImageFileError: Its kind of samples is not read, or its decoder is not installed.
        PictureTooLargeError: It has too many pixels.
    """
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0].aspage()
        check_size((page.imagelength, page.imagewidth), name, max_pixels)
        memory.check(2 * page.nbytes, name)
        _check_samples(page, name)
        tile = page.tilewidth * page.tilelength * page.samplesperpixel  # it may exceed the picture
        memory.check(2 * tile * np.dtype(page.dtype).itemsize, f"a tile of {name}")
        samples = _samples(page, name)
        notes, caveats = [], tuple[str, ...]()
        if samples.dtype.kind == "f" and page.dtype != samples.dtype:
            notes.append(f"{page.dtype} samples become float32")
        if len(opened.pages) > 1:
            caveats = (f"only the first of its {len(opened.pages)} pictures is used",)
        tags = _tags(file, page)
        metadata = _metadata(tags, page)
        notes.extend(tiff_tags.notes_on_losses(tags, metadata.iptc))
        upright = exif.upright_samples(samples, tags.get(exif.ORIENTATION, 1))
        highest = 2**page.bitspersample - 1 if samples.dtype.kind == "u" else 0
        return Image(
            upright, "TIFF", metadata, (*caveats, *notes), caveats=caveats, highest=highest
        )


def _tags(file: BinaryIO, page: tifffile.TiffPage) -> PIL.Image.Exif:
    """Return the tags of a page as Pillow's `Exif`."""
    tags = PIL.Image.Exif()
    parent = page.parent
    if parent.is_bigtiff and parent.byteorder == ">":  # Pillow cannot load these
        for tag in page.tags:
            is_ratio = isinstance(tag.value, tuple) and tag.dtype in (5, 10) and tag.count == 1
            if is_ratio or isinstance(tag.value, (str, bytes, int)):
                tags[tag.code] = IFDRational(*tag.value) if is_ratio else tag.value
    else:
        tags.bigtiff, tags.endian = parent.is_bigtiff, parent.byteorder
        tags.load_from_fp(file, page.offset)
    return tags


def _check_samples(page: tifffile.TiffPage, name: str) -> None:
    """Refuse samples other than grey or RGB, with or without straight opacity."""
    photometric, dtype = int(page.photometric), page.dtype
    extra = page.samplesperpixel - _COLOURS.get(photometric, page.samplesperpixel)
    if extra == 1 and ASSOCIATED in page.extrasamples:
        raise ImageFileError(f"{name} has premultiplied opacity; save it with straight opacity")
    if extra not in (0, 1) or UNSPECIFIED in page.extrasamples:
        raise ImageFileError(
            f"{name} has {page.samplesperpixel} samples per pixel, and some are neither colours "
            "nor opacity; save it without them"
        )
    is_level = str(dtype) in ("uint8", "uint16") and isinstance(page.bitspersample, int)
    is_float = dtype is not None and dtype.kind == "f" and photometric != WHITE_IS_ZERO
    is_known = photometric in (WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    if not (is_level or is_float) or not is_known or page.axes not in ("YX", "YXS", "SYX"):
        word = getattr(page.photometric, "name", f"photometric {photometric}")
        colours = {_BLACK_IS_ZERO: "grey", CMYK: "CMYK"}.get(photometric, word)
        remedy = "grey or RGB of 8 or 16 bits or 32-bit floats"
        if colours == "CMYK":
            remedy = "CMYK of 8 bits without opacity"
        kind = f"{dtype} in separate planes" if page.axes == "SYX" else dtype
        raise ImageFileError(f"{name} holds {colours} samples of type {kind}; save it as {remedy}")


def _samples(page: tifffile.TiffPage, name: str) -> NDArray[Any]:
    """Return samples, shape (H, W, C), as uint8, uint16 or float32 with 0 as black."""
    samples = _decoded(page, name)
    if samples.ndim == 2:
        samples = samples[..., None]
    elif page.axes == "SYX":
        samples = samples.transpose(1, 2, 0)
    if samples.dtype.kind == "f":
        return np.ascontiguousarray(samples, np.float32)
    full, highest = np.iinfo(samples.dtype).max, 2**page.bitspersample - 1
    if highest < full:
        samples = rescaled(samples, highest, full).astype(samples.dtype)
    if int(page.photometric) == WHITE_IS_ZERO:
        samples = np.concatenate([~samples[..., :1], samples[..., 1:]], axis=2)
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))


def _decoded(page: tifffile.TiffPage, name: str) -> NDArray[Any]:
    """Return samples as tifffile decodes them."""
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


def _metadata(tags: PIL.Image.Exif, page: tifffile.TiffPage) -> Metadata:
    """Return the metadata in the tags of a TIFF."""
    iptc = page.tags.valueof(exif.IPTC)
    return Metadata(
        icc=tags.get(_ICC) or None,
        exif=tiff_tags.as_exif(tags),
        xmp=xmp.upright(tags.get(_XMP, b""), tags.get(exif.ORIENTATION, 1)) or None,
        iptc=iptc if isinstance(iptc, bytes) else None,
        dpi=exif.upright_dpi(exif.tags_dpi(tags), tags.get(exif.ORIENTATION, 1)),
    )
