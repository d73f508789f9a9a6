"""Decode a file to a picture in memory, upright and in a plain mode."""

from typing import TYPE_CHECKING, Any, BinaryIO

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images import exif
from upsample_cli.images.image import Image, palette_of
from upsample_cli.images.metadata import Metadata, metadata_of
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import opening, png_chunks, raw_modes
from upsample_cli.images.read.opening import open_picture
from upsample_cli.images.write.formats import with_alpha_flag

if TYPE_CHECKING:  # few pictures are animations
    from upsample_cli.images.read.animation import Animation

_PLAIN_MODES = {"L", "LA", "RGB", "RGBA", "CMYK", "F"}
_EQUAL_MODES = {"La", "RGBa", "RGBX"}  # hold the same as a plain mode, in another form
_MODE_NAMES = {"1": "1-bit", "P": "palette", "PA": "palette"}


def decode(
    place: Place,
    max_pixels: int = MAX_PIXELS,
    strict: bool = False,
    indexed: bool = False,
) -> "Image | Animation":
    """Return the picture or the animation in a file.

    Args:
        place: Where to read.
        max_pixels: The most pixels that a picture, or a frame of an animation, may have.
        strict: Whether to refuse damage even if it does not touch the pixels.
        indexed: Whether to keep the samples of a still picture with a palette as indices.

    Raises:
        ImageFileError: The file is missing, cannot be read, is broken, or is not a picture; or its
            samples need more than 16 bits, or are NaN, infinite or beyond 1e30.
        PictureTooLargeError: It has more pixels, or needs more memory than is allowed.
    """
    name = place.label
    with place.open() as file, opening.image_errors(name):
        file, damage = png_chunks.safe_png(file)
        try:
            decoded = _decoded(file, name, max_pixels, indexed)
        except OSError:
            from upsample_cli.images.read import jpeg_parts  # few pictures are damaged

            if (whole := jpeg_parts.with_end_marker(file)) is None:
                raise
            decoded = _decoded(whole, name, max_pixels, indexed)
            damage = ("its end marker is missing",)
        if decoded.format == "GIF":
            from upsample_cli.images.read import animation  # seldom needed

            damage = animation.gif_damage(file)
        if damage and strict:
            raise ImageFileError(f"{name} is damaged ({damage[0]}); leave --strict out to read it")
        if isinstance(decoded, Image):
            raw_modes.check_finite(decoded.samples, name)
        caveats = (*decoded.caveats, *damage)
        return decoded._replace(notes=(*decoded.notes, *damage), caveats=caveats)


def _decoded(file: BinaryIO, name: str, max_pixels: int, indexed: bool) -> "Image | Animation":
    """Return the picture or the animation in an open file; see `decode`."""
    opened = open_picture(file)
    if opened is None:
        image: Image = opening.other_reader(file).read(file, name, max_pixels)
        return image
    with opened:
        opening.check(opened, name, max_pixels)
        if opening.is_animated(opened):
            return _decode_animation(opened, name, file)
        if opened.format != "TIFF":
            return _decode_still(opened, name, file, indexed)
        from upsample_cli.images.read import pillow_tiff  # few pictures are TIFFs

        pillow_tiff.check_tile(opened, name)
        try:
            with pillow_tiff.quiet_libtiff():
                return _decode_still(opened, name, file, indexed)
        except OSError:
            if pillow_tiff.can_decode(opened):
                raise
        from upsample_cli.images.read import tiff_reader  # tifffile is slow to import

        return tiff_reader.read(file, name, max_pixels)


def load_upright(opened: PIL.Image.Image) -> PIL.Image.Image:
    """Load a picture, and turn it upright as its EXIF says."""
    opened.load()
    if opened.format == "TIFF":  # Pillow turns these as it loads them
        return opened
    return exif.upright(opened, exif.orientation_of(opened))


def _decode_animation(opened: PIL.Image.Image, name: str, file: BinaryIO) -> "Animation":
    """Return an animation in memory; its file is no longer needed."""
    from upsample_cli.images.read import animation

    if raw_modes.would_be_cut(opened) or opened.mode.startswith("I"):
        raise ImageFileError(
            f"{name} is an animation of 16 bits per colour, which would be cut to 8; save it with 8"
        )
    notes = raw_modes.notes_on_cut(opened)
    file.seek(0)
    moving = animation.read(with_alpha_flag(file.read()), name, notes)
    if moving.format == "PNG":
        png_chunks.check_end(file)
    return moving


def _decode_still(opened: PIL.Image.Image, name: str, file: BinaryIO, indexed: bool) -> Image:
    """Return a still picture, or the first of several."""
    # MPO is a JPEG with more pictures after the first, as phones write them.
    format = (opened.format or "PNG").replace("MPO", "JPEG")
    if format == "JPEG2000" and opened.info["bits"] > 8 and not opened.mode.startswith("I"):
        from upsample_cli.images.read import other_formats  # few pictures need it

        return other_formats.read_deep_jpeg2000(opened, file, name)
    caveats = raw_modes.notes_on_cut(opened) + raw_modes.notes_on_more(opened, file)
    if (pages := opening.frame_count(opened)) > 1:
        caveats += (f"only the first of its {pages} pictures is used",)
    notes = caveats + raw_modes.notes_on_shape(opened)
    highest = raw_modes.stored_full_scale(opened)
    depth = raw_modes.prepare(opened, file, name)
    if depth.low is not None:
        depth = depth._replace(low=load_upright(depth.low))
    opened = _loaded(opened, file, format)
    notes += opened.info.get("notes", ())
    picture = load_upright(opened)
    palette = palette_of(picture, format) if indexed else None
    if depth.is_deep or picture.mode.startswith("I"):
        if (levels := opened.info.get("transparency")) is not None:
            levels = levels if isinstance(levels, tuple) else (int(levels),)
            depth = depth._replace(transparent=levels)
    elif palette is None:
        picture, changes = _plain(picture)
        notes += changes
    metadata, changes = _without_lost_parts(metadata_of(opened), format, opened, file)
    samples, is_cmyk = depth.samples_of(picture, name), picture.mode == "CMYK"
    return Image(samples, format, metadata, notes + changes, is_cmyk, palette, caveats, highest)


def _without_lost_parts(
    metadata: Metadata, format: str, opened: PIL.Image.Image, file: BinaryIO
) -> tuple[Metadata, tuple[str, ...]]:
    """Return metadata without claims of parts that are left out, and notes on those parts."""
    if format == "JPEG":
        from upsample_cli.images.read import jpeg_parts

        xmp, notes = jpeg_parts.without_attachments(metadata.xmp or b"", opened, file)
        return metadata._replace(xmp=xmp or None), notes
    if format == "TIFF":
        from upsample_cli.images import tiff_tags

        return metadata, tuple(tiff_tags.notes_on_losses(opened.getexif(), metadata.iptc))
    return metadata, ()


def _loaded(opened: PIL.Image.Image, file: BinaryIO, format: str) -> PIL.Image.Image:
    """Return a picture with its pixels loaded, cropped as its file says, and checked."""
    if format == "GIF":
        from upsample_cli.images.read import animation  # seldom needed

        opened = animation.still_gif(opened, file)
    elif format == "TGA":
        from upsample_cli.images.read import containers

        opened = containers.with_declared_opacity(opened, file)
    opened.load()
    if format == "AVIF" and (box := opened.info["crop"]):
        opened = opened.crop(box)
    if format == "PNG":
        opened.info["colours"] = png_chunks.colours(file)
        png_chunks.check_end(file)
        png_chunks.check_rows(file, opened)
    elif format == "ICO":
        icon: Any = opened
        png_chunks.check_icon(file, icon.ico.entry[0].offset, opened)
    elif format == "JPEG":
        from upsample_cli.images.read import jpeg_parts

        jpeg_parts.check_pixels(file, opened)
    return opened


def _plain(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Return a picture in a mode that can be filtered, and a note if that changes it."""
    is_transparent = picture.mode in {"PA", "La", "RGBa"} or "transparency" in picture.info
    if picture.mode in _PLAIN_MODES and not is_transparent:
        return picture, ()
    is_grey = picture.mode in {"1", "L", "La"}
    mode = ("L" if is_grey else "RGB") + ("A" if is_transparent else "")
    name = _MODE_NAMES.get(picture.mode, picture.mode)
    note = f"{name} becomes {'grey' if mode == 'L' else mode}"
    return picture.convert(mode), () if picture.mode in _EQUAL_MODES else (note,)
