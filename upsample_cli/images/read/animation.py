"""Read animations frame by frame; every frame is complete, as a viewer shows it.

All frames are decoded once before any is enlarged, so that a broken frame is found before anything
is written, and writers know the duration of every frame beforehand.

This module composes the frames of a GIF as browsers do, and `apng` those of a PNG; Pillow only
decodes the pixels of each. In a GIF, Pillow would fill what no frame covers, or what a frame
clears, with the background colour, and grow the canvas for later frames. It also overlooks profile
and XMP.

Source: CompuServe, "Graphics Interchange Format, version 89a"; ICC.1:2022, annex B.
"""

import io
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Any, BinaryIO, NamedTuple

import PIL.Image
from PIL.GifImagePlugin import GifImageFile

from upsample_cli import memory
from upsample_cli.images import exif
from upsample_cli.images.metadata import Metadata, metadata_of
from upsample_cli.images.read import png_chunks
from upsample_cli.images.read.apng import apng_frames
from upsample_cli.images.read.decode import load_upright
from upsample_cli.images.read.opening import frame_count, image_errors, open_picture
from upsample_cli.images.write.gif import (
    APPLICATION,
    CONTROL,
    FRAME,
    PROFILE,
    XMP,
    XMP_TRAILER,
    blocks,
    head_length,
)  # fmt: skip
from upsample_cli.planes import Size

_TO_CLEAR, _TO_PREVIOUS = 2, 3  # what happens to a GIF's frame before the next is drawn
_BYTES = 12  # per pixel of a frame or a canvas


class Animation(NamedTuple):
    """An animation: its file, and the properties of its frames.

    Args:
        name: What errors call it.
        data: The bytes of its file.
        format: Pillow's name of the file's format, such as "GIF".
        durations: How long each frame is shown, in milliseconds.
        plays: How often it is played; 0 for endlessly.
        mode: RGBA if any pixel of any frame is not opaque, else RGB.
        size: Height and width when upright, in pixels.
        metadata: What the file says beside its pixels.
        notes: What reading changed.
        caveats: As in `Image`.
    """

    name: str
    data: bytes
    format: str
    durations: tuple[float, ...]
    plays: int
    mode: str
    size: Size
    metadata: Metadata
    notes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


def read(data: bytes, name: str, notes: tuple[str, ...] = ()) -> Animation:
    """Return an animation, after decoding all its frames; see `Animation` for the arguments."""
    opened = _open(data)
    opened.info["colours"] = png_chunks.colours(io.BytesIO(data))
    if opened.format == "GIF":
        opened.info |= _gif_info(data)
    is_transparent, durations = False, []
    for frame, duration in _pictures(opened, data):
        durations.append(duration)
        is_transparent = is_transparent or _is_transparent(frame)
        if len(durations) == 1:
            opened.load()
            metadata = metadata_of(opened)
            size = frame.height, frame.width
    metadata, lost = metadata.without_grey_profile()  # frames become RGB
    mode = "RGBA" if is_transparent else "RGB"
    return Animation(
        name, data, opened.format or "PNG", tuple(durations), _plays(opened), mode, size, metadata,
        (*notes, *lost),
    )  # fmt: skip


def frames(animation: Animation) -> Iterator[PIL.Image.Image]:
    """Yield the frames, upright, in the animation's mode."""
    with image_errors(animation.name):
        pictures = _pictures(_open(animation.data), animation.data)
    for _ in animation.durations:
        with image_errors(animation.name):
            frame = next(pictures)[0].convert(animation.mode)
        yield frame


def _pictures(opened: PIL.Image.Image, data: bytes) -> Iterator[tuple[PIL.Image.Image, float]]:
    """Yield each frame, upright, and how long it is shown, in milliseconds."""
    if opened.format == "GIF":
        yield from gif_frames(data, opened.size)
        return
    if opened.format == "PNG":
        opened.load()
        orientation = exif.orientation_of(opened)
        # A PNG may have a still picture before its frames.
        count = frame_count(opened) - int(getattr(opened, "default_image", False))
        for canvas, duration in apng_frames(data, count):
            yield exif.upright(canvas, orientation), duration
        return
    for index in range(frame_count(opened)):
        opened.seek(index)
        yield load_upright(opened), max(0.0, float(opened.info.get("duration") or 0))


def _open(data: bytes) -> PIL.Image.Image:
    opened = open_picture(io.BytesIO(data))
    assert opened is not None  # no TIFF is animated
    return opened


def _is_transparent(opened: PIL.Image.Image) -> bool:
    """Return whether any pixel of a loaded frame is not opaque."""
    if opened.mode in ("L", "RGB", "P") and "transparency" not in opened.info:
        return False
    lowest, _ = opened.convert("RGBA").getchannel("A").getextrema()
    return not isinstance(lowest, tuple) and lowest < 255


def _plays(opened: PIL.Image.Image) -> int:
    """Return how often an animation is played; 0 for endlessly."""
    loop = opened.info.get("loop")
    if opened.format != "GIF":
        return int(loop or 0)
    # A GIF gives the number of repeats; without that number, it is played once.
    return 1 if loop is None else int(loop) + 1 if loop else 0


def still_gif(opened: PIL.Image.Image, file: BinaryIO) -> PIL.Image.Image:
    """Return a still GIF with its profile and XMP, transparent where its frame does not reach."""
    file.seek(0)
    data = file.read()
    opened.info |= _gif_info(data)
    if all(tile.extents == (0, 0, *opened.size) for tile in getattr(opened, "tile", [])):
        return opened
    whole, _ = next(gif_frames(data, opened.size))
    whole.info, whole.format = opened.info, "GIF"
    whole.info.pop("transparency", None)
    return whole


def gif_damage(file: BinaryIO) -> tuple[str, ...]:
    """Return a note if a GIF that has been read lacks its end marker."""
    file.seek(0)
    data = file.read()
    end = head_length(data) + sum(map(len, blocks(data)))
    return () if end < len(data) else ("its end marker is missing",)


def gif_frames(data: bytes, size: tuple[int, int]) -> Iterator[tuple[PIL.Image.Image, float]]:
    """Yield the whole canvas as each frame of a GIF leaves it, and its duration in milliseconds.

    Args:
        data: The file.
        size: Width and height of its canvas, in pixels; frames are cropped to it.

    Yields:
        The canvas as RGBA, transparent black where nothing is drawn; and its duration.

    Raises:
        IndexError: The file ends too early.
        struct.error: The same.
        PictureTooLargeError: A frame needs more memory than is allowed.
    """
    canvas, control = PIL.Image.new("RGBA", size), b""
    for block in blocks(data):
        if block[0] != FRAME:
            control = block if block[1] == CONTROL else control
            continue
        left, top, width, height = unpack_from("<4H", block, 1)
        screen = data[:6] + pack("<2H", width, height) + data[10 : head_length(data)]
        pixels, visible = _patch(screen + control + b"," + bytes(4) + block[5:] + b";", size)
        flags, delay = unpack_from("<BH", control or bytes(6), 3)
        before, canvas, control = canvas, canvas.copy(), b""
        canvas.paste(pixels, (left, top), visible)
        yield canvas, 10 * delay
        if flags >> 2 & 7 == _TO_PREVIOUS:
            canvas = before
        elif flags >> 2 & 7 == _TO_CLEAR:
            canvas = canvas.copy()
            canvas.paste((0, 0, 0, 0), (left, top, left + width, top + height))


def _patch(gif: bytes, size: tuple[int, int]) -> tuple[PIL.Image.Image, PIL.Image.Image]:
    """Return the colours of a GIF of one frame, and a mask of its pixels that are visible."""
    with GifImageFile(io.BytesIO(gif)) as opened:
        memory.check(
            _BYTES * (opened.width * opened.height + size[0] * size[1]),
            f"a frame of {opened.width}x{opened.height}",
        )
        opened.load()
        clear = opened.info.pop("transparency", None)  # Pillow fails at it without a palette
        numbers = PIL.Image.frombytes("L", opened.size, opened.tobytes())
        visible = numbers.point([255 * (number != clear) for number in range(256)])
        return opened.convert("RGB"), visible


def _gif_info(data: bytes) -> dict[Any, Any]:
    """Return the profile and XMP of a GIF under Pillow's keys; see `gif_frames` for errors."""
    info = {}
    for block in blocks(data):
        name, at = block[3:14], 14
        if block[0] == FRAME or block[1] != APPLICATION:
            continue
        if name == XMP:
            info["xmp"] = block[at : -len(XMP_TRAILER)]
        elif name == PROFILE:
            info["icc_profile"] = b""
            while block[at]:
                info["icc_profile"] += block[at + 1 : at + 1 + block[at]]
                at += block[at] + 1
    return info
