"""TIFFs that Pillow has no mode for: float colours, planes apart, deep opacity, deep white of 0.

They are read by tifffile; compressions other than Deflate and PackBits need imagecodecs with it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
import tifffile
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Samples
from upsample_cli.images.metadata import exif, tiff_tags, xmp
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.planes import Size

_MINIMUM_IS_WHITE, _MINIMUM_IS_BLACK, _RGB = 0, 1, 2
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # samples of palette, inks... without more
_XMP, _ICC = 700, 34675  # tags
_UNSPECIFIED, _ASSOCIATED = 0, 1
_WORDS = {"MINISBLACK": "grey", "SEPARATED": "CMYK"}
_TURNS = {
    2: "lr", 3: "lr ud", 4: "ud", 5: "t", 6: "t lr", 7: "t lr ud", 8: "t ud",
}  # fmt: skip
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What such a file holds.

    Args:
        samples: Shape (H, W, C), uint8, uint16 or float32.
        metadata: What the file says beside them.
        notes: What reading changed, each in a few words.
    """

    samples: Samples
    metadata: Metadata
    notes: tuple[str, ...]


def size(file: BinaryIO) -> Size:
    """Return height and width of the first picture in a file."""
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        return _size(opened.pages[0].aspage())


def read(file: BinaryIO, name: str, check: Callable[[Size], None]) -> Found:
    """Return the first picture in a file.

    Args:
        file: The file.
        name: What to call it.
        check: Refuses a size, before pixels are decoded.

    Raises:
        ImageFileError: Its samples are of another kind, or need a decoder that is not installed.
    """
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0].aspage()
        check(_size(page))
        samples = _samples(page, name)
        notes = []
        if samples.dtype == np.float32 and page.dtype != np.float32:
            notes.append(f"{page.dtype} samples become float32")
        if len(opened.pages) > 1:
            notes.append(f"only the first of its {len(opened.pages)} pictures is enlarged")
        tags = PIL.Image.Exif()
        file.seek(0)
        tags.load_from_fp(file)
        told = _metadata(tags, page)
        notes.extend(tiff_tags.notes_on_losses(tags, told.iptc))
        return Found(_turned(samples, tags), told, tuple(notes))


def _size(page: tifffile.TiffPage) -> Size:
    return page.imagelength, page.imagewidth


def _samples(page: tifffile.TiffPage, name: str) -> Samples:
    _check(page, name)
    samples = _decoded(page, name)
    if samples.ndim == 2:
        samples = samples[..., None]
    elif page.axes == "SYX":
        samples = samples.transpose(1, 2, 0)
    if samples.dtype.kind == "f":
        return np.ascontiguousarray(samples, np.float32)
    full, highest = np.iinfo(samples.dtype).max, 2**page.bitspersample - 1
    if highest < full:
        spread = (samples.astype(np.uint32) * full + highest // 2) // highest
        samples = spread.astype(samples.dtype)
    if int(page.photometric) == _MINIMUM_IS_WHITE:
        samples = np.concatenate([~samples[..., :1], samples[..., 1:]], axis=2)
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))


def _check(page: tifffile.TiffPage, name: str) -> None:
    """Refuse samples that are no levels of colours and opacity."""
    kind, photometric = page.dtype, int(page.photometric)
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
    whole = kind in (np.uint8, np.uint16) and isinstance(page.bitspersample, int)
    floating = kind is not None and kind.kind == "f" and photometric != _MINIMUM_IS_WHITE
    known = photometric in (_MINIMUM_IS_WHITE, _MINIMUM_IS_BLACK, _RGB)
    if not (whole or floating) or not known or page.axes not in ("YX", "YXS", "SYX"):
        word = tifffile.PHOTOMETRIC(photometric).name
        word = _WORDS.get(word, word)
        wanted = "grey or RGB of 8 or 16 bits or 32-bit floats"
        if word == "CMYK":
            wanted = "CMYK of 8 bits without opacity"
        raise ImageFileError(f"{name} holds {word} samples of type {kind}; save it as {wanted}")


def _decoded(page: tifffile.TiffPage, name: str) -> NDArray[Any]:
    """Return the samples as tifffile has them."""
    try:
        return page.asarray()
    except (ImportError, ValueError, NotImplementedError) as error:
        if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
            raise
        how = f"is compressed with {tifffile.COMPRESSION(page.compression).name}"
        if page.predictor > 1:
            how += f" and predictor {tifffile.PREDICTOR(page.predictor).name}"
        if page.bitspersample not in (8, 16, 32, 64):
            how = f"has samples of {page.bitspersample} bits"
        raise ImageFileError(
            f'{name} {how}, which needs imagecodecs; pip install "upsample-cli[tiff]"'
        ) from error


def _metadata(tags: PIL.Image.Exif, page: tifffile.TiffPage) -> Metadata:
    """Return what a TIFF's own tags tell beside the pixels."""
    iptc = page.tags.valueof(exif.IPTC)
    return Metadata(
        icc=tags.get(_ICC) or None,
        exif=tiff_tags.as_exif(tags),
        xmp=xmp.upright(tags.get(_XMP, b"")) or None,
        iptc=iptc if isinstance(iptc, bytes) else None,
        dpi=exif.tags_dpi(tags),
    )


def _turned(samples: Samples, tags: PIL.Image.Exif) -> Samples:
    """Return samples upright."""
    for step in _TURNS.get(tags.get(exif.ORIENTATION, 1), "").split():
        if step == "t":
            samples = samples.transpose(1, 0, 2)
        else:
            samples = samples[:, ::-1] if step == "lr" else samples[::-1]
    return samples
