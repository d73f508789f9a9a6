"""Decode a file to a picture in memory, upright and in a plain mode.

Nothing here imports NumPy, so that decoding can begin on a thread while NumPy loads.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, TypeAlias

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata.metadata import Metadata, metadata_of
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import animation, opening, png_chunks, raw_modes, upright
from upsample_cli.images.read.animation import Animation
from upsample_cli.images.read.opening import check_size, open_picture
from upsample_cli.images.read.png_chunks import Chunk
from upsample_cli.images.read.raw_modes import Depth

_Chunks: TypeAlias = tuple[Chunk, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded picture.

    Args:
        name: What errors call it.
        picture: A picture of Pillow's with mode L, LA, RGB, RGBA, CMYK, F, or one of 16-bit grey;
            or samples of shape (H, W, C) that Pillow has no mode for; or an animation.
        format: Pillow's name of the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
        notes: What decoding changed, each in a few words.
        depth: How to make samples of more than 8 bits out of the picture.
    """

    name: str
    picture: PIL.Image.Image | Animation | Any
    format: str
    metadata: Metadata
    notes: tuple[str, ...] = ()
    depth: Depth = field(default_factory=Depth)


def decode(place: Place, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Return the picture in a file.

    Args:
        place: A file or standard input.
        max_pixels: The most pixels to decode.

    Raises:
        ImageFileError: It is missing, cannot be read, is broken, or is no picture.
        PictureTooLargeError: It has more pixels.
    """
    name = place.label
    with ExitStack() as stack:
        file = stack.enter_context(place.open())
        stack.enter_context(opening.image_errors(name))
        file, chunks = png_chunks.scan(file)
        opened = open_picture(file)
        if opened is None:
            return _decode_tiff(file, name, max_pixels)
        stack.enter_context(opened)
        opening.check(opened, name, max_pixels)
        opened.info["colours"] = png_chunks.colours(file, chunks)
        if opening.is_animated(opened):
            return _decode_animation(opened, name, file, chunks)
        if opened.format != "TIFF":
            return _decode_still(opened, name, file, chunks)
        from upsample_cli.images.read import tiff_reader

        try:
            with tiff_reader.quiet_libtiff():
                return _decode_still(opened, name, file, chunks)
        except OSError:
            if not tiff_reader.is_rarely_supported(opened):
                raise
            return _decode_tiff(file, name, max_pixels)


def _decode_tiff(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """Return the picture in a TIFF that Pillow does not read."""
    from upsample_cli.images.read import tiff_reader

    picture = tiff_reader.read(file, name, lambda size: check_size(size, name, max_pixels))
    return Decoded(name, picture.samples, "TIFF", picture.metadata, picture.notes)


def _decode_animation(
    opened: PIL.Image.Image, name: str, file: BinaryIO, chunks: _Chunks
) -> Decoded:
    """Return an animation, which no longer needs its file."""
    from upsample_cli.images.write import webp

    if raw_modes.is_deep(opened):
        raise ImageFileError(
            f"{name} is an animation of 16 bits a colour, which would be cut to 8; save it with 8"
        )
    notes, colours = raw_modes.notes_on_cut(opened, file), opened.info["colours"]
    file.seek(0)
    moving = animation.read(webp.with_alpha_flag(file.read()), name, notes, colours)
    if moving.format == "PNG":
        png_chunks.check_end(file, chunks)
    return Decoded(name, moving, moving.format, moving.metadata)


def _decode_still(opened: PIL.Image.Image, name: str, file: BinaryIO, chunks: _Chunks) -> Decoded:
    """Return a still picture, or the first of several."""
    # MPO is a JPEG with more pictures behind the first, as phones write it.
    format = (opened.format or "PNG").replace("MPO", "JPEG")
    notes = raw_modes.notes_on_cut(opened, file)
    if (pages := opening.frame_count(opened)) > 1:
        notes += (f"only the first of its {pages} pictures is enlarged",)
    depth = raw_modes.prepare(opened, lambda: open_picture(file), name)
    opened.load()
    if format == "PNG":
        png_chunks.check_end(file, chunks)
        png_chunks.check_rows(file, chunks, opened)
    turned = upright.turned(opened)
    picture = turned.picture
    if depth.is_deep or picture.mode.startswith("I"):
        if (levels := opened.info.get("transparency")) is not None:
            levels = levels if isinstance(levels, tuple) else (int(levels),)
            depth = replace(depth, transparent=levels)
    else:
        picture, changes = upright.plain(picture)
        notes += changes
    metadata = metadata_of(opened, turned.exif, turned.is_turned)
    if format == "TIFF":
        from upsample_cli.images.metadata import tiff_tags

        notes += tuple(tiff_tags.notes_on_losses(opened.getexif(), metadata.iptc))
    return Decoded(name, picture, format, metadata, notes, depth)
