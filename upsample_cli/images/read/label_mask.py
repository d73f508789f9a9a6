"""Label masks: pictures whose samples are class numbers, not colours.

The labels of a palette picture are its indices, those of a grey picture its levels.
"""

import io
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import opening, pillow_tiff, png_chunks
from upsample_cli.planes import Size

Labels = NDArray[np.unsignedinteger[Any]]
_HOLD = {
    "P": {"PNG", "TIFF", "BMP"},
    "L": {"PNG", "TIFF", "BMP", "PPM", "PGM"},
    "1": {"PNG", "TIFF"},
    "I;16": {"PNG", "TIFF"},
}
"""The formats that keep labels, by mode."""
_LOSSY = {"JPEG", "WEBP", "JPEG2000", "AVIF"}
_KEPT = ("transparency", "dpi", "icc_profile")


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A label mask.

    Args:
        labels: Shape (H, W), uint8 or uint16.
        mode: P, L, 1 or I;16: Pillow's names for palette, grey, 1-bit and 16-bit grey.
        format: Pillow's name of the file's format, such as "PNG".
        palette: Red, green and blue of each label in turn, for a palette picture.
        options: What else is written as it was read: transparency, dpi, colour profile.
        notes: What reading changed: nothing.
    """

    labels: Labels
    mode: str
    format: str
    palette: bytes = b""
    options: tuple[tuple[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """Height and width, in pixels."""
        return self.labels.shape[0], self.labels.shape[1]


def read(place: Place, max_pixels: int) -> Mask:
    """Return the label mask in a file with at most so many pixels.

    Raises:
        ImageFileError: It cannot be read, or its samples are no labels.
    """
    name = place.label
    with place.open() as file, opening.image_errors(name):
        file, chunks, _ = png_chunks.scan(file)
        opened = opening.open_picture(file)
        if opened is None:
            raise ImageFileError(f"{name} is a TIFF without labels; give a PNG with them")
        opening.check_size((opened.height, opened.width), name, max_pixels)
        if opening.frame_count(opened) > 1:
            raise ImageFileError(f"{name} holds several pictures; give one mask a file")
        if opened.format in _LOSSY:
            raise ImageFileError(
                f"{name} is a {opened.format}, whose losses blur labels; give a PNG with them"
            )
        with pillow_tiff.quiet_libtiff() if opened.format == "TIFF" else nullcontext():
            opened.load()
        if opened.format == "PNG":
            png_chunks.check_end(file, chunks)
        return _mask(opened, name)


def check_format(mask: Mask, format: str) -> None:
    """Refuse an output format, one of the values of `FORMATS`, that does not keep labels.

    Raises:
        ImageFileError: It does not.
    """
    if format not in _HOLD[mask.mode]:
        raise ImageFileError(f"{format} does not keep these labels as they are; write a PNG")


def losses(mask: Mask, format: str) -> tuple[str, ...]:
    """Return a note where an output format does not hold a mask's transparency."""
    is_lost = "transparency" in dict(mask.options) and format != "PNG"
    return (f"{format} holds no transparency of labels, so it was left out",) if is_lost else ()


def write(mask: Mask, labels: Labels, format: str, file: BinaryIO, compression: int) -> None:
    """Write labels with the mode, palette and transparency of the mask they were made from.

    Args:
        mask: The mask.
        labels: Shape (H, W).
        format: One that keeps them; see `check_format`.
        file: Where to.
        compression: 0..9 for PNG.
    """
    if mask.mode == "P":
        picture = PIL.Image.frombytes("P", (labels.shape[1], labels.shape[0]), labels.tobytes())
        # Pillow writes as few bits as the palette needs: it must have every index.
        length = 3 * (int(mask.labels.max()) + 1)
        picture.putpalette(mask.palette.ljust(length, b"\0"))
    else:
        picture = PIL.Image.fromarray(labels.astype(bool) if mask.mode == "1" else labels)
    options = dict(mask.options)
    if format == "PNG":
        options["compress_level"] = compression
    else:
        options.pop("transparency", None)
    buffer = io.BytesIO()  # encoders seek; standard output cannot
    picture.save(buffer, "PPM" if format == "PGM" else format, **options)
    file.write(buffer.getbuffer())


def _mask(opened: PIL.Image.Image, name: str) -> Mask:
    """Return a loaded picture as a mask."""
    mode = opened.mode
    labels: NDArray[Any] = np.asarray(opened)
    if mode.startswith("I") and labels.min() >= 0 and labels.max() <= 65535:
        mode, labels = "I;16", labels.astype(np.uint16)
    if mode not in _HOLD:
        raise ImageFileError(
            f"{name} is {mode}, whose samples are no labels; give a palette or grey picture"
        )
    labels = labels.astype(np.uint8) if mode == "1" else labels
    options = tuple((key, opened.info[key]) for key in _KEPT if key in opened.info)
    palette = bytes(opened.getpalette("RGB") or []) if mode == "P" else b""
    return Mask(labels, mode, opened.format or "PNG", palette, options)
