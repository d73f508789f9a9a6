"""Label masks: pictures whose samples are numbers of classes, not colours.

The labels of a palette picture are its indices, those of a grey one its levels.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import opening, png_chunks, tiff_reader
from upsample_cli.images.read.opening import check_size
from upsample_cli.planes import Size

Labels = NDArray[np.unsignedinteger[Any]]
_HOLD = {
    "P": {"PNG", "TIFF", "BMP"},
    "L": {"PNG", "TIFF", "BMP", "PPM", "PGM"},
    "1": {"PNG", "TIFF"},
    "I;16": {"PNG", "TIFF"},
}
_LOSSY = {"JPEG", "WEBP", "JPEG2000", "AVIF"}


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A label mask.

    Args:
        labels: Shape (H, W), uint8 or uint16.
        mode: P, L, 1 or I;16, as Pillow calls palette, grey, 1-bit and 16-bit grey.
        format: The word for the file's format, such as "PNG".
        palette: Red, green, blue of each label in turn, for a palette picture.
        options: What else to write as it was: transparency, dots per inch, colour profile.
        notes: What reading changed; nothing.
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
    """Return the label mask in a file.

    Args:
        place: A file or standard input.
        max_pixels: The most pixels to decode.

    Raises:
        ImageFileError: It cannot be read, or its samples are no labels.
    """
    name = place.label
    with place.open() as file, opening.image_errors(name):
        file, chunks = png_chunks.scan(file)
        opened = opening.open_picture(file)
        if opened is None:
            raise ImageFileError(f"{name} is a TIFF without labels; give a PNG with them")
        check_size((opened.height, opened.width), name, max_pixels)
        if getattr(opened, "n_frames", 1) > 1:
            raise ImageFileError(f"{name} holds several pictures; give one mask a file")
        if opened.format in _LOSSY:
            raise ImageFileError(
                f"{name} is a {opened.format}, whose losses blur labels; give a PNG with them"
            )
        with tiff_reader.quiet_libtiff() if opened.format == "TIFF" else nullcontext():
            opened.load()
        if opened.format == "PNG":
            png_chunks.check_end(file, chunks)
        return _mask(opened, name)


def check(mask: Mask, format: str) -> None:
    """Refuse a format that does not keep labels.

    Args:
        mask: What is to be written.
        format: One of the values of `FORMATS`.

    Raises:
        ImageFileError: It does not.
    """
    if format not in _HOLD[mask.mode]:
        raise ImageFileError(f"{format} does not keep these labels as they are; write a PNG")


def lost(mask: Mask, format: str) -> tuple[str, ...]:
    """Return a note where a format does not hold a mask's transparency.

    Args:
        mask: What is to be written.
        format: One of the values of `FORMATS`.
    """
    is_lost = "transparency" in dict(mask.options) and format != "PNG"
    return (f"{format} holds no transparency of labels, so it was left out",) if is_lost else ()


def save(mask: Mask, labels: Labels, format: str, file: BinaryIO, compression: int) -> None:
    """Write labels as a mask was: with its mode, palette and transparency.

    Args:
        mask: The one they were made of.
        labels: Shape (H, W).
        format: As for `check`.
        file: Where to.
        compression: 0..9 for PNG.
    """
    import io

    size = (labels.shape[1], labels.shape[0])
    if mask.mode == "P":
        picture = PIL.Image.frombytes("P", size, labels.tobytes())
        # An index beyond the palette must not be cut to its bits.
        least = 3 * (int(mask.labels.max()) + 1)
        picture.putpalette(mask.palette.ljust(least, b"\0"))
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
    mode = opened.mode
    labels: NDArray[Any] = np.asarray(opened)
    if mode.startswith("I") and labels.min() >= 0 and labels.max() <= 65535:
        mode, labels = "I;16", labels.astype(np.uint16)
    if mode not in _HOLD:
        raise ImageFileError(
            f"{name} is {mode}, whose samples are no labels; give a palette or grey picture"
        )
    kept = ("transparency", "dpi", "icc_profile")
    options = tuple((key, opened.info[key]) for key in kept if key in opened.info)
    palette = bytes(opened.getpalette("RGB") or []) if mode == "P" else b""
    labels = labels.astype(np.uint8) if mode == "1" else labels
    return Mask(labels, mode, opened.format or "PNG", palette, options)
