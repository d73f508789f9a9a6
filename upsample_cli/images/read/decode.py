"""From a file to a picture in memory, upright and in a plain mode.

Nothing here needs NumPy, so that decoding can begin while NumPy still loads.
"""

import io
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata.metadata import Metadata, metadata_of
from upsample_cli.images.places import source
from upsample_cli.images.places.source import MAX_PIXELS
from upsample_cli.images.read import (
    animation,
    modes,
    opening,
    orientation,
    png_chunks,
    sixteen_bit,
)
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.decode_errors import told
from upsample_cli.images.read.opening import check, check_size


class Decoded(NamedTuple):
    """A decoded picture.

    Args:
        name: What to call it.
        picture: Of mode L, LA, RGB, RGBA, CMYK or F, or of a mode of Pillow's with 16 bits of grey;
            samples of shape (H, W, C) that Pillow has no mode for; or an animation.
        format: The word for the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What decoding changed, each in a few words.
        low: The low bytes of the samples, where `picture` holds the high ones.
        packed: Whether `picture` is RGBA whose bytes are grey and opacity of 16 bits.
        highest: The level of full scale of 16-bit samples.
        clear: The 16-bit levels that stand for full transparency.
    """

    name: str
    picture: PIL.Image.Image | Animation | Any
    format: str
    metadata: Metadata
    notes: tuple[str, ...] = ()
    low: PIL.Image.Image | None = None
    packed: bool = False
    highest: int = 65535
    clear: tuple[int, ...] | None = None


def decode(path: str, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Return the picture in a file.

    Args:
        path: A file, or "-" for standard input.
        max_pixels: The most pixels to decode.

    Raises:
        ImageFileError: It is missing, cannot be read, is broken, or is no picture.
        PictureTooLargeError: It has more pixels.
    """
    name = source.named(path)
    with ExitStack() as files:
        file = files.enter_context(source.opened(path))
        with told(name):
            if (opened := opening.picture(file)) is None:
                return _scientific(file, name, max_pixels)
            files.enter_context(opened)
            check(opened, name, max_pixels)
            if animation.is_animated(opened):
                return _animated(file, name)
            try:
                return _decoded(opened, name, file)
            except OSError:
                from upsample_cli.images.read import tiff_checks

                if not tiff_checks.is_seldom_built(opened):
                    raise
                return _scientific(file, name, max_pixels)


def _scientific(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """Return a TIFF that Pillow does not read."""
    from upsample_cli.images.read import tiff_reader

    found = tiff_reader.read(file, name, lambda size: check_size(size, name, max_pixels))
    return Decoded(name, found.samples, "TIFF", found.metadata, found.notes)


def _animated(file: BinaryIO, name: str) -> Decoded:
    """Return an animation that no longer needs its file."""
    from upsample_cli.images.write import webp

    file.seek(0)
    opened = opening.picture(io.BytesIO(webp.with_alpha_flag(file.read())))
    assert opened is not None  # no TIFF is animated
    if sixteen_bit.is_deep(opened):
        raise ImageFileError(
            f"{name} is an animation of 16 bits a colour, which would be cut to 8; save it with 8"
        )
    found = animation.read(opened, name, sixteen_bit.cut(opened, file))
    if found.format == "PNG":
        png_chunks.kinds(file)
    return Decoded(name, found, found.format, found.metadata)


def _low(file: BinaryIO, name: str) -> PIL.Image.Image:
    """Return the low bytes of a deep picture."""
    low = opening.picture(file)
    assert low is not None  # it was opened before
    sixteen_bit.aim(low, name, low=True)
    low.load()
    return orientation.turned(low).picture


def _decoded(opened: PIL.Image.Image, name: str, file: BinaryIO) -> Decoded:
    # MPO is a JPEG with more pictures behind the first, as phones write it.
    format, info = (opened.format or "PNG").replace("MPO", "JPEG"), opened.info
    notes = [*sixteen_bit.cut(opened, file)]
    if (pages := getattr(opened, "n_frames", 1)) > 1:
        notes.append(f"only the first of its {pages} pictures is enlarged")
    low = (
        _low(file, name)
        if sixteen_bit.is_deep(opened) and not sixteen_bit.is_packed(opened)
        else None
    )
    is_deep, packed = sixteen_bit.is_deep(opened), sixteen_bit.is_packed(opened)
    highest = sixteen_bit.highest(opened)
    if is_deep:
        sixteen_bit.aim(opened, name, low=False)
    opened.load()
    if format == "PNG":
        png_chunks.kinds(file)
        png_chunks.check_pixels(file, opened)
    up = orientation.turned(opened)
    picture, clear = up.picture, None
    if is_deep or picture.mode.startswith("I"):
        if (key := info.get("transparency")) is not None:
            clear = tuple(key) if isinstance(key, tuple) else (int(key),)
    else:
        picture, changes = modes.plain(picture)
        notes.extend(changes)
    told = metadata_of(opened, up.exif, up.turned)
    if format == "TIFF":
        from upsample_cli.images.metadata import tiff_tags

        notes.extend(tiff_tags.notes_on_losses(opened.getexif(), told.iptc))
    return Decoded(name, picture, format, told, tuple(notes), low, packed, highest, clear)
